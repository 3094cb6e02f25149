"""Rows of Parquet as JSON objects, and what of them JSON cannot hold."""

from __future__ import annotations

import msgspec
import numpy as np
import pyarrow as pa

from pipelines.sources.formats import FileFailure, Read, Records
from pipelines.sources.tables import Group, distinct_names
from schemas.failure import Reason

_UNHOLDABLE = (ValueError, OverflowError, LookupError)
"""Values Python cannot hold: text that is not UTF-8, the year 10000, a time zone of no place."""
_ENCODE = msgspec.json.Encoder(enc_hook=str).encode


def rows_as_json(batch: pa.RecordBatch, number: int) -> Read:
    """Each row as a JSON object; rows are counted from `number`."""
    # Python's dictionaries would keep one of several columns of a name.
    batch = _without_nanoseconds(batch.rename_columns(distinct_names(batch.schema.names)))
    try:
        encoded = [_ENCODE(row) for row in batch.to_pylist()]
    except _UNHOLDABLE:
        # Text that is not UTF-8 or a value Python cannot hold: one row must not stop the others.
        yield from _one_by_one(batch, number)
    else:
        yield Records(
            pa.array(encoded, pa.large_binary()),
            pa.array(np.arange(number, number + batch.num_rows)),
        )


def _one_by_one(batch: pa.RecordBatch, number: int) -> Read:
    group = Group()
    for row in range(batch.num_rows):
        try:
            group.add(_ENCODE(batch.slice(row, 1).to_pylist()[0]), number + row)
        except _UNHOLDABLE as error:
            encoding = isinstance(error, UnicodeDecodeError)
            reason = Reason.ENCODING if encoding else Reason.INVALID_VALUE
            detail = "expected UTF-8" if encoding else "expected values that JSON can hold"
            yield FileFailure(number + row, detail, b"", reason)
    yield from group.take()


def _without_nanoseconds(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Times in microseconds, which is what Python's own can hold."""
    fields = [
        field.with_type(pa.timestamp("us", field.type.tz))
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns"
        else field
        for field in batch.schema
    ]
    return pa.record_batch(
        [c.cast(f.type, safe=False) for c, f in zip(batch.columns, fields)], pa.schema(fields)
    )
