"""Where files are: a directory of this machine or gs://BUCKET/PREFIX, alike for who uses them.

Buckets are reached with Arrow's own client of Cloud Storage: what reads Parquet reads them, and
`moment check` needs no Beam for it. STORAGE_EMULATOR_HOST names an emulator in their place.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from io import RawIOBase
from pathlib import Path
from typing import Any

from pipelines.errors import OptionError

BUCKETS = "gs://"
EMULATOR_VARIABLE = "STORAGE_EMULATOR_HOST"
AT_ONCE = 16
"""Requests about single objects at a time; each is a round trip."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_CODE = re.compile(r"google::cloud::Status\((\w+):")
_PATIENCE = timedelta(seconds=5)
"""How long a question is asked again before anything starts. Work under way waits a quarter of an
hour, as Google's client does by itself."""


class StorageError(OptionError):
    """A place that cannot be used: one sentence."""


@dataclass(frozen=True)
class Found:
    """A file of a place. `changed`: seconds since the epoch."""

    path: str
    size_bytes: int
    changed: float


def in_bucket(path: str) -> bool:
    """Does a path name a bucket or an object in one?"""
    return path.startswith(BUCKETS)


def has_scheme(path: str) -> bool:
    """Is a path an address of any kind?"""
    return _SCHEME.match(path) is not None


def bucket_of(place: str) -> tuple[str, str]:
    """Bucket and name or prefix of gs://BUCKET/PREFIX, the latter without a slash at its end.

    Raises StorageError for a name that no bucket has.
    """
    bucket, _, prefix = place.removeprefix(BUCKETS).partition("/")
    if not in_bucket(place) or not _BUCKET.fullmatch(bucket):
        raise StorageError(
            f"{place}: expected gs://BUCKET/PREFIX, with a bucket of 3 to 222 lower-case letters,"
            " digits, -, _ and dots"
        )
    return bucket, prefix.rstrip("/")


def is_within(path: str, directory: Path) -> bool:
    """Is a file in a directory of this machine? `directory` is resolved."""
    return not in_bucket(path) and Path(path).resolve().is_relative_to(directory)


def join(place: str, *names: str) -> str:
    """The path of a name below a place."""
    return "/".join([place.rstrip("/"), *names])


def open_sequential(path: str) -> RawIOBase:
    """The bytes of a file from its first to its last, as they are stored."""
    if not in_bucket(path):
        return open(path, "rb", buffering=0)
    return _client().open_input_stream(_inner(path), compression=None, buffer_size=1 << 20)


def open_random(path: str) -> Any:
    """What Arrow's readers take for a file, which they read in parts: a path, or an open object."""
    return _client().open_input_file(_inner(path)) if in_bucket(path) else path


def arrow_files(paths: Iterable[str]) -> tuple[Any, list[str]]:
    """The file system of files that are all in one place, and their paths in it."""
    from pyarrow import fs

    paths = list(paths)
    if paths and in_bucket(paths[0]):
        return _client(), [_inner(path) for path in paths]
    return fs.LocalFileSystem(), paths


def put(content: Any, path: str, time: datetime | None = None) -> None:
    """Write an object of a bucket, whole or not at all. OSError where it cannot be written.

    `time` becomes its custom time, from which a rule of the bucket may count the days it is kept.
    """
    metadata = {} if time is None else {"customTime": f"{time:%Y-%m-%dT%H:%M:%SZ}"}
    out = _client().open_output_stream(_inner(path), compression=None, metadata=metadata or None)
    # In one piece: a stream that is given up half-way is closed with the half it has.
    out.write(content)
    out.close()


def files_below(place: str) -> list[Found]:
    """All files below a place, by their paths; none where there is no such directory or prefix.

    Raises StorageError where a bucket is not there or may not be listed.
    """
    from pyarrow import fs

    if not in_bucket(place):
        system, inner = fs.LocalFileSystem(), place
    else:
        system, inner = _client(_PATIENCE), _inner(place)
    # An empty listing is told from a missing bucket by the store itself.
    selector = fs.FileSelector(inner, allow_not_found=not in_bucket(place), recursive=True)
    try:
        infos = system.get_file_info(selector)
    except OSError as error:
        if in_bucket(place) and _is_empty(error):
            return []
        raise storage_error(place, error) from error
    scheme = BUCKETS if in_bucket(place) else ""
    return sorted(
        (
            Found(f"{scheme}{info.path}", info.size, (info.mtime_ns or 0) / 1e9)
            for info in infos
            if info.type == fs.FileType.File
        ),
        key=lambda found: found.path,
    )


def object_at(path: str) -> Found | None:
    """The object of a name; None where there is none. Raises StorageError."""
    from pyarrow import fs

    try:
        info = _client(_PATIENCE).get_file_info(_inner(path))
    except OSError as error:
        raise storage_error(path, error) from error
    if info.type != fs.FileType.File:
        return None
    return Found(path, info.size, (info.mtime_ns or 0) / 1e9)


def head_of(path: str, size: int) -> tuple[bytes, str]:
    """The first bytes of an object, and the encoding that it is stored in; "" if none.

    Of an object with an encoding no bytes are asked for. Raises StorageError.
    """
    try:
        with _client(_PATIENCE).open_input_stream(_inner(path), compression=None) as stream:
            encoding = stream.metadata().get("Content-Encoding", b"").decode()
            return b"" if encoding else stream.read(size), encoding
    except OSError as error:
        raise storage_error(path, error) from error


def remove(paths: Iterable[str]) -> None:
    """Delete objects of a bucket; one that is gone already is none. OSError where it may not be."""
    client = _client()

    def delete(path: str) -> None:
        try:
            client.delete_file(_inner(path))
        except FileNotFoundError:
            return

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(delete, paths))


