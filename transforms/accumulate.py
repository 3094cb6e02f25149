"""Accumulate: the state machine that adds partial deltas by family and publishes what changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa

from schemas.identity import label_key
from transforms.derive import derive
from transforms.fragments import fragment, frames_of, kind_of
from transforms.frame import Frame, choose, mix, rows_of, stack
from transforms.observe import label_batch
from transforms.partials import by_traffic, concatenated, sum_partials
from transforms.publish import FIGURE_KEY, figures_of, metric_rows
from transforms.suppress import WITHDRAWN

ROWS_A_BATCH = 65_536
TOTALS_FAMILY = 0
"""The family shard of totals and channels; contents and brands have the others."""
MOST_PENDING_ROWS = 500_000
"""Deltas held before they are added up: about 100 MB."""
_FINGERPRINT = ("value", "numerator", "denominator", "low", "high", "coverage")


@dataclass(frozen=True)
class PublishRules:
    """Time zone, registered channels and epoch of one property's figures."""

    time_zone: str
    registered_channels: tuple[str, ...]
    epoch: int = 0


@dataclass
class AccumulateState:
    """Totals, texts of label keys, and what was published last, of one family shard."""

    totals: pa.RecordBatch | None = None
    labels: dict[int, str] = field(default_factory=dict)
    published: Frame = field(default_factory=dict)


class Accumulate:
    """add(deltas), name(labels), publish(now) → METRIC rows that changed. One a family shard."""

    def __init__(
        self, rules: PublishRules, totals_family: bool, state: AccumulateState | None = None
    ) -> None:
        self.rules = rules
        self.totals_family = totals_family
        self.state = state or AccumulateState()
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self._learnt: list[pa.RecordBatch] = []

    def add(self, deltas: pa.RecordBatch) -> None:
        """Take a PARTIAL batch of signed deltas."""
        self._pending.append(deltas)
        self._pending_rows += deltas.num_rows
        if self._pending_rows >= MOST_PENDING_ROWS:
            self._sum()

    def _sum(self) -> pa.RecordBatch:
        """Add what is pending to the totals."""
        before = [self.state.totals] if self.state.totals is not None else []
        deltas = sum_partials(self._pending)
        totals = sum_partials([*before, deltas]) if before else deltas
        self._learnt.append(deltas)
        self.state.totals, self._pending, self._pending_rows = totals, [], 0
        return totals

    def learnt(self) -> list[pa.RecordBatch]:
        """Fragments of deltas, texts and publications since this was last asked."""
        fragments, self._learnt = self._learnt, []
        return [batch for batch in fragments if batch.num_rows]

    def memory(self) -> list[pa.RecordBatch]:
        """Fragments of everything remembered."""
        state = self.state
        totals = [] if state.totals is None else [state.totals]
        return [*totals, label_batch(state.labels), *fragment("published", state.published)]

    def name(self, labels: pa.RecordBatch) -> None:
        """Take a LABEL batch."""
        self.state.labels.update(zip(labels["key"].to_pylist(), labels["text"].to_pylist()))
        self._learnt.append(labels)

    def publish(self, now: datetime, cause: str = "late_data") -> pa.RecordBatch:
        """METRIC rows that are new or differ from what was published; nothing when nothing changed.

        The first row of a figure has revision 0 and the cause `first`; a changed one has the next
        revision and the given cause; one whose events are all gone is withdrawn, with a row. A
        figure waits for the texts of its content, brand and channel: without them it would be of
        nobody knows what.
        """
        return concatenated([*self.rows(now, cause)])

    def rows(self, now: datetime, cause: str = "late_data") -> Iterator[pa.RecordBatch]:
        """The rows of `publish`, at most ROWS_A_BATCH at a time and at least one batch."""
        changed, first, labels = self._figures()
        for start in range(0, max(rows_of(changed), 1), ROWS_A_BATCH):
            part = slice(start, start + ROWS_A_BATCH)
            causes = np.where(first[part], "first", cause)
            figures = choose(changed, part)
            yield metric_rows(figures, labels, self.rules.time_zone, self.rules.epoch, causes, now)

    def _figures(self) -> tuple[Frame, np.ndarray, dict[int, str]]:
        """Figures to publish, which of them are first, and the texts of their keys."""
        state, rules = self.state, self.rules
        totals = self._sum()
        own = {label_key(name): name for name in rules.registered_channels}
        labels = own | state.labels
        registered = np.array(list(own), dtype=np.int64)
        derived = derive(by_traffic(totals), rules.time_zone, registered, self.totals_family)
        figures = _named(figures_of(derived), labels)
        figures["key"] = mix([figures[name] for name in FIGURE_KEY])
        figures["fingerprint"] = _fingerprints(figures)
        figures["revision"] = np.zeros(rows_of(figures), dtype=np.int64)
        changed, first = self._changed(figures)
        self._learnt += fragment("published", changed)
        return changed, first, labels

    def _changed(self, figures: Frame) -> tuple[Frame, np.ndarray]:
        """Rows to publish and which of them are first; `published` becomes the present."""
        old = self.state.published
        if not rows_of(old):
            self.state.published = figures
            return figures, np.ones(rows_of(figures), dtype=bool)
        order = np.argsort(old["key"])
        place = np.minimum(np.searchsorted(old["key"][order], figures["key"]), rows_of(old) - 1)
        known = old["key"][order][place] == figures["key"]
        same = known & (old["fingerprint"][order][place] == figures["fingerprint"])
        previous = old["revision"][order][place]
        figures["revision"] = np.where(known, previous + ~same, 0)
        gone = choose(old, ~np.isin(old["key"], figures["key"]))
        kept, gone = (
            choose(gone, gone["suppressed"] == WITHDRAWN),
            choose(gone, gone["suppressed"] != WITHDRAWN),
        )
        for name in ("value", "numerator", "denominator", "low", "high"):
            gone[name] = np.full(rows_of(gone), np.nan)
        gone["suppressed"] = np.full(rows_of(gone), WITHDRAWN, dtype=np.int8)
        gone["n"] = np.zeros(rows_of(gone), dtype=np.int64)
        gone["revision"] = gone["revision"] + 1
        gone["fingerprint"] = _fingerprints(gone)
        self.state.published = stack([figures, gone, kept], figures)
        changed = stack([choose(figures, ~same), gone], figures)
        first = np.concatenate([~known[~same], np.zeros(rows_of(gone), dtype=bool)])
        return changed, first


