"""Exchange of two folders in one step: readers see the old one or the new one, never neither."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

_AT_FDCWD = -100
_EXCHANGE = 2
_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}


def put_in_place(staged: Path, place: Path) -> Path | None:
    """Move the staged folder to its place; where the folder that was there is now, or None.

    Linux exchanges both names at once. Elsewhere the old one is set aside first, and for that
    moment nobody has it: `mend` puts it back where a process ended just then.
    """
    mend(place)
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        os.rename(staged, place)
        return None
    if _exchanged(staged, place):
        return staged
    aside = _aside(place)
    os.rename(place, aside)
    os.rename(staged, place)
    return aside


def mend(place: Path) -> None:
    """Put a folder back that was set aside by a process that then ended."""
    aside = _aside(place)
    if aside.exists() and not place.exists():
        os.rename(aside, place)


def _aside(place: Path) -> Path:
    return place.with_name(f".{place.name}.replaced")


def _exchanged(one: Path, other: Path) -> bool:
    """Have the kernel exchange two names; False where it or the file system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _UNSUPPORTED:
        return False
    raise OSError(code, os.strerror(code), str(other))
