"""Observe: events to what the measures need of them, split by the shard of their actor."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.identity import label_keys, words
from schemas.observation import (
    HEARTBEAT_CHANNEL,
    LABEL,
    MILLIONTHS,
    OBSERVATION,
    RETRACT,
    SIGNAL_CODE,
    VALID,
)
from transforms.calendar import MINUTE_US, local_windows

_HOUR_US = 60 * MINUTE_US
_INT32_MAX = 2**31 - 1


def observe(
    events: pa.RecordBatch, time_zone: str, input: str, heartbeat_channels: frozenset[str]
) -> tuple[pa.RecordBatch, dict[int, str]]:
    """OBSERVATION batch of a PROTECTED_EVENT batch, and the texts behind its label keys."""
    labels: dict[int, str] = {}

    def keys(values: pa.Array) -> np.ndarray:
        column, texts = label_keys(values)
        labels.update(texts)
        return column

    event_time = events.column("event_time").cast(pa.int64()).to_numpy()
    day, hour = local_windows(event_time // MINUTE_US, time_zone)
    arrived = events.column("ingested_time").cast(pa.int64()).to_numpy()
    channel = events.column("channel")
    columns = {
        "event_id": events.column("event_id"),
        "fact": words(events.column("fact_id"))[:, 0],
        "revision": _numbers(events.column("revision")),
        "actor": _actors(events),
        "content": keys(events.column("content_id")),
        "brand": keys(events.column("brand_id")),
        "channel": keys(channel),
        "input": keys(pa.repeat(input, events.num_rows)),
        "event_time": event_time,
        "day": day,
        "hour": hour,
        "arrival_hour": (arrived // _HOUR_US).astype(np.int32),
        "signal": _signals(events),
        "flags": _flags(events, channel, heartbeat_channels),
        "value": _values(events),
        "period": _numbers(events.column("heartbeat_ms")).astype(np.int32),
    }
    batch = pa.record_batch(
        [pa.array(columns[f.name]).cast(f.type) for f in OBSERVATION], schema=OBSERVATION
    )
    return batch, labels


def split_by_shard(
    observations: pa.RecordBatch, route: np.ndarray, shards: int
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The rows of each shard: (shard, batch), shards without rows left out."""
    shard = route.astype(np.uint64) % np.uint64(shards)
    order = np.argsort(shard, kind="stable")
    bounds = np.searchsorted(shard[order], np.arange(shards + 1))
    arranged = observations.take(pa.array(order))
    for number in range(shards):
        first, last = int(bounds[number]), int(bounds[number + 1])
        if last > first:
            yield number, arranged.slice(first, last - first)


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
        action = pc.if_else(pc.and_(rated, known).fill_null(False), named, action)
    encoded = pc.dictionary_encode(action)
    codes = np.array(
        [SIGNAL_CODE[text] for text in encoded.dictionary.to_pylist()] or [0], np.int16
    )
    return codes[encoded.indices.to_numpy(zero_copy_only=False)]


def _flags(
    events: pa.RecordBatch, channel: pa.Array, heartbeat_channels: frozenset[str]
) -> np.ndarray:
    valid = pc.is_in(events.column("ivt_class"), pa.array(["valid", "unknown"]))
    retract = pc.equal(events.column("op"), "retract")
    beats = pc.is_in(channel, pa.array(sorted(heartbeat_channels), pa.string()))
    flags = np.zeros(events.num_rows, dtype=np.int16)
    for mask, bit in ((valid, VALID), (retract, RETRACT), (beats, HEARTBEAT_CHANNEL)):
        flags |= np.where(mask.to_numpy(zero_copy_only=False), bit, 0).astype(np.int16)
    return flags


def _values(events: pa.RecordBatch) -> np.ndarray:
    """Rating in millionths of its scale, else milliseconds watched."""
    watched = np.clip(_numbers(events.column("duration_ms")), 0, _INT32_MAX)
    rating = events.column("rating_value")
    if rating.null_count == len(rating):
        return watched.astype(np.int32)
    value = rating.to_numpy(zero_copy_only=False)
    low = events.column("rating_min").to_numpy(zero_copy_only=False)
    high = events.column("rating_max").to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (value - low) / (high - low)
    rated = np.isfinite(share)
    millionths = np.rint(np.clip(np.where(rated, share, 0), 0, 1) * MILLIONTHS)
    return np.where(rated, millionths, watched).astype(np.int32)
