"""Large inputs: ten million events, and ten gigabytes with a million people in one live."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cases import Plan, Reported, moment
from benchmarks.dataset import faults
from benchmarks.goals import Goal
from benchmarks.growth import described, memory
from benchmarks.inputs import HEAVY_SHARE, generate
from benchmarks.measurement import Result
from benchmarks.race import note, run_into


@dataclass(frozen=True)
class Large:
    name: str
    events: int
    people: int
    heavy_actor_share: float


LARGE = (
    Large("ten million events", 10_000_000, 500_000, 0.0),
    Large("ten gigabytes, a million people", 12_500_000, 1_000_000, HEAVY_SHARE),
)


def large(plan: Plan) -> Reported:
    """Each large input measured once: time, CPU, memory, and whether every event is counted.

    Generated, measured and removed one after the other: some 15 GB of disk at a time.
    """
    results: list[Result] = []
    goals: list[Goal] = []
    for case in LARGE:
        with tempfile.TemporaryDirectory(dir=plan.folder) as folder:
            figures, of_case = _measured(plan, case, Path(folder))
        results += figures
        goals += of_case
    return results, goals


def _measured(plan: Plan, case: Large, folder: Path) -> Reported:
    name = f"large / {case.name}"
    events, people = (max(1, round(n * plan.scale)) for n in (case.events, case.people))
    note(f"{case.name}: generating")
    tracks = generate(folder, events, people, case.heavy_actor_share)
    note(f"{case.name}: measuring {tracks.size_bytes / 1e9:.2f} GB")
    cost = run_into(moment(tracks), tracks, folder / "out")
    description = described(folder / "out")
    wrong = faults(description, events)
    for fault in wrong:
        print(f"NOT EXACT: {name}: {fault}")
    figures, goal = memory(name, cost.peak_rss_bytes, events, description)
    megabytes = tracks.size_bytes / 1e6
    return [
        Result(f"{name} / payload", megabytes, "MB"),
        Result(f"{name} / time", cost.wall_seconds, "s"),
        Result(f"{name} / CPU", cost.cpu_seconds, "CPU-s"),
        Result(f"{name} / speed", events / cost.cpu_seconds, "events/CPU-s"),
        Result(f"{name} / payload a core", megabytes / cost.cpu_seconds, "MB/CPU-s"),
        *figures,
    ], [
        Goal(f"{name} / faults of counting", len(wrong), "faults", most=0, promise=True),
        goal,
    ]
