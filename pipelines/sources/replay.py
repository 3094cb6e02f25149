"""Replay: recorded files as an unbounded source, at the pace at which their records arrived."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator
from apache_beam.transforms.core import RestrictionProvider
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Duration, Timestamp

from pipelines.flink_slots import Slots
from pipelines.sources.replay_arrivals import instant
from pipelines.sources.replay_elements import Replayed, replayed_files
from pipelines.sources.replay_plan import ReplayPlan
from pipelines.sources.replay_range import ReplayRange, ReplayTracker
from pipelines.sources.replay_reader import (
    MICROS,
    Due,
    Found,
    Pace,
    ReplayReader,
    watermark_of,
)
from pipelines.sources.streaming import StreamSettings, with_outputs
from schemas.source_status import SOURCE_STATUS
from transforms.balance import count_batch
from transforms.failures import Failure, failed_batch

_PAUSE = Duration(1)
"""Before looking again whether something is due. Some runners pay for every look, for ever."""


@dataclass
class _Open:
    """A file being read, and when its status was last told."""

    reader: ReplayReader
    told: float = -math.inf
    basis: str = ""


_OPEN: dict[Replayed, _Open] = {}
_LOCK = threading.Lock()
# Of the process, not of a DoFn: the next bundle may have a new one, and would read all again.


class _Whole(RestrictionProvider):
    def initial_restriction(self, element: Replayed) -> ReplayRange:
        return ReplayRange(element.planned.records)

    def create_tracker(self, restriction: ReplayRange) -> ReplayTracker:
        return ReplayTracker(restriction)

    def restriction_size(self, element: Replayed, restriction: ReplayRange) -> int:
        return max(restriction.records - restriction.read, 1)


_RANGE = beam.DoFn.RestrictionParam(_Whole())
_WATERMARK = beam.DoFn.WatermarkEstimatorParam(ManualWatermarkEstimator.default_provider())


class _ReplayFile(beam.DoFn):
    def __init__(self, stream: StreamSettings) -> None:
        self._stream = stream

    @beam.DoFn.unbounded_per_element()
    def process(
        self,
        replayed: Replayed,
        tracker: Any = _RANGE,
        estimator: Any = _WATERMARK,
    ) -> Iterator[Any]:
        began = time.monotonic()
        current = self._open(replayed, tracker.current_restriction())
        reader = current.reader
        records = replayed.planned.records
        gave = hurried = False
        while not hurried and (found := reader.peek(time.time())) is not None:
            read = reader.read + (len(found.payloads) if isinstance(found, Due) else 1)
            if not tracker.try_claim(ReplayRange(records, read, found.newest)):
                break
            reader.take(found)
            yield from _outputs(found, reader, estimator.current_watermark())
            gave = True
            hurried = time.monotonic() - began >= self._stream.most_seconds
        watermark, basis = watermark_of(reader, self._stream, time.time())
        if gave and basis == "end":
            # What moves on together with the last records would overtake them: one call later.
            watermark, basis = None, "messages"
        _advance(estimator, watermark)
        if basis != current.basis or began - current.told >= self._stream.status_every_seconds:
            current.told, current.basis = began, basis
            yield _status(reader, records, estimator.current_watermark(), basis)
        with _LOCK:
            _OPEN[replayed] = current
        tracker.defer_remainder(None if gave and (hurried or reader.ended) else _PAUSE)

    def _open(self, replayed: Replayed, left: ReplayRange) -> _Open:
        """The file where the last call left it; opened again where this process did not read it."""
        with _LOCK:
            found = _OPEN.pop(replayed, None)
        if found is not None and found.reader.read == left.read:
            return found
        file, rows = replayed.planned.file, self._stream.rows_a_batch
        return _Open(ReplayReader(file, replayed.pace, rows, left.read, left.newest))


def _outputs(found: Found, reader: ReplayReader, watermark: Timestamp | None) -> Iterator[Any]:
    file = reader.file
    if isinstance(found, Due):
        arrived = pc.min(found.payloads.column("arrived_time")).cast(pa.int64()).as_py()
        yield _at(found.payloads, arrived, watermark)
        return
    refused = found.failure
    failure = Failure(
        refused.payload,
        refused.position,
        instant(found.newest),
        "read",
        refused.reason,
        refused.path,
        refused.detail,
    )
    hour = found.newest // (3600 * MICROS)
    counts = count_batch(file.path, hour, file.channel or "", [("received", 1), ("failed", 1)])
    failed = failed_batch([failure], file.path, file.channel)
    for tag, batch in (("failed", failed), ("counts", counts)):
        yield beam.pvalue.TaggedOutput(tag, _at(batch, found.newest, watermark))


def _at(batch: pa.RecordBatch, arrived: int, watermark: Timestamp | None) -> Any:
    """A batch with the Beam timestamp of an arrival, or of the watermark where that is later."""
    moment = Timestamp(micros=arrived)
    return TimestampedValue(batch, moment if watermark is None else max(moment, watermark))


def _advance(estimator: Any, watermark: int | None) -> None:
    reached = estimator.current_watermark()
    if watermark is not None and (reached is None or reached.micros < watermark):
        estimator.set_watermark(Timestamp(micros=watermark))


def _status(reader: ReplayReader, records: int, watermark: Timestamp | None, basis: str) -> Any:
    row = {
        "input": reader.file.path,
        "observed_time": datetime.now(timezone.utc),
        "watermark": None if watermark is None else watermark.micros,
        "basis": basis,
        "position": reader.read,
        "behind": max(records - reader.read, 0),
    }
    batch = pa.RecordBatch.from_pylist([row], schema=SOURCE_STATUS)
    return beam.pvalue.TaggedOutput("status", _at(batch, reader.pace.origin, watermark))


class Replay(beam.PTransform):
    """Recorded files → `payloads`, `failed`, `counts`, `status`, as they came in. Never ends.

    A record is given when (its arrival - the plan's origin) / `speed` seconds have passed since the
    replay was constructed, and after all before it in its file; 1 is real time, 60 an hour a
    minute, 0 or infinity as fast as can be. `arrived_time` is its arrival then (`arrivals`). Each
    file has a watermark of its own: the greatest arrival less the allowance; stream time less
    the allowance when no record came for `idle_after_seconds` of it; and when the file has ended,
    stream time, which stops `run_on_seconds` after the plan's last arrival. Files must stay as they
    are and be readable by every worker at the same path. `slots` of a job on Flink: files are
    spread evenly over them. ValueError for a speed below 0.
    """

    def __init__(
        self,
        plan: ReplayPlan,
        speed: float,
        stream: StreamSettings | None = None,
        run_on_seconds: float = 0.0,
        slots: Slots | None = None,
    ) -> None:
        super().__init__()
        if not speed >= 0:
            raise ValueError(f"speed: expected 0 (as fast as can be) or more, found {speed:g}")
        end = plan.end + round(run_on_seconds * MICROS)
        pace = Pace(plan.origin, end, time.time(), speed)
        self._files = replayed_files(plan, pace, slots)
        self._stream = stream or StreamSettings()

    def expand(self, root: beam.Pipeline) -> beam.pvalue.DoOutputsTuple:
        return (
            root
            | "ListFiles" >> beam.Create(self._files).with_output_types(Replayed)
            | "ReplayRecords" >> with_outputs(_ReplayFile(self._stream))
        )
