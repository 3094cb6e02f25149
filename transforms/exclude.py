"""Exclude: what streaming left out: events that came late, late changes of facts, other copies.

A recomputation leaves out what streaming left out: ids and arrivals come from its late ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.identity import from_words, words
from transforms.balance import count_events


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Ids, each as `sorted_ids` gives them: of events that do not count, and of those that count
    but do not change the fact that they are about, for it was sealed.

    `copies`, as `copies_of` gives them: of events that count those copies that do not.
    """

    events: np.ndarray
    changes: np.ndarray
    copies: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), dtype=np.int64))


class Excluded(NamedTuple):
    """The events that go on, those left out, and copies of events of which another goes on; all
    with the columns of the batch."""

    kept: pa.RecordBatch
    excluded: pa.RecordBatch
    copies: pa.RecordBatch


def sorted_ids(ids: pa.Array) -> np.ndarray:
    """The distinct ids of a binary(16) column as `LeftOut` takes them.

    int64, two words a row, ordered by the first and then the second word.
    """
    pairs = words(ids)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    repeated = (pairs[1:] == pairs[:-1]).all(axis=1)
    return pairs[np.append(True, ~repeated)[: len(pairs)]]


def copies_of(ids: pa.Array, arrived: pa.Array, happened: pa.Array) -> np.ndarray:
    """Copies, by a binary(16) column of ids and two of instants, as `LeftOut` takes them.

    int64, the id's two words and twice microseconds a row. Two copies may have arrived at once.
    """
    return np.column_stack([words(ids), _micros(arrived), _micros(happened)])


def exclude(events: pa.RecordBatch, left_out: LeftOut) -> Excluded:
    """The rows that go on, those whose event_id is one of `left_out.events`, and `left_out.copies`.

    Of rows that go on, the facts of `left_out.changes` are set apart. The order of rows and the
    metadata of the batch stay.
    """
    found = _found(words(events.column("event_id")), left_out.events)
    copied = _copied(events, left_out.copies) & ~found
    if not found.any() and not copied.any():
        nothing = events.slice(0, 0)
        return Excluded(set_apart(events, left_out.changes), nothing, nothing)
    kept, excluded, copies = (
        events.filter(pa.array(mask)) for mask in (~(found | copied), found, copied)
    )
    return Excluded(set_apart(kept, left_out.changes), excluded, copies)


def _copied(events: pa.RecordBatch, copies: np.ndarray) -> np.ndarray:
    """Mask of the rows that are among the copies."""
    mask = np.zeros(events.num_rows, dtype=bool)
    if len(copies):
        columns = ("event_id", "ingested_time", "event_time")
        own = copies_of(*(events.column(name) for name in columns))
        _, place = np.unique(np.concatenate([copies, own]), axis=0, return_inverse=True)
        mask = np.isin(place[len(copies) :], place[: len(copies)])
    return mask


def _micros(instants: pa.Array) -> np.ndarray:
    return np.asarray(instants.cast(pa.timestamp("us", "UTC")).cast(pa.int64()))


def set_apart(events: pa.RecordBatch, ids: np.ndarray) -> pa.RecordBatch:
    """The events, of which those named by `ids` state another fact than the one that was sealed.

    The complement of its id, and not none: in a stream, late changes of one fact do not reach what
    was sealed, but of two edits that were both in time for each other only the last one stands.
    """
    fact_id = events.column("fact_id")
    found = _found(words(events.column("event_id")), ids)
    if not found.any():
        return events
    pairs = words(fact_id)
    apart = from_words(~pairs[:, 0], ~pairs[:, 1])
    moved = pc.and_(pa.array(found), fact_id.is_valid())
    place = events.schema.get_field_index("fact_id")
    return events.set_column(place, events.schema.field(place), pc.if_else(moved, apart, fact_id))


def _found(pairs: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Mask of the pairs that are among the sorted ids."""
    place = np.searchsorted(ids[:, 0], pairs[:, 0], side="left")
    end = np.searchsorted(ids[:, 0], pairs[:, 0], side="right")
    found = np.zeros(len(pairs), dtype=bool)
    # One turn, unless different ids share their first word.
    while (tried := np.flatnonzero(place < end)).size:
        found[tried] |= ids[place[tried], 1] == pairs[tried, 1]
        place[tried] += 1
    return found


class _ExcludeBatches(beam.DoFn):
    def __init__(self, left_out: LeftOut) -> None:
        self._left_out = left_out

    def process(self, batch: pa.RecordBatch) -> Iterator[Any]:
        kept, excluded, copies = exclude(batch, self._left_out)
        for rows, outcome in ((excluded, "late"), (copies, "duplicate")):
            if rows.num_rows:
                counts = count_events(rows, batch.schema.metadata[b"input"].decode(), outcome)
                yield beam.pvalue.TaggedOutput("counts", counts)
        if kept.num_rows:
            yield kept


class Exclude(beam.PTransform):
    """EVENT batches → `events` that go on, and `counts` of those left out, `late`, and of copies,
    `duplicate`."""

    def __init__(self, left_out: LeftOut) -> None:
        super().__init__()
        self._left_out = left_out

    def expand(self, events: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        return events | "ExcludeBatches" >> beam.ParDo(
            _ExcludeBatches(self._left_out)
        ).with_output_types(pa.RecordBatch, counts=pa.RecordBatch).with_outputs(
            "counts", main="events"
        )
