"""SealedDays: sketches of the days that shards have sealed, until their family has told its rows.

A shard gives its sketches of a day when it seals it, numbered among its deltas. So a family that
believes a shard's word that a day is sealed has the shard's sketches of it, and what adds. It keeps
both for as long as it knows the day's totals, for a family that is recalled says its days again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from schemas.sketch import SKETCH
from transforms.calendar import NEVER, local_windows
from transforms.fragments import greatest, kind_of, number
from transforms.sketch import merged


def last_sealed_day(closed: int, time_zone: str) -> int:
    """Number of the last local day that is whole before minute `closed`; NEVER before NEVER."""
    if closed == NEVER:
        return NEVER
    return int(local_windows(np.array([closed]), time_zone)[0][0]) - 1


@dataclass
class SealedDays:
    """Sketches by local day, and the day up to which rows of sealed days were told."""

    told: int = NEVER
    sketches: list[pa.RecordBatch] = field(default_factory=list)

    def take(self, sketches: pa.RecordBatch) -> pa.RecordBatch:
        """Keep a SKETCH batch; it comes back as it is remembered, without whose it was."""
        plain = sketches.replace_schema_metadata(SKETCH.metadata)
        self.sketches.append(plain)
        return plain

    def of_days(self, after: int, last: int) -> list[pa.RecordBatch]:
        """SKETCH batches of the local days after one and up to another."""
        return [_of_days(each, after, last) for each in self.sketches]

    def tell(self, last: int) -> list[pa.RecordBatch]:
        """Note that rows are told up to a local day; fragments of that."""
        self.told = max(self.told, last)
        return number("days_told", self.told)

    def forget(self, last: int) -> None:
        """Forget sketches of the local days up to one."""
        kept = [_of_days(each, last, np.iinfo(np.int32).max) for each in self.sketches]
        self.sketches = [each for each in kept if each.num_rows]

    def memory(self) -> list[pa.RecordBatch]:
        """Fragments of everything remembered: each sketch once, however many shards gave of it."""
        if len(self.sketches) > 1:
            self.sketches = [merged(self.sketches)]
        return [*number("days_told", self.told), *self.sketches]

    @classmethod
    def recall(cls, fragments: list[pa.RecordBatch]) -> SealedDays:
        """What the fragments of one `memory` and of anything learnt after it tell."""
        sketches = [batch for batch in fragments if kind_of(batch) == "sketch"]
        return cls(greatest("days_told", fragments, NEVER), sketches)


def _of_days(sketches: pa.RecordBatch, after: int, last: int) -> pa.RecordBatch:
    start = sketches.column("start").to_numpy()
    return sketches.filter(pa.array((start > after) & (start <= last)))
