"""What Accumulate remembers of one family shard: written as fragments, recalled, forgotten."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pyarrow as pa

from transforms.calendar import NEVER
from transforms.fragments import fragment, frames_of, kind_of
from transforms.frame import Frame, choose
from transforms.observe import label_batch
from transforms.partials import sum_partials, without_days
from transforms.progress import Progress
from transforms.revise import newest
from transforms.rules import PublishRules
from transforms.sealed_days import SealedDays, last_sealed_day
from transforms.sealed_hours import SealedHours, fold, open_totals, sealed_figures

ON_ITS_WAY = timedelta(minutes=10)
"""A text goes straight to its families, a delta waits in its shard for a beat, and may meet a
queue. By the stream's own time nobody can say for how long: of a backlog a day passes in a second.
"""


@dataclass
class AccumulateState:
    """Totals, texts of label keys, and what was published last, of one family shard."""

    totals: pa.RecordBatch | None = None
    labels: dict[int, str] = field(default_factory=dict)
    named: set[int] = field(default_factory=set)
    """Keys whose texts came since texts were last forgotten, and `named_before` those of the time
    before that: a delta of theirs may still be on its way."""
    named_before: set[int] = field(default_factory=set)
    forgot_texts: datetime | None = None
    published: Frame = field(default_factory=dict)
    sealed: SealedHours = field(default_factory=SealedHours)
    days: SealedDays = field(default_factory=SealedDays)
    progress: Progress = field(default_factory=lambda: Progress(1))
    dropped_day: int = NEVER

    def memory(self) -> list[pa.RecordBatch]:
        """Fragments of everything remembered."""
        totals = [] if self.totals is None else [self.totals]
        return [
            *totals,
            label_batch(self.labels),
            *fragment("published", self.published),
            *self.sealed.memory(),
            *self.days.memory(),
            *self.progress.memory(),
        ]

    def forget_hours(self, through: int, people: Frame, quiet: Frame) -> None:
        """Forget hours before a minute but for what their day needs, which these rows say."""
        if through <= self.sealed.through or self.totals is None:
            return
        self.sealed = fold(self.sealed, people, quiet, through)
        self.totals = open_totals(self.totals, through)
        self.published = choose(self.published, ~sealed_figures(self.published, through))

    def forget_days(self, closed: int, time_zone: str) -> bool:
        """Forget the local days that were sealed an hour ago and are told: they cannot change.

        Whether there were any.
        """
        day = min(last_sealed_day(closed - 60, time_zone), self.days.told)
        if day <= self.dropped_day or self.totals is None:
            return False
        self.dropped_day = day
        self.totals = without_days(self.totals, day, time_zone)
        self.sealed = self.sealed.after_day(day)
        self.days.forget(day)
        if self.published:
            self.published = choose(self.published, self.published["day_of"] > day)
        return True

    def forget_texts(self, now: datetime) -> None:
        """Forget the texts of places of which no day is left and that were not named since this was
        last done, which was ON_ITS_WAY ago at least: whenever something is heard of a place again,
        its text is told again. To be asked for when a day has been forgotten."""
        if self.forgot_texts is not None and now - self.forgot_texts < ON_ITS_WAY:
            return
        if self.totals is None:
            return
        used = self.named | self.named_before
        for dimension in ("content", "brand", "channel"):
            used.update(self.totals.column(dimension).unique().to_pylist())
        self.labels = {key: text for key, text in self.labels.items() if key in used}
        self.named, self.named_before, self.forgot_texts = set(), self.named, now


def recall_state(rules: PublishRules, fragments: list[pa.RecordBatch]) -> AccumulateState:
    """The memory whose fragments these are, of one `memory` and any that were learnt after it."""
    state = AccumulateState(progress=Progress.recall(rules.shards or 1, fragments))
    if deltas := [batch for batch in fragments if kind_of(batch) == "partial"]:
        state.totals = sum_partials(deltas)
    for labels in fragments:
        if kind_of(labels) == "label":
            state.labels.update(zip(labels["key"].to_pylist(), labels["text"].to_pylist()))
    state.named = set(state.labels)
    if published := frames_of("published", fragments):
        state.published = newest(published)
    state.sealed = SealedHours.recall(fragments)
    state.days = SealedDays.recall(fragments)
    if state.progress.closed != NEVER:
        state.forget_days(state.progress.closed, rules.time_zone)
    return state
