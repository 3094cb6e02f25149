"""Frames: named numpy columns of equal length, and the few group operations the measures need.

Groups are found by sorting one 64-bit mix of the key columns: one sort however many columns. Keys
are hashes already, so two groups meet by accident with the probability they had before: for ten
million groups in a shard, about 3 in a million runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

Frame = dict[str, np.ndarray]


class Groups(NamedTuple):
    """Rows ordered by group, and where each group starts in that order."""

    order: np.ndarray
    starts: np.ndarray

    def first(self, frame: Frame, names: Sequence[str]) -> Frame:
        """The key columns of each group."""
        rows = self.order[self.starts]
        return {name: frame[name][rows] for name in names}

    def sum(self, values: np.ndarray) -> np.ndarray:
        return self._reduce(np.add, values.astype(np.int64, copy=False))

    def maximum(self, values: np.ndarray) -> np.ndarray:
        return self._reduce(np.maximum, values)

    def minimum(self, values: np.ndarray) -> np.ndarray:
        return self._reduce(np.minimum, values)

    def union(self, masks: np.ndarray) -> np.ndarray:
        return self._reduce(np.bitwise_or, masks)

    def sizes(self) -> np.ndarray:
        return np.diff(np.append(self.starts, len(self.order)))

    def _reduce(self, operation: np.ufunc, values: np.ndarray) -> np.ndarray:
        arranged = values.take(self.order)
        if len(self.starts) == len(self.order):
            return arranged
        return operation.reduceat(arranged, self.starts)


def group(frame: Frame, names: Sequence[str]) -> Groups:
    """The groups of equal values of the named columns; without names, one group of all rows.

    They come in the order of the mix of their values: frames that have the same groups have them in
    the same order, however many rows they are.
    """
    length = rows_of(frame)
    if not length:
        return Groups(np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp))
    if not names:
        return Groups(np.arange(length), np.zeros(1, dtype=np.intp))
    order, arranged = _bring_together(mix([frame[name] for name in names]))
    starts = np.flatnonzero(np.concatenate(([True], arranged[1:] != arranged[:-1])))
    return Groups(order, starts)


_PARTS_ENOUGH = ((2, 2**15), (3, 2**22))
"""Parts of 16 bits to sort by, and of how many rows at most: that any two keys agree in them and
differ in the others is then so of one in ten calls."""


def _bring_together(mixed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The order of the keys, equal ones in the order in which they came; the keys in that order.

    numpy sorts 16 bits by counting, at a tenth of what comparing 64 costs. The highest parts are
    sorted by: where no two keys agree in them and differ in the others, that is their whole order.
    """
    parts = next((parts for parts, most in _PARTS_ENOUGH if len(mixed) <= most), 4)
    while True:
        order = _order_by(mixed, parts)
        arranged = mixed[order]
        if parts == 4 or not _apart(arranged, parts):
            return order, arranged
        parts += 1


def _order_by(mixed: np.ndarray, parts: int) -> np.ndarray:
    """The order by so many of the highest parts, from the lowest of them to the highest."""
    shifts = [np.uint64(64 - 16 * part) for part in range(parts, 0, -1)]
    order = np.argsort((mixed >> shifts[0]).astype(np.uint16), kind="stable")
    for shift in shifts[1:]:
        order = order[np.argsort((mixed >> shift).astype(np.uint16)[order], kind="stable")]
    return order


def _apart(arranged: np.ndarray, parts: int) -> bool:
    """Are there neighbours that differ, and agree in so many of their highest parts?"""
    differing = arranged[1:] != arranged[:-1]
    shown = arranged >> np.uint64(64 - 16 * parts)
    return np.count_nonzero(differing) != np.count_nonzero(shown[1:] != shown[:-1])


def mix(columns: Sequence[np.ndarray]) -> np.ndarray:
    """One 64-bit key of several integer columns: two multiplications and shifts after each.

    All can be undone, so that rows of which one column differs never meet.
    """
    mixed = np.full(len(columns[0]), 0x94D049BB133111EB, dtype=np.uint64)
    for column in columns:
        mixed ^= column.astype(np.int64, copy=False).view(np.uint64)
        mixed *= np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(32)
        mixed *= np.uint64(0xD6E8FEB86659FD93)
        mixed ^= mixed >> np.uint64(32)
    return mixed


class Among:
    """Which numbers are among some; a few more are taken for such, one in twenty of all others.

    A table of bits instead of a sort: for sets of which more does no harm.
    """

    def __init__(self, some: np.ndarray) -> None:
        self._table = np.zeros(power_of_two(16 * len(some)), dtype=bool)
        self._table[cells_of([some], self._table)] = True

    def __call__(self, numbers: np.ndarray) -> np.ndarray:
        return self._table[cells_of([numbers], self._table)]


def cells_of(columns: Sequence[np.ndarray], table: np.ndarray) -> np.ndarray:
    """The cell of each row, by its mix, in a table whose size is a power of two."""
    return (mix(columns) & np.uint64(len(table) - 1)).astype(np.intp)


def power_of_two(least: int) -> int:
    """The least power of two that is so large; 64 at least."""
    return 1 << max(least - 1, 63).bit_length()


def rows_of(frame: Frame) -> int:
    return len(next(iter(frame.values()))) if frame else 0


def choose(frame: Frame, rows: np.ndarray | slice) -> Frame:
    """The rows of a mask, of indices or of a slice. A mask that keeps all copies no column."""
    if isinstance(rows, slice):
        return {name: values[rows] for name, values in frame.items()}
    if rows.dtype == bool:
        if rows.all():
            return dict(frame)
        # The rows of a mask are found once, not with each column: where every other row is kept a
        # processor guesses wrong each second time.
        rows = np.flatnonzero(rows)
    return {name: values.take(rows) for name, values in frame.items()}


def stack(frames: Iterable[Frame], like: Frame) -> Frame:
    """Frames of the same columns one below the other; `like` names the columns if there is none."""
    present = [frame for frame in frames if rows_of(frame)]
    if not present:
        return {name: values[:0] for name, values in like.items()}
    if len(present) == 1:
        return present[0]
    return {name: np.concatenate([f[name] for f in present]) for name in like}


def frame_of(batch: pa.RecordBatch | pa.Table) -> Frame:
    """Integer columns of an Arrow batch as numpy columns."""
    return {
        field.name: batch.column(index).to_numpy(zero_copy_only=False)
        if isinstance(batch, pa.RecordBatch)
        else batch.column(index).to_numpy()
        for index, field in enumerate(batch.schema)
    }


def squares(values: np.ndarray) -> pa.Array:
    """Exact squares of int64 values as decimal128(38, 0), by 32-bit limbs."""
    magnitude = np.abs(values).astype(np.uint64)
    low, high = magnitude & np.uint64(0xFFFFFFFF), magnitude >> np.uint64(32)
    cross = low * high
    bottom = low * low
    shifted = (cross & np.uint64(0x7FFFFFFF)) << np.uint64(33)
    total = bottom + shifted
    carry = (total < bottom).astype(np.uint64)
    top = high * high + (cross >> np.uint64(31)) + carry
    words = np.empty((len(values), 2), dtype=np.uint64)
    words[:, 0], words[:, 1] = total, top
    return decimals(words)


def decimals(words: np.ndarray) -> pa.Array:
    """decimal128(38, 0) of little-endian 128-bit integers given as (n, 2) words."""
    buffer = pa.py_buffer(np.ascontiguousarray(words))
    return pa.Array.from_buffers(pa.decimal128(38, 0), len(words), [None, buffer])
