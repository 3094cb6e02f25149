"""A race: several commands at the same work, in turns, and what each costs beside the first."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from benchmarks.inputs import Tracks
from benchmarks.measurement import Cost, Result, measure

FILE, OUT = "{file}", "{out}"
"""Stand in a command for the input and for a path of which nothing is there yet."""

UNIT = "events/CPU-s"


@dataclass(frozen=True)
class Contender:
    """A command, the tracks it is given, and how its CPU-seconds are read: by default, all."""

    name: str
    command: tuple[str, ...]
    tracks: Tracks
    cpu_seconds: Callable[[Cost], float] = lambda cost: cost.cpu_seconds
    starts: bool = True
    """False where the CPU-seconds read leave start-up out already."""


@dataclass
class Runs:
    """What the runs of one contender cost, in their order; `startups` with a file of one event."""

    contender: Contender
    costs: list[Cost] = field(default_factory=list)
    startups: list[float] = field(default_factory=list)

    @property
    def startup(self) -> float:
        return median(self.startups) if self.startups else 0.0

    def speeds(self, less_startup: bool) -> list[float]:
        """Events a CPU-second of each run."""
        spent = self.startup if less_startup else 0.0
        read = self.contender.cpu_seconds
        return [self.contender.tracks.events / max(read(cost) - spent, 1e-3) for cost in self.costs]


def race(
    contenders: Sequence[Contender], runs: int, one_event: Tracks, folder: Path
) -> dict[str, Runs]:
    """Runs by name: A B C A B C …, each turn with start-up apart. What was written is removed."""
    raced = {contender.name: Runs(contender) for contender in contenders}
    for turn in range(runs):
        for contender in contenders:
            note(f"{contender.name}, run {turn + 1} of {runs}")
            mine = raced[contender.name]
            if contender.starts:
                mine.startups.append(run(contender, one_event, folder).cpu_seconds)
            mine.costs.append(run(contender, contender.tracks, folder))
    _expect_all_events(raced)
    return raced


def run(contender: Contender, tracks: Tracks, folder: Path) -> Cost:
    """Cost of one run of a contender on tracks."""
    with scratch(folder) as out:
        return run_into(contender, tracks, out)


def run_into(contender: Contender, tracks: Tracks, out: Path) -> Cost:
    """Cost of one run whose output stays at `out`."""
    return measure(
        [part.replace(FILE, str(tracks.path)).replace(OUT, str(out)) for part in contender.command]
    )


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A path below `folder` of which nothing is there yet, and nothing afterwards."""
    made = Path(tempfile.mkdtemp(dir=folder))
    try:
        yield made / "out"
    finally:
        shutil.rmtree(made)


def speeds(case: str, raced: dict[str, Runs]) -> list[Result]:
    """Median events a CPU-second of every contender, and of the first beside each other one.

    Twice: of whole processes, and less start-up. A ratio is the median over the turns of the ratio
    within a turn.
    """
    results = []
    for kind, less in (("whole process", False), ("less start-up", True)):
        entered = [runs for runs in raced.values() if runs.contender.starts or less]
        figures = [
            Result(f"{case} / {runs.contender.name} / {kind}", median(runs.speeds(less)), UNIT)
            for runs in entered
        ]
        results += figures
        results += [
            replace(figures[0], compared_to=figure.name, ratio=ratio(entered[0], rival, less))
            for rival, figure in zip(entered[1:], figures[1:])
        ]
    return results


def ratio(ours: Runs, rival: Runs, less_startup: bool = False) -> float:
    """Median over the turns of our events a CPU-second divided by the rival's."""
    pairs = zip(ours.speeds(less_startup), rival.speeds(less_startup))
    return median(mine / theirs for mine, theirs in pairs)


def startups(case: str, raced: dict[str, Runs]) -> list[Result]:
    """Median CPU-seconds of each contender on a file of one event."""
    return [
        Result(f"{case} / {runs.contender.name} / start-up", runs.startup, "CPU-s")
        for runs in raced.values()
        if runs.contender.starts
    ]


def said(cost: Cost) -> dict:
    """The JSON object a command printed last; an empty one if it printed another thing."""
    last = cost.output.strip().splitlines()[-1:]
    return json.loads(last[0]) if last and last[0].startswith("{") else {}


def note(text: str) -> None:
    """Progress, where it does not mix with the tables."""
    print(f"  … {text}", file=sys.stderr, flush=True)


def _expect_all_events(raced: dict[str, Runs]) -> None:
    """A contender that counts its events must have counted them all."""
    for name, runs in raced.items():
        expected = runs.contender.tracks.events
        for cost in runs.costs:
            if (found := said(cost).get("events", expected)) != expected:
                raise RuntimeError(f"{name}: expected {expected} events, found {found}")
