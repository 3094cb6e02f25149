"""What Accumulate remembers of one family shard: written as fragments, recalled, forgotten."""

from __future__ import annotations

from dataclasses import dataclass, field

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


@dataclass
class AccumulateState:
    """Totals, texts of label keys, and what was published last, of one family shard."""

    totals: pa.RecordBatch | None = None
    labels: dict[int, str] = field(default_factory=dict)
    named: set[int] = field(default_factory=set)
    """Keys whose texts came since days were last forgotten, and `named_before` those of the time
    before that: a delta of theirs may still be on its way."""
    named_before: set[int] = field(default_factory=set)
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

    def forget_hours(self, through: int, people: Frame) -> None:
        """Forget hours before a minute but for what their day needs, which `people` says."""
        if through <= self.sealed.through or self.totals is None:
            return
        self.sealed = fold(self.sealed, people, through)
        self.totals = open_totals(self.totals, through)
        self.published = choose(self.published, ~sealed_figures(self.published, through))

    def forget_days(self, closed: int, time_zone: str) -> None:
        """Forget the local days that were sealed an hour ago and are told: they cannot change."""
        day = min(last_sealed_day(closed - 60, time_zone), self.days.told)
        if day <= self.dropped_day or self.totals is None:
            return
        self.dropped_day = day
        self.totals = without_days(self.totals, day, time_zone)
        self.sealed = self.sealed.after_day(day)
        self.days.forget(day)
        if self.published:
            self.published = choose(self.published, self.published["day_of"] > day)
        self.forget_labels()

    def forget_labels(self) -> None:
        """Forget the texts of places of which no day is left and that were not named for a day:
        whenever something is heard of a place again, its text is told again."""
        if self.totals is None:
            return
        used = self.named | self.named_before
        for dimension in ("content", "brand", "channel"):
            used.update(self.totals.column(dimension).unique().to_pylist())
        self.labels = {key: text for key, text in self.labels.items() if key in used}
        self.named, self.named_before = set(), self.named


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
