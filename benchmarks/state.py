"""What Attend remembers of a file: bytes of its state, and of what each byte is."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from pipelines.keys import pseudonym_keys
from pipelines.sources.discover import discover
from pipelines.sources.formats import FileFailure
from pipelines.sources.read_payloads import read_payloads
from schemas.channels import registered_channels
from transforms.attend import Attend
from transforms.decode import decode
from transforms.frame import Frame, rows_of
from transforms.observe import observe, split_by_shard
from transforms.protect import protect
from transforms.rules import AttendRules
from transforms.screen import screen

TIME_ZONE = "Europe/Paris"
SHARDS = 4


def state_of(path: str) -> dict[str, int]:
    """Rows and bytes of the states of all shards after an emission over an NDJSON file of tracks.

    `person_places`: rows of presence, one a person, content, brand, channel, traffic and local
    hour; `person_hours`: distinct people and hours among them; `remembered_ids`; `actions`: rows a
    person, place, minute and signal. Bytes are those of the columns, without Python's objects.
    """
    machines = [Attend(AttendRules(TIME_ZONE)) for _ in range(SHARDS)]
    channel, keys = registered_channels()["segment"], pseudonym_keys()
    (file,) = discover([path])
    for payloads in read_payloads(file):
        if isinstance(payloads, FileFailure):
            raise ValueError(f"{path}: expected records only, found {payloads.reason}")
        events = protect(screen(decode(payloads, channel).events), keys).events
        observations, _ = observe(events, TIME_ZONE, path)
        route = events.column("route").to_numpy()
        for shard, part in split_by_shard(observations, route, SHARDS):
            machines[shard].add(part)
    for machine in machines:
        machine.emit()
    states = [machine.state for machine in machines]
    return {
        **_sized("person_places", [state.people.presence for state in states]),
        **_sized("actions", [state.people.actions for state in states]),
        **_sized("remembered_ids", [state.remembered for state in states]),
        **_sized("facts", [state.facts for state in states]),
        "person_hours": sum(_person_hours(state.people.presence) for state in states),
    }


def _sized(name: str, frames: Iterable[Frame]) -> dict[str, int]:
    frames = list(frames)
    return {
        name: sum(rows_of(frame) for frame in frames),
        f"{name}_bytes": sum(column.nbytes for frame in frames for column in frame.values()),
    }


def _person_hours(presence: Frame) -> int:
    pairs = np.stack([presence["actor"], presence["hour"].astype(np.int64)], axis=1)
    return len(np.unique(pairs, axis=0))


def main(arguments: list[str] | None = None) -> None:
    """`python -m benchmarks.state FILE`: prints one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.state", description=__doc__)
    parser.add_argument("file", help="NDJSON file of Segment tracks")
    said: dict[str, Any] = dict(state_of(parser.parse_args(arguments).file))
    print(json.dumps(said))


if __name__ == "__main__":
    main()