def recall(rules: PublishRules, totals_family: bool, fragments: list[pa.RecordBatch]) -> Accumulate:
    """The machine whose memory the fragments are, of one `memory` and any `learnt` after it."""
    machine = Accumulate(rules, totals_family)
    state = machine.state
    if deltas := [batch for batch in fragments if kind_of(batch) == "partial"]:
        state.totals = sum_partials(deltas)
    for labels in fragments:
        if kind_of(labels) == "label":
            state.labels.update(zip(labels["key"].to_pylist(), labels["text"].to_pylist()))
    if published := frames_of("published", fragments):
        every = stack(published, published[0])
        newest = np.lexsort((every["revision"], every["key"]))
        last = np.append(every["key"][newest][1:] != every["key"][newest][:-1], True)
        state.published = choose(every, newest[last])
    return machine


def _named(figures: Frame, labels: dict[int, str]) -> Frame:
    """The figures whose dimensions all have their texts; 0 is no dimension and needs none."""
    known = np.array([0, *labels], dtype=np.int64)
    keys = [figures[name] for name in ("content", "brand", "channel")]
    return choose(figures, np.logical_and.reduce([np.isin(key, known) for key in keys]))


def _fingerprints(figures: Frame) -> np.ndarray:
    """64-bit keys of everything a row says, bit by bit."""
    bits = [np.ascontiguousarray(figures[name]).view(np.int64) for name in _FINGERPRINT]
    return mix([*bits, figures["n"], figures["suppressed"]])
