"""Fragments: a machine's memory as small Arrow batches, appended blind, merged when it wakes up.

A machine says what it learnt since it was last asked; the runner appends that to a bag and does not
read the bag while the machine lives. Everything remembered is a union, a maximum or a sum, so the
fragments of any cutting merge to the same memory, and a long bag can be replaced by one merge.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from transforms.frame import Frame, choose, frame_of, rows_of


def fragment(kind: str, frame: Frame) -> list[pa.RecordBatch]:
    """A frame as a batch whose schema names its kind; nothing of a frame without rows."""
    if not rows_of(frame):
        return []
    schema = pa.schema(
        [pa.field(name, pa.from_numpy_dtype(values.dtype)) for name, values in frame.items()],
        metadata={"name": kind},
    )
    return [pa.RecordBatch.from_arrays([pa.array(v) for v in frame.values()], schema=schema)]


def arranged(kind: str, frame: Frame, *by: str) -> list[pa.RecordBatch]:
    """`fragment` with the rows in the order of some columns, which is shorter when it is written.

    A hash, such as a person, is eight bytes that nothing compresses but the same in the row before.
    """
    if not rows_of(frame):
        return []
    return fragment(kind, choose(frame, np.lexsort([frame[name] for name in reversed(by)])))


def kind_of(batch: pa.RecordBatch) -> str:
    """What a fragment holds."""
    return str(batch.schema.metadata[b"name"].decode())


def frames_of(kind: str, fragments: Iterable[pa.RecordBatch]) -> list[Frame]:
    """The frames of the fragments of one kind, in their order."""
    return [frame_of(batch) for batch in fragments if kind_of(batch) == kind]


def greatest(kind: str, fragments: Iterable[pa.RecordBatch], otherwise: int) -> int:
    """The greatest number of the fragments of a kind."""
    return max((int(f["value"].max()) for f in frames_of(kind, fragments)), default=otherwise)


def number(kind: str, value: int) -> list[pa.RecordBatch]:
    """A fragment of one number."""
    return fragment(kind, {"value": np.array([value], dtype=np.int64)})