def storage_error(path: str, error: OSError) -> StorageError:
    """The sentence for what Cloud Storage answered; of its message only the code is kept."""
    bucket, _ = bucket_of(path) if in_bucket(path) else ("", "")
    told = str(error)
    code = "NOT_FOUND" if isinstance(error, FileNotFoundError) else _code(told)
    if not bucket:
        return StorageError(f"{path}: expected to read it, found {error.strerror or 'an error'}")
    if code == "NOT_FOUND":
        found = f"expected the bucket {bucket}, found none: make it, or correct the name"
    elif "OAuth2" in told or "credentials" in told:
        found = (
            "expected Google Cloud credentials, found none that work: run `gcloud auth"
            " application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a key file"
        )
    elif code in ("PERMISSION_DENIED", "UNAUTHENTICATED"):
        found = (
            f"expected the right to list and read objects of the bucket {bucket}, found {code}:"
            " grant this account Storage Object Viewer on it"
        )
    elif code == "DATA_LOSS":
        found = (
            f"expected the bytes that were written, found others ({code}): clear the object's"
            " Content-Encoding if it has one, or write it again"
        )
    else:
        found = f"expected Cloud Storage to answer, found {code}: check the network"
    return StorageError(f"{path}: {found}{emulator_words()}")


def emulator_words() -> str:
    """Where an emulator is asked in place of the service, for the end of a sentence."""
    host = os.environ.get(EMULATOR_VARIABLE)
    return f" ({EMULATOR_VARIABLE} is {host})" if host else ""


def _code(told: str) -> str:
    match = _CODE.search(told)
    return match[1] if match else "an error"


def _is_empty(error: OSError) -> bool:
    """Was nothing found below a prefix of a bucket that is there?"""
    return _CODE.search(str(error)) is None and "No such file or directory" in str(error)


def _inner(path: str) -> str:
    """A path as Arrow's client has it: bucket/name."""
    bucket, name = bucket_of(path)
    return f"{bucket}/{name}".rstrip("/")


def _client(patience: timedelta | None = None) -> Any:
    return _client_of(os.environ.get(EMULATOR_VARIABLE) or None, patience)


@lru_cache(maxsize=4)
def _client_of(emulator: str | None, patience: timedelta | None) -> Any:
    """The process's client; an emulator takes anybody."""
    from pyarrow import fs

    if emulator is None:
        return fs.GcsFileSystem(retry_time_limit=patience)
    scheme, host = emulator.split("://") if "://" in emulator else ("http", emulator)
    return fs.GcsFileSystem(
        endpoint_override=host.rstrip("/"), scheme=scheme, anonymous=True, retry_time_limit=patience
    )
