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
    of_actors,
    reduce_observations,
    without_actors,
)
from transforms.measures.sides import after_of, side_by_side
from transforms.partials import concatenated, partial_batch, rows_batch, sum_partials

GROSS, VALID_ONLY = range(len(TRAFFIC))

Part = tuple[int, int, int, Frame]
"""Grouping, traffic, window, and a frame of some columns."""


class Added(NamedTuple):
    """Partials of columns that need no memory, as parts or, of few rows, as one batch."""

    parts: list[Part]
    batch: pa.RecordBatch | None


def added(new: Frame, time_zone: str) -> Added:
    """Events and time watched of observations that count."""
    if rows_of(new) <= together.FEW_ROWS:
        return Added([], rows_batch(list(together.additive_together(new, time_zone))))
    return Added(list(additive(new, time_zone)), None)


def deltas(events: Added, people: People, time_zone: str) -> pa.RecordBatch:
    """PARTIAL batch: what is added, plus the counts after less those before; no row of zeros.

    `people` are of two sides, or of one if nothing was before: see `sides`.
    """
    counted = list(_counted(people))
    batches = [] if events.batch is None else [events.batch]
    if together.few(*(rows for _, rows in counted)):
        frames = list(together.count_together(counted, time_zone)) if counted else []
        parted = [partial_batch(events.parts)] if events.parts else []
        return sum_partials([*batches, *parted, rows_batch(frames)])
    parts = list(events.parts)
    for traffic, rows in counted:
        for grouping, window, frame in count_people(rows, time_zone):
            parts.append((grouping, traffic, window, frame))
    summed = _sum_by_grouping(parts)
    return sum_partials([*batches, summed]) if batches else summed


def _counted(people: People) -> Iterator[tuple[int, Counted]]:
    """(traffic, rows) to count, of both sides."""
    for traffic, some in people_by_traffic(people):
        rows = changed(some)
        if any(map(rows_of, (rows.hours, rows.days, *rows.acts))):
            yield traffic, rows


def with_facts_of_both(
    people: People, before: People, facts: tuple[Frame, Frame], time_zone: str
) -> People:
    """People of both sides, with the facts that stand of them after and before.

    `people` are of both sides already, without their facts; `before` is one side of them.
    """
    standing = [_standing(side) for side in facts]
    if not any(map(rows_of, standing)):
        return people
    sides = after_of(people), before
    return side_by_side(*(with_facts(s, f, time_zone) for s, f in zip(sides, facts)))


def with_facts(people: People, facts: Frame, time_zone: str) -> People:
    """People, and what the facts that stand say of them."""
    stands = _standing(facts)
    if not rows_of(stands):
        return people
    return merge([people, reduce_observations(stands, time_zone)])


def _standing(facts: Frame) -> Frame:
    return choose(facts, (facts["flags"] & (RETRACT | ECHO)) == 0) if facts else facts


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
