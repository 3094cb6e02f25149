"""Progress: how far every shard has come, told to the families beside the deltas.

A shard says to each family: the stream has reached this minute, minutes before that one are sealed,
and this is how many deltas I had sent you by then. A family believes it when it has all of these,
by their numbers, so neither the order of delivery nor the runner's watermark decides whether a
figure is final, only what has been counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from transforms.calendar import NEVER
from transforms.fragments import fragment, frames_of, kind_of

MOST_HELD = 60
"""Minutes of stream for which a restored shard closes nothing, at most: what it has to remember
meanwhile is five times what it mostly does."""

_SHARD, _SEQUENCE = b"shard", b"sequence"


class Mark(NamedTuple):
    """A shard's word: deltas sent, minute the stream has reached, minute before which is sealed."""

    shard: int
    sequence: int
    reached: int
    closed: int


def mark_batch(mark: Mark) -> pa.RecordBatch:
    """A mark as an element."""
    return fragment("mark", {n: np.array([v], dtype=np.int64) for n, v in mark._asdict().items()})[
        0
    ]


def sent_by(deltas: pa.RecordBatch, shard: int, sequence: int | None = None) -> pa.RecordBatch:
    """The PARTIAL batch, saying which shard it is of and which one of its deltas: 1, 2, 3 …

    Without a sequence it is taken for the next one: right only where delivery keeps the order.
    """
    said = {_SHARD: str(shard)} | ({} if sequence is None else {_SEQUENCE: str(sequence)})
    return deltas.replace_schema_metadata({**(deltas.schema.metadata or {}), **said})


class Progress:
    """What one family knows of the shards; `shards` of them must speak before anything is final."""

    def __init__(self, shards: int) -> None:
        self._shards = shards
        self._through: dict[int, int] = {}
        """Of each shard, the number up to which all its deltas have come."""
        self._beyond: dict[int, set[int]] = {}
        """Numbers that came though one before them has not."""
        self._marks: dict[int, list[Mark]] = {}
        self._new: list[tuple[int, int, int]] = []

    def receive(self, deltas: pa.RecordBatch) -> None:
        """Count a delta that says its shard; one that does not is of a bounded input."""
        told = deltas.schema.metadata or {}
        if _SHARD in told:
            shard = int(told[_SHARD])
            number = int(told.get(_SEQUENCE, self._through.get(shard, 0) + 1))
            self._count(shard, number, number)
            self._new.append((shard, number, number))

    def _count(self, shard: int, first: int, last: int) -> None:
        """The shard's deltas of these numbers have come."""
        through, beyond = self._through.get(shard, 0), self._beyond.setdefault(shard, set())
        if first <= through + 1:
            through = max(through, last)
        else:
            beyond.update(range(first, last + 1))
        while through + 1 in beyond:
            through += 1
        self._through[shard] = through
        self._beyond[shard] = {number for number in beyond if number > through}

    def mark(self, batch: pa.RecordBatch) -> None:
        for row in batch.to_pylist():
            self._marks.setdefault(row["shard"], []).append(Mark(**row))

    @property
    def reached(self) -> int:
        """The minute all shards have reached, all their deltas of before counted; else NEVER."""
        return self._least("reached")

    @property
    def closed(self) -> int:
        """Minutes before this one are sealed in all shards; NEVER while a shard is silent."""
        return self._least("closed")

    def learnt(self) -> list[pa.RecordBatch]:
        """A fragment of the deltas received since this was last asked; marks are their own."""
        received, self._new = self._new, []
        return _received(received)

    def memory(self) -> list[pa.RecordBatch]:
        """Fragments of everything remembered: what was received, the last marks and those ahead."""
        for shard in list(self._marks):
            self._marks[shard] = self._believed(shard) + self._ahead(shard)
        marks = [mark_batch(mark) for several in self._marks.values() for mark in several]
        received = [(shard, 1, last) for shard, last in self._through.items() if last]
        received += [(shard, n, n) for shard, several in self._beyond.items() for n in several]
        return [*_received(received), *([pa.concat_batches(marks)] if marks else [])]

    @classmethod
    def recall(cls, shards: int, fragments: Iterable[pa.RecordBatch]) -> Progress:
        """The progress of one `memory` and the deltas and marks that came after it."""
        progress = cls(shards)
        fragments = list(fragments)
        for frame in frames_of("received", fragments):
            for shard, first, last in zip(*(frame[n].tolist() for n in ("shard", "first", "last"))):
                progress._count(shard, first, last)
        for batch in fragments:
            if kind_of(batch) == "mark":
                progress.mark(batch)
        return progress

    def _ahead(self, shard: int) -> list[Mark]:
        through = self._through.get(shard, 0)
        return [mark for mark in self._marks.get(shard, ()) if mark.sequence > through]

    def _believed(self, shard: int) -> list[Mark]:
        """The furthest mark whose deltas have all come; none while there is none."""
        through = self._through.get(shard, 0)
        told = [mark for mark in self._marks.get(shard, ()) if mark.sequence <= through]
        return [max(told, key=lambda mark: mark.reached)] if told else []

    def _least(self, name: str) -> int:
        told = [mark for shard in self._marks for mark in self._believed(shard)]
        if len(told) < self._shards:
            return NEVER
        return min(getattr(mark, name) for mark in told)


def _received(ranges: list[tuple[int, int, int]]) -> list[pa.RecordBatch]:
    """A fragment of (shard, first, last): a union, so saying a number twice does no harm."""
    columns = np.array(ranges, dtype=np.int64).reshape(-1, 3)
    return fragment(
        "received", {"shard": columns[:, 0], "first": columns[:, 1], "last": columns[:, 2]}
    )
