"""One run at a time that writes a dataset of this machine: a lock that ends with its process."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TextIO

from pipelines.errors import InUseError, OptionError

LOCK = ".moment.lock"


@contextmanager
def exclusively(dataset: Path) -> Iterator[None]:
    """Hold the dataset's lock. Raises InUseError, with owner and time, where another holds it.

    The kernel's lock on a file, for it is gone with the process, however that ends; what a process
    that was killed leaves of it is in nobody's way. The file says who has it.
    """
    with _locked(dataset) as file:
        file.truncate(0)
        file.write(json.dumps(_ourselves()))
        file.flush()
        try:
            yield
        finally:
            (dataset / LOCK).unlink(missing_ok=True)


def _locked(dataset: Path) -> TextIO:
    """The dataset's file of that name, with the lock. Raises InUseError or OptionError."""
    path = dataset / LOCK
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise OptionError(
                f"{dataset}: expected the right to write in it, found {error.strerror}"
            ) from error
        file = os.fdopen(descriptor, "r+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            with file:
                raise InUseError(
                    f"{dataset}: expected no other run that writes in it, found that of"
                    f" {_owner(file.read())}; wait until it has ended, or end it"
                ) from error
        if _is_at(path, descriptor):
            return file
        # Its owner removed it between our opening it and his end: others would lock another.
        file.close()


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def owner() -> str:
    """Who we are, for somebody who finds us in his way."""
    return f"{_user()} on {socket.gethostname()} (process {os.getpid()})"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in a container
        return str(os.getuid())


def _ourselves() -> dict[str, str | int]:
    return {
        "user": _user(),
        "host": socket.gethostname(),
        "process": os.getpid(),
        "since": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def _owner(text: str) -> str:
    try:
        told = json.loads(text)
        return (
            f"{told['user']} on {told['host']} (process {told['process']}), since {told['since']}"
        )
    except (ValueError, LookupError, TypeError):  # it has begun this instant
        return "somebody who began just now"
