"""A recorded file read again at its own pace: what is due now, and how far time has come."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from pipelines.sources.files import InputFile
from pipelines.sources.formats import FileFailure
from pipelines.sources.read_payloads import read_payloads
from pipelines.sources.replay_arrivals import arrivals_in_file, newest_until
from pipelines.sources.streaming import StreamSettings
from schemas.event import INSTANT
from schemas.payload import payload_batch

MICROS = 1_000_000
_MOST_AFTER_END = 6 * 3600 * MICROS
"""The plan's end passes over wrong clocks. What arrived so long after it has one of them."""


@dataclass(frozen=True)
class Pace:
    """Stream time as a function of the clock: `origin` at `started`, `speed` seconds a second.

    `origin` and `end` are µs since the epoch, `started` seconds. A speed of 0 or infinity is as
    fast as can be: everything is due at once. Stream time stops at `end`.
    """

    origin: int
    end: int
    started: float
    speed: float

    @property
    def unpaced(self) -> bool:
        return not self.speed or math.isinf(self.speed)

    def stream_time(self, now: float) -> int:
        """Stream time at `now` (seconds since the epoch); `end` where the replay is not paced."""
        if self.unpaced:
            return self.end
        passed = round(max(0.0, now - self.started) * self.speed * MICROS)
        return min(self.origin + passed, self.end)

    def is_due(self, arrival: int, now: float) -> bool:
        """Is it time for a record of that arrival? At the end it is time for all."""
        return self.unpaced or arrival <= self.stream_time(now) or self.stream_time(now) >= self.end


class Due(NamedTuple):
    """Records that are due: a PAYLOAD batch, `arrived_time` their arrival in stream time."""

    payloads: pa.RecordBatch
    newest: int


class Unreadable(NamedTuple):
    """What could not be a record, as if it had arrived with the newest one before it."""

    failure: FileFailure
    newest: int


Found: TypeAlias = Due | Unreadable


class ReplayReader:
    """The records of a file in order, from the one after the first `read` on.

    `newest` is the greatest arrival before that. Records are released in the order of the file,
    each when the greatest arrival up to it is due; one that goes back stays as it is: it is late.
    Holds one batch. OSError where the disk fails.
    """

    def __init__(self, file: InputFile, pace: Pace, rows: int, read: int, newest: int | None):
        self.file, self.pace = file, pace
        self.read, self.newest = read, newest
        self._rows = rows
        self._items = _after(read_payloads(file, rows), read)
        self._held: Any = None
        self._order = np.zeros(0, dtype=np.int64)
        self._ended = False

    @property
    def ended(self) -> bool:
        """Has everything been given?"""
        return self._ended and self._held is None

    def peek(self, now: float) -> Found | None:
        """What is due now, still to be taken; None where nothing is, or the file has ended."""
        self._fill()
        if self._held is None:
            return None
        if isinstance(self._held, FileFailure):
            return Unreadable(self._held, self._before)
        due = len(self._order)
        if not self.pace.is_due(int(self._order[-1]), now):
            due = int(np.searchsorted(self._order, self.pace.stream_time(now), side="right"))
        if not due:
            return None
        return Due(self._held.slice(0, due), int(self._order[due - 1]))

    def take(self, found: Found) -> None:
        """Count as given what `peek` gave."""
        self.newest = found.newest
        if isinstance(found, Unreadable) or self._held is None:
            self.read += 1
            self._held = None
            return
        given = len(found.payloads)
        self.read += given
        self._order = self._order[given:]
        self._held = self._held.slice(given) if len(self._order) else None

    @property
    def _before(self) -> int:
        return self.pace.origin if self.newest is None else self.newest

    def _fill(self) -> None:
        if self._held is not None or self._ended:
            return
        item = next(self._items, None)
        if isinstance(item, pa.RecordBatch):
            arrived = arrivals_in_file(item, self.file, self._before)
            times = arrived.cast(pa.int64()).to_numpy()
            wrong = times > self.pace.end + _MOST_AFTER_END
            # Else it would take the watermark along, and the next records would wait for it.
            times = np.where(wrong, newest_until(np.where(wrong, 0, times), self._before), times)
            self._order = newest_until(times, self.newest)
            item = payload_batch(
                item.column("payload"),
                item.column("position"),
                pa.array(times).cast(INSTANT),
                self.file.path,
                self.file.channel,
            )
        self._held = item
        self._ended = item is None


def _after(
    items: Iterator[pa.RecordBatch | FileFailure], passed: int
) -> Iterator[pa.RecordBatch | FileFailure]:
    """The items without the first `passed` records and failures, which count as one."""
    for item in items:
        size = len(item) if isinstance(item, pa.RecordBatch) else 1
        if passed >= size:
            passed -= size
            continue
        yield item.slice(passed) if isinstance(item, pa.RecordBatch) else item
        passed = 0


def watermark_of(
    reader: ReplayReader, stream: StreamSettings, now: float
) -> tuple[int | None, str]:
    """The watermark of a file that gives nothing more at `now`, µs, and what it rests on.

    Null before the first record, while silence is shorter than the limit. Silence is stream time:
    at speed 60 a file is idle after a second of the clock where the limit is a minute.
    """
    newest = reader.newest
    if reader.ended:
        clock = reader.pace.stream_time(now)
        return clock if newest is None else max(clock, newest), "end"
    allowance = round(stream.allowance_seconds * MICROS)
    resting = None if newest is None else newest - allowance
    if reader.pace.unpaced:
        return resting, "messages"
    clock = reader.pace.stream_time(now)
    silent = clock - (reader.pace.origin if newest is None else newest)
    limit = stream.idle_after_seconds
    if limit is not None and silent > limit * MICROS:
        return clock - allowance, "idle"
    return resting, "messages" if newest is not None and silent <= allowance else "held"
