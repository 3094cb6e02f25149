"""TakenBack: what came and was taken back between two publications of a family that was recalled.

The life before may have told it as final, where what takes it back came too late; here nothing of
it was ever told, and nothing that was told is missing.
"""

from __future__ import annotations

from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.partial import COLUMN_NAMES, DIMENSION_NAMES, PARTIAL
from transforms.frame import Frame, choose, rows_of
from transforms.partials import sum_partials


class TakenBack:
    """note(deltas) … ghosts(…): of a life that began when another ended, until it is as far.

    What that life knew of has come again when the stream, which is in time of arrival, reaches the
    minute in which this one began; a stream that is far behind is looked at for as long as its
    shards are held (`keyed_shard`).
    """

    def __init__(self, until_minute: float) -> None:
        self._until = until_minute
        self._parts: list[pa.RecordBatch] = []

    def note(self, deltas: pa.RecordBatch) -> None:
        """Keep what deltas take back."""
        taken = taken_back(deltas)
        if taken.num_rows:
            self._parts.append(taken)

    def over(self, reached: int | None) -> bool:
        """Has everything come again that the life before knew of?"""
        return reached is None or reached >= self._until

    def without(self, totals: pa.RecordBatch) -> pa.RecordBatch | None:
        """The totals as if nothing had been taken back; None where nothing was."""
        if not self._parts:
            return None
        self._parts = [sum_partials(self._parts)]
        return sum_partials([totals, *self._parts])


def taken_back(deltas: pa.RecordBatch) -> pa.RecordBatch:
    """PARTIAL batch of what the rows of a delta subtract, as numbers above zero."""
    zeros = {name: pa.scalar(0, PARTIAL.field(name).type) for name in COLUMN_NAMES}
    less = {name: pc.less(deltas.column(name), zero) for name, zero in zeros.items()}
    rows = reduce(pc.or_, less.values())
    if not rows.true_count:
        return deltas.slice(0, 0)
    columns = [deltas.column(name) for name in DIMENSION_NAMES]
    columns += [
        pc.if_else(less[name], pc.negate(deltas.column(name)), zero).cast(zero.type)
        for name, zero in zeros.items()
    ]
    return pa.RecordBatch.from_arrays(columns, schema=PARTIAL).filter(rows)


def ghosts(once: Frame, figures: Frame, published: Frame) -> Frame:
    """Marked figures that were there once, are not now, and of which nothing has been told."""
    known = [frame["key"] for frame in (figures, published) if rows_of(frame)]
    return choose(once, ~np.isin(once["key"], np.concatenate(known)) if known else slice(None))
