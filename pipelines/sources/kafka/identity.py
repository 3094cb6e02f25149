"""topic_id: which of the topics that had a name one after another a broker has now."""

from __future__ import annotations

from concurrent.futures import TimeoutError as NoAnswer
from typing import Any

from pipelines.sources.kafka.client import ClientLog, KafkaTrouble, confluent_kafka, trouble
from pipelines.sources.kafka.settings import KafkaSettings, KafkaTopic


def topic_id(topic: KafkaTopic, settings: KafkaSettings, seconds: float) -> str:
    """What the broker calls a topic, and none made later under its name; "" where it does not.

    Needs no other right than to ask for the topic. Raises KafkaTrouble.
    """
    kafka = confluent_kafka()
    from confluent_kafka.admin import AdminClient

    # Asked once in a long while, by a client that does not stay connected.
    ours = {"bootstrap.servers": topic.servers, "logger": ClientLog()}
    given: dict[str, Any] = {**dict(settings.client), **ours}
    client = AdminClient(given)
    try:
        names = kafka.TopicCollection([topic.topic])
        asked = client.describe_topics(names, request_timeout=seconds)[topic.topic]
        found = asked.result(seconds + 1).topic_id
    except kafka.KafkaException as error:
        codes = kafka.KafkaError
        if error.args[0].code() in (codes._UNSUPPORTED_FEATURE, codes.UNSUPPORTED_VERSION):
            return ""
        raise trouble(error, settings) from None
    except NoAnswer:
        raise KafkaTrouble("the broker did not answer in time") from None
    finally:
        # An error that the library's futures keep holds this frame, and they hold each other:
        # the client would stay connected until somebody looks for garbage.
        del client
    known = found.get_most_significant_bits() or found.get_least_significant_bits()
    return str(found) if known else ""
