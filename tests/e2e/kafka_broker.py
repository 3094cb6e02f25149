"""A broker of Kafka as tests use it: topics, messages with their times, a batch that is spoilt."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

EIGHT_PM = 1_772_395_200
"""2026-03-01T20:00:00Z."""


@dataclass(frozen=True)
class Broker:
    """A broker of one test module's own, which also asks for a password on a second port."""

    plain: str
    guarded: str
    folder: Path = Path()

    @cached_property
    def admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.plain})

    def create(self, topic: str, partitions: int = 1) -> None:
        done(self.admin.create_topics([NewTopic(topic, partitions, 1)]))

    def remove(self, topic: str) -> None:
        done(self.admin.delete_topics([topic]))

    def produce(self, topic: str, values: list[bytes | None], partition: int = 0) -> None:
        produce(
            self.plain, topic, partition, [(value, EIGHT_PM + n) for n, value in enumerate(values)]
        )


def produce(
    servers: str,
    topic: str,
    partition: int,
    messages: list[tuple[bytes | None, float]],
    settings: dict[str, Any] | None = None,
) -> None:
    """Values with the seconds of their producer's clock, in order and acknowledged."""
    given = {"enable.idempotence": True, "linger.ms": 5, **(settings or {})}
    producer = Producer({"bootstrap.servers": servers, **given})
    for value, seconds in messages:
        producer.produce(topic, value, partition=partition, timestamp=int(seconds * 1000))
    assert producer.flush(30) == 0


def done(futures: dict[Any, Any]) -> None:
    """Return when the broker has done it all. The client looks for each future in this very dict."""
    for future in futures.values():
        future.result(30)


def spoil_second_batch(partition: Path) -> None:
    """Overwrite records of a partition's second batch on the broker's disk. A batch has a header of
    61 bytes, of which the bytes from 8 on say how long it is after the twelfth."""
    (log,) = partition.glob("*.log")
    content = bytearray(log.read_bytes())
    begin = int.from_bytes(content[8:12], "big") + 12 + 61
    content[begin : begin + 40] = b"\xff" * 40
    with log.open("r+b") as file:
        file.write(content)


def until(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.2)
