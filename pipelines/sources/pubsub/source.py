"""ReadPubSub: an unbounded source of PAYLOAD batches from Pub/Sub subscriptions, in pure Python."""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.io.iobase import RestrictionProgress, RestrictionTracker
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator
from apache_beam.metrics import Metrics
from apache_beam.transforms.core import RestrictionProvider, WatermarkEstimatorProvider
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import MIN_TIMESTAMP, Duration, Timestamp

from pipelines.flink_slots import Slots
from pipelines.sources.pubsub.client import check_pubsub, endpoint, subscriber_client
from pipelines.sources.pubsub.messages import Assembly
from pipelines.sources.pubsub.native import ReadPubSubNative
from pipelines.sources.pubsub.puller import FIRST_TICKET, Puller, now_microseconds
from pipelines.sources.pubsub.pullers import number_of, pullers_of
from pipelines.sources.pubsub.settings import PullSettings, Subscription
from pipelines.sources.pubsub.status import SourceStatus
from pipelines.sources.streaming import StreamSettings, with_outputs

__all__ = [
    "PullSettings", "ReadPubSub", "ReadPubSubNative", "Subscription", "check_pubsub", "read_pubsub",
]  # fmt: skip

_QUIET_SECONDS = 0.1
"""A call ends when nothing came for this long: others of the same slot wait for their turn."""
_PAUSE_AFTER_SOME, _PAUSE_AFTER_NONE = 0.2, 1.0
"""Runners before 2.76 keep a descriptor for each self-checkpoint (apache/beam#27648)."""


class ReadPubSub(beam.PTransform):
    """Subscriptions → `payloads`, `failed`, `counts`, `status` (see streaming.OUTPUTS).

    Unbounded; it never finishes. One element a subscription and puller. `failed` and `counts` have
    no rows: what is empty or too large is refused by Decode. `emulator` is host:port; without it
    the variable PUBSUB_EMULATOR_HOST of the process that builds the pipeline counts. `slots` of a
    job on Flink: pullers are spread evenly over them.
    """

    def __init__(
        self,
        subscriptions: Sequence[Subscription],
        stream: StreamSettings | None = None,
        pulls: PullSettings | None = None,
        emulator: str | None = None,
        slots: Slots | None = None,
    ) -> None:
        super().__init__()
        self._pullers = pullers_of(subscriptions, slots)
        self._read = _PullMessages(
            stream or StreamSettings(),
            pulls or PullSettings(),
            emulator or os.environ.get("PUBSUB_EMULATOR_HOST"),
        )

    def expand(self, root: beam.Pipeline) -> beam.pvalue.DoOutputsTuple:
        return (
            root
            | "ListPullers"
            >> beam.Create(self._pullers, reshuffle=False).with_output_types(tuple[str, str, int])
            | "PullMessages" >> with_outputs(self._read)
        )


def read_pubsub(
    subscriptions: Sequence[Subscription],
    stream: StreamSettings | None = None,
    native: bool = False,
    pulls: PullSettings | None = None,
    slots: Slots | None = None,
) -> beam.PTransform:
    """Ours, or the runner's `native` read, which for Python Dataflow alone has."""
    if native:
        return ReadPubSubNative(subscriptions, stream)
    return ReadPubSub(subscriptions, stream, pulls, slots=slots)


class _Tickets(RestrictionTracker):
    """A restriction is the ticket that the next call shows to its Puller. It never ends."""

    def __init__(self, ticket: str) -> None:
        self._ticket, self._following, self._split = ticket, ticket, False

    def current_restriction(self) -> str:
        return self._ticket

    def current_progress(self) -> RestrictionProgress:
        return RestrictionProgress(fraction=0.5)

    def try_claim(self, position: str) -> bool:
        if self._split:
            return False
        self._following = position
        return True

    def try_split(self, fraction_of_remainder: float) -> tuple[str, str] | None:
        if fraction_of_remainder != 0 or self._split:
            return None
        self._split = True
        return self._ticket, self._following

    def check_done(self) -> bool:
        if not self._split:
            raise ValueError("expected the rest of an endless source to be deferred, found it kept")
        return True

    def is_bounded(self) -> bool:
        return False


