"""check_kafka: one sentence about broker, topic or credentials before anything starts."""

from __future__ import annotations

import time
from collections.abc import Sequence

from pipelines.errors import OptionError
from pipelines.sources.kafka_client import KafkaClient, KafkaTrouble
from pipelines.sources.kafka_settings import KafkaSettings, KafkaTopic
from schemas.channels import registered_channels


def check_kafka(topics: Sequence[KafkaTopic], kafka: KafkaSettings, seconds: float = 10) -> None:
    """Return where every topic can be read. Raises OptionError within about `seconds` a topic.

    Asks for the topic's partitions and the bounds of the first: a topic that may be named but not
    read is found too.
    """
    for topic in topics:
        if topic.channel is not None and topic.channel not in registered_channels():
            raise OptionError(
                f"expected a registered channel for the Kafka topic {topic.topic}, found "
                f"{topic.channel!r}: choose one of `moment channels`."
            )
        client = KafkaClient(topic.servers, kafka)
        try:
            _check(client, topic, seconds)
        finally:
            client.close()


def _check(client: KafkaClient, topic: KafkaTopic, seconds: float) -> None:
    until = time.monotonic() + seconds
    # Each question waits a second only, so that a refused password is known long before the end.
    while True:
        try:
            client.partitions(topic.topic, 1.0)
            client.bounds(topic.topic, 0, max(1.0, until - time.monotonic()))
            return
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
