"""Flink SQL in Java on the same topic and cluster: what it costs the TaskManager."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass

from benchmarks.cases import FLINK
from benchmarks.inputs import Tracks
from benchmarks.streaming_cpu import Spent, spent_by
from benchmarks.streaming_topic import last_values, make_topic
from deploy.local.services import Services


@dataclass(frozen=True)
class Rival:
    """What one run cost the cluster, and the events and people it counted, by kind of window."""

    spent: Spent
    events: dict[str, int]
    people: dict[str, int]


def missing() -> str | None:
    """What this machine lacks to run it; None: nothing."""
    lacks = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    return f"no {' and no '.join(lacks)} on this machine" if lacks else None


def flink_sql(services: Services, tracks: Tracks, topic: str, figures: str) -> Rival:
    """One run over the topic to its end. Raises RuntimeError where it did not count every event."""
    make_topic(services, figures, 1)
    before = spent_by(services.folder)
    ended = subprocess.run(
        [
            *("bash", str(FLINK), "--topic", services.kafka, topic, figures),
            *(services.flink_rest.partition("//")[2], str(services.slots)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise RuntimeError(f"Flink SQL failed: {(ended.stdout + ended.stderr)[-2000:]}")
    spent = spent_by(services.folder) - before
    rival = Rival(spent, *_sums(list(last_values(services, figures).values())))
    expected = dict.fromkeys(("minute", "hour", "day"), tracks.events)
    if rival.events != expected:
        raise RuntimeError(f"Flink SQL: expected {expected} events, found {rival.events}")
    return rival


def _sums(rows: list[dict]) -> tuple[dict[str, int], dict[str, int]]:
    """Events and people summed over the windows of each kind."""
    events: dict[str, int] = {}
    people: dict[str, int] = {}
    for row in rows:
        kind = row["kind"]
        events[kind] = events.get(kind, 0) + row["events"]
        people[kind] = people.get(kind, 0) + row["people"]
    return events, people
