"""Discover: the files that paths, patterns, directories and prefixes of a bucket name."""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pipelines.sinks.own_files import TRUTH, TRUTH_BEGINS, archive_around, is_dataset, is_truth
from pipelines.sources.files import FORMATS, InputError, InputFile, described, is_access_log, named
from pipelines.sources.objects import objects
from pipelines.storage import AT_ONCE, Found, StorageError, has_scheme, head_of, in_bucket

_NO_FILES = (
    f"expected files ending in {', '.join(f'.{extension}' for extension in FORMATS)} (or these with"
    " .gz, .zst) in the directory {0}, found none: name files of other endings one by one."
)
_LOG = logging.getLogger(__name__)


def discover(inputs: Sequence[str]) -> list[InputFile]:
    """The files that paths, globs (`**` too) and directories name, each once, in the order given.

    Each may be of this machine or of a bucket, as gs://BUCKET/PATH, whose prefixes are directories.

    Directories are searched to the bottom, in order of names, for files of a known extension
    (FORMATS, rotated, .gz, .zst), and on this machine for access logs of any name, which web
    servers give no ending; links are followed; hidden files and directories are left out, and the
    others with a warning, and so is what Moment wrote itself: datasets, archives, and the truth of
    a simulation. A file named by itself or by a glob is never left out: with another extension, its
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


@dataclass
class _LeftOut:
    """What of a directory or prefix is not read: of other endings, and what Moment wrote itself."""

    others: list[str] = field(default_factory=list)
    ours: set[str] = field(default_factory=set)
    archives: set[str] = field(default_factory=set)

    def is_archived(self, path: str) -> bool:
        place = archive_around(path)
        if place is not None:
            self.archives.add(place)
        return place is not None

    def tell(self, directory: str) -> None:
        """Warn of each sort, with examples."""
        if self.others:
            many = len(self.others)
            _LOG.warning(
                "%s: left out %s of other endings, such as %s; name them one by one to read them",
                directory,
                "1 file" if many == 1 else f"{many} files",
                min(self.others),
            )
        if ours := sorted(self.ours | self.archives):
            _LOG.warning(
                "%s: left out what Moment wrote itself, which is no native event: %s",
                directory,
                ", ".join(ours[:3]) + (f" and {len(ours) - 3} more" if len(ours) > 3 else ""),
            )

    def nothing_else(self, directory: str) -> InputError:
        """That there is nothing to read, and what there is."""
        if self.archives:
            place = min(self.archives)
            return InputError(
                f"expected native events in {directory}, found an archive: give it as"
                f" archive={place}."
            )
        return InputError(_NO_FILES.format(directory))


def _objects(given: str) -> list[Found]:
    left = _LeftOut()

    def is_known(path: str) -> bool:
        if left.is_archived(path):
            return False
        known = named(path)[0] is not None
        if not known:
            left.others.append(path)
        return known

    try:
        found = objects(given, is_known)
        if found is not None and _is_prefix(given, found):
            left.ours.update(each.path for each in found if _is_truth_object(each.path))
    except StorageError as error:
        raise InputError(f"{error}.") from error
    if found is None:
        raise InputError(
            f"expected an object, prefix or pattern, found nothing at {given}: check it, and quote"
            " a pattern so that the shell leaves it alone."
        )
    found = [each for each in found if each.path not in left.ours]
    if not found:
        raise left.nothing_else(given)
    if glob.has_magic(given):
        # What a pattern does not match is not left out.
        left.others.clear()
    left.tell(given)
    return found


def _is_prefix(given: str, found: Sequence[Found]) -> bool:
    return not glob.has_magic(given) and all(each.path != given for each in found)


def _is_truth_object(path: str) -> bool:
    if not path.endswith(f"/{TRUTH}"):
        return False
    return head_of(path, len(TRUTH_BEGINS))[0] == TRUTH_BEGINS


def _paths(given: str) -> list[str]:
    if os.path.isdir(given):
        return _known_files(given)
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
    """Files to read below a directory; a dataset is left out unless it is what was named.

    Raises InputError where nothing is left of what was named.
    """

    def refuse(error: OSError) -> None:
        raise InputError(
            f"expected to read the directory {error.filename}, found {error.strerror}: "
            "give this account the right to."
        )

    found: list[str] = []
    left = _LeftOut()
    seen = {os.path.realpath(directory)}
    for folder, folders, names in os.walk(directory, onerror=refuse, followlinks=True):
        if is_dataset(folders, names) and not (is_named and folder == directory):
            left.ours.add(folder)
            folders.clear()
            continue
        folders[:] = [name for name in sorted(folders) if _is_new(os.path.join(folder, name), seen)]
        for name in sorted(name for name in names if not name.startswith(".")):
            path = os.path.join(folder, name)
            if left.is_archived(path):
                continue
            if name == TRUTH and is_truth(path):
                left.ours.add(path)
                continue
            known = named(name)[0] is not None or is_access_log(path)
            (found if known else left.others).append(path)
    if is_named and not found:
        raise left.nothing_else(directory)
    left.tell(directory)
    return found


def _is_new(folder: str, seen: set[str]) -> bool:
    """Is a directory to be searched: not hidden, and not one that a link has led to before?"""
    if os.path.basename(folder).startswith("."):
        return False
    real = os.path.realpath(folder)
    is_new = real not in seen
    seen.add(real)
    return is_new


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
