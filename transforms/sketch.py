"""Sketch: who was there on each local day and in each place, as theta sketches that are united."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.partial import BOTH, GROUPINGS, TRAFFIC
from schemas.sketch import SKETCH, SKETCH_KEY
from transforms.calendar import local_windows
from transforms.deltas import people_by_traffic
from transforms.frame import Frame, choose, group, rows_of
from transforms.measures.grouping_sets import with_dimensions
from transforms.measures.people import People, nobody
from transforms.statistics.theta import sketch_of, union_of


def sketch_people(people: People, time_zone: str) -> pa.RecordBatch:
    """SKETCH batch: of each grouping set, place, traffic and local day those who are in its reach.

    Of people whose days are not sealed: a sealed day has a mark for each person, see
    `sealed_people`, and no minutes. Members are the actors of observations, so a person is one
    whichever pseudonym key was in use.
    """
    parts = [
        (number, traffic, frame)
        for traffic, some in people_by_traffic(people)
        for number, frame in _of_traffic(some.presence, time_zone)
    ]
    columns: dict[str, list[np.ndarray]] = {name: [] for name in SKETCH_KEY}
    sketches: list[bytes] = []
    for number, traffic, (keys, members) in parts:
        rows = len(members)
        for name in ("content", "brand", "channel", "start"):
            columns[name].append(keys.get(name, np.zeros(rows, dtype=np.int64)))
        columns["grouping"].append(np.full(rows, number))
        columns["traffic"].append(np.full(rows, traffic))
        sketches += [sketch_of(actors) for actors in members]
    return _batch(columns, sketches)


def sketch_sealed(people: People, before: int, closed: int, time_zone: str) -> list[pa.RecordBatch]:
    """SKETCH batch of the local days that end where minutes before `closed` are sealed, or nothing.

    Minutes before `before` are sealed already, so each day is given once. People are those known
    when it is sealed: who came later for the day, or was taken back later, changes no sketch.
    """
    first, today = local_windows(np.array([max(before, 0), closed]), time_zone)[0].tolist()
    if first == today or not rows_of(people.presence):
        return []
    day = local_windows(people.presence["hour"].astype(np.int64), time_zone)[0]
    there = choose(people.presence, (day >= first) & (day < today))
    sketches = sketch_people(People(there, nobody().actions), time_zone)
    return [sketches] if sketches.num_rows else []


def united(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """One row of each place, traffic and day: BOTH is told apart, and there is none of it left.

    Equal for any order and any cutting of the same people, byte by byte.
    """
    return merged([*map(_told_apart, batches)])


def merged(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """One row of each place, traffic (BOTH is one of its own) and day."""
    table = pa.Table.from_batches(batches, SKETCH)
    grouped = table.group_by(list(SKETCH_KEY), use_threads=False).aggregate([("people", "list")])
    grouped = grouped.sort_by([(name, "ascending") for name in SKETCH_KEY])
    columns = {name: [grouped[name].to_numpy()] for name in SKETCH_KEY}
    return _batch(columns, [union_of(each.as_py()) for each in grouped["people_list"]])


def _of_traffic(
    presence: Frame, time_zone: str
) -> Iterator[tuple[int, tuple[Frame, list[np.ndarray]]]]:
    """(grouping, (keys of each place and day, its distinct actors))."""
    seen = choose(presence, presence["seen"] != 0)
    if not rows_of(seen):
        return
    seen["start"] = local_windows(seen["hour"].astype(np.int64), time_zone)[0]
    for number, dimensions in enumerate(GROUPINGS):
        rows = with_dimensions(seen, dimensions)
        key = (*dimensions, "start")
        persons = group(rows, (*key, "actor")).first(rows, (*key, "actor"))
        places = group(persons, key)
        members = np.split(persons["actor"][places.order], places.starts[1:])
        if rows_of(persons):
            yield number, (places.first(persons, key), members)


def _told_apart(sketches: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of BOTH once for each traffic."""
    place = SKETCH.get_field_index("traffic")
    both = pc.equal(sketches.column(place), pa.scalar(BOTH, pa.int8()))
    shared = sketches.filter(both)
    parts = [sketches.filter(pc.invert(both))]
    for traffic in range(len(TRAFFIC)):
        code = pa.repeat(pa.scalar(traffic, pa.int8()), shared.num_rows)
        parts.append(shared.set_column(place, SKETCH.field(place), code))
    return (
        pa.Table.from_batches(parts, SKETCH).combine_chunks().to_batches()[0]
        if any(part.num_rows for part in parts)
        else sketches
    )


def _batch(columns: dict[str, list[np.ndarray]], sketches: list[bytes]) -> pa.RecordBatch:
    arrays = [
        pa.array(np.concatenate(columns[field.name] or [np.zeros(0)]).astype(np.int64)).cast(
            field.type
        )
        for field in SKETCH
        if field.name != "people"
    ]
    return pa.record_batch([*arrays, pa.array(sketches, pa.binary())], schema=SKETCH)
