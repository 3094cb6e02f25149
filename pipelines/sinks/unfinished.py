"""A file of this machine that nobody sees before it is whole, and that is gone with its process."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from io import FileIO
from pathlib import Path

ABANDONED_SECONDS = 86_400.0
"""Nobody writes into a file that has not changed for so long."""


class Unfinished:
    """What becomes a file by `finish`; until then it is written at `path`.

    It has no name, so that the system forgets it with the process that fails or is killed. Where a
    file system knows no such files, as NFS and those of macOS, it is called .NAME.tmp.
    """

    def __init__(self, final: Path) -> None:
        self._final = final
        self._nameless = _nameless(final.parent)
        self.path = str(final.with_name(f".{final.name}.tmp"))
        if self._nameless is not None:
            self.path = _at(self._nameless)

    def finish(self) -> None:
        """Give it its name. OSError, with that, where it cannot be given."""
        try:
            if self._nameless is None:
                os.replace(self.path, self._final)
                return
            with self._nameless as file:
                # The directory is of no use to a whole path, but has os.link follow it.
                os.link(self.path, self._final, src_dir_fd=file.fileno())
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._final)) from error


def remove_abandoned(folder: Path) -> None:
    """Remove what killed processes left unfinished in a folder, with a name, a day ago or more."""
    for left in folder.glob(".*.parquet.tmp"):
        # One that is new may just get its name.
        with suppress(FileNotFoundError):
            if left.stat().st_mtime < time.time() - ABANDONED_SECONDS:
                left.unlink()


def _nameless(folder: Path) -> FileIO | None:
    """A new file in a folder, without a name; None where the system has none that can get one."""
    try:
        file = FileIO(os.open(folder, os.O_RDWR | os.O_TMPFILE, 0o666), "r+")
    except (AttributeError, OSError):
        # Without rights, or room, the one with a name says what is wrong.
        return None
    return file if os.path.exists(_at(file)) else None


def _at(file: FileIO) -> str:
    """How others of this process open a file without a name."""
    return f"/proc/self/fd/{file.fileno()}"