class _TicketProvider(RestrictionProvider):
    def initial_restriction(self, element: tuple[str, str, int]) -> str:
        return FIRST_TICKET

    def create_tracker(self, restriction: str) -> _Tickets:
        return _Tickets(restriction)

    def restriction_size(self, element: tuple[str, str, int], restriction: str) -> int:
        return 1

    def restriction_coder(self) -> beam.coders.Coder:
        return beam.coders.StrUtf8Coder()


class _WatermarkProvider(WatermarkEstimatorProvider):
    def initial_estimator_state(self, element: Any, restriction: str) -> Timestamp:
        return MIN_TIMESTAMP

    def create_watermark_estimator(self, state: Timestamp) -> ManualWatermarkEstimator:
        return ManualWatermarkEstimator(state)


_TRACKER = beam.DoFn.RestrictionParam(_TicketProvider())
_ESTIMATOR = beam.DoFn.WatermarkEstimatorParam(_WatermarkProvider())


class _Reader:
    """What a process keeps of an element: its puller, and when it last reported."""

    def __init__(self, puller: Puller, status: SourceStatus) -> None:
        self.puller, self.status = puller, status


_READERS: dict[tuple[Any, ...], _Reader] = {}
_READERS_LOCK = threading.Lock()


class _PullMessages(beam.DoFn):
    def __init__(self, stream: StreamSettings, pulls: PullSettings, emulator: str | None) -> None:
        self._stream, self._pulls, self._emulator = stream, pulls, emulator

    # The finalizer stands first: after the tracker, the call would give it two values.
    @beam.DoFn.unbounded_per_element()
    def process(
        self,
        element: tuple[str, str, int],
        finalizer: Any = beam.DoFn.BundleFinalizerParam,
        tracker: Any = _TRACKER,
        estimator: Any = _ESTIMATOR,
    ) -> Iterator[Any]:
        reader = self._reader(element)
        puller = reader.puller
        call = puller.begin(tracker.current_restriction())
        if not tracker.try_claim(call.following):
            return
        finalizer.register(functools.partial(puller.final, call))
        until = time.monotonic() + self._stream.most_seconds
        input = f"pubsub:{element[0]}"
        assembly = Assembly(input, element[1] or None, self._stream.rows_a_batch)
        pause: float | None = _PAUSE_AFTER_NONE
        while True:
            left = until - time.monotonic()
            if left <= 0:
                pause = None
                break
            messages = puller.take(call, min(left, _QUIET_SECONDS))
            if messages is None:
                break
            pause = _PAUSE_AFTER_SOME
            Metrics.counter("moment.pubsub", "messages").inc(len(messages.payloads))
            for batch in assembly.add(messages):
                yield _stamped(batch, estimator.current_watermark())
        for batch in assembly.rest():
            yield _stamped(batch, estimator.current_watermark())
        found = puller.report()
        if found.time is not None and Timestamp(micros=found.time) > estimator.current_watermark():
            estimator.set_watermark(Timestamp(micros=found.time))
        # After a restart the one the runner kept may be ahead of what this process has seen.
        reached = estimator.current_watermark()
        known = None if reached == MIN_TIMESTAMP else reached.micros
        name = f"{element[0].rpartition('/')[2]}.{number_of(element)}"
        Metrics.gauge("moment.pubsub", f"unacknowledged.{name}").set(puller.outstanding)
        row = reader.status.row(now_microseconds(), known, found.basis, puller.read)
        if row is not None:
            now = max(Timestamp.now(), reached)
            yield beam.pvalue.TaggedOutput("status", TimestampedValue(row, now))
        tracker.defer_remainder(None if pause is None else Duration(pause))

    def _reader(self, element: tuple[str, str, int]) -> _Reader:
        key = (element, self._stream, self._pulls, self._emulator)
        with _READERS_LOCK:
            found = _READERS.get(key)
            if found is None:
                path = element[0]
                puller = Puller(
                    subscriber_client(self._emulator),
                    path,
                    endpoint(self._emulator),
                    self._stream,
                    self._pulls,
                )
                name = f"pubsub:{path}#{number_of(element)}"
                status = SourceStatus(name, self._stream.status_every_seconds)
                found = _READERS[key] = _Reader(puller, status)
            return found


def _stamped(batch: pa.RecordBatch, watermark: Timestamp) -> TimestampedValue:
    """A batch at its earliest arrival, or at the watermark where it was redelivered too late."""
    earliest = Timestamp(micros=pc.min(batch.column("arrived_time").cast(pa.int64())).as_py())
    return TimestampedValue(batch, max(earliest, watermark))
