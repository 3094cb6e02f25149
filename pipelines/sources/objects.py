"""Objects of a bucket as input: which a name, a prefix or a pattern means."""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from pipelines.storage import BUCKETS, Found, bucket_of, files_below, object_at


def objects(given: str, is_known: Callable[[str], bool]) -> list[Found] | None:
    """The objects that gs://BUCKET/PATH means, by name; None where it means nothing at all.

    An object by its name; the objects below a prefix, as the files of a directory; those that match
    a pattern with `*`, `?`, `[…]` and, for any number of directories, `**`. Of what is below a
    prefix, `is_known(path)` says by their names which are input; hidden ones, whose name or
    directory begins with a dot, are not. Raises StorageError.
    """
    bucket, name = bucket_of(given)
    if not glob.has_magic(name):
        found = object_at(given) if name and not given.endswith("/") else None
        if found is not None:
            return [found]
        below = files_below(given)
        return [each for each in below if _is_input(each.path, given, is_known)] if below else None
    pattern = name.split("/")
    plain = next(place for place, part in enumerate(pattern) if glob.has_magic(part))
    base = "/".join([f"{BUCKETS}{bucket}", *pattern[:plain]])
    return [
        each
        for each in files_below(base)
        if _matches(pattern, _parts(each.path), is_known(each.path))
    ] or None


def matches(pattern: Sequence[str], path: Sequence[str]) -> bool:
    """Does a path match a pattern, part by part? Only a pattern's own dot matches a hidden name."""
    if not pattern:
        return not path
    if pattern[0] == "**":
        if matches(pattern[1:], path):
            return True
        return bool(path) and not path[0].startswith(".") and matches(pattern, path[1:])
    if not path or (path[0].startswith(".") and not pattern[0].startswith(".")):
        return False
    return fnmatchcase(path[0], pattern[0]) and matches(pattern[1:], path[1:])


def _matches(pattern: Sequence[str], path: list[str], known: bool) -> bool:
    """As files of a machine do: by itself, or below a directory that matches."""
    if matches(pattern, path):
        return True
    if not known or "**" in pattern:
        return False
    return any(
        matches(pattern, path[:above]) and not _hidden(path[above:])
        for above in range(1, len(path))
    )


def _is_input(path: str, given: str, is_known: Callable[[str], bool]) -> bool:
    return not _hidden(_parts(path)[len(_parts(given.rstrip("/"))) :]) and is_known(path)


def _parts(path: str) -> list[str]:
    """The parts of an object's name, without its bucket."""
    return path.removeprefix(BUCKETS).split("/")[1:]


def _hidden(parts: Sequence[str]) -> bool:
    return any(part.startswith(".") for part in parts)
