"""Exclude: events named by id leave the stream before they are observed, and are counted late.

A recomputation leaves out what streaming left out: the ids come from its late ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa

from schemas.identity import words
from transforms.balance import count_events


class Excluded(NamedTuple):
    """The events that go on, and those left out; both with the columns of the batch."""

    kept: pa.RecordBatch
    excluded: pa.RecordBatch


def sorted_ids(ids: pa.Array) -> np.ndarray:
    """The distinct ids of a binary(16) column as `exclude` takes them.

    int64, two words a row, ordered by the first and then the second word.
    """
    pairs = words(ids)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    repeated = (pairs[1:] == pairs[:-1]).all(axis=1)
    return pairs[np.append(True, ~repeated)[: len(pairs)]]


def exclude(events: pa.RecordBatch, ids: np.ndarray) -> Excluded:
    """The rows whose event_id is none of `ids`, and the rows whose event_id is one of them.

    `ids` is what `sorted_ids` gives. Every copy of an event is on the same side; the order of rows
    and the metadata of the batch stay.
    """
    found = _found(words(events.column("event_id")), ids)
    if not found.any():
        return Excluded(events, events.slice(0, 0))
    return Excluded(events.filter(pa.array(~found)), events.filter(pa.array(found)))


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
    def __init__(self, ids: np.ndarray) -> None:
        self._ids = ids

    def process(self, batch: pa.RecordBatch) -> Iterator[Any]:
        kept, excluded = exclude(batch, self._ids)
        if excluded.num_rows:
            counts = count_events(excluded, batch.schema.metadata[b"input"].decode(), "late")
            yield beam.pvalue.TaggedOutput("counts", counts)
        if kept.num_rows:
            yield kept


class Exclude(beam.PTransform):
    """EVENT batches → `events` that are not named, and `counts` of the others, outcome `late`."""

    def __init__(self, ids: np.ndarray) -> None:
        super().__init__()
        self._ids = ids

    def expand(self, events: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        return events | "ExcludeBatches" >> beam.ParDo(
            _ExcludeBatches(self._ids)
        ).with_output_types(pa.RecordBatch, counts=pa.RecordBatch).with_outputs(
            "counts", main="events"
        )
