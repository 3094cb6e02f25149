"""Files as input: which there are, what they are, and their records as PAYLOAD batches."""

from __future__ import annotations

import glob
import logging
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone

import pyarrow as pa

from pipelines.sources.compression import (
    BLOCK_BYTES,
    MAGIC,
    Broken,
    read_blocks,
    read_windows,
    windows,
)
from pipelines.sources.formats import (
    BOM,
    FileFailure,
    Read,
    Records,
    looks_like_lines,
    read_document,
    read_lines,
)
from pipelines.sources.objects import objects
from pipelines.sources.tables import read_parquet, read_rows
from pipelines.storage import (
    AT_ONCE,
    Found,
    StorageError,
    has_scheme,
    head_of,
    in_bucket,
    open_random,
)
from schemas.channel import Channel
from schemas.event import INSTANT
from schemas.payload import payload_batch
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

_NO_FILES = (
    f"expected files ending in {', '.join(f'.{extension}' for extension in FORMATS)} (or these with"
    " .gz, .zst) in the directory {0}, found none: name files of other endings one by one."
)

# Rotation appends a number or a date: access.log.1, access.log-20260301.gz.
_NAME = re.compile(r"\.(?P<extension>\w+)(?:[.-]\d[\d-]*)?(?:\.(?P<compression>gz|zst))?$", re.I)
_LOG_LINE = re.compile(rb'\S+ \S+ \S+ \[[^\]]+\] "')
_SNIFFED_BYTES = 64 * 1024
_LOG = logging.getLogger(__name__)


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


def discover(inputs: Sequence[str]) -> list[InputFile]:
    """The files that paths, globs (`**` too) and directories name, each once, in the order given.

    Each may be of this machine or of a bucket, as gs://BUCKET/PATH, whose prefixes are directories.

    Directories are searched to the bottom, in order of names, for files of a known extension
    (FORMATS, rotated, .gz, .zst), and on this machine for access logs of any name, which web
    servers give no ending; hidden files and directories are left out, and the others with a
    warning. A file named by itself or by a glob is never left out: with another extension, its
    content must say what it is. Raises InputError.
    """
    paths: dict[str, str] = {}
    found: dict[str, Found] = {}
    for given in inputs:
        if in_bucket(given):
            found.update({each.path: each for each in _objects(given)})
            paths.update({path: path for path in found})
            continue
        for path in _paths(given):
            paths.setdefault(os.path.realpath(path), path)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        looked_at = dict(zip(found, pool.map(_input_object, found.values())))
    return [looked_at.get(path) or _input_file(path) for path in paths.values()]


def _objects(given: str) -> list[Found]:
    others: list[str] = []

    def is_known(path: str) -> bool:
        known = _named(path)[0] is not None
        if not known:
            others.append(path)
        return known

    try:
        found = objects(given, is_known)
    except StorageError as error:
        raise InputError(f"{error}.") from error
    if found is None:
        raise InputError(
            f"expected an object, prefix or pattern, found nothing at {given}: check it, and quote"
            " a pattern so that the shell leaves it alone."
        )
    if not found:
        raise InputError(_NO_FILES.format(given))
    if not glob.has_magic(given):
        _tell_left_out(given, others)
    return found


def _tell_left_out(directory: str, others: Sequence[str]) -> None:
    if others:
        _LOG.warning(
            "%s: left out %s of other endings, such as %s; name them one by one to read them",
            directory,
            "1 file" if len(others) == 1 else f"{len(others)} files",
            min(others),
        )


def _paths(given: str) -> list[str]:
    if os.path.isdir(given):
        found = _known_files(given)
        if not found:
            raise InputError(_NO_FILES.format(given))
        return found
    if os.path.exists(given):
        return [given]
    if has_scheme(given):
        raise InputError(
            "expected a file, directory or pattern of this machine or of gs://BUCKET, found"
            f" {given}: copy it to one of them."
        )
    if glob.has_magic(given):
        matches = sorted(glob.glob(given, recursive=True))
        found = [m for m in matches if not os.path.isdir(m)]
        for directory in (m for m in matches if os.path.isdir(m) and "**" not in given):
            found.extend(_known_files(directory))
        if not found:
            raise InputError(
                f"expected files that match {given}, found none: check the pattern, and quote it "
                "so that the shell leaves it alone."
            )
        return found
    raise InputError(f"expected a file, directory or pattern, found nothing at {given}: check it.")


