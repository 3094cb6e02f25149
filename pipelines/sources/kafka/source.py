"""ReadKafka: Kafka topics as an unbounded source of PAYLOAD batches."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import apache_beam as beam
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Duration, Timestamp

from pipelines.flink_slots import Slots
from pipelines.sources.kafka.check import check_kafka
from pipelines.sources.kafka.client import (
    KafkaClient,
    KafkaTrouble,
    PartitionReader,
    SourceError,
    confluent_kafka,
)
from pipelines.sources.kafka.identity import topic_id
from pipelines.sources.kafka.offsets import OffsetsProvider
from pipelines.sources.kafka.partitions import partitions_of, spread
from pipelines.sources.kafka.pool import CLIENTS
from pipelines.sources.kafka.read import PartitionReading, back_off, now_microseconds
from pipelines.sources.kafka.settings import KafkaSettings, KafkaTopic, Partition
from pipelines.sources.streaming import StreamSettings, with_outputs
from pipelines.sources.watermark import ClockProvider

__all__ = ["KafkaSettings", "KafkaTopic", "ReadKafka", "check_kafka"]

LOGGER = logging.getLogger(__name__)
ANSWER_SECONDS = 5.0

# Beam finds a splittable DoFn by the defaults of `process`.
_OFFSETS = beam.DoFn.RestrictionParam(OffsetsProvider())
_CLOCK = beam.DoFn.WatermarkEstimatorParam(ClockProvider())
_MANUAL = beam.DoFn.WatermarkEstimatorParam(ManualWatermarkEstimator.default_provider())


class FindPartitions(beam.DoFn):
    """A topic → its partitions, those there are now and every one added later. Never ends.

    The restriction counts the partitions given. The watermark is the time of the last look: what a
    partition holds that was not there then is younger. Looking every `discover_every_seconds`, no
    more than the allowance, therefore holds nothing back. On Flink, partitions of a topic go
    round the slots in order, and topics begin at slots as far apart as can be.
    """

    def __init__(
        self, kafka: KafkaSettings, topics: Sequence[KafkaTopic] = (), slots: Slots | None = None
    ) -> None:
        self._kafka, self._topics, self._slots = kafka, tuple(topics), slots
        width = slots.parallelism if slots else 0
        self._first = {topic: at * width // len(topics) for at, topic in enumerate(topics)}

    def first_place(self, topic: KafkaTopic) -> int:
        """The slot of a topic's partition 0; the first for a topic that only a savepoint knows."""
        return self._first.get(topic, 0)

    def setup(self) -> None:
        confluent_kafka()

    @beam.DoFn.unbounded_per_element()
    def process(
        self,
        topic: KafkaTopic,
        tracker: Any = _OFFSETS,
        estimator: Any = _MANUAL,
    ) -> Iterator[Any]:
        topic = topic.at_brokers_of(self._topics)
        known = tracker.current_restriction().next
        key = ("partitions", topic.servers, topic.topic, self._kafka)
        with CLIENTS.borrow(key, lambda: KafkaClient(topic.servers, self._kafka)) as client:
            now = now_microseconds()
            last = estimator.current_watermark()
            try:
                found = partitions_of(client, topic, known, last and last.micros, ANSWER_SECONDS)
                topic_now = topic_id(topic, self._kafka, ANSWER_SECONDS) if found else ""
            except KafkaTrouble as trouble:
                tracker.defer_remainder(Duration(seconds=self._rest(client, topic, trouble)))
                return
            client.notes.troubled_since, client.notes.attempts = None, 0
        if found:
            if not tracker.try_claim((0, known + len(found))):
                return
            LOGGER.info("kafka:%s: %d partitions from %d on", topic.topic, len(found), known)
            first = self.first_place(topic)
            for each in found:
                partition = spread(replace(each, topic_id=topic_now), first, self._slots)
                yield partition if last is None else TimestampedValue(partition, last)
        if last is None or last.micros < now:
            estimator.set_watermark(Timestamp(micros=now))
        tracker.defer_remainder(Duration(seconds=self._kafka.discover_every_seconds))

    def _rest(self, client: KafkaClient, topic: KafkaTopic, trouble: KafkaTrouble) -> float:
        """Seconds until the next look; SourceError where patience is at its end."""
        notes, now = client.notes, time.monotonic()
        notes.troubled_since = notes.troubled_since or now
        notes.attempts += 1
        if trouble.denied or now - notes.troubled_since > self._kafka.patience_seconds:
            raise SourceError(
                f"expected the partitions of the topic {topic.topic} at {topic.servers}, found for "
                f"{now - notes.troubled_since:.0f} s: {trouble}: check broker, topic and "
                "credentials."
            )
        LOGGER.warning("kafka:%s at %s: %s", topic.topic, topic.servers, trouble)
        return min(back_off(notes.attempts), self._kafka.discover_every_seconds)


