"""Accumulate: the state machine that adds partial deltas by family and publishes what changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone

import apache_beam as beam
import numpy as np
import pyarrow as pa

from schemas.identity import label_key
from transforms.derive import derive
from transforms.frame import Frame, choose, mix, rows_of, stack
from transforms.partials import by_traffic, sum_partials
from transforms.publish import FIGURE_KEY, figures_of, metric_rows
from transforms.suppress import WITHDRAWN

TOTALS_FAMILY = 0
ROWS_AN_ELEMENT = 65_536
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

    def add(self, deltas: pa.RecordBatch) -> None:
        """Take a PARTIAL batch of signed deltas."""
        self._pending.append(deltas)

    def name(self, labels: pa.RecordBatch) -> None:
        """Take a LABEL batch."""
        self.state.labels.update(zip(labels["key"].to_pylist(), labels["text"].to_pylist()))

    def publish(self, now: datetime, cause: str = "late_data") -> pa.RecordBatch:
        """METRIC rows that are new or differ from what was published; nothing when nothing changed.

        The first row of a figure has revision 0 and the cause `first`; a changed one has the next
        revision and the given cause; one whose events are all gone is withdrawn, with a row.
        """
        state, rules = self.state, self.rules
        before = [state.totals] if state.totals is not None else []
        state.totals = sum_partials([*before, *self._pending])
        self._pending = []
        labels = {label_key(name): name for name in rules.registered_channels}
        registered = np.array(list(labels), dtype=np.int64)
        derived = derive(by_traffic(state.totals), rules.time_zone, registered, self.totals_family)
        figures = figures_of(derived)
        figures["key"] = mix([figures[name] for name in FIGURE_KEY])
        figures["fingerprint"] = _fingerprints(figures)
        figures["revision"] = np.zeros(rows_of(figures), dtype=np.int64)
        changed, first = self._changed(figures)
        causes = np.where(first, "first", cause)
        return metric_rows(
            changed, labels | state.labels, rules.time_zone, rules.epoch, causes, now
        )

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


def _fingerprints(figures: Frame) -> np.ndarray:
    """64-bit keys of everything a row says, bit by bit."""
    bits = [np.ascontiguousarray(figures[name]).view(np.int64) for name in _FINGERPRINT]
    return mix([*bits, figures["n"], figures["suppressed"]])


class _AccumulateFamily(beam.DoFn):
    """Batch form: all deltas of a family at once, everything published once."""

    def __init__(self, rules: PublishRules) -> None:
        self._rules = rules

    def process(self, family: tuple[int, Iterable[pa.RecordBatch]]) -> Iterator[pa.RecordBatch]:
        number, batches = family
        machine = Accumulate(self._rules, totals_family=number == TOTALS_FAMILY)
        for batch in batches:
            if batch.schema.metadata[b"name"] == b"label":
                machine.name(batch)
            else:
                machine.add(batch)
        metrics = machine.publish(datetime.now(timezone.utc))
        for start in range(0, metrics.num_rows, ROWS_AN_ELEMENT):
            yield metrics.slice(start, ROWS_AN_ELEMENT)


class AccumulateInBatch(beam.PTransform):
    """PARTIAL and LABEL batches keyed by family shard → METRIC batches."""

    def __init__(self, rules: PublishRules) -> None:
        super().__init__()
        self._rules = rules

    def expand(self, partials: beam.PCollection) -> beam.PCollection:
        return (
            partials
            | "GroupByFamily" >> beam.GroupByKey()
            | "AccumulateFamily"
            >> beam.ParDo(_AccumulateFamily(self._rules)).with_output_types(pa.RecordBatch)
        )
