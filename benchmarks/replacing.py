"""What both replacements of a partition share: a day of ten million rows, and its runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median

import pyarrow.parquet as pq

from benchmarks.cases import Plan, moment
from benchmarks.measurement import Cost
from benchmarks.race import note, run_into, said, scratch

TIMES = 10
"""The plan's events so often: the rows of a partition repeat, which nothing here makes use of."""
ZONE = "Europe/Paris"


@dataclass(frozen=True)
class Day:
    """A measured day: a scratch folder, its `events`, and ten times as many in `decoded`."""

    folder: Path
    day: date

    @property
    def events(self) -> Path:
        return self.folder / "events"

    @property
    def decoded(self) -> Path:
        return self.folder / "decoded"


@dataclass(frozen=True)
class Runs:
    """Medians over the runs, and what the last one said."""

    seconds: float
    cpu_seconds: float
    peak_megabytes: float
    said: dict[str, float]


def runs_of(plan: Plan, case: str, run: Callable[[Day, int], Cost]) -> Runs:
    """`run` gives the cost of a process that says its `seconds`, once for each run of the plan."""
    costs: list[Cost] = []
    with scratch(plan.folder) as out:
        tracks = plan.tracks()
        run_into(moment(tracks), tracks, out)
        fullest = multiplied(out / "events", out / "decoded" / "events", TIMES)
        for turn in range(plan.runs):
            note(f"{case}: {TIMES * plan.events:,} rows, run {turn + 1} of {plan.runs}")
            costs.append(run(Day(out, fullest), turn))
    return Runs(
        median(said(cost)["seconds"] for cost in costs),
        median(cost.cpu_seconds for cost in costs),
        median(cost.peak_rss_bytes for cost in costs) / 1e6,
        said(costs[-1]),
    )


def multiplied(events: Path, into: Path, times: int) -> date:
    """The day of most events, its files linked so often."""
    sizes = {
        folder: sum(pq.read_metadata(file).num_rows for file in folder.glob("*.parquet"))
        for folder in events.glob("day=*")
    }
    fullest = max(sizes, key=lambda folder: sizes[folder])
    target = into / fullest.name
    target.mkdir(parents=True)
    for file in fullest.glob("*.parquet"):
        for number in range(times):
            os.link(file, target / f"{number}-{file.name}")
    return date.fromisoformat(fullest.name.removeprefix("day="))
