"""What an INPUT argument names: `CHANNEL=INPUT`, or a place alone."""

from __future__ import annotations

import glob
import os

from pipelines.errors import OptionError
from schemas.channels import registered_channels


def channel_and_place(argument: str) -> tuple[str | None, str]:
    """Channel and place of `CHANNEL=INPUT`; of any other argument no channel, and itself.

    A path may have a `=` of its own, as folders `day=2026-03-02` have: one that exists, a pattern
    that some file matches, or one below a directory is a place. Raises OptionError where what
    stands before the `=` is neither a channel nor of such a path.
    """
    name, equals, place = argument.partition("=")
    if not equals or os.path.exists(argument) or "/" in name:
        return None, argument
    known = registered_channels()
    if name not in known:
        if glob.has_magic(argument) and glob.glob(argument, recursive=True):
            return None, argument
        raise OptionError(f"{argument}: {name!r} is not registered; there are {', '.join(known)}")
    if not place:
        raise OptionError(f"{argument}: expected a file after the =, as in {name}=FILE")
    return name, place
