"""When recorded records arrived, as far as their own clocks tell."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.files import InputFile
from schemas.channel import Channel
from schemas.channels import registered_channels
from schemas.event import INSTANT
from transforms.decode import decode

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_UNKNOWN = np.iinfo(np.int64).min


def arrivals(batch: pa.RecordBatch, channel: Channel | None, before: int | None = None) -> pa.Array:
    """The arrival of each record of a PAYLOAD batch, µs UTC, in the order of the batch.

    It is the collection time of the record's events, else their event time; of a container, the
    latest of them. Records without a time to believe (failed, ignored, or stated for more than
    five minutes after `arrived_time`) take the greatest arrival before them: in the batch, or
    `before`, µs since the epoch. Null where nothing is before them. `arrived_time` of the batch is
    the latest at which its records can have arrived, such as the time their file was last changed.
    """
    times = _stated(batch, channel) if channel is not None else np.full(len(batch), _UNKNOWN)
    known = times != _UNKNOWN
    newest = newest_until(times, before)
    times = np.where(known, times, newest)
    return pa.array(times, mask=times == _UNKNOWN).cast(INSTANT)


def newest_until(times: np.ndarray, before: int | None) -> np.ndarray:
    """The greatest of `before` and the times up to each place; the order of a replay."""
    newest = np.maximum.accumulate(times)
    return newest if before is None else np.maximum(newest, before)


def _stated(batch: pa.RecordBatch, channel: Channel) -> np.ndarray:
    """What each record says, µs since the epoch; `_UNKNOWN` where it says nothing to believe.

    Decoding keeps no positions, but it keeps `ingested_time`: as many microseconds after the latest
    as the record's place is what finds it again. A clock that was not believed reads the same.
    """
    rows = len(batch)
    stated = np.full(rows, _UNKNOWN)
    if not rows:
        return stated
    latest = int(batch.column("arrived_time").cast(pa.int64()).to_numpy().max())
    numbered = pa.array(np.arange(latest, latest + rows)).cast(INSTANT)
    columns = [batch.column("payload"), batch.column("position"), numbered]
    events = decode(pa.record_batch(columns, schema=batch.schema), channel).events
    ingested, collected, event = (
        events.column(name).cast(pa.int64()).to_numpy()
        for name in ("ingested_time", "collected_time", "event_time")
    )
    believed = np.where(collected != ingested, collected, event)
    told = believed != ingested
    np.maximum.at(stated, (ingested - latest)[told], believed[told])
    return stated


def arrivals_in_file(batch: pa.RecordBatch, file: InputFile, before: int | None = None) -> pa.Array:
    """`arrivals`, where the file does not itself say them (Parquet, column `arrived_time`)."""
    recorded = batch.column("arrived_time")
    stated = np.asarray(recorded.cast(pa.int64())) != micros(file.arrived)
    if stated.all():
        return recorded
    told = arrivals(batch, registered_channels().get(file.channel or ""), before)
    return pc.if_else(pa.array(stated), recorded, told) if stated.any() else told


def micros(moment: datetime) -> int:
    """Microseconds since the epoch of a time with an offset."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def instant(micros: int) -> datetime:
    """The time, UTC, that is so many microseconds since the epoch."""
    return _EPOCH + timedelta(microseconds=micros)
