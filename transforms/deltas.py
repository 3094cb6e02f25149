"""Deltas: partials of people after and before, and of what is added, summed to one batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from schemas.observation import ECHO, RETRACT
from schemas.partial import BOTH, GROUPINGS, TRAFFIC
from transforms.frame import Frame, choose, rows_of
from transforms.measures import together
from transforms.measures.additive import additive
from transforms.measures.changed import Counted, changed
from transforms.measures.counting import count_people
from transforms.measures.people import (
    People,
    merge,
    nobody,
    of_actors,
    reduce_observations,
    without_actors,
)
from transforms.partials import concatenated, partial_batch, rows_batch, sum_partials

GROSS, VALID_ONLY = range(len(TRAFFIC))

Part = tuple[int, int, int, Frame]
"""Grouping, traffic, window, and a frame of some columns."""


class Side(NamedTuple):
    """Some people and the facts that stand of them."""

    people: People
    facts: Frame


class Added(NamedTuple):
    """Partials of columns that need no memory, as parts or, of few rows, as one batch."""

    parts: list[Part]
    batch: pa.RecordBatch | None


def added(new: Frame) -> Added:
    """Events and time watched of observations that count."""
    if rows_of(new) <= together.FEW_ROWS:
        return Added([], rows_batch(list(together.additive_together(new))))
    return Added(list(additive(new)), None)


def deltas(events: Added, after: Side, before: Side, time_zone: str) -> pa.RecordBatch:
    """PARTIAL batch: what is added, plus the counts after less those before; no row of zeros."""
    counted = list(_counted(after, before, time_zone))
    batches = [] if events.batch is None else [events.batch]
    if together.few(*(rows for _, _, rows in counted)):
        frames = list(together.count_together(counted, time_zone)) if counted else []
        parted = [partial_batch(events.parts)] if events.parts else []
        return sum_partials([*batches, *parted, rows_batch(frames)])
    parts = list(events.parts)
    for sign, traffic, rows in counted:
        for grouping, window, frame in count_people(rows, time_zone):
            signed = frame if sign > 0 else _negated(frame, GROUPINGS[grouping])
            parts.append((grouping, traffic, window, signed))
    summed = _sum_by_grouping(parts)
    return sum_partials([*batches, summed]) if batches else summed


def _counted(after: Side, before: Side, time_zone: str) -> Iterator[tuple[int, int, Counted]]:
    """(sign, traffic, rows) to count, of each traffic of each side."""
    sides = [
        people_by_traffic(with_facts(side.people, side.facts, time_zone))
        for side in (after, before)
    ]
    for traffic in sorted({traffic for side in sides for traffic, _ in side}):
        people = [dict(side).get(traffic, nobody()) for side in sides]
        for sign, rows in zip((+1, -1), changed(people[0], people[1], time_zone)):
            if any(map(rows_of, (rows.hours, rows.days, *rows.acts))):
                yield sign, traffic, rows


def with_facts(people: People, facts: Frame, time_zone: str) -> People:
    """People, and what the facts that stand say of them."""
    stands = choose(facts, (facts["flags"] & (RETRACT | ECHO)) == 0) if facts else facts
    if not rows_of(stands):
        return people
    return merge([people, reduce_observations(stands, time_zone)])


def people_by_traffic(people: People) -> list[tuple[int, People]]:
    """People without automata count in both traffics and travel once; the others in each."""
    flagged = [frame["actor"][frame["valid"] == 0] for frame in people]
    if not any(map(len, flagged)):
        return [(BOTH, people)]
    suspects = np.unique(np.concatenate(flagged))
    mixed = of_actors(people, suspects)
    valid = People(*(choose(frame, frame["valid"] == 1) for frame in mixed))
    clean = without_actors(people, suspects)
    return [(BOTH, clean), (GROSS, mixed), (VALID_ONLY, valid)]


def _sum_by_grouping(parts: list[Part]) -> pa.RecordBatch:
    """Parts summed one grouping set at a time: the whole is several times as large before."""
    sums = []
    for grouping in range(len(GROUPINGS)):
        own = [part for part in parts if part[0] == grouping]
        parts = [part for part in parts if part[0] != grouping]
        sums.append(sum_partials([partial_batch(own)]))
    return concatenated(sums)


def _negated(frame: Frame, dimensions: tuple[str, ...]) -> Frame:
    kept = {*dimensions, "start", "item"}
    return {name: v if name in kept else -v for name, v in frame.items()}
