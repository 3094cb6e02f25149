"""Steady reading: what the events of a preloaded topic cost on Flink, start-up apart."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.inputs import Tracks
from benchmarks.streaming_cluster import busiest_over_mean, checkpoints
from benchmarks.streaming_cpu import Spent, spent_by
from benchmarks.streaming_job import Streaming, streaming, until, verify
from deploy.local.services import Services

WARM_SHARE = 0.05
"""Reading begins to be counted when so many events are written: imports are over by then."""

READ_SECONDS, FINAL_SECONDS = 480.0, 240.0
STEP = "Attend"


@dataclass(frozen=True)
class Reading:
    """Events, what they cost from the first of them counted to the last, and what is beside it."""

    events: int
    size_bytes: int
    spent: Spent
    startup: Spent
    seconds: float
    busiest: float
    """Records received by the busiest subtask of Attend over their mean."""
    checkpoint_seconds: float
    verified: str

    @property
    def a_worker_second(self) -> float:
        return self.events / max(self.spent.workers, 1e-3)

    @property
    def a_second_with_java(self) -> float:
        return self.events / max(self.spent.with_java, 1e-3)


def read_through(services: Services, tracks: Tracks, topic: str, dataset: Path) -> Reading:
    """A topic of tracks read by a new job, and its figures verified. Raises RuntimeError.

    Counted from the first twentieth of the events written until every event is in a published
    figure, checkpoints and what Flink does meanwhile included.
    """
    before = spent_by(services.folder)
    with streaming(services, topic, dataset, ["--channels", "segment"]) as job:
        written = _until_written(job, max(1, round(tracks.events * WARM_SHARE)))
        began, at = spent_by(services.folder), time.monotonic()
        _until_written(job, tracks.events)
        for _ in until(FINAL_SECONDS, pause=1):
            if job.written.counted() >= tracks.events:
                break
        spent, seconds = spent_by(services.folder) - began, time.monotonic() - at
        busiest = busiest_over_mean(services, job.number, STEP)
        taken = [each.seconds for each in checkpoints(services, job.number)]
        for _ in until(FINAL_SECONDS, pause=1):
            if job.written.final_days() and job.written.quiet():
                break
    return Reading(
        events=tracks.events - written,
        size_bytes=round(tracks.size_bytes / tracks.events * (tracks.events - written)),
        spent=spent,
        startup=began - before,
        seconds=seconds,
        busiest=busiest,
        checkpoint_seconds=max(taken, default=0.0),
        verified=verify(dataset, f"segment=kafka://{services.kafka}/{topic}"),
    )


def _until_written(job: Streaming, events: int) -> int:
    for _ in until(READ_SECONDS):
        written = job.written.events()
        if written >= events:
            return written
    raise AssertionError("unreachable")
