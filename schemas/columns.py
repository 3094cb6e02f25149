"""Columns that say the same many times: constants, and values spread from the few to the rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

T = TypeVar("T")

KEPT_ROWS = 65_536
"""Rows of a constant that is kept: batches are smaller, and take a slice."""


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


def spread(values: pa.Array, codes: pa.Array) -> pa.Array:
    """The value of each row, `values[code]`, null where the code is; nothing is copied where all
    values are the same.
    """
    if values.null_count == len(values):
        return nulls(values.type, len(codes))
    if not codes.null_count and not values.null_count and len(values) < _FEW:
        several = values.to_pylist()
        if several.count(several[0]) == len(several):
            return constant(several[0], values.type, len(codes))
    return values.take(codes)


_FEW = 256
"""Of more values than these hardly ever all are the same: not worth to look."""


def distinct(objects: Sequence[T]) -> tuple[list[T], pa.Array]:
    """The objects that rows share, told apart by identity, in order; and each row's code of one."""
    encoded = pa.array(list(map(id, objects)), pa.int64()).dictionary_encode()
    codes = encoded.indices.to_numpy()
    first = np.empty(len(encoded.dictionary), dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return [objects[row] for row in first.tolist()], encoded.indices
