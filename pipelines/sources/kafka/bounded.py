"""ReadKafkaOnce, read_topic: what topics hold now, for backfills, `moment verify` and tests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import apache_beam as beam
import pyarrow as pa
from apache_beam.transforms.window import TimestampedValue

from pipelines.sources.kafka.client import (
    KafkaClient,
    KafkaTrouble,
    PartitionReader,
    SourceError,
    confluent_kafka,
)
from pipelines.sources.kafka.offsets import Offsets, OffsetsTracker
from pipelines.sources.kafka.partitions import bounded_partitions_of
from pipelines.sources.kafka.read import ANSWER_SECONDS, PartitionReading, back_off
from pipelines.sources.kafka.settings import KafkaSettings, KafkaTopic, Partition
from pipelines.sources.kafka.source import ReadPartitionToStop, ReadTopics
from pipelines.sources.streaming import StreamSettings, with_outputs
from pipelines.sources.watermark import ClockEstimator


class FindPartitionsOnce(beam.DoFn):
    """A topic → its partitions, each with its end of now as `stop`."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka

    def setup(self) -> None:
        confluent_kafka()

    def process(self, topic: KafkaTopic) -> Iterator[Partition]:
        yield from _now(topic, self._kafka)


class ReadKafkaOnce(ReadTopics):
    """Topics as they are when the job starts → the outputs of ReadKafka. Bounded.

    A topic's `start` holds; its `status` ends with one row a partition of basis `end`.
    """

    def expand(self, root: beam.Pipeline) -> beam.pvalue.DoOutputsTuple:
        return (
            self.partitions(root, FindPartitionsOnce(self._kafka))
            # What was found stands: a second look would find another end.
            | "Spread" >> beam.Reshuffle().with_output_types(Partition)
            | "ReadPartitions" >> with_outputs(ReadPartitionToStop(self._stream, self._kafka))
        )


def read_topic(
    topic: KafkaTopic, kafka: KafkaSettings | None = None, rows_a_batch: int = 16_384
) -> Iterator[pa.RecordBatch]:
    """PAYLOAD batches of everything a topic holds at the time of the call, without a pipeline.

    One partition after another. Raises SourceError where the broker gives nothing for
    `patience_seconds`, or an offset is gone.
    """
    settings = kafka or KafkaSettings()
    stream = StreamSettings(rows_a_batch=rows_a_batch)
    for partition in _now(topic, settings):
        tracker = OffsetsTracker(Offsets(0, partition.start, partition.stop))
        with closing(PartitionReader(partition, settings)) as reader:
            given = (partition, stream, settings, tracker, ClockEstimator(None), reader)
            for output in PartitionReading(*given).to_the_stop():
                if isinstance(output, TimestampedValue):
                    yield output.value
                elif output.tag == "failed":
                    (failed,) = output.value.value.to_pylist()
                    raise SourceError(
                        f"expected to read {partition.input} whole, found a part gone: "
                        f"{failed['detail']}: read it again from its start."
                    )


def _now(topic: KafkaTopic, kafka: KafkaSettings) -> list[Partition]:
    with closing(KafkaClient(topic.servers, kafka)) as client:
        attempts = 0
        until = time.monotonic() + kafka.patience_seconds
        while True:
            try:
                return bounded_partitions_of(client, topic, ANSWER_SECONDS)
            except KafkaTrouble as trouble:
                attempts += 1
                if trouble.denied or trouble.missing or time.monotonic() > until:
                    raise SourceError(
                        f"expected the partitions of the topic {topic.topic} at {topic.servers}, "
                        f"found: {trouble}: check broker, topic and credentials."
                    ) from None
                time.sleep(back_off(attempts))
