"""CPU-seconds of processes that run on: read from /proc by process id, children included."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from deploy.local.processes import running

PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


class Stat(NamedTuple):
    """A line of /proc/PID/stat: the parent, ticks of its own, ticks of ended children it knows."""

    parent: int
    own: int
    ended: int


@dataclass(frozen=True)
class Spent:
    """CPU-seconds, user and system, of the parts of a cluster; the broker apart from the others."""

    workers: float = 0.0
    """The pool of Python workers with all it started, also what has ended since."""
    taskmanager: float = 0.0
    jobmanager: float = 0.0
    broker: float = 0.0

    def __sub__(self, before: Spent) -> Spent:
        return Spent(
            self.workers - before.workers,
            self.taskmanager - before.taskmanager,
            self.jobmanager - before.jobmanager,
            self.broker - before.broker,
        )

    @property
    def with_java(self) -> float:
        """Workers and the TaskManager: what a slot costs."""
        return self.workers + self.taskmanager


def spent_by(folder: Path) -> Spent:
    """What the services of a folder have spent since they were started; 0 for one that is down."""
    stats = read_stats()

    def of(name: str) -> float:
        number = running(folder, name)
        return tree_seconds(number, stats) if number else 0.0

    return Spent(of("worker_pool"), of("taskmanager"), of("jobmanager"), of("kafka"))


def read_stats(proc: Path = PROC) -> dict[int, Stat]:
    """The stat of every process there is, by its id. Raises OSError where there is no /proc."""
    stats = {}
    for name in os.listdir(proc):
        if name.isdigit():
            try:
                stats[int(name)] = parse_stat((proc / name / "stat").read_text())
            except (FileNotFoundError, ProcessLookupError):
                continue
    return stats


def parse_stat(line: str) -> Stat:
    """The numbers of a line; a name may hold spaces and parentheses, so they begin after it."""
    fields = line.rpartition(")")[2].split()
    user, system, ended_user, ended_system = map(int, fields[11:15])
    return Stat(int(fields[1]), user + system, ended_user + ended_system)


def tree_seconds(root: int, stats: Mapping[int, Stat], ticks: int = _TICKS) -> float:
    """CPU-seconds of a process and its descendants; of ended ones if they were waited for."""
    return (
        sum(stats[each].own + stats[each].ended for each in tree(root, stats) if each in stats)
        / ticks
    )


def tree(root: int, stats: Mapping[int, Stat]) -> list[int]:
    """A process and its living descendants."""
    found = [root]
    for number in found:
        found += children(number, stats)
    return found


def children(parent: int, stats: Mapping[int, Stat]) -> Iterable[int]:
    """Ids of the living children of a process."""
    return [number for number, stat in stats.items() if stat.parent == parent]
