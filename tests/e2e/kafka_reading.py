"""A partition of Kafka read as a runner does, and what was read of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import apache_beam as beam
from apache_beam.runners.sdf_utils import ThreadsafeRestrictionTracker
from apache_beam.utils.timestamp import Duration

from pipelines.sources.kafka.client import PartitionReader
from pipelines.sources.kafka.offsets import Offsets, OffsetsTracker
from pipelines.sources.kafka.read import PartitionReading
from pipelines.sources.kafka.settings import Partition
from pipelines.sources.kafka.source import KafkaSettings, KafkaTopic
from pipelines.sources.streaming import StreamSettings
from pipelines.sources.watermark import ClockEstimator
from schemas.failure import FAILED_EVENT
from tests.e2e.kafka_broker import Broker


class Reading:
    """A partition as a runner reads it: call after call, each from what the last handed on."""

    def __init__(
        self,
        broker: Broker,
        topic: str,
        begin: Offsets,
        kafka: KafkaSettings | None = None,
        allowance: float = 10,
    ) -> None:
        self._partition = Partition(KafkaTopic(broker.plain, topic, "segment"), 0, begin.next)
        self._kafka, self._allowance = kafka or KafkaSettings(), allowance
        self._reader = PartitionReader(self._partition, self._kafka)
        self.rest, self.delay, self.state = begin, Duration(0), None
        self.failed: list[dict] = []
        self.status: list[dict] = []

    def call(self) -> list[tuple[int, bytes]]:
        tracker = ThreadsafeRestrictionTracker(OffsetsTracker(self.rest))
        estimator = ClockEstimator(self.state)
        stream = StreamSettings(self._allowance, None, status_every_seconds=0)
        given = (self._partition, stream, self._kafka, tracker, estimator, self._reader)
        batches = []
        for output in PartitionReading(*given).for_a_while():
            if isinstance(output, beam.pvalue.TaggedOutput):
                rows = output.value.value.to_pylist()
                {"failed": self.failed, "status": self.status}.get(output.tag, []).extend(rows)
                if output.tag == "failed":
                    assert output.value.value.schema.equals(FAILED_EVENT)
            else:
                batches.append(output.value)
        self.rest, self.delay = tracker.deferred_status()
        self.state = estimator.get_estimator_state()
        return payloads(batches).get(self._partition.input, [])

    def until(self, holds: Callable[[], bool]) -> list[tuple[int, bytes]]:
        found = []
        deadline = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < deadline, f"not within 30 s: {self.rest}"
            found += self.call()
            time.sleep(min(0.5, max(0.0, self.delay.micros / 1e6)))
        return found


def payloads(batches: Any) -> dict[str, list[tuple[int, bytes]]]:
    """(position, payload) by input, in the order they came."""
    found: dict[str, list[tuple[int, bytes]]] = {}
    for batch in batches:
        rows = zip(batch.column("position").to_pylist(), batch.column("payload").to_pylist())
        found.setdefault(batch.schema.metadata[b"input"].decode(), []).extend(rows)
    return found
