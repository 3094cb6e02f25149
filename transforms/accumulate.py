"""Accumulate: the state machine that adds partial deltas by family and publishes what changed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from schemas.channels import registered_channels
from schemas.identity import label_key
from schemas.metric import METRIC
from transforms.accumulate_state import AccumulateState, recall_state
from transforms.cadence import Cadence, Due
from transforms.calendar import NEVER, window_ends, window_starts
from transforms.day_partials import day_partials
from transforms.derive import Derived, derive
from transforms.derive_windows import DAY
from transforms.fragments import fragment, kind_of
from transforms.frame import Frame, choose, frame_of, rows_of, stack
from transforms.partials import by_traffic, concatenated, sum_partials
from transforms.progress import MOST_HELD, Progress
from transforms.publish import figures_of, metric_rows
from transforms.revise import marked, revise
from transforms.rules import PublishRules
from transforms.sealed_days import last_sealed_day
from transforms.sealed_hours import hour_before, sealed_figures
from transforms.sketch import united
from transforms.taken_back import TakenBack, ghosts

ROWS_A_BATCH = 65_536
TOTALS_FAMILY = 0
"""The family shard of totals and channels; contents and brands have the others."""
MOST_PENDING_ROWS = 500_000
"""Deltas held before they are added up: about 100 MB."""


class Published(NamedTuple):
    """METRIC rows; final ones go to `metrics`, early ones to `metrics_live`."""

    final: bool
    batch: pa.RecordBatch


class Accumulate:
    """add(deltas), name(labels), publish(now) → METRIC rows that changed. One a family shard."""

    def __init__(
        self, rules: PublishRules, totals_family: bool, state: AccumulateState | None = None
    ) -> None:
        self.rules = rules
        self.totals_family = totals_family
        self.state = state or AccumulateState(progress=Progress(rules.shards or 1))
        self._cadence = Cadence(rules.shards is None)
        self._in_doubt = self._recalled = False
        self._taken: TakenBack | None = None
        names = (*registered_channels(), *rules.registered_channels)
        self._channels = {label_key(name): name for name in names}
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self._said_day = NEVER
        """The local day up to which this very machine told rows: one recalled says them again."""
        self._learnt: list[pa.RecordBatch] = []

    def add(self, deltas: pa.RecordBatch) -> None:
        """Take a PARTIAL batch of signed deltas."""
        self.state.progress.receive(deltas)
        self._cadence.change(deltas)
        if self._taken:
            self._taken.note(deltas)
        self._pending.append(deltas)
        self._pending_rows += deltas.num_rows
        if self._pending_rows >= MOST_PENDING_ROWS:
            self._sum()

    def sketch(self, sketches: pa.RecordBatch) -> None:
        """Take a SKETCH batch: people of a bounded input's days, or of those a shard has sealed."""
        self.state.progress.receive(sketches)
        self._learnt.append(self.state.days.take(sketches))

    def mark(self, mark: pa.RecordBatch) -> None:
        """Take a shard's word on how far the stream has come."""
        self.state.progress.mark(mark)
        self._learnt.append(mark)

    def _sum(self) -> pa.RecordBatch:
        """Add what is pending to the totals."""
        before = [self.state.totals] if self.state.totals is not None else []
        deltas = sum_partials(self._pending)
        totals = sum_partials([*before, deltas]) if before else deltas
        self._learnt += [deltas, *self.state.progress.learnt()]
        self.state.totals, self._pending, self._pending_rows = totals, [], 0
        return totals

    def learnt(self) -> list[pa.RecordBatch]:
        """Fragments of deltas, texts, publications and marks since this was last asked."""
        fragments, self._learnt = self._learnt, []
        marks = [batch for batch in fragments if kind_of(batch) == "mark"]
        others = [batch for batch in fragments if batch.num_rows and kind_of(batch) != "mark"]
        # Each batch takes half a kilobyte to say what it is: marks are many and say little.
        return [*others, *([pa.concat_batches(marks)] if marks else [])]

    def memory(self) -> list[pa.RecordBatch]:
        """Fragments of everything remembered."""
        return self.state.memory()

    def name(self, labels: pa.RecordBatch) -> None:
        """Take a LABEL batch."""
        texts = dict(zip(labels["key"].to_pylist(), labels["text"].to_pylist()))
        self.state.named.update(texts)
        if texts.keys() <= self.state.labels.keys():
            return
        self.state.labels.update(texts)
        self._cadence.everything()
        self._learnt.append(labels)

    def publish(self, now: datetime, cause: str = "late_data") -> pa.RecordBatch:
        """METRIC rows that are new or differ from what was published; nothing when nothing changed.

        The first row of a figure has revision 0 and the cause `first`; a changed one has the next
        revision and the given cause; one whose events are all gone is withdrawn, with a row. A
        figure waits for the texts of its content, brand and channel: without them it would be of
        nobody knows what. A machine that was recalled says everything it knows once more, cause
        `recovery`: what was published after its memory was written is true no longer.
        """
        batches = [rows.batch for rows in self.rows(now, cause)]
        return concatenated(batches or [pa.RecordBatch.from_pylist([], schema=METRIC)])

    def rows(self, now: datetime, cause: str = "late_data") -> Iterator[Published]:
        """The rows of `publish`, at most ROWS_A_BATCH at a time: early ones, then final ones.

        In a stream a window is final when all shards have passed its end; what is published before
        is early. Its first final row has revision 0 again, for it is the first of another table.
        Windows that are not due are left for a later call: see `waiting`.
        """
        changed, why, labels = self._figures(now)
        for final in (False, True):
            chosen = np.flatnonzero(changed["final"] == final)
            for start in range(0, len(chosen), ROWS_A_BATCH):
                part = chosen[start : start + ROWS_A_BATCH]
                causes = np.array(["first", "recovery", cause])[why[part]]
                figures, zone = choose(changed, part), self.rules.time_zone
                batch = metric_rows(figures, labels, zone, self.rules.epoch, causes, now)
                yield Published(final, batch)

    def day_partials(self, now: datetime) -> pa.RecordBatch:
        """DAY_PARTIAL batch of everything added, of a bounded input: it is told once."""
        return self._told(self._sum(), self.state.days.sketches, now)

    def sealed_partials(self, now: datetime) -> pa.RecordBatch | None:
        """DAY_PARTIAL batch of the days that all shards have sealed since it was last asked for.

        None where there is no such day. Nothing that counts can come for it, so it is told once,
        whole: it waits for the texts of all its rows. A machine that was recalled says the days
        that it remembers once more, in the same bytes. To be asked for before `rows`, which
        forgets days that are told. A stream only: of a bounded input nothing is sealed.
        """
        days, after = self.state.days, self._said_day
        last = last_sealed_day(self.state.progress.closed, self.rules.time_zone)
        if last <= after:
            return None
        totals = self._sum()
        frame = {name: totals.column(name).to_numpy() for name in ("window", "start")}
        wanted = (frame["window"] == DAY) & (frame["start"] > after) & (frame["start"] <= last)
        totals = totals.filter(pa.array(wanted & self._begun(frame)))
        keys = frame_of(totals.select(["content", "brand", "channel"]))
        if rows_of(_named(keys, self._labels())) < totals.num_rows:
            return None
        self._said_day = last
        self._learnt += days.tell(last)
        told = self._told(totals, days.of_days(after, last), now)
        return told if told.num_rows else None

    def _told(
        self, totals: pa.RecordBatch, sketches: list[pa.RecordBatch], now: datetime
    ) -> pa.RecordBatch:
        return day_partials(
            by_traffic(totals), united(sketches), self._labels(), self.rules.epoch, now
        )

    def _labels(self) -> dict[int, str]:
        """The texts of keys: those of all channels there are, and those that were told."""
        return self._channels | self.state.labels

    @property
    def waiting(self) -> bool:
        """Is there a change whose window was not due when rows were last asked for?"""
        return self._cadence.waiting

    def _figures(self, now: datetime) -> tuple[Frame, np.ndarray, dict[int, str]]:
        """Figures to publish, why (FIRST, AGAIN, CHANGED), and the texts of their keys."""
        state, rules = self.state, self.rules
        totals = self._sum()
        labels = self._labels()
        reached = None if rules.shards is None else state.progress.reached
        due = self._cadence.due(now, reached)
        derived, figures, named = self._derived(totals, due, reached, labels)
        self._remember_ghosts(totals, figures, due, reached, labels)
        in_question = due.covers(state.published) if state.published else np.zeros(0, bool)
        revised = revise(
            figures, state.published, in_question, self._in_doubt, self._maybe_told(reached)
        )
        state.published = revised.standing
        self._in_doubt = False
        self._learnt += fragment("published", revised.changed)
        self._forget(due, derived if named else None, now)
        return revised.changed, revised.why, labels

    def _derived(
        self, totals: pa.RecordBatch, due: Due, reached: int | None, labels: dict[int, str]
    ) -> tuple[Derived, Frame, bool]:
        """What totals are derived to, marked figures of what is due, and have all their texts?"""
        rules = self.rules
        registered = np.array([label_key(n) for n in rules.registered_channels], dtype=np.int64)
        derived = derive(
            by_traffic(due.needed(totals)),
            rules.time_zone,
            registered,
            self.totals_family,
            reached,
            self.state.sealed,
        )
        every = figures_of(derived)
        figures = _named(every, labels)
        named = rows_of(figures) == rows_of(every)
        figures = choose(figures, due.covers(figures) & self._begun(figures))
        ends = window_ends(figures, rules.time_zone)
        figures["final"] = np.ones_like(ends, bool) if reached is None else ends <= reached
        return derived, marked(figures), named

    def _remember_ghosts(
        self,
        totals: pa.RecordBatch,
        figures: Frame,
        due: Due,
        reached: int | None,
        labels: dict[int, str],
    ) -> None:
        """As if told as early: what was there between two publications, and may have been told."""
        if self._taken is None:
            return
        once = self._taken.without(totals)
        if once is not None:
            _, there, _ = self._derived(once, due, reached, labels)
            told = self._open(ghosts(there, figures, self.state.published))
            told["final"] = np.zeros(rows_of(told), dtype=bool)
            self.state.published = stack([self.state.published, told], told)
        if self._taken.over(reached):
            self._taken = None

    def _open(self, figures: Frame) -> Frame:
        """Those that are not forgotten."""
        state = self.state
        is_open = ~sealed_figures(figures, state.sealed.through)
        return choose(figures, is_open & (figures["day_of"] > state.dropped_day))

    def _maybe_told(self, reached: int | None) -> np.ndarray:
        """Mask of what is published of windows that may have been final before this was recalled.

        The life before may have told a figure as final after its last checkpoint, and lost what
        withdraws it to the late ledger; here that was in time, and the figure is early and gone.
        """
        published = self.state.published
        if not self._recalled or reached is None or not published:
            return np.zeros(rows_of(published), dtype=bool)
        return window_ends(published, self.rules.time_zone) <= reached

    def _begun(self, figures: Frame) -> np.ndarray:
        """Mask of the windows that began no earlier than the rules say."""
        if self.rules.since_minute == NEVER:
            return np.ones(rows_of(figures), dtype=bool)
        return window_starts(figures, self.rules.time_zone) >= self.rules.since_minute

    def _forget(self, due: Due, derived: Derived | None, now: datetime) -> None:
        """Forget what was sealed and is published: hours, but for what their day needs, and days.

        Hours only when everything was just derived from all totals, and every figure has its texts.
        """
        closed = self.state.progress.closed
        if closed == NEVER:
            return
        if derived is not None and due.whole:
            through = hour_before(closed, self.rules.time_zone)
            self.state.forget_hours(through, derived.people, derived.quiet)
        if self.state.forget_days(closed, self.rules.time_zone):
            self.state.forget_texts(now)


def recall(
    rules: PublishRules,
    totals_family: bool,
    fragments: list[pa.RecordBatch],
    lost_before: float = math.inf,
) -> Accumulate:
    """The machine whose memory the fragments are, of one `memory` and any `learnt` after it.

    A life that ended before a time, in seconds, may have told more than they say.
    """
    machine = Accumulate(rules, totals_family, recall_state(rules, fragments))
    if fragments:
        machine._in_doubt = machine._recalled = True
        machine._cadence.everything()
        reached = machine.state.progress.reached
        held = math.inf if reached == NEVER else reached + MOST_HELD
        machine._taken = TakenBack(min(lost_before / 60 + 1, held))
    return machine


def _named(figures: Frame, labels: dict[int, str]) -> Frame:
    """The figures whose dimensions all have their texts; 0 is no dimension and needs none."""
    known = np.array([0, *labels], dtype=np.int64)
    keys = [figures[name] for name in ("content", "brand", "channel")]
    return choose(figures, np.logical_and.reduce([np.isin(key, known) for key in keys]))
