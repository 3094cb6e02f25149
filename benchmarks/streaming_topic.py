"""Topics of the streaming benchmarks: tracks preloaded, read back, or published as they happen."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from benchmarks.inputs import Tracks
from deploy.local.kafka_publish import Published, publish
from deploy.local.services import Services
from pipelines.sources.discover import discover

PARTITIONS = 4
_STAMPS = ("originalTimestamp", "sentAt", "receivedAt")


def preload(services: Services, tracks: Tracks, topic: str, speed: float = 0) -> Published:
    """All tracks in a topic of one channel, stamped with their arrival; `speed` as in `publish`."""
    files = discover([str(tracks.path)])
    return publish(files, services.kafka, topic, PARTITIONS, speed, name_channel=False)


def last_values(services: Services, topic: str) -> dict[bytes, Any]:
    """Of each key of a topic of one partition the last value, parsed."""
    client = Consumer({"bootstrap.servers": services.kafka, "group.id": "benchmarks"})
    try:
        _, end = client.get_watermark_offsets(TopicPartition(topic, 0), timeout=20)
        client.assign([TopicPartition(topic, 0, 0)])
        values: dict[bytes, Any] = {}
        reached = 0
        while reached < end:
            for message in client.consume(10_000, timeout=5):
                key, value, offset = message.key(), message.value(), message.offset()
                if message.error() is None and key and value and offset is not None:
                    values[key] = json.loads(value)
                    reached = offset + 1
        return values
    finally:
        client.close()


def make_topic(services: Services, topic: str, partitions: int) -> None:
    """A topic that keeps messages of any age."""
    admin = AdminClient({"bootstrap.servers": services.kafka})
    made = admin.create_topics([NewTopic(topic, partitions, 1, config={"retention.ms": "-1"})])
    made[topic].result(30)


def as_of(line: bytes, instant: float) -> bytes:
    """A track that happened at an instant, in seconds since the epoch, and was sent at once."""
    text = datetime.fromtimestamp(instant, timezone.utc).isoformat(timespec="milliseconds")
    stamp = text.replace("+00:00", "Z").encode()
    for name in _STAMPS:
        head, mark, rest = line.partition(b'"' + name.encode() + b'":"')
        line = head + mark + stamp + rest[rest.index(b'"') :]
    return line


def endlessly(lines: Sequence[bytes]) -> Iterator[bytes]:
    """The lines over and over, each time with other ids: a copy would not count."""
    for turn in itertools.count():
        for line in lines:
            yield line.replace(b'"ajs-next-', b'"%d-' % turn, 1)


class Live(threading.Thread):
    """Publishes tracks at so many events a second, each as of the moment it is sent."""

    def __init__(self, services: Services, topic: str, lines: Iterable[bytes], rate: float) -> None:
        super().__init__(daemon=True)
        self._lines, self._topic, self._rate = lines, topic, rate
        self._producer = Producer(
            {"bootstrap.servers": services.kafka, "linger.ms": 20, "enable.idempotence": True}
        )
        self._ends = threading.Event()
        self.sent = 0
        self.behind = 0.0
        """The most seconds that sending was behind its pace."""

    def run(self) -> None:
        began = time.time()
        for number, line in enumerate(self._lines):
            if self._ends.is_set():
                break
            due = began + number / self._rate
            now = time.time()
            if now < due:
                self._producer.poll(0)
                time.sleep(due - now)
                now = time.time()
            self.behind = max(self.behind, now - due)
            self._producer.produce(self._topic, as_of(line, now), partition=number % PARTITIONS)
            self.sent = number + 1
        self._producer.flush(30)

    def end(self) -> None:
        """Stop publishing, and return when everything sent is acknowledged."""
        self._ends.set()
        self.join()
