"""Processes that outlive the command that starts them: start, wait until ready, find, stop.

A process is known by a file `run/NAME.pid` that holds its id and the moment it started, so that an
id given to another program since is never mistaken for ours. Each runs in a process group of its
own, and what it started in turn is stopped with it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

TAIL_LINES = 25
STOP_SECONDS = 10.0


class StartError(Exception):
    """A process that ended or was not ready in time; the message holds the end of its log."""


@dataclass(frozen=True)
class Program:
    """What to start. `ready` is given what the log says since this start, until it is true."""

    name: str
    command: list[str]
    ready: Callable[[str], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path | None = None
    seconds: float = 60.0


def pid_file(folder: Path, name: str) -> Path:
    """File that says which process runs under a name."""
    return folder / "run" / f"{name}.pid"


def log_file(folder: Path, name: str) -> Path:
    """File that holds what a process wrote, from all its starts."""
    return folder / "log" / f"{name}.log"


def started(folder: Path) -> list[str]:
    """Names with a pid file, whether their processes still run or not, sorted."""
    return sorted(path.stem for path in (folder / "run").glob("*.pid"))


def running(folder: Path, name: str) -> int | None:
    """Process id of a running process; None where it was not started or has ended."""
    known = _known(folder, name)
    return known[0] if known and _started_at(known[0]) == known[1] else None


def start(folder: Path, program: Program) -> None:
    """Start a program, return when it is ready. Raises StartError, and leaves nothing running."""
    log = log_file(folder, program.name)
    for path in (log, pid_file(folder, program.name)):
        path.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        offset = output.tell()
        process = subprocess.Popen(
            program.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=program.directory or folder,
            env={**os.environ, **program.environment},
        )
    pid_file(folder, program.name).write_text(f"{process.pid} {_status(process.pid)[1]}\n")
    try:
        _wait(program, process, log, offset)
    except BaseException:
        stop(folder, [program.name])
        raise


def stop(folder: Path, names: Iterable[str], seconds: float = STOP_SECONDS) -> list[str]:
    """Stop the named processes and all they started; the names of those that were running.

    They are asked together to end, and killed after `seconds`: 0 kills at once, as a crash would.
    """
    names = list(names)
    groups: dict[str, int] = {}
    for name in names:
        known = _known(folder, name)
        if known and _started_at(known[0]) in (known[1], None):
            # A group whose first process ended keeps its number while any of its members lives.
            groups[name] = known[0]
    stopped = [name for name in names if running(folder, name)]
    until = time.monotonic() + seconds
    if seconds > 0:
        for group in groups.values():
            _signal(group, signal.SIGTERM)
        while time.monotonic() < until and any(running(folder, name) for name in groups):
            time.sleep(0.05)
    for group in groups.values():
        _signal(group, signal.SIGKILL)
    while any(running(folder, name) for name in groups):
        time.sleep(0.02)
    for name in names:
        pid_file(folder, name).unlink(missing_ok=True)
    return stopped


def end_strays(folder: Path) -> list[int]:
    """Kill what works for a folder's services and is in no pid file; the process ids killed.

    These are processes of Java and Python that name a file of the folder in their command or in
    their environment: job servers, workers, and who had submitted a job when a test was killed.
    Looked for in /proc; a system without it has its pid files only.
    """
    ended: set[int] = set()
    # What is killed may have been starting another.
    while strays := _strays(folder):
        for process in strays:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        ended |= strays
        time.sleep(0.02)
    return sorted(ended)


def _strays(folder: Path) -> set[int]:
    named = f"{folder}/".encode()
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            program = os.readlink(process / "exe").rpartition("/")[2]
            told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            # Ended meanwhile, or somebody else's.
            continue
        if program.startswith(("java", "python")) and named in told:
            found.add(int(process.name))
    return found - {os.getpid(), os.getppid()}


def children(parent: int) -> list[int]:
    """Ids of the living processes that a process started itself, in the order of their ids."""
    told = subprocess.run(
        ["ps", "-e", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split() for line in told.splitlines()]
    return sorted(
        int(pid) for pid, above, state in rows if int(above) == parent and state[0] != "Z"
    )


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log, or a word that there are none."""
    told = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(told[-lines:]) or "(the log is empty)"


def _wait(program: Program, process: subprocess.Popen[bytes], log: Path, offset: int) -> None:
    until = time.monotonic() + program.seconds
    while True:
        with log.open("rb") as written:
            written.seek(offset)
            said = written.read().decode(errors="replace")
        ended = process.poll() is not None
        if not ended and program.ready(said):
            return
        if ended or time.monotonic() > until:
            what = (
                f"ended with exit code {process.returncode}"
                if ended
                else f"was not ready after {program.seconds:.0f} s"
            )
            raise StartError(
                f"{program.name} {what}. The last lines of {log}:\n{tail(log)}"
            ) from None
        time.sleep(0.1)


def _known(folder: Path, name: str) -> tuple[int, str] | None:
    """Id and start of the process in a pid file; None where there is none or it is not whole."""
    try:
        number, begun = pid_file(folder, name).read_text().split(maxsplit=1)
        return int(number), begun.strip()
    except (FileNotFoundError, ValueError):
        return None


def _started_at(process: int) -> str | None:
    """When a living process started; None where it has ended, and our own is then collected."""
    state, begun = _status(process)
    if state.startswith("Z"):
        with suppress(ChildProcessError):
            os.waitpid(process, os.WNOHANG)
        return None
    return begun


def _status(process: int) -> tuple[str, str | None]:
    """State and start of a process as the system tells them; ("", None) where there is none."""
    if Path("/proc/self/stat").exists():
        try:
            told = Path(f"/proc/{process}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return "", None
        # After the name, which may hold spaces and parentheses: the state, and 19 on the start.
        fields = told.rpartition(")")[2].split()
        return fields[0], fields[19]
    told = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(process)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    state, _, begun = told.strip().partition(" ")
    return state, " ".join(begun.split()) or None


def _signal(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
