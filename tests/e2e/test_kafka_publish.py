"""Recorded files in a real broker: each record once, in order, whatever a client forgets.

Runs where Java 17 and Maven are; with MOMENT_EVERYTHING set it must run.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from confluent_kafka import KafkaException, Producer

from deploy.local import kafka_sender
from deploy.local.kafka_publish import publish
from pipelines.sources.kafka.bounded import read_topic
from pipelines.sources.kafka.settings import KafkaTopic
from schemas.event import INSTANT
from tests.e2e.kafka_broker import EIGHT_PM
from tests.e2e.kafka_reading import payloads

pytestmark = pytest.mark.timeout(1800)

TRACKS = [
    json.dumps({"type": "track", "event": "Video Content Playing", "messageId": f"m{n}"}).encode()
    for n in range(1_000)
]


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A file of a thousand calls, a second apart."""
    arrived = pa.array([(EIGHT_PM + n) * 1_000_000 for n in range(1_000)]).cast(INSTANT)
    table = pa.table({"payload": pa.array(TRACKS, pa.large_binary()), "arrived_time": arrived})
    (tmp_path / "live").mkdir()
    pq.write_table(table, tmp_path / "live" / "segment.parquet")
    return tmp_path / "live"


class Forgetful:
    """A producer that sends forty messages to partition 1, and keeps what comes after them.

    As librdkafka where it waits for a leader for ever.
    """

    made = 0

    def __init__(self, settings: dict[str, Any]) -> None:
        Forgetful.made += 1
        self._client, self._left = Producer(settings), 40 if Forgetful.made == 1 else 10_000
        self._kept = 0

    def produce(self, topic: str, payload: bytes, key: bytes, partition: int, **more: Any) -> None:
        if partition == 1:
            self._left -= 1
        if partition == 1 and self._left < 0:
            self._kept += 1
        else:
            self._client.produce(topic, payload, key, partition, **more)

    def poll(self, seconds: float) -> None:
        self._client.poll(seconds)

    def flush(self, seconds: float) -> int:
        return self._client.flush(seconds) + self._kept

    def purge(self) -> None:
        self._client.purge()

    def __len__(self) -> int:
        return len(self._client) + self._kept


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_sender, "Producer", Forgetful)
    monkeypatch.setattr(kafka_sender, "PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr(kafka_sender, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(Forgetful, "made", 0)


def messages(servers: str, topic: str) -> dict[str, list[bytes]]:
    found = payloads(read_topic(KafkaTopic(servers, topic, "segment")))
    return {input: [payload for _, payload in told] for input, told in found.items()}


def test_where_a_client_forgets_a_partition_another_sends_what_the_broker_has_not(
    broker, recorded, forgetful
):
    published = publish(recorded, broker.plain, "forgotten", partitions=2)

    assert Forgetful.made == 2
    assert published.messages == 1_000
    assert published.payload_bytes == sum(map(len, TRACKS))
    assert messages(broker.plain, "forgotten") == {
        "kafka:forgotten/0": TRACKS[0::2],
        "kafka:forgotten/1": TRACKS[1::2],
    }


def test_what_a_topic_held_before_does_not_count_as_sent(broker, recorded, forgetful):
    broker.create("held", partitions=2)
    broker.produce("held", [b"older"] * 60, partition=1)

    publish(recorded, broker.plain, "held", partitions=2)

    assert Forgetful.made == 2
    assert messages(broker.plain, "held")["kafka:held/1"] == [b"older"] * 60 + TRACKS[1::2]


class BesideAnother(Forgetful):
    """One beside which somebody else writes to partition 0."""

    def produce(self, topic: str, payload: bytes, key: bytes, partition: int, **more: Any) -> None:
        super().produce(topic, payload, key, partition, **more)
        self._client.produce(topic, b"another's", partition=0)


def test_where_somebody_else_writes_nothing_is_guessed(broker, recorded, forgetful, monkeypatch):
    """By the broker's ends alone nobody can tell whose messages these are."""
    monkeypatch.setattr(kafka_sender, "Producer", BesideAnother)

    with pytest.raises(KafkaException, match="expected nobody else to write to shared, found more"):
        publish(recorded, broker.plain, "shared", partitions=2)
