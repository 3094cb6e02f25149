"""AttendKeyed: the Attend machine in a stream, under keyed state and two timers.

Observations wait in a bag. With the next beat a processing-time timer lets the machine emit what
they change. An event-time timer, minute by minute, tells it how far the stream has come: it emits,
seals, and tells all families so. A shard that emitted less than a beat ago does so with the next
beat: of a stream that catches up many minutes at once. One that was restored closes nothing before
the stream has come as far as the life before may have. What the machine learnt is appended to the
state as fragments.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import apache_beam as beam
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    BagStateSpec,
    ReadModifyWriteStateSpec,
    TimerSpec,
    on_timer,
)
from apache_beam.utils.timestamp import Timestamp

from schemas.coder import Packed, PackedCoder
from transforms.balance import outcome_batch
from transforms.calendar import MINUTE_US
from transforms.garbage import seldom_look_for_garbage
from transforms.keyed_machine import KeyedMachine, new_step, next_beat
from transforms.keyed_shard import Shard, recall_shard
from transforms.rules import AttendRules

UNARMED = 0
NEWS_BEATS = 2
"""So many beats after its arrival an element is no backlog."""

_LATER = (2, 4, 8, 15, 30, 60, 120, 240, 480, 26 * 60, 31 * 24 * 60)
AHEAD = {"next": 0, **{f"{minutes} minutes": minutes for minutes in _LATER}}
"""Timers beside the next boundary, by their tags, and how many minutes after it they are due.

