"""A path of this machine, as an option gives it."""

from __future__ import annotations

from pathlib import Path

from pipelines.errors import OptionError
from pipelines.storage import has_scheme


def local_path(option: str, given: str, kind: str = "directory") -> Path:
    """The path. Raises OptionError where it is none, or an address, which would become a folder.

    So it does where a link leads nowhere, to which nothing could be written.
    """
    if not given.strip():
        raise OptionError(f"{option}: expected a {kind}, found none")
    if has_scheme(given):
        raise OptionError(f"{option} {given}: expected a {kind} of this machine, found an address")
    path = Path(given)
    try:
        nowhere = next(
            (p for p in (path, *path.parents) if p.is_symlink() and not p.exists()), None
        )
    except OSError as error:
        raise OptionError(
            f"{option} {given}: expected a path of this machine, found: {error.strerror}"
        ) from error
    if nowhere is not None:
        raise OptionError(
            f"{option} {given}: expected a {kind}, found the link {nowhere}, which leads nowhere"
        )
    return path
