"""Growth: CPU time and memory of `moment measure` over files of three sizes."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.cases import Plan, Reported, moment
from benchmarks.goals import Goal
from benchmarks.measurement import Result, compare
from benchmarks.measurement import measure as cost_of
from benchmarks.race import Runs, note, run, run_into, said, scratch

PARTS = (4, 2, 1)
"""The sizes: a quarter of the events, half, all."""

SPREAD = 0.15
FIXED_BYTES = 600_000_000
BYTES_AN_EVENT = 64
BYTES_A_PERSON_HOUR = 64


def growth(plan: Plan) -> Reported:
    """CPU-seconds an event after start-up at each size, and peak memory against its bound."""
    raced = [Runs(moment(plan.tracks(plan.events // part))) for part in PARTS]
    startups: list[float] = []
    datasets: dict[int, dict[str, Any]] = {}
    for turn in range(plan.runs):
        startups.append(run(moment(plan.one_event), plan.one_event, plan.folder).cpu_seconds)
        for runs in raced:
            tracks = runs.contender.tracks
            note(f"moment on {tracks.events:,} events, run {turn + 1} of {plan.runs}")
            with scratch(plan.folder) as out:
                runs.costs.append(run_into(runs.contender, tracks, out))
                datasets[tracks.events] = described(out)
    for runs in raced:
        runs.startups = startups
    results: list[Result] = []
    goals: list[Goal] = []
    spent = [1e6 / median(runs.speeds(less_startup=True)) for runs in raced]
    for runs, microseconds in zip(raced, spent):
        events = runs.contender.tracks.events
        name = f"growth / {events:,} events"
        results.append(Result(f"{name} / after start-up", microseconds, "CPU-µs/event"))
        if runs is not raced[0]:
            results[-1] = compare(results[-1].name, microseconds, "CPU-µs/event", results[0])
        peak = max(cost.peak_rss_bytes for cost in runs.costs)
        figures, goal = memory(name, peak, events, datasets[events])
        results += figures
        goals.append(goal)
    spread = max(spent) / min(spent)
    dearest = Goal("growth / dearest event beside cheapest", spread, "times", most=1 + SPREAD)
    return results, [dearest, *goals]


def memory(
    name: str, peak: int, events: int, description: dict[str, Any]
) -> tuple[list[Result], Goal]:
    """Peak resident bytes of the process, and its bound by events and person-hours."""
    hours = description["person_hours"]
    bound = FIXED_BYTES + BYTES_AN_EVENT * events + BYTES_A_PERSON_HOUR * hours
    goal = Goal(f"{name} / peak memory", peak, "bytes", most=bound, promise=True)
    figures = [
        Result(f"{name} / person-hours", hours, "person-hours"),
        Result(f"{name} / person-hours by place", description["person_places"], "rows"),
        Result(f"{name} / peak memory", peak / 1e6, "MB", "its bound", peak / bound),
    ]
    return figures, goal


def described(dataset: Path) -> dict[str, Any]:
    """What a dataset says of itself, asked in another process: this one must stay small."""
    return said(cost_of([sys.executable, "-m", "benchmarks.dataset", str(dataset)]))
