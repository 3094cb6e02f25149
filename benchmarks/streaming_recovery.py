"""Recovery: seconds from a kill until the job writes again."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.cases import Plan, Reported
from benchmarks.measurement import Result
from benchmarks.race import note, scratch
from benchmarks.streaming import FOLDER, SLOTS
from benchmarks.streaming_job import streaming, until
from benchmarks.streaming_topic import PARTITIONS, Live, endlessly, make_topic
from deploy.local.download import missing_tool
from deploy.local.services import Services, local_services

CASE, TOPIC = "streaming recovery", "recovery"
EVENTS_A_SECOND = 1_000
STEADY_SECONDS, LONGEST_SECONDS = 20.0, 180.0
CHECKPOINTS = "--checkpointing_interval=3000"


def streaming_recovery(plan: Plan) -> Reported:
    """From the kill of the TaskManager, and of a worker, to the next rows of events and figures."""
    if lacking := missing_tool():
        note(f"{CASE} is left out: {lacking}")
        return [], []
    tracks = plan.tracks(max(plan.events, 1_000))
    results: list[Result] = []
    with (
        local_services(SLOTS, FOLDER) as services,
        scratch(plan.folder) as out,
        tracks.path.open("rb") as lines,
    ):
        make_topic(services, TOPIC, PARTITIONS)
        with streaming(services, TOPIC, out, ["--channels", "segment", CHECKPOINTS]) as job:
            live = Live(services, TOPIC, endlessly(lines.read().splitlines()), EVENTS_A_SECOND)
            live.start()
            for _ in until(120):
                if job.written.counted():
                    break
            for name, kill in (
                ("TaskManager", _kill_taskmanager),
                ("worker", _kill_worker),
            ):
                time.sleep(STEADY_SECONDS)
                note(f"{CASE}: kill the {name}")
                events, figures = _until_written_again(services, out, kill)
                results += [
                    Result(f"{CASE} / {name} / to new events", events, "s"),
                    Result(f"{CASE} / {name} / to new figures", figures, "s"),
                ]
            live.end()
    return results, []


def _until_written_again(
    services: Services, dataset: Path, kill: Callable[[Services], None]
) -> tuple[float, float]:
    """Seconds from a kill to the first file of events made after it, and then the first of figures.

    What a worker that still lives was writing may be renamed after the kill: events count from a
    second after it, and figures, which such a worker may publish until the job is stopped, only
    after events.
    """
    began = time.time()
    kill(services)
    events = _first_after(dataset, "events/day=*/*", time.time() + 1)
    return events - began, _first_after(dataset, "metrics*/day=*/*", events) - began


def _first_after(dataset: Path, pattern: str, instant: float) -> float:
    """When the first file after an instant was written; waits for it."""
    for _ in until(LONGEST_SECONDS):
        if (newest := _newest(dataset, pattern)) > instant:
            return newest
    raise AssertionError("unreachable")


def _newest(dataset: Path, pattern: str) -> float:
    return max((p.stat().st_mtime for p in dataset.glob(f"{pattern}.parquet")), default=0.0)


def _kill_taskmanager(services: Services) -> None:
    services.kill_taskmanager()
    services.restart_taskmanager()


def _kill_worker(services: Services) -> None:
    services.kill_worker()