class _ReadPartition(beam.DoFn):
    def __init__(
        self, stream: StreamSettings, kafka: KafkaSettings, topics: Sequence[KafkaTopic] = ()
    ) -> None:
        self._stream, self._kafka, self._topics = stream, kafka, tuple(topics)

    def setup(self) -> None:
        confluent_kafka()

    @contextmanager
    def _reading(
        self, partition: Partition, tracker: Any, estimator: Any
    ) -> Iterator[PartitionReading]:
        """The reading of a partition, over a client that the process keeps for the next one."""
        topic = partition.topic.at_brokers_of(self._topics)
        partition = replace(partition, topic=topic)
        key = ("read", topic.servers, topic.topic, partition.number, self._kafka)
        with CLIENTS.borrow(key, lambda: PartitionReader(partition, self._kafka)) as reader:
            yield PartitionReading(partition, self._stream, self._kafka, tracker, estimator, reader)


class ReadPartitionForEver(_ReadPartition):
    """A partition → its PAYLOAD batches as they come. Never ends, and hands on every half second.

    On streaming Flink a reader that ended would lose its last bundle.
    """

    @beam.DoFn.unbounded_per_element()
    def process(
        self,
        partition: Partition,
        tracker: Any = _OFFSETS,
        estimator: Any = _CLOCK,
    ) -> Iterator[Any]:
        with self._reading(partition, tracker, estimator) as reading:
            yield from reading.for_a_while()


class ReadPartitionToStop(_ReadPartition):
    """A partition with a `stop` → its PAYLOAD batches before it. Bounded."""

    def process(
        self,
        partition: Partition,
        tracker: Any = _OFFSETS,
        estimator: Any = _CLOCK,
    ) -> Iterator[Any]:
        with self._reading(partition, tracker, estimator) as reading:
            yield from reading.to_the_stop()


class ReadTopics(beam.PTransform):
    """What reads topics, for ever or as they are now, has in common."""

    def __init__(
        self,
        topics: Sequence[KafkaTopic],
        stream: StreamSettings | None = None,
        kafka: KafkaSettings | None = None,
        slots: Slots | None = None,
    ) -> None:
        super().__init__()
        self._topics, self._slots = list(topics), slots
        self._stream, self._kafka = stream or StreamSettings(), kafka or KafkaSettings()

    def partitions(self, root: beam.Pipeline, find: beam.DoFn) -> beam.PCollection:
        """The partitions that a DoFn finds of the topics."""
        topics = beam.Create(self._topics, reshuffle=False).with_output_types(KafkaTopic)
        finding = beam.ParDo(find).with_output_types(Partition)
        return root | "Topics" >> topics | "FindPartitions" >> finding


class ReadKafka(ReadTopics):
    """Topics → `payloads` (PAYLOAD), `failed` (FAILED_EVENT), `counts`, `status` (SOURCE_STATUS).

    Unbounded. A partition is read in order by one reader; how far is in the runner's state, and
    nothing is committed to the broker. `slots` of a job on Flink: partitions are spread evenly over
    them. See docs/sources.md.
    """

    def expand(self, root: beam.Pipeline) -> beam.pvalue.DoOutputsTuple:
        found = self.partitions(root, FindPartitions(self._kafka, self._topics, self._slots))
        return found | "ReadPartitions" >> with_outputs(
            ReadPartitionForEver(self._stream, self._kafka, self._topics)
        )
