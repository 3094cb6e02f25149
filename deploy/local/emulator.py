"""What emulators have in common: how a test breaks and mends one, and a fresh one for a test."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar

from deploy.local.ports import any_free_ports
from deploy.local.processes import running, stop


class Breakable:
    """A process of a folder that can be killed, frozen and thawed. A subclass has both names."""

    name: ClassVar[str]
    folder: Path

    def kill(self) -> None:
        """End it as a crash would: connections are refused, and what it held in memory is lost."""
        stop(self.folder, [self.name], seconds=0)

    def freeze(self) -> None:
        """Let it answer nobody, as a network that swallows packets would; it keeps all it has."""
        os.killpg(self._group(), signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it answer again."""
        os.killpg(self._group(), signal.SIGCONT)

    def _group(self) -> int:
        number = running(self.folder, self.name)
        if number is None:
            raise ProcessLookupError("the emulator does not run")
        return number


class _Emulator(Protocol):
    name: ClassVar[str]

    def start(self) -> None: ...

    def kill(self) -> None: ...


E = TypeVar("E", bound=_Emulator)


@contextmanager
def fresh(
    folder: Path, make: Callable[[Path, int, int], E], leavings: Sequence[str]
) -> Iterator[E]:
    """A started emulator of an empty folder, on two free ports; its `leavings` go at the end.

    One at a time in a folder: a second user waits. What a killed test left is stopped first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        emulator = make(folder, *any_free_ports(2))
        # Killed, for a frozen process heeds nothing else.
        emulator.kill()
        shutil.rmtree(folder)
        folder.mkdir()
        try:
            emulator.start()
            yield emulator
        finally:
            emulator.kill()
            for name in leavings:
                shutil.rmtree(folder / name, ignore_errors=True)
