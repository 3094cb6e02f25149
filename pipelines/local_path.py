"""A path of this machine, as an option gives it."""

from __future__ import annotations

from pathlib import Path

from pipelines.errors import OptionError
from pipelines.storage import has_scheme


def local_path(option: str, given: str, kind: str = "directory") -> Path:
    """The path. Raises OptionError where it is none, or an address, which would become a folder."""
    if not given.strip():
        raise OptionError(f"{option}: expected a {kind}, found none")
    if has_scheme(given):
        raise OptionError(f"{option} {given}: expected a {kind} of this machine, found an address")
    return Path(given)
