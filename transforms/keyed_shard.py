"""One shard of a stream: the Attend machine, what it told the families, and the pace it keeps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from schemas.coder import Packed
from transforms.attend import Attend, Attended, recall
from transforms.calendar import NEVER
from transforms.fragments import fragment, frames_of, greatest, kind_of
from transforms.fragments import number as one_number
from transforms.frame import Frame, rows_of
from transforms.late import Ledger, late_batch, reset_batch
from transforms.partials import split_by_family
from transforms.progress import MOST_HELD, Mark, mark_batch, sent_by
from transforms.rules import AttendRules

SOON = 8 * 60
"""Minutes that a stream may come further before a shard closes without waiting for the beat: a jump
of more is the end of a stream, which no beat may follow, or of a silence. A timer is set so far
ahead (`attend_keyed.AHEAD`), which tells of it."""

HURRY = 8.0
"""Seconds of stream in a second of the wall's above which a stream catches up."""

PATIENCE = 2
"""Beats that a shard of a stream that catches up waits for one: what an emission costs is for the
most part the same however much it holds, and nobody watches early figures of long ago."""

SKETCHES_AN_ELEMENT = 256
"""Rows of at most 32 KB each: an element of at most 8 MB."""


class Shard:
    """One shard of a stream: the Attend machine, what it sent each family, rows of the ledger."""

    def __init__(
        self, key: int, families: int, machine: Attend, sent: np.ndarray, ledgered: int = 0
    ) -> None:
        self.number, self.machine = key, machine
        self.ledgered = ledgered
        """Rows of the late ledger written so far."""
        self.silent = True
        """Has the ledger not been told yet which of its rows are remembered?"""
        self._families, self._sent = families, sent
        self._emitted_at = -math.inf
        self._lost_before: float | None = None
        self._held_until: int | None = None
        self._heard_through, self._speed = machine.state.last_minute, 0.0

    @property
    def reached(self) -> int:
        """The minute that the stream had reached when this shard closed last."""
        return self.machine.state.closed_through + self.machine.rules.hot_minutes

    @property
    def beats(self) -> int:
        """How many of the cadence's beats there are from one emission to the next."""
        return PATIENCE if self._speed > HURRY else 1

    def restored(self, lost_before: float) -> None:
        """State remembers this shard; a life that ended before this time, in seconds, may have
        known more."""
        self._lost_before = lost_before

    def held_until(self, reached: int) -> int | None:
        """The minute before which a restored shard closes nothing; None when it is reached, and
        when it has closed since.

        What the life before had in time between its last checkpoint and its end has been told, and
        must be in time again, though beats and closings fall otherwise in this life: or a figure of
        it would stand that nobody withdraws. All of it had arrived at the source when that life
        ended, and has come again when the stream, which is in time of arrival, is as far.
        """
        if self._lost_before is None:
            return None
        if self._held_until is None:
            whole = int(self._lost_before // 60) + 1
            self._held_until = min(whole, reached + MOST_HELD)
        return self._held_until if reached < self._held_until else None

    def waits(self, reached: int, now: float, every_seconds: float) -> bool:
        """Shall this minute be closed with the next beat? `now` is in seconds.

        Closing takes an emission before it, and one less than a beat after another costs as much.
        """
        again = now - self._emitted_at < every_seconds
        closed = self.machine.state.closed_through > NEVER
        before = self.reached if closed else self.machine.state.last_minute
        return again and reached - before < SOON

    def emit(self, now: float) -> tuple[list[Attended], list[tuple[int, Packed]]]:
        """What became of what was added since, and deltas by family. `now` is in seconds.

        Of a restored shard, until it closes, each statement of a fact comes with a delta of its
        own: the life before may have told it, and a family must know that it was there.
        """
        restored = self._lost_before is not None
        emissions = self.machine.emit_in_turns() if restored else [self.machine.emit()]
        self._pace(now)
        deltas = []
        for attended in emissions:
            for family, part in split_by_family(attended.partials, self._families):
                deltas.append((family, self._numbered(family, part)))
        return emissions, deltas

    def _pace(self, now: float) -> None:
        """Note how fast the stream surely came on since the emission before."""
        heard, waited = self.machine.state.last_minute, now - self._emitted_at
        ahead = heard - self._heard_through
        # A stream at its own pace comes into a new minute, too. More than SOON is no pace but the
        # first that is heard, or the first after a silence.
        whole_minutes = ahead - 1 if 0 < ahead < SOON else 0
        self._speed = whole_minutes * 60 / max(waited, 1e-3)
        self._heard_through, self._emitted_at = heard, now

    def _numbered(self, family: int, part: pa.RecordBatch) -> Packed:
        """Something for a family, as the next of all that this shard has sent it."""
        self._sent[family] += 1
        return Packed.pack(sent_by(part, self.number, int(self._sent[family])))

    def ledger(self, late: Frame, epoch: int, now: datetime) -> Iterator[pa.RecordBatch]:
        """LATE_EVENT batches of what did not count; before the first, which rows are remembered."""
        ledger = Ledger(epoch, self.number, self.ledgered)
        if self.silent:
            self.silent = False
            yield reset_batch(ledger, now - timedelta(microseconds=1))
        if rows_of(late):
            self.ledgered += rows_of(late)
            yield late_batch(late, self.machine.state.closed_through, ledger, now)

    def close(self, reached: int) -> Iterator[tuple[int, Packed]]:
        """Close what the stream's reaching a minute closes; a mark for every family.

        Before the marks, the sketches of the days that this seals: who believes the mark has them.
        """
        self._lost_before = None
        for sketches in self.machine.close(reached):
            for family, part in split_by_family(sketches, self._families):
                for start in range(0, part.num_rows, SKETCHES_AN_ELEMENT):
                    piece = part.slice(start, SKETCHES_AN_ELEMENT)
                    yield family, self._numbered(family, piece)
        for family, sequence in enumerate(self._sent.tolist()):
            mark = Mark(self.number, sequence, reached, reached - self.machine.rules.hot_minutes)
            yield family, Packed.pack(mark_batch(mark))

    def learnt(self) -> list[pa.RecordBatch]:
        return [*self.machine.learnt(), *self._written()]

    def memory(self) -> list[pa.RecordBatch]:
        return [*self.machine.memory(), *self._written()]

    def _written(self) -> list[pa.RecordBatch]:
        return [*fragment("sent", {"count": self._sent}), *one_number("ledgered", self.ledgered)]


def recall_shard(
    key: int,
    families: int,
    rules: AttendRules,
    fragments: list[pa.RecordBatch],
    lost_before: float,
) -> Shard:
    """The shard whose memory the fragments are; without any, a new one, which has lost nothing."""
    sent = np.zeros(families + 1, dtype=np.int64)
    for frame in frames_of("sent", fragments):
        sent = np.maximum(sent, frame["count"])
    own = [batch for batch in fragments if kind_of(batch) not in ("sent", "ledgered")]
    shard = Shard(key, families, recall(rules, own), sent, greatest("ledgered", fragments, 0))
    if fragments:
        shard.restored(lost_before)
    return shard
