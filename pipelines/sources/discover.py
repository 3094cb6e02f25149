"""Discover: the files that paths, patterns, directories and prefixes of a bucket name."""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from pipelines.sinks.tables import FOLDER_TABLES
from pipelines.sources.files import FORMATS, InputError, InputFile, described, is_access_log, named
from pipelines.sources.objects import objects
from pipelines.storage import AT_ONCE, Found, StorageError, has_scheme, head_of, in_bucket

_NO_FILES = (
    f"expected files ending in {', '.join(f'.{extension}' for extension in FORMATS)} (or these with"
    " .gz, .zst) in the directory {0}, found none: name files of other endings one by one."
)
_TABLES = {table.name for table in FOLDER_TABLES}
_TRUTH = b'{\n "content_id": '
_LOG = logging.getLogger(__name__)


def discover(inputs: Sequence[str]) -> list[InputFile]:
    """The files that paths, globs (`**` too) and directories name, each once, in the order given.

    Each may be of this machine or of a bucket, as gs://BUCKET/PATH, whose prefixes are directories.

    Directories are searched to the bottom, in order of names, for files of a known extension
    (FORMATS, rotated, .gz, .zst), and on this machine for access logs of any name, which web
    servers give no ending; hidden files and directories are left out, and the others with a
    warning, and so is what Moment wrote itself: datasets, and the truth of a simulation. A file
    named by itself or by a glob is never left out: with another extension, its content must say
    what it is. Raises InputError.
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
        known = named(path)[0] is not None
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
            found.extend(_known_files(directory, is_named=False))
        if not found:
            raise InputError(
                f"expected files that match {given}, found none: check the pattern, and quote it "
                "so that the shell leaves it alone."
            )
        return found
    raise InputError(f"expected a file, directory or pattern, found nothing at {given}: check it.")


def _known_files(directory: str, is_named: bool = True) -> list[str]:
    """Files to read below a directory; a dataset is left out unless it is what was named."""

    def refuse(error: OSError) -> None:
        raise InputError(
            f"expected to read the directory {error.filename}, found {error.strerror}: "
            "give this account the right to."
        )

    found: list[str] = []
    others: list[str] = []
    ours: list[str] = []
    for folder, folders, names in os.walk(directory, onerror=refuse):
        is_dataset = "run.json" in names and not _TABLES.isdisjoint(folders)
        if is_dataset and not (is_named and folder == directory):
            ours.append(folder)
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            path = os.path.join(folder, name)
            if name == "truth.json" and _is_truth(path):
                ours.append(path)
                continue
            known = named(name)[0] is not None or is_access_log(path)
            (found if known else others).append(path)
    if found:
        _tell_left_out(directory, others)
    if ours:
        _LOG.warning(
            "%s: left out what Moment wrote itself, which is no native event: %s",
            directory,
            ", ".join(sorted(ours)[:3]) + (f" and {len(ours) - 3} more" if len(ours) > 3 else ""),
        )
    return found


def _is_truth(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(_TRUTH)) == _TRUTH
    except OSError:
        return False


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
    return described(Found(path, state.st_size, state.st_mtime), start)


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
    return described(found, start)
