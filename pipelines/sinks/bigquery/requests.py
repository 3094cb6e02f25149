"""Rows as Storage Write takes them: batches gathered and cut to requests near the limit."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from types import SimpleNamespace

import pyarrow as pa

from schemas.version import VERSION

MOST_BYTES = 9_000_000
"""Of the rows in a request. BigQuery's limit is 10 MB with schema, names and framing; what it bills
and how fast it answers hang on bytes, and each request costs a round trip."""


class Gatherer:
    """Batches in, pieces of at most `most_bytes` out, all but the last nearly full.

    What is gathered is as large as one piece. Sizes are those of the serialized rows, computed
    without serializing them.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._gathered: list[pa.RecordBatch] = []
        self._bytes = 0

    def add(self, batch: pa.RecordBatch) -> list[pa.RecordBatch]:
        """The pieces that are full now, in order. One may be a single row larger than `most`."""
        if not batch.num_rows:
            return []
        size = pa.ipc.get_record_batch_size(batch)
        full: list[pa.RecordBatch] = []
        if self._bytes + size > self._most:
            head = _fitting(batch, size, self._most - self._bytes)
            if head:
                self._gathered.append(batch.slice(0, head))
                batch = batch.slice(head)
                size = pa.ipc.get_record_batch_size(batch)
            full += self.rest()
        if size > self._most:
            *whole, batch = cut(batch, self._most)
            full += whole
            size = pa.ipc.get_record_batch_size(batch)
        self._gathered.append(batch)
        self._bytes += size
        return full

    def rest(self) -> list[pa.RecordBatch]:
        """What has been gathered, as one piece; none where nothing has."""
        gathered, self._gathered, self._bytes = self._gathered, [], 0
        if len(gathered) > 1:
            return [pa.concat_batches(gathered)]
        return gathered


def cut(batch: pa.RecordBatch, most_bytes: int) -> Iterator[pa.RecordBatch]:
    """Slices of the batch, each of at most `most_bytes`, all but the last nearly full.

    A row that alone is larger is a slice of its own.
    """
    size = pa.ipc.get_record_batch_size(batch)
    if size <= most_bytes or batch.num_rows == 1:
        yield batch
        return
    rows = max(1, _rows(batch, size, most_bytes))
    for begin in range(0, batch.num_rows, rows):
        yield from cut(batch.slice(begin, rows), most_bytes)


def _rows(batch: pa.RecordBatch, size: int, most_bytes: int) -> int:
    """A few less than would fit if all rows were alike, for they are not quite."""
    return int(batch.num_rows * 0.97 * most_bytes / size)


def _fitting(batch: pa.RecordBatch, size: int, most_bytes: int) -> int:
    """How many of the first rows fill what is left of a request; 0 where they would not fit."""
    rows = _rows(batch, size, most_bytes)
    fits = rows and pa.ipc.get_record_batch_size(batch.slice(0, rows)) <= most_bytes
    return rows if fits and rows < batch.num_rows else 0


def request(
    rows: pa.RecordBatch,
    stream: str,
    schema: pa.Schema | None = None,
    offset: int | None = None,
) -> bytes:
    """A serialized AppendRowsRequest. `schema`: in the first of a connection only.

    The stream may be left out of later ones too, says the service; its emulator then finds none.
    """
    message = messages().AppendRowsRequest(write_stream=stream)
    if schema is not None:
        message.trace_id = f"moment:{VERSION}"
        message.arrow_rows.writer_schema.serialized_schema = schema.serialize().to_pybytes()
    if offset is not None:
        message.offset.value = offset
    message.arrow_rows.rows.serialized_record_batch = rows.serialize().to_pybytes()
    return message.SerializeToString()


@cache
def messages() -> SimpleNamespace:
    """The plain protobuf classes of the API: their usual wrappers copy the rows once more."""
    from google.cloud.bigquery_storage_v1 import types

    return SimpleNamespace(
        AppendRowsRequest=types.AppendRowsRequest.pb(),
        AppendRowsResponse=types.AppendRowsResponse.pb(),
        StorageError=types.StorageError.pb(),
        RowErrorCode=types.RowError.RowErrorCode,
        StorageErrorCode=types.StorageError.StorageErrorCode,
    )
