"""Sketch: who was there on each local day and in each place, as theta sketches that are united."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.partial import BOTH, TRAFFIC
from schemas.sketch import SKETCH, SKETCH_KEY
from transforms.calendar import local_windows
from transforms.deltas import people_by_traffic
from transforms.derive_windows import DAY
from transforms.frame import Frame, choose, group, rows_of
from transforms.measures.grouping_sets import Dimensions, for_each_grouping
from transforms.measures.people import People, nobody
from transforms.statistics.theta import sketch_of, union_of


def sketch_people(people: People, time_zone: str) -> pa.RecordBatch:
    """SKETCH batch: of each grouping set, place, traffic and local day those who are in its reach.

    Of people whose days are not sealed: a sealed day has a mark for each person, see
    `sealed_people`, and no minutes. Members are the actors of observations, so a person is one
    whichever pseudonym key was in use.
    """
    columns: dict[str, list[np.ndarray]] = {name: [] for name in SKETCH_KEY}
    sketches: list[bytes] = []
    for traffic, some in people_by_traffic(people):
        for number, _, frame in _of_traffic(some.presence, time_zone):
            rows = len(frame["people"])
            for name in ("content", "brand", "channel", "start"):
                columns[name].append(frame.get(name, np.zeros(rows, dtype=np.int64)))
            columns["grouping"].append(np.full(rows, number))
            columns["traffic"].append(np.full(rows, traffic))
            sketches += frame["people"].tolist()
    return _equal_together(_batch(columns, sketches))


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


def _of_traffic(presence: Frame, time_zone: str) -> Iterator[tuple[int, int, Frame]]:
    """(grouping, DAY, keys of each place and day, and `people`, the sketch of its actors)."""
    seen = choose(presence, presence["seen"] != 0)
    seen["start"] = local_windows(seen["hour"].astype(np.int64), time_zone)[0]
    return for_each_grouping(seen, _sketches, _persons)


def _persons(rows: Frame, dimensions: Dimensions) -> Frame:
    key = (*dimensions, "start", "actor")
    return group(rows, key).first(rows, key)


def _sketches(persons: Frame, dimensions: Dimensions) -> Iterator[tuple[int, Frame]]:
    if not rows_of(persons):
        return
    key = (*dimensions, "start")
    places = group(persons, key)
    people = np.empty(len(places.starts), dtype=object)
    people[:] = [sketch_of(a) for a in np.split(persons["actor"][places.order], places.starts[1:])]
    yield DAY, {**places.first(persons, key), "people": people}


def _equal_together(sketches: pa.RecordBatch) -> pa.RecordBatch:
    """Rows with equal sketches one after the other, as of grouping sets that part rows alike.

    Hashes cannot be compressed, but what was said within the last 64 KB can be pointed at.
    """
    first_said = sketches.column("people").dictionary_encode().indices.to_numpy()
    return sketches.take(pa.array(np.argsort(first_said, kind="stable")))


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
