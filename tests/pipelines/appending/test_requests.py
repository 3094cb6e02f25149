"""Requests are nearly full and never above the limit."""

from __future__ import annotations

import pyarrow as pa

from pipelines.sinks.bigquery.requests import MOST_BYTES, Gatherer, cut, request
from tests.pipelines.appending.rows import (
    DEFAULT,
    SCHEMA,
    rows,
)
from tests.storage_write import MOST_REQUEST_BYTES


def test_small_batches_travel_together_until_a_request_is_nearly_full():
    gatherer = Gatherer(most_bytes=2000)
    full = [piece for first in range(0, 300, 10) for piece in gatherer.add(rows(first, 10))]

    pieces = full + gatherer.rest()

    sizes = [pa.ipc.get_record_batch_size(piece) for piece in pieces]
    assert [n for piece in pieces for n in piece["n"].to_pylist()] == list(range(300))
    assert all(size <= 2000 for size in sizes)
    assert len(pieces) < 10
    assert gatherer.rest() == []


def test_a_large_batch_is_cut_into_slices_that_are_nearly_full():
    batch = rows(0, 400_000)

    pieces = list(cut(batch, MOST_BYTES))

    sizes = [pa.ipc.get_record_batch_size(piece) for piece in pieces]
    assert pa.concat_batches(pieces).equals(batch)
    assert all(0.9 * MOST_BYTES < size <= MOST_BYTES for size in sizes[:-1])
    assert len(request(pieces[0], DEFAULT, SCHEMA)) < MOST_REQUEST_BYTES


def test_rows_of_very_different_lengths_are_cut_to_the_limit_too():
    batch = pa.record_batch(
        [pa.array(range(50), pa.int64()), ["x" * (20_000 if n == 7 else 10) for n in range(50)]],
        schema=SCHEMA,
    )

    pieces = list(cut(batch, 2000))

    assert pa.concat_batches(pieces).equals(batch)
    assert [
        piece["n"].to_pylist() for piece in pieces if pa.ipc.get_record_batch_size(piece) > 2000
    ] == [[7]]


def test_batches_that_do_not_divide_a_request_fill_it_all_the_same():
    """Each is 0.4 of a request: two fit, and a part of the third."""
    gatherer = Gatherer(most_bytes=100_000)
    full = [piece for first in range(0, 30_000, 1000) for piece in gatherer.add(rows(first, 1000))]

    pieces = full + gatherer.rest()

    assert [n for piece in pieces for n in piece["n"].to_pylist()] == list(range(30_000))
    assert all(85_000 < pa.ipc.get_record_batch_size(piece) <= 100_000 for piece in full)


def test_an_empty_batch_is_no_request():
    assert Gatherer().add(rows(0, 0)) == []
