"""Rows of Parquet as JSON objects, and what of them JSON cannot hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec
import numpy as np
import pyarrow as pa

from pipelines.sources.formats import FileFailure, Read, Records
from pipelines.sources.tables import Group, distinct_names
from schemas.failure import Reason
from schemas.payload import MAXIMUM_PAYLOAD_BYTES

_UNHOLDABLE = (ValueError, OverflowError, LookupError)
"""Values Python cannot hold: text that is not UTF-8, the year 10000, a time zone of no place."""
_ENCODE = msgspec.json.Encoder(enc_hook=str).encode
_Change: TypeAlias = Callable[[pa.DataType], pa.DataType]


def rows_as_json(batch: pa.RecordBatch, number: int) -> Read:
    """Each row as a JSON object by the names of its columns; rows are counted from `number`.

    Times are ISO 8601, cut to microseconds, decimals text, bytes base64. An empty or repeated name
    is called after its column's place. A row with a value that JSON cannot hold is a FileFailure
    that names the first such column; its payload is the row, with what is stored in place of each
    such value: text as base64 of its bytes, times and dates as numbers.
    """
    # Python's dictionaries would keep one of several columns of a name.
    batch = batch.rename_columns(distinct_names(batch.schema.names))
    columns = [_cast(column, _in_microseconds) for column in batch.columns]
    batch = pa.record_batch(columns, batch.schema.names)
    try:
        encoded = [_ENCODE(row) for row in batch.to_pylist()]
    except _UNHOLDABLE:
        # One row must not stop the others.
        yield from _one_by_one(batch, number)
    else:
        positions = pa.array(np.arange(number, number + batch.num_rows))
        yield Records(pa.array(encoded, pa.large_binary()), positions)


def _one_by_one(batch: pa.RecordBatch, number: int) -> Read:
    group = Group()
    for row in range(batch.num_rows):
        one = batch.slice(row, 1)
        try:
            group.add(_ENCODE(one.to_pylist()[0]), number + row)
        except _UNHOLDABLE:
            yield _failure(one, number + row)
    yield from group.take()


def _failure(row: pa.RecordBatch, number: int) -> FileFailure:
    cells: list[bytes] = []
    faults: list[tuple[str, Exception]] = []
    for name, column in zip(row.schema.names, row.columns):
        try:
            cell = _ENCODE(column.to_pylist()[0])
        except _UNHOLDABLE as error:
            faults.append((name, error))
            cell = _stored(column)
        cells.append(_ENCODE(name) + b":" + cell)
    payload = b"{" + b",".join(cells) + b"}"
    name, fault = faults[0]
    encoding = isinstance(fault, UnicodeDecodeError)
    reason = Reason.ENCODING if encoding else Reason.INVALID_VALUE
    detail = "expected UTF-8" if encoding else "expected values that JSON can hold"
    return FileFailure(number, detail, payload[:MAXIMUM_PAYLOAD_BYTES], reason, f"$.{name}")


def _stored(column: pa.Array) -> bytes:
    """The one value of a column as it is stored; null where even that is nothing for JSON."""
    try:
        return _ENCODE(_cast(column, _as_stored).to_pylist()[0])
    except (*_UNHOLDABLE, pa.ArrowException):
        return b"null"


def _cast(column: pa.Array, change: _Change) -> pa.Array:
    kind = _changed(column.type, change)
    return column if kind.equals(column.type) else column.cast(kind, safe=False)


def _changed(kind: pa.DataType, change: _Change) -> pa.DataType:
    """A type with `change` made to all that is in it, views of lists apart: Arrow loses by them."""

    def field(of: pa.Field) -> pa.Field:
        return of.with_type(_changed(of.type, change))

    types = pa.types
    if types.is_struct(kind):
        return pa.struct([field(each) for each in kind])
    if types.is_map(kind):
        return pa.map_(field(kind.key_field), field(kind.item_field), kind.keys_sorted)
    if types.is_fixed_size_list(kind):
        return pa.list_(field(kind.value_field), kind.list_size)
    if types.is_large_list(kind):
        return pa.large_list(field(kind.value_field))
    if types.is_list(kind):
        return pa.list_(field(kind.value_field))
    if types.is_dictionary(kind):
        value = _changed(kind.value_type, change)
        return kind if value.equals(kind.value_type) else value
    return change(kind)


def _in_microseconds(kind: pa.DataType) -> pa.DataType:
    """Times in microseconds, which is what Python's own can hold."""
    if getattr(kind, "unit", None) != "ns":
        return kind
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    return pa.time64("us") if pa.types.is_time(kind) else pa.duration("us")


def _as_stored(kind: pa.DataType) -> pa.DataType:
    """Texts as bytes, times and dates as numbers."""
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return _changed(kind.storage_type, _as_stored)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return pa.large_binary()
    if types.is_temporal(kind):
        return pa.int32() if types.is_date32(kind) or types.is_time32(kind) else pa.int64()
    return kind
