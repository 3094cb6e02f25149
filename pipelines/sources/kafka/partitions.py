"""Which partitions a topic has, and where the reading of each begins and ends."""

from __future__ import annotations

from dataclasses import replace

from pipelines.flink_slots import Slots, salt_of
from pipelines.sources.kafka.client import KafkaClient
from pipelines.sources.kafka.settings import KafkaTopic, Partition, PartitionCoder
from pipelines.sources.watermark import SECOND


def partitions_of(
    client: KafkaClient, topic: KafkaTopic, known: int, since: int | None, seconds: float
) -> list[Partition]:
    """The partitions from number `known` on, to be read for ever. Raises KafkaTrouble.

    Those found at the first look (`since` None) begin at the topic's `start`; those added since the
    last look, at `since`, begin at their beginning, for nobody has passed over anything of them.
    """
    count = client.partitions(topic.topic, seconds)
    if since is not None:
        return [
            Partition(topic, number, client.bounds(topic.topic, number, seconds)[0], since=since)
            for number in range(known, count)
        ]
    return [_first(client, topic, number, seconds) for number in range(known, count)]


def spread(partition: Partition, first: int, slots: Slots | None) -> Partition:
    """A partition with the salt that takes it to its slot: partition 0 of its topic to `first`."""

    def coded_with(salt: int) -> bytes:
        return PartitionCoder().encode(replace(partition, salt=salt))

    return replace(partition, salt=salt_of(first + partition.number, coded_with, slots))


def bounded_partitions_of(
    client: KafkaClient, topic: KafkaTopic, seconds: float
) -> list[Partition]:
    """All partitions, each with its end of now as `stop`. Raises KafkaTrouble."""
    found = []
    for number in range(client.partitions(topic.topic, seconds)):
        first = _first(client, topic, number, seconds)
        _, end = client.bounds(topic.topic, number, seconds)
        found.append(Partition(topic, number, min(first.start, end), end))
    return found


def _first(client: KafkaClient, topic: KafkaTopic, number: int, seconds: float) -> Partition:
    low, end = client.bounds(topic.topic, number, seconds)
    if topic.start == "earliest":
        return Partition(topic, number, low)
    instant = topic.start_milliseconds()
    if instant is None:
        return Partition(topic, number, end)
    found = client.offset_at(topic.topic, number, instant, seconds)
    start = end if found is None else max(low, found)
    return Partition(topic, number, start, since=instant * SECOND // 1000)