A timer tells no more than its own time. Of a stream that catches up the watermark passes several at
once, or one after another until the beat with which a shard closes, and the last of them closes
what minute after minute would take as many bundles. Up to the eight hours after which nothing waits
for a beat (`keyed_shard.SOON`) none is more than twice as far as the one before: a shard closes at
least half of what the stream came on since it closed before, and does not fall behind."""


class AttendKeyed(beam.DoFn):
    """(shard, observations) → (family, deltas, marks, sketches of days); `counts`, `late`."""

    PENDING = BagStateSpec("pending", PackedCoder())
    FRAGMENTS = BagStateSpec("fragments", PackedCoder())
    TOKEN = ReadModifyWriteStateSpec("token", beam.coders.BytesCoder())
    ARMED = ReadModifyWriteStateSpec("armed", beam.coders.VarIntCoder())
    POSTPONED = ReadModifyWriteStateSpec("postponed", beam.coders.VarIntCoder())
    EMIT = TimerSpec("emit", TimeDomain.REAL_TIME)
    CLOSE = TimerSpec("close", TimeDomain.WATERMARK)

    def __init__(self, rules: AttendRules, families: int, epoch: int, every_seconds: float) -> None:
        self._rules, self._families = replace(rules, streamed=True), families
        self._epoch, self._every = epoch, every_seconds
        self._step = new_step()

    def setup(self) -> None:
        seldom_look_for_garbage()
        self._shards = KeyedMachine[Shard](
            self._step,
            lambda key, memory, lost_before: recall_shard(
                key, self._families, self._rules, memory, lost_before
            ),
        )

    def process(
        self,
        element: tuple[int, Packed],
        at: Any = beam.DoFn.TimestampParam,
        pending: Any = beam.DoFn.StateParam(PENDING),
        armed: Any = beam.DoFn.StateParam(ARMED),
        emit: Any = beam.DoFn.TimerParam(EMIT),
        close: Any = beam.DoFn.TimerParam(CLOSE),
    ) -> None:
        pending.add(element[1])
        known, caught_up = self._shards.glimpse(element[0]), time.time() - NEWS_BEATS * self._every
        # What arrived just now shows that nothing is to catch up with any more.
        beat = self._every if at.micros > caught_up * 1e6 else self._beat(known)
        emit.set(next_beat(beat))
        # The earliest boundary that may matter, never a later one: elements that run ahead of the
        # watermark must not put off the closing of what is behind them.
        boundary = int(at.micros // MINUTE_US) + 1
        before = armed.read() or UNARMED
        if before == UNARMED or boundary < before:
            _arm(close, armed, boundary)

    @on_timer(EMIT)
    def emit(
        self,
        shard: Any = beam.DoFn.KeyParam,
        pending: Any = beam.DoFn.StateParam(PENDING),
        fragments: Any = beam.DoFn.StateParam(FRAGMENTS),
        token: Any = beam.DoFn.StateParam(TOKEN),
        armed: Any = beam.DoFn.StateParam(ARMED),
        postponed: Any = beam.DoFn.StateParam(POSTPONED),
        close: Any = beam.DoFn.TimerParam(CLOSE),
    ) -> Iterator[Any]:
        awake = self._shards.wake(shard, fragments, token)
        found = list(self._emitted(shard, awake, pending))
        reached = postponed.read()
        if reached:
            postponed.clear()
            found += self._closed(awake, reached, armed, close)
        self._shards.remember(shard, awake, fragments, token)
        yield from found

    @on_timer(CLOSE)
    def close(
        self,
        shard: Any = beam.DoFn.KeyParam,
        at: Any = beam.DoFn.TimestampParam,
        pending: Any = beam.DoFn.StateParam(PENDING),
        fragments: Any = beam.DoFn.StateParam(FRAGMENTS),
        token: Any = beam.DoFn.StateParam(TOKEN),
        armed: Any = beam.DoFn.StateParam(ARMED),
        postponed: Any = beam.DoFn.StateParam(POSTPONED),
        emit: Any = beam.DoFn.TimerParam(EMIT),
        close: Any = beam.DoFn.TimerParam(CLOSE),
    ) -> Iterator[Any]:
        reached = max(int(at.micros // MINUTE_US), postponed.read() or 0)
        awake = self._shards.wake(shard, fragments, token)
        held_until = awake.held_until(reached)
        if held_until is not None:
            postponed.clear()
            _arm(close, armed, held_until)
            self._shards.put_back(shard, token)
            return
        if awake.waits(reached, time.time(), self._beat(awake)):
            postponed.write(reached)
            emit.set(next_beat(self._beat(awake)))
            self._shards.put_back(shard, token)
            return
        postponed.clear()
        found = list(self._emitted(shard, awake, pending)) if reached > awake.reached else []
        found += self._closed(awake, reached, armed, close)
        self._shards.remember(shard, awake, fragments, token)
        yield from found

    def _beat(self, shard: Shard | None) -> float:
        """Seconds between two emissions of a shard, of which nothing may be known yet."""
        return self._every * (shard.beats if shard is not None else 1)

    def _closed(self, awake: Shard, reached: int, armed: Any, close: Any) -> list[Any]:
        """Sketches and marks of a shard that closes, armed for the next boundary.

        A timer that was set for something late is behind one that has fired before: no marks.
        """
        held_until = awake.held_until(reached)
        if held_until is not None:
            _arm(close, armed, held_until)
            return []
        told = list(awake.close(reached)) if reached > awake.reached else []
        boundary = awake.machine.next_boundary(max(reached, awake.reached))
        if boundary is None:
            armed.write(UNARMED)
        else:
            _arm(close, armed, boundary)
        return told

    def _emitted(self, shard: int, awake: Shard, pending: Any) -> Iterator[Any]:
        for packed in _drained(pending):
            awake.machine.add(packed.unpack())
        emissions, deltas = awake.emit(time.time())
        for attended in emissions:
            if attended.outcomes:
                yield beam.pvalue.TaggedOutput("counts", outcome_batch(attended.outcomes))
            for batch in awake.ledger(attended.late, self._epoch, self._shards.stamp(shard)):
                yield beam.pvalue.TaggedOutput("late", batch)
        yield from deltas


def _arm(close: Any, armed: Any, boundary: int) -> None:
    for tag, minutes in AHEAD.items():
        close.set(Timestamp(seconds=(boundary + minutes) * 60), dynamic_timer_tag=tag)
    armed.write(boundary)


def _drained(pending: Any) -> Iterable[Packed]:
    found = list(pending.read())
    pending.clear()
    return found
