"""PartitionReading: what one call reads of one Kafka partition, claims, says and hands on."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

from apache_beam.metrics import Metrics
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Duration, Timestamp

from pipelines.sources.kafka.batches import MessageBuffer, lost_batches, status_batch
from pipelines.sources.kafka.client import KafkaTrouble, PartitionReader, SourceError
from pipelines.sources.kafka.gather import gather
from pipelines.sources.kafka.gone import goes_on
from pipelines.sources.kafka.identity import topic_id
from pipelines.sources.kafka.settings import KafkaSettings, Partition
from pipelines.sources.streaming import StreamSettings
from pipelines.sources.watermark import PartitionClock

LOGGER = logging.getLogger(__name__)
IDLE_SECONDS = 1.0
"""Rest between two looks at a partition that has nothing: each look is a checkpoint of its own."""

SLICE_SECONDS = 0.05
"""A call that waits for a full batch waits so long at most before it looks again."""

ANSWER_SECONDS = 2.0
LONGEST_BACK_OFF_SECONDS = 30.0
ATTEMPTS_OF_A_CLIENT = 3
"""In vain, before another client of the library asks, which knows nothing yet."""


def now_microseconds() -> int:
    return time.time_ns() // 1000


def back_off(attempts: int) -> float:
    """Seconds to rest after so many attempts in vain: 1, 2, 4 … at most 30."""
    return min(LONGEST_BACK_OFF_SECONDS, float(2 ** min(max(attempts - 1, 0), 10)))


class PartitionReading:
    """One call of `process` on one partition; `tracker` and `estimator` are Beam's."""

    def __init__(
        self,
        partition: Partition,
        stream: StreamSettings,
        kafka: KafkaSettings,
        tracker: Any,
        estimator: Any,
        reader: PartitionReader,
    ) -> None:
        self._partition, self._stream, self._kafka = partition, stream, kafka
        self._tracker, self._estimator, self._reader = tracker, estimator, reader
        self._era, self._next, self._stop, self._topic_id = tracker.current_restriction()
        limits = (stream.allowance_seconds, stream.idle_after_seconds)
        state = estimator.get_estimator_state()
        if state is None:
            self._clock = PartitionClock.starting(*limits, now_microseconds(), partition.since)
        else:
            self._clock = PartitionClock(*limits, state)
        self._behind: int | None = None
        self._trouble: KafkaTrouble | None = None
        self._gave = self._believed = self._asked = self._refused = False

    def for_a_while(self) -> Iterator[Any]:
        """Read until the partition has no more or the time is over; then hand the rest on."""
        until = time.monotonic() + self._stream.most_seconds
        while True:
            left = until - time.monotonic()
            wait = 0.0 if self._reader.at_end else max(0.0, min(SLICE_SECONDS, left))
            yield from self._step(wait)
            if self._refused:
                return
            if self._reader.at_end or self._trouble or time.monotonic() >= until:
                break
        if not (self._believed or self._asked):
            # Nobody need be asked how time went on where messages told it.
            yield from self._ask()
        elif self._behind is None:
            end = self._reader.known_end()
            self._behind = None if end is None else max(0, end - self._next)
        yield from self._status(self._clock.basis)
        self._estimator.follow(self._clock.state)
        self._tracker.defer_remainder(Duration(seconds=self._rest()))

    def to_the_stop(self) -> Iterator[Any]:
        """Read everything before `stop`, which is there already, and finish."""
        assert self._stop is not None
        while self._next < self._stop:
            before = self._next
            yield from self._step(SLICE_SECONDS)
            if self._refused:
                return
            if self._next == before:
                if not self._asked:
                    yield from self._ask()
                time.sleep(back_off(self._reader.notes.attempts) if self._trouble else 0)
        self._behind = 0
        yield from self._status("end", always=True)
        self._estimator.follow(self._clock.state)

    def _step(self, seconds: float) -> Iterator[Any]:
        """What makes a batch, claimed before it is given."""
        self._asked = False
        self._reader.seek(self._next)
        rows = self._stream.rows_a_batch
        found = gather(self._reader, self._stop, rows, seconds)
        self._trouble = found.trouble
        if found.upto > self._next:
            if not self._tracker.try_claim((self._era, found.upto)):
                self._refused = True
                return
            self._next = found.upto
        if found.buffer.count:
            yield from self._payloads(found.buffer)
        if found.lost:
            self._reader.forget()
            yield from self._ask()

    def _payloads(self, buffer: MessageBuffer) -> Iterator[Any]:
        notes, now = self._reader.notes, now_microseconds()
        notes.troubled_since, notes.attempts = None, 0
        self._gave, self._trouble = True, None
        channel = self._partition.topic.channel
        size = 0
        for batch in buffer.batches(self._partition.input, channel, now):
            size += batch.nbytes
            earliest = batch.column("arrived_time").cast("int64").to_numpy().min()
            yield self._stamped(batch, int(earliest))
        Metrics.counter("moment.kafka", "messages").inc(buffer.count)
        Metrics.counter("moment.kafka", "bytes").inc(size)
        self._believed |= self._clock.hear(buffer.times, now)

    def _ask(self) -> Iterator[Any]:
        """Nothing came. Is there nothing, is it not to be had, or is it gone?"""
        self._asked, now = True, now_microseconds()
        try:
            low, high = self._reader.ask_bounds(ANSWER_SECONDS)
            # Which topic this is says whether it was made anew or lost its end.
            topic = self._topic_id_now() if high < self._next else self._topic_id
        except KafkaTrouble as trouble:
            self._troubled(self._trouble or trouble, in_vain=True)
            self._clock.wait(now, caught_up=False)
            return
        if self._stop is not None and high < self._stop:
            raise SourceError(
                f"expected {self._partition.input} to have the offsets before {self._stop}, found "
                f"its end at {high}: the topic was made anew, or its broker lost what it had; "
                "start the reading again."
            )
        unread = max(0, high - self._next)
        self._reader.at_end &= not unread
        # With transactions it was asked for the end of what is decided; the client knows the other.
        end = max(high, self._reader.known_end() or 0)
        self._behind = max(0, end - self._next)
        if not low <= self._next <= high:
            yield from self._begin_again(low, high, topic)
        elif unread and not self._gave:
            # A client that knows why is kept: another would be told the same.
            silent = KafkaTrouble("messages that the broker does not give")
            self._troubled(self._trouble or silent, in_vain=self._trouble is None)
        else:
            self._trouble, self._reader.notes.troubled_since = None, None
            self._reader.notes.attempts = 0
        self._clock.wait(now, *self._caught_up(now, end))

    def _topic_id_now(self) -> str:
        return topic_id(self._partition.topic, self._kafka, ANSWER_SECONDS)

    def _caught_up(self, now: int, high: int) -> tuple[bool, int]:
        """Whether all is read that the partition held at an instant, and which instant that is.

        Where messages keep coming there is always one more now; the end told before is reached.
        """
        notes = self._reader.notes
        reached, notes.asked = notes.asked, (now, high)
        if high <= self._next:
            return True, now
        if reached is not None and reached[1] <= self._next:
            return True, reached[0]
        notes.asked = reached or notes.asked
        return False, now

    def _begin_again(self, low: int, high: int, topic: str) -> Iterator[Any]:
        """The next offset is gone: a failed event says which, and what there is follows."""
        expected, same_topic = self._next, topic == self._topic_id != ""
        upto, back, what = goes_on(expected, low, high, self._stop, same_topic)
        self._era += back
        if not self._tracker.try_claim((self._era, upto, topic)):
            self._refused = True
            return
        detail = f"expected offset {expected}, found the offsets {low} to {high}: {what}"
        LOGGER.error("%s: %s; reading goes on at %d", self._partition.input, detail, upto)
        now = now_microseconds()
        given = (self._partition.input, self._partition.topic.channel)
        failed, counts = lost_batches(*given, expected, detail, now)
        yield TaggedOutput("failed", self._stamped(failed, now))
        yield TaggedOutput("counts", self._stamped(counts, now))
        self._next, self._topic_id = upto, topic
        self._reader.notes.asked = None
        self._reader.forget()

    def _troubled(self, trouble: KafkaTrouble, in_vain: bool) -> None:
        """Wait and try again, for as long as patience lasts; `in_vain`: by another client in time.

        One may never learn what a new one is told at once: that a partition is there, and where.
        """
        notes, now = self._reader.notes, time.monotonic()
        notes.troubled_since = notes.troubled_since or now
        notes.attempts += 1
        self._trouble = trouble
        lasted = now - notes.troubled_since
        if trouble.denied or lasted > self._kafka.patience_seconds:
            raise SourceError(
                f"expected to read {self._partition.input} from offset {self._next} at "
                f"{self._partition.topic.servers}, found for {lasted:.0f} s: {trouble}: check "
                "broker, topic and credentials; nothing was skipped."
            )
        if notes.attempts > 2:
            LOGGER.warning("%s at offset %d: %s", self._partition.input, self._next, trouble)
        if in_vain and notes.attempts % ATTEMPTS_OF_A_CLIENT == 0:
            self._reader.connect_anew()

    def _rest(self) -> float:
        if self._trouble is not None:
            return back_off(self._reader.notes.attempts)
        if not self._reader.at_end:
            return 0.0
        return self._stream.most_seconds if self._gave else IDLE_SECONDS

    def _status(self, basis: str, always: bool = False) -> Iterator[Any]:
        notes, monotonic = self._reader.notes, time.monotonic()
        if self._behind is not None:
            name = f"consumer_lag.{self._partition.topic.topic}.{self._partition.number}"
            Metrics.gauge("moment.kafka", name).set(self._behind)
        due = monotonic - notes.reported >= self._stream.status_every_seconds
        if not (always or due or basis != notes.basis):
            return
        notes.reported, notes.basis = monotonic, basis
        now = now_microseconds()
        row = (now, self._clock.watermark, basis, self._next, self._behind)
        status = status_batch(self._partition.input, *row)
        yield TaggedOutput("status", self._stamped(status, now))

    def _stamped(self, batch: Any, time: int) -> TimestampedValue:
        return TimestampedValue(batch, Timestamp(micros=self._clock.stamp(time)))
