"""check_kafka: one sentence about broker, topic or credentials before anything starts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TypeVar

from pipelines.errors import OptionError
from pipelines.sources.kafka.client import KafkaClient, KafkaTrouble, PartitionReader
from pipelines.sources.kafka.settings import KafkaSettings, KafkaTopic, Partition
from schemas.channels import registered_channels

_Answer = TypeVar("_Answer")


def check_kafka(topics: Sequence[KafkaTopic], kafka: KafkaSettings, seconds: float = 10) -> None:
    """Return where every topic can be read. Raises OptionError within about `seconds` a topic.

    Asks for the topic's partitions and reads from the first of them: some accounts may ask for a
    topic and its offsets, but not read it.
    """
    for topic in topics:
        if topic.channel is not None and topic.channel not in registered_channels():
            raise OptionError(
                f"expected a registered channel for the Kafka topic {topic.topic}, found "
                f"{topic.channel!r}: choose one of `moment channels`."
            )
        _check(topic, kafka, time.monotonic() + seconds)


def _check(topic: KafkaTopic, kafka: KafkaSettings, until: float) -> None:
    with closing(KafkaClient(topic.servers, kafka)) as client:
        first = _insist(topic, until, lambda: _first(client, topic, until))
    with closing(PartitionReader(first, kafka)) as reader:
        _insist(topic, until, lambda: _read(reader, first))


def _first(client: KafkaClient, topic: KafkaTopic, until: float) -> Partition:
    # Each question waits a second only, so that a refused password is known long before the end.
    client.partitions(topic.topic, 1.0)
    low, _ = client.bounds(topic.topic, 0, max(1.0, until - time.monotonic()))
    return Partition(topic, 0, low)


def _read(reader: PartitionReader, first: Partition) -> None:
    reader.seek(first.start)
    found = reader.read(1, 1.0)
    # Gone since it was asked for is an answer, too.
    if not (found.messages or found.lost or reader.at_end):
        raise found.trouble or KafkaTrouble("a broker that gives no message of it")


def _insist(topic: KafkaTopic, until: float, ask: Callable[[], _Answer]) -> _Answer:
    while True:
        try:
            return ask()
        except KafkaTrouble as trouble:
            if trouble.denied or trouble.missing or time.monotonic() >= until:
                raise OptionError(_sentence(topic, trouble)) from None
            # A broker that refuses connections answers at once.
            time.sleep(0.1)


def _sentence(topic: KafkaTopic, trouble: KafkaTrouble) -> str:
    if trouble.missing:
        return (
            f"expected the topic {topic.topic} at {topic.servers}, found none: create it, or check "
            "its name and the brokers."
        )
    if trouble.denied:
        return (
            f"expected to be let in to the topic {topic.topic} at {topic.servers}, found: "
            f"{trouble}: check the credentials and their rights."
        )
    return (
        f"expected a Kafka broker at {topic.servers}, found: {trouble}: check the address and that "
        "it runs and is reached from here."
    )
