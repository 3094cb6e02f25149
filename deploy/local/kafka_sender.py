"""Sender: gives every message to the broker once, also where its client library forgets to.

librdkafka may wait for a partition's leader for ever after its broker has come back
(confluentinc/librdkafka#5430): it accepts messages, is told of the leader, and sends nothing more.
Who asks the broker what it has sees that, and another sender then goes on where the broker ends.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from confluent_kafka import KafkaError, KafkaException, Producer

from pipelines.sources.kafka.client import KafkaClient, KafkaTrouble
from pipelines.sources.kafka.settings import KafkaSettings

CLOSING_SECONDS = 60.0
"""A broker that does not take what is left within it is none to wait for: longer than it takes to
see that it is the client that stands still."""
PATIENCE_SECONDS = 20.0
"""A client may need ten to find a broker again that was away."""
LOOK_SECONDS = 5.0
_ANSWER_SECONDS = 1.0


class Arranged(NamedTuple):
    """Records in the order of arrival; `arrived` in µs, never going back, `channels` are places."""

    payloads: pa.Array
    arrived: np.ndarray
    channels: np.ndarray


class SenderStoodStill(Exception):
    """The broker answers, and a partition gets nothing more of what was sent to it."""


class Standstill:
    """Whether a partition gets nothing of what was sent to it, while its broker answers.

    A broker that is away lets the time begin anew.
    """

    def __init__(self, patience_seconds: float) -> None:
        self._patience = patience_seconds
        self._taken: np.ndarray | None = None
        self._since: np.ndarray | None = None

    def look(self, now: float, sent: np.ndarray, taken: np.ndarray | None) -> bool:
        """Messages by topic and partition, those given to the client and those the broker has.

        `taken` None: it did not answer.
        """
        if taken is None or self._taken is None or self._since is None:
            self._since = np.full(sent.shape, now)
        else:
            moves = (taken != self._taken) | (taken >= sent)
            self._since = np.where(moves, now, self._since)
        self._taken = taken
        return bool((now - self._since >= self._patience).any())


class BrokerEnds:
    """How many messages the broker took in each partition since this was made.

    Of idempotent producers without transactions, whose messages are all that offsets count. Nobody
    else may write to the topics meanwhile.
    """

    def __init__(self, servers: str, topics: Sequence[str], partitions: int) -> None:
        self.topics, self._servers = list(topics), servers
        self._first = np.zeros((len(topics), partitions), dtype=np.int64)
        self._first = self.taken_for_sure()

    def taken_for_sure(self) -> np.ndarray:
        """By topic and partition. Raises KafkaException where the broker never tells it of all."""
        until = time.monotonic() + CLOSING_SECONDS
        while (taken := self.taken()) is None:
            if time.monotonic() > until:
                raise KafkaException(
                    f"expected a broker at {self._servers} that tells where "
                    f"{', '.join(self.topics)} end within {CLOSING_SECONDS:g} s, found none: look "
                    "at its log."
                )
            time.sleep(0.2)
        return taken

    def taken(self) -> np.ndarray | None:
        """The same, or None where the broker does not tell it of all."""
        # A client of its own each time: what the sender's forgot, this one asks for.
        with closing(KafkaClient(self._servers, KafkaSettings())) as client:
            try:
                ends = [
                    client.bounds(topic, number, _ANSWER_SECONDS)[1]
                    for topic in self.topics
                    for number in range(self._first.shape[1])
                ]
            except KafkaTrouble:
                return None
        return np.array(ends, dtype=np.int64).reshape(self._first.shape) - self._first


class Route(NamedTuple):
    """Where messages of each place go: a topic, by its number in BrokerEnds, and its headers."""

    topics: Sequence[int]
    headers: Sequence[list[tuple[str, bytes]] | None]


class Sender:
    """Sends what it is given, in order, and fails where one message was not taken.

    Message i goes to partition i modulo the partitions. `taken`: of each partition so many are with
    the broker already and are passed over.
    """

    def __init__(self, ends: BrokerEnds, servers: str, route: Route, taken: np.ndarray) -> None:
        self.messages = 0
        self.payload_bytes = 0
        # Not a method: with it the producer would hold itself, and outlive what it was made for.
        refused = self._refused = list[KafkaError]()
        self._ends, self._route = ends, route
        self._keys = [str(number).encode() for number in range(taken.shape[1])]
        self._passed_over = taken.tolist() if taken.any() else None
        self._sent = np.zeros(taken.shape, dtype=np.int64)
        self._standstill, self._looked = Standstill(PATIENCE_SECONDS), time.monotonic()
        self._producer = Producer(
            {
                "bootstrap.servers": servers,
                # Without it a message that is sent again could come twice, or after its successor.
                "enable.idempotence": True,
                # What a broker that is gone cannot take waits, for as long as it is gone.
                "message.timeout.ms": 0,
                "linger.ms": 20,
                "batch.num.messages": 20_000,
                "batch.size": 1_000_000,
                "message.max.bytes": 9_000_000,
                "queue.buffering.max.messages": 200_000,
                "queue.buffering.max.kbytes": 262_144,
                "delivery.report.only.error": True,
                "on_delivery": lambda error, _: refused.append(error),
            }
        )

    def send(self, part: Arranged, stamped: bool) -> None:
        """Give messages to the client. Raises SenderStoodStill, KafkaException."""
        topics, headers = self._ends.topics, self._route.headers
        keys, passed_over, number = self._keys, self._passed_over, self.messages
        produce, places = self._producer.produce, part.channels.tolist()
        stamps = (part.arrived // 1000).tolist() if stamped else [0] * len(places)
        numbers = (np.arange(len(places)) + number) % len(keys)
        np.add.at(self._sent, (np.asarray(self._route.topics)[part.channels], numbers), 1)
        for payload, place, stamp in zip(part.payloads.to_pylist(), places, stamps):
            topic, partition = self._route.topics[place], number % len(keys)
            number += 1
            self.payload_bytes += len(payload)
            if passed_over is not None and passed_over[topic][partition]:
                passed_over[topic][partition] -= 1
                continue
            while True:
                try:
                    produce(
                        topics[topic],
                        payload,
                        keys[partition],
                        partition,
                        timestamp=stamp,
                        headers=headers[place],
                    )
                    break
                except BufferError:
                    self._wait(0.1)
        self.messages = number
        self._wait(0)

    def close(self) -> None:
        """Return when the broker has everything. Raises SenderStoodStill, KafkaException."""
        until = time.monotonic() + CLOSING_SECONDS
        while left := self._producer.flush(0.5):
            self._wait(0)
            if time.monotonic() > until:
                raise KafkaException(
                    f"expected every message to be taken within {CLOSING_SECONDS:g} s, found "
                    f"{left} waiting: look at the broker's log."
                )
        self._check()

    def discard(self) -> None:
        """Forget what the client still holds."""
        self._producer.purge()
        self._producer.flush(1)

    def _wait(self, seconds: float) -> None:
        self._producer.poll(seconds)
        self._check()
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        taken = self._ends.taken() if len(self._producer) else self._sent
        self._looked = time.monotonic()
        if self._standstill.look(self._looked, self._sent, taken):
            if taken is not None and (taken > self._sent).any():
                raise KafkaException(
                    f"expected nobody else to write to {', '.join(self._ends.topics)}, found more "
                    "messages than were sent: publish again to topics of your own."
                )
            raise SenderStoodStill

    def _check(self) -> None:
        if self._refused:
            raise KafkaException(self._refused[0])
