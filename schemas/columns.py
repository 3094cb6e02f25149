"""Columns that say the same many times, and the plain numbers that columns are made of."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.event import INSTANT

KEPT_ROWS = 16_384
"""Rows of a constant that is kept: batches have no more, unless containers are in them, and take a
slice."""


def constant(value: Any, type: pa.DataType, length: int) -> pa.Array:
    """A column of one value; the same few are asked for with every batch, so they are kept."""
    if length > KEPT_ROWS:
        return pa.repeat(pa.scalar(value, type), length)
    return _kept_constant(value, type).slice(0, length)


def nulls(type: pa.DataType, length: int) -> pa.Array:
    """A column of nothing, kept as constants are."""
    if length > KEPT_ROWS:
        return pa.nulls(length, type)
    return _kept_nulls(type).slice(0, length)


@lru_cache(maxsize=512)
def _kept_constant(value: Any, type: pa.DataType) -> pa.Array:
    return pa.repeat(pa.scalar(value, type), KEPT_ROWS)


@lru_cache(maxsize=64)
def _kept_nulls(type: pa.DataType) -> pa.Array:
    return pa.nulls(KEPT_ROWS, type)


class Few:
    """A few values that rows share, told apart by a code; made once, spread to many batches."""

    def __init__(self, values: pa.Array) -> None:
        self.values = values
        self._one = _is_one(values)

    def spread(self, codes: np.ndarray) -> pa.Array:
        """The value of each row; looked up only where they are not all the same."""
        if self._one or (len(codes) and (codes == codes[0]).all()):
            return _repeated(self.values[0 if self._one else int(codes[0])], len(codes))
        return self.values.take(pa.array(codes))


def spread(values: pa.Array, codes: pa.Array) -> pa.Array:
    """The value of each row, `values[code]`, null where the code is; looked up only where they are
    not all the same.
    """
    if values.null_count == len(values):
        return nulls(values.type, len(codes))
    if not codes.null_count and _is_one(values):
        return _repeated(values[0], len(codes))
    return values.take(codes)


_MANY = 256
"""Of more values than these hardly ever all are the same: not worth to look."""


def _is_one(values: pa.Array) -> bool:
    if not 0 < len(values) <= _MANY:
        return False
    listed = values.to_pylist()
    return listed.count(listed[0]) == len(listed)


def _repeated(value: pa.Scalar, length: int) -> pa.Array:
    # Not kept as constants are: what rows say is endless, and may be long.
    return pa.repeat(value, length) if value.is_valid else nulls(value.type, length)


def numbers_of(column: pa.Array) -> np.ndarray:
    """The 64-bit numbers behind an int64 or instant column, not copied; any number where null."""
    buffer = column.buffers()[1]
    if buffer is None:
        return np.zeros(len(column), dtype=np.int64)
    return np.frombuffer(buffer, np.int64, len(column), column.offset * 8)


def validity_of(column: pa.Array) -> np.ndarray | None:
    """At which rows a column has a value; None where at all."""
    if not column.null_count:
        return None
    return column.is_valid().to_numpy(zero_copy_only=False)


def instants_of(micros: np.ndarray) -> pa.Array:
    """An instant column of microseconds since the epoch, not copied."""
    return pa.Array.from_buffers(INSTANT, len(micros), [None, pa.py_buffer(micros)])
