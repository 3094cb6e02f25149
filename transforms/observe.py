"""Observe: events to what the measures need of them, sixteen columns of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.utils.timestamp import MAX_TIMESTAMP, MIN_TIMESTAMP, Timestamp

from schemas.coder import Packed
from schemas.identity import label_keys, words
from schemas.observation import (
    CHANGE,
    LABEL,
    MILLIONTHS,
    OBSERVATION,
    RETRACT,
    SIGNAL_CODE,
    VALID,
    tick_batch,
)
from transforms.calendar import MINUTE_US, local_windows
from transforms.gathering import at_time
from transforms.shards import split_by_shard

_HOUR_US = 60 * MINUTE_US
LONGEST_PERIOD_MS = 3_600_000
"""A heartbeat rarer than hourly says nothing about a minute's audience, nor does one that vouches
for more than an hour."""
_NOT_AUDIENCE = pa.array(["brand", "automaton"])
_NOT_ACTING = pa.array(["contact", "control"])


@dataclass(frozen=True)
class ObserveRules:
    """Time zone of the property, number of shards, and the integer that keys each of them.

    Keys are chosen where a runner would spread the numbers of the shards badly.
    """

    time_zone: str
    shards: int
    shard_keys: tuple[int, ...] = ()

    @property
    def keys(self) -> Sequence[int]:
        return self.shard_keys or range(self.shards)


def observe(
    events: pa.RecordBatch, time_zone: str, input: str
) -> tuple[pa.RecordBatch, dict[int, str]]:
    """OBSERVATION batch of a PROTECTED_EVENT batch, and the texts behind its label keys."""
    labels: dict[int, str] = {}

    def keys(values: pa.Array) -> np.ndarray:
        column, texts = label_keys(values)
        labels.update(texts)
        return column

    event_time = events.column("event_time").cast(pa.int64()).to_numpy()
    day, hour = local_windows(event_time // MINUTE_US, time_zone)
    audience = _audience(events)
    arrived = events.column("ingested_time").cast(pa.int64()).to_numpy()
    columns = {
        "event_id": events.column("event_id"),
        "fact": words(events.column("fact_id"))[:, 0],
        "revision": _numbers(events.column("revision")),
        "actor": _actors(events),
        "content": keys(events.column("content_id")),
        "brand": keys(events.column("brand_id")),
        "channel": keys(events.column("channel")),
        "input": keys(pa.repeat(input, events.num_rows)),
        "event_time": event_time,
        "day": day,
        "hour": hour,
        "arrived": arrived,
        "signal": np.where(audience, _signals(events), SIGNAL_CODE["system"]),
        "flags": _flags(events),
        "value": _values(events),
        "period": np.where(audience, _periods(events), 0),
    }
    batch = pa.record_batch(
        [pa.array(columns[f.name]).cast(f.type) for f in OBSERVATION], schema=OBSERVATION
    )
    return batch, labels


def label_batch(labels: dict[int, str]) -> pa.RecordBatch:
    """LABEL batch of texts by key."""
    return pa.record_batch(
        [pa.array(list(labels), pa.int64()), pa.array(list(labels.values()), pa.string())],
        schema=LABEL,
    )


def _actors(events: pa.RecordBatch) -> np.ndarray:
    """The routing hash where there is an actor: unlike actor_id it outlives a key rotation."""
    route = events.column("route").to_numpy()
    known = events.column("actor_id").is_valid().to_numpy(zero_copy_only=False)
    return np.where(known, np.where(route == 0, 1, route), 0)


def _numbers(column: pa.Array) -> np.ndarray:
    return column.fill_null(0).to_numpy(zero_copy_only=False)


def _signals(events: pa.RecordBatch) -> np.ndarray:
    """Signal codes: the action, or `rate:<scale>` where a rating of a known scale is given."""
    action, scale = events.column("action"), events.column("rating_scale")
    if scale.null_count < len(scale):
        rated = pc.and_(pc.equal(action, "rate"), pc.is_valid(scale))
        named = pc.binary_join_element_wise("rate", scale, ":")
        known = pc.is_in(named, pa.array([s for s in SIGNAL_CODE if s.startswith("rate:")]))
        answered = pa.array(np.isfinite(_shares(events)))
        valid = pc.and_(pc.and_(rated, known), answered)
        action = pc.if_else(valid.fill_null(False), named, action)
    encoded = pc.dictionary_encode(action)
    codes = np.array(
        [SIGNAL_CODE[text] for text in encoded.dictionary.to_pylist()] or [0], np.int16
    )
    return codes[encoded.indices.to_numpy(zero_copy_only=False)]


def _audience(events: pa.RecordBatch) -> np.ndarray:
    """False where a brand or an automaton acts: an event, but nobody's presence or action.

    What is done to people (contact, control) keeps its name whoever does it.
    """
    own = pc.is_in(events.column("actor_kind"), _NOT_AUDIENCE)
    if not pc.any(own).as_py():
        return np.ones(events.num_rows, dtype=bool)
    managed = pc.is_in(events.column("action_class"), _NOT_ACTING)
    return pc.or_(pc.invert(own), managed).to_numpy(zero_copy_only=False)


def _flags(events: pa.RecordBatch) -> np.ndarray:
    valid = pc.is_in(events.column("ivt_class"), pa.array(["valid", "unknown"]))
    retract = pc.equal(events.column("op"), "retract")
    change = pc.not_equal(events.column("op"), "insert")
    flags = np.zeros(events.num_rows, dtype=np.int16)
    for mask, bit in (
        (valid, VALID),
        (retract, RETRACT),
        (change, CHANGE),
    ):
        flags |= np.where(mask.to_numpy(zero_copy_only=False), bit, 0).astype(np.int16)
    return flags


def _periods(events: pa.RecordBatch) -> np.ndarray:
    return np.clip(_numbers(events.column("heartbeat_ms")), 0, LONGEST_PERIOD_MS)


def _values(events: pa.RecordBatch) -> np.ndarray:
    """Rating in millionths of its scale, else milliseconds watched."""
    watched = np.clip(_numbers(events.column("duration_ms")), 0, LONGEST_PERIOD_MS)
    if events.column("rating_value").null_count == events.num_rows:
        return watched.astype(np.int32)
    share = _shares(events)
    rated = np.isfinite(share)
    millionths = np.rint(np.where(rated, share, 0) * MILLIONTHS)
    return np.where(rated, millionths, watched).astype(np.int32)


def _shares(events: pa.RecordBatch) -> np.ndarray:
    """Rating as a share of its scale; NaN where a value or bound is missing or it lies outside."""
    value, low, high = (
        events.column(name).to_numpy(zero_copy_only=False)
        for name in ("rating_value", "rating_min", "rating_max")
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (value - low) / (high - low)
        return np.where((share >= 0) & (share <= 1) & (high > low), share, np.nan)


TICK_SECONDS = 60
ROWS_A_SPLIT = 65_536
"""Rows gathered before they are split by shard: at 16 shards, elements of about 4,000 rows."""


class _ObserveBatches(beam.DoFn):
    """Gathers observations of a bundle so that what crosses the shuffle is large."""

    def __init__(self, rules: ObserveRules, ticks: bool) -> None:
        self._rules, self._ticks = rules, ticks
        self._ticked = MIN_TIMESTAMP
        self._pack = Packed.pack if ticks else Packed.keep
        self._crossing = beam.metrics.Metrics.distribution("observe", "rows_an_element")

    def start_bundle(self) -> None:
        self._observations: list[pa.RecordBatch] = []
        self._routes: list[np.ndarray] = []
        self._rows = 0
        self._labels: dict[int, str] = {}
        self._at = MAX_TIMESTAMP

    def process(self, events: pa.RecordBatch, at: Any = beam.DoFn.TimestampParam) -> Iterator[Any]:
        rules = self._rules
        self._at = min(self._at, at)
        if self._ticks and at >= self._ticked + TICK_SECONDS:
            self._ticked = at
            yield from self._tick(at)
        input = events.schema.metadata[b"input"].decode()
        batch, labels = observe(events, rules.time_zone, input)
        self._observations.append(batch)
        self._routes.append(events.column("route").to_numpy())
        self._rows += batch.num_rows
        self._labels.update(labels)
        if self._rows >= ROWS_A_SPLIT:
            yield from self._split()

    def finish_bundle(self) -> Iterator[Any]:
        at = min(self._at, MAX_TIMESTAMP) if self._ticks else MIN_TIMESTAMP
        for element in self._split():
            yield at_time(element, at)
        if self._labels:
            labels = at_time(label_batch(self._labels), at)
            yield beam.pvalue.TaggedOutput("labels", labels)

    def _tick(self, at: Timestamp) -> Iterator[tuple[int, Packed]]:
        """Nothing for every shard, so that those to whom nobody belongs know the time too."""
        nothing = Packed.pack(tick_batch(int(at.micros // MINUTE_US)))
        for key in self._rules.keys:
            yield key, nothing

    def _split(self) -> Iterator[tuple[int, Packed]]:
        if not self._rows:
            return
        table = pa.Table.from_batches(self._observations).combine_chunks()
        route = np.concatenate(self._routes)
        self._observations, self._routes, self._rows = [], [], 0
        for shard, part in split_by_shard(table.to_batches()[0], route, self._rules.shards):
            self._crossing.update(part.num_rows)
            yield self._rules.keys[shard], self._pack(part)


class Observe(beam.PTransform):
    """PROTECTED_EVENT batches → `observations` keyed by shard, and `labels` (LABEL).

    Of an unbounded input every shard gets an empty batch a minute, whoever speaks.
    """

    def __init__(self, rules: ObserveRules) -> None:
        super().__init__()
        self._rules = rules

    def expand(self, events: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        return events | "ObserveBatches" >> beam.ParDo(
            _ObserveBatches(self._rules, ticks=not events.is_bounded)
        ).with_output_types(tuple[int, Packed], labels=pa.RecordBatch).with_outputs(
            "labels", main="observations"
        )