def _known_files(directory: str) -> list[str]:
    def refuse(error: OSError) -> None:
        raise InputError(
            f"expected to read the directory {error.filename}, found {error.strerror}: "
            "give this account the right to."
        )

    found: list[str] = []
    others: list[str] = []
    for folder, folders, names in os.walk(directory, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            path = os.path.join(folder, name)
            known = _named(name)[0] is not None or _is_access_log(path)
            (found if known else others).append(path)
    if found:
        _tell_left_out(directory, others)
    return found


def _is_access_log(path: str) -> bool:
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


def _named(path: str) -> tuple[str | None, str | None]:
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


def _input_file(path: str) -> InputFile:
    shown = os.fsencode(path).decode("utf-8", "backslashreplace")
    if shown != path:
        raise InputError(f"expected a name in UTF-8, found {shown}: rename the file.")
    if not os.path.isfile(path):
        raise InputError(f"expected a file at {path}, found something else: copy it to a file.")
    try:
        state = os.stat(path)
        with open(path, "rb") as file:
            start = file.read(4)
    except OSError as error:
        raise InputError(
            f"expected to read {path}, found {error.strerror}: give this account the right to."
        ) from error
    return _described(Found(path, state.st_size, state.st_mtime), start)


def _input_object(found: Found) -> InputFile:
    try:
        start, encoding = head_of(found.path, 4)
    except StorageError as error:
        raise InputError(f"{error}.") from error
    if encoding not in ("", "identity"):
        raise InputError(
            f"expected {found.path} to be stored as it is, found it with Content-Encoding"
            f" {encoding}, which the store may take off as it is read: clear that property of it."
        )
    return _described(found, start)


def _described(found: Found, start: bytes) -> InputFile:
    """What a file is, by its name, its first bytes and, where these do not tell, its content."""
    format, compression = _named(found.path)
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


def read_payloads(
    file: InputFile, rows_per_batch: int = 16_384, bytes_per_batch: int = 16 * 1024 * 1024
) -> Iterator[pa.RecordBatch | FileFailure]:
    """PAYLOAD batches of a file's records, and a FileFailure for each thing that cannot be one.

    The caller makes failed events of the failures, stage `read`, with their `reason`. A compressed
    file or Parquet that breaks gives every record before the break, then one failure, reason
    `corrupt_file`, with at most 1,024 bytes of what could not be read. A CSV row that does not fit
    its header is a failure with its own reason and all its bytes, and the rows after it are read.
    Memory does not grow with the file. A batch has at most `rows_per_batch` records and about
    `bytes_per_batch` bytes, or one record. Positions: line numbers; row numbers in Parquet; 1 for a
    JSON document. OSError where the disk itself fails.
    """
    for found in _read(file, rows_per_batch, bytes_per_batch):
        if isinstance(found, FileFailure):
            yield found
            continue
        for start in range(0, len(found.positions), rows_per_batch):
            yield _batch(found, start, rows_per_batch, file)


def _read(file: InputFile, rows: int, size: int) -> Read:
    if file.format == "parquet":
        return _read_parquet(file, rows, size)
    size_of_block = min(size, BLOCK_BYTES)
    if file.format in ("ndjson", "log") and file.compression is None:
        return read_lines(read_windows(file.path, size_of_block))
    blocks = read_blocks(file.path, file.compression, size_of_block)
    if file.format == "json":
        return read_document(blocks)
    if file.format in ("csv", "tsv"):
        return read_rows(blocks, "\t" if file.format == "tsv" else None, rows, size)
    return read_lines(windows(blocks))


def _read_parquet(file: InputFile, rows: int, size: int) -> Read:
    if file.compression is None:
        yield from read_parquet(file.path, open_random(file.path), rows, size)
        return
    with tempfile.TemporaryFile() as copy:
        try:
            for block in read_blocks(file.path, file.compression):
                copy.write(block)
        except Broken as broken:
            yield FileFailure(1, broken.detail, broken.raw[:1024])
            return
        copy.seek(0)
        yield from read_parquet(file.path, copy, rows, size)


def _batch(records: Records, start: int, rows: int, file: InputFile) -> pa.RecordBatch:
    payloads = records.payloads.slice(start, rows)
    own = pa.scalar(file.arrived, INSTANT)
    if records.arrived is None:
        arrived = pa.repeat(own, len(payloads))
    else:
        arrived = records.arrived.slice(start, rows).fill_null(own)
    positions = records.positions.slice(start, rows)
    return payload_batch(payloads, positions, arrived, file.path, file.channel)


def recognise_channel(sample: Sequence[bytes], channels: Mapping[str, Channel]) -> str | None:
    """The one channel that recognises most (over half) of the first fifty records; None on a tie.

    A `recognise` that raises has not recognised: it may be a third party's.
    """
    records = list(sample[:50])
    votes = {name: sum(_holds(channel, r) for r in records) for name, channel in channels.items()}
    most = max(votes.values(), default=0)
    winners = [name for name, count in votes.items() if count == most]
    return winners[0] if len(winners) == 1 and most * 2 > len(records) else None


def _holds(channel: Channel, record: bytes) -> bool:
    try:
        return bool(channel.recognise(record))
    except Exception:  # a third party's code; see `recognise_channel`
        return False
