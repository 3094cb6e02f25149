"""Rows of Parquet: the payloads that they hold, or each a JSON object by column names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.sources.formats import HEAD_BYTES, FileFailure, Read, Records
from pipelines.sources.parquet_json import rows_as_json
from pipelines.storage import in_bucket, open_random
from schemas.event import INSTANT
from schemas.times import EARLIEST, LATEST

_BYTES = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
)


def read_parquet(path: str, source: Any, rows: int, size: int) -> Read:
    """Each row is a record: its column `payload` if that is bytes or text, else all as JSON.

    With `payload` go `position` (integers) and `arrived_time` (timestamps; UTC if they say nothing)
    where the file has them; nulls, and times outside 1990 to 2100, take the row's number and the
    file's own time, a null payload is empty. What is read at a time follows from the size the
    file states for its rows. A fault ends the file: FileFailure of the next row. `source` is what
    of the file is read: its path or an open file.
    """
    number, offset = 1, 0
    try:
        with pq.ParquetFile(source, pre_buffer=in_bucket(path)) as file:
            for index in range(file.num_row_groups):
                group = file.metadata.row_group(index)
                per_row = max(1, group.total_byte_size // max(1, group.num_rows))
                at_once = max(1, min(rows, size // per_row))
                for batch in file.iter_batches(at_once, row_groups=[index]):
                    yield from _records(batch, number)
                    number += batch.num_rows
                offset = _end(group) or offset
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        found = str(error).partition("\n")[0][:200]
        payload = _from(path, max(0, offset))
        yield FileFailure(number, f"expected sound Parquet, found: {found}", payload)


def _from(path: str, offset: int) -> bytes:
    """The bytes of a file to look at, as they are in it."""
    source = open_random(path)
    with open(source, "rb") if isinstance(source, str) else source as raw:
        raw.seek(offset)
        found: bytes = raw.read(HEAD_BYTES)
        return found


def _end(group: pq.RowGroupMetaData) -> int:
    """Where the pages of a row group end, 0 if it has none.

    Only of a group that has been read: looking at the columns of one that lies ends the process.
    """
    if not group.num_rows:
        return 0
    columns = [group.column(place) for place in range(group.num_columns)]
    starts = [column.dictionary_page_offset or column.data_page_offset for column in columns]
    return max((s + c.total_compressed_size for s, c in zip(starts, columns)), default=0)


def _records(batch: pa.RecordBatch, number: int) -> Read:
    positions = pa.array(np.arange(number, number + batch.num_rows))
    payload, position, arrived_time = (
        _only(batch, name) for name in ("payload", "position", "arrived_time")
    )
    payloads = None if payload is None else _bytes(payload)
    if payloads is not None:
        if position is not None and pa.types.is_integer(position.type):
            if pa.types.is_uint64(position.type):
                small = pc.less(position, pa.scalar(2**63, pa.uint64()))
                position = pc.if_else(small, position, pa.scalar(None, pa.uint64()))
            positions = pc.coalesce(position.cast(pa.int64()), positions)
        arrived = None
        if arrived_time is not None and pa.types.is_timestamp(arrived_time.type):
            arrived = _instants(arrived_time)
        yield Records(payloads.fill_null(b""), positions, arrived)
        return
    yield from rows_as_json(batch, number)


def _only(batch: pa.RecordBatch, name: str) -> pa.Array | None:
    """The column of a name; None if there is none, or several."""
    index = batch.schema.get_field_index(name)
    return None if index < 0 else batch.column(index)


def _bytes(column: pa.Array) -> pa.LargeBinaryArray | None:
    """A column of bytes or text in any of Arrow's layouts as bytes; None if it is of other kind."""
    while True:
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        elif isinstance(column.type, pa.BaseExtensionType):
            column = column.storage
        else:
            break
    known = any(test(column.type) for test in _BYTES)
    return column.cast(pa.large_binary()) if known else None


def _instants(times: pa.Array) -> pa.Array:
    if times.type.tz is None:
        times = times.cast(pa.timestamp(times.type.unit, "UTC"))
    micros = times.cast(INSTANT, safe=False)
    believable = pc.and_(
        pc.greater_equal(micros, pa.scalar(EARLIEST, INSTANT)),
        pc.less(micros, pa.scalar(LATEST, INSTANT)),
    )
    return pc.if_else(believable, micros, pa.scalar(None, INSTANT))
