"""A file as input: what it is, by its name, its first bytes and its content."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime, timezone

from pipelines.sources.compression import MAGIC, Broken, read_blocks
from pipelines.sources.formats import BOM, looks_like_lines
from pipelines.storage import Found
from schemas.times import EARLIEST, LATEST

FORMATS = {
    "ndjson": "ndjson",
    "jsonl": "ndjson",
    "json": "json",
    "log": "log",
    "csv": "csv",
    "tsv": "tsv",
    "parquet": "parquet",
}
"""Extension to format. `json` is one document, or one a line: its content tells."""

# Rotation appends a number or a date: access.log.1, access.log-20260301.gz.
_NAME = re.compile(r"\.(?P<extension>\w+)(?:[.-]\d[\d-]*)?(?:\.(?P<compression>gz|zst))?$", re.I)
_LOG_LINE = re.compile(rb'\S+ \S+ \S+ \[[^\]]+\] "')
_SNIFFED_BYTES = 64 * 1024


class InputError(ValueError):
    """An input that cannot be read at all. The message is one sentence for who gave it."""


@dataclass(frozen=True)
class InputFile:
    """A file to read. `channel` None: it is to be recognised. `arrived` is its time of change."""

    path: str
    format: str
    compression: str | None
    channel: str | None
    size_bytes: int
    arrived: datetime


def named(path: str) -> tuple[str | None, str | None]:
    """Format and compression as the name has them."""
    name = os.path.basename(path)
    match = _NAME.search(name)
    if match is None:
        return None, None
    compression = match["compression"] and match["compression"].lower()
    extension = match["extension"].lower()
    if compression is None and extension in MAGIC.values():
        return None, extension
    return FORMATS.get(extension), compression


def is_access_log(path: str) -> bool:
    """Does it begin as the log of a web server, packed or not? Apache's is named access_log."""
    try:
        if not os.path.isfile(path):
            return False
        with open(path, "rb") as file:
            start = file.read(4)
        packed = next((name for magic, name in MAGIC.items() if start.startswith(magic)), None)
        return bool(_LOG_LINE.match(next(read_blocks(path, packed, _SNIFFED_BYTES), b"")))
    except (OSError, Broken):
        return False


def described(found: Found, start: bytes) -> InputFile:
    """What a file is, by its name, its first bytes and, where these do not tell, its content."""
    format, compression = named(found.path)
    if compression is None:
        compression = next((name for magic, name in MAGIC.items() if start.startswith(magic)), None)
    return InputFile(
        path=found.path,
        format=format or _sniff(found.path, compression),
        compression=compression,
        channel=None,
        size_bytes=found.size_bytes,
        arrived=_changed(found.changed),
    )


def _changed(seconds: float) -> datetime:
    """The time of change; now where an archive or a store gave the file none (0) or no true one."""
    if EARLIEST.timestamp() <= seconds < LATEST.timestamp():
        return datetime.fromtimestamp(seconds, timezone.utc)
    return datetime.now(timezone.utc)


def _sniff(path: str, compression: str | None) -> str:
    """Format by content. An empty file is a log nobody wrote to."""
    try:
        head = next(read_blocks(path, compression), b"")
    except Broken as broken:
        raise InputError(f"{path}: {broken.detail}: give a whole file.") from None
    head = head[:_SNIFFED_BYTES].removeprefix(BOM)
    text = head.lstrip()
    if head.startswith(b"PAR1"):
        return "parquet"
    if text.startswith((b"{", b"[")):
        return "ndjson" if looks_like_lines(head) else "json"
    if not text or _LOG_LINE.match(text):
        return "log"
    first, second = ([*text.splitlines(), b"", b""])[:2]
    for mark, format in ((b",", "csv"), (b";", "csv"), (b"\t", "tsv")):
        if first.count(mark) and first.count(mark) == second.count(mark):
            return format
    raise InputError(
        f"expected JSON, an access log, CSV or Parquet in {path}, found something else: name it "
        f"with the ending of what it is (.{', .'.join(FORMATS)})."
    )
