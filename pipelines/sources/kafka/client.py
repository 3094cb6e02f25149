"""KafkaClient asks about topics; PartitionReader is one that reads one partition in order."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from pipelines.errors import OptionError
from pipelines.sources.kafka.settings import KafkaSettings, Partition

LOGGER = logging.getLogger(__name__)
PIECE_ROWS, PIECE_BYTES = 1024, 1024 * 1024
"""Messages of a piece, which one call gives, at most, and about how many bytes."""
_DENIED = (
    "_AUTHENTICATION",
    "SASL_AUTHENTICATION_FAILED",
    "TOPIC_AUTHORIZATION_FAILED",
    "CLUSTER_AUTHORIZATION_FAILED",
)
_MISSING = ("UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION")


class SourceError(RuntimeError):
    """A source that cannot go on: one sentence. The bundle fails, and the runner retries it."""


class KafkaTrouble(Exception):
    """The client could not do what was asked. `denied`: nor will it, as it is configured.

    `missing`: the broker knows of no such topic or partition.
    """

    def __init__(self, said: str, denied: bool = False, missing: bool = False) -> None:
        super().__init__(said)
        self.denied, self.missing = denied, missing


def confluent_kafka() -> ModuleType:
    """The client library; OptionError where it is not installed."""
    try:
        import confluent_kafka
    except ImportError:
        raise OptionError(
            "expected the Python package confluent-kafka to read from Kafka, found none: install "
            "moment-pipeline[kafka]."
        ) from None
    return confluent_kafka


def trouble(error: Any, settings: KafkaSettings) -> KafkaTrouble:
    """What a KafkaError or KafkaException says, without secrets."""
    error = error.args[0] if isinstance(error, Exception) and error.args else error
    code = error.name() if hasattr(error, "name") else ""
    said = error.str() if hasattr(error, "str") else str(error)
    said = settings.without_secrets(f"{said} ({code})")
    return KafkaTrouble(said, denied=code in _DENIED, missing=code in _MISSING)


@dataclass
class Found:
    """What one call of `read` gave: messages in order, and whether the position is lost.

    `full`: as many as were asked for, so that there may be more.
    """

    messages: list[Any]
    lost: bool = False
    trouble: KafkaTrouble | None = None
    full: bool = False


@dataclass
class Notes:
    """What a reader remembers from call to call. It may be lost at any time.

    `asked`: when the broker was asked for the end of the partition, and the end it told, until
    everything before that end has been read.
    """

    reported: float = 0.0
    basis: str = ""
    troubled_since: float | None = None
    attempts: int = 0
    rows: int = PIECE_ROWS
    asked: tuple[int, int] | None = None


class ClientLog:
    """Takes the client's lines, of which a broker that is away makes ten a second: for debugging.

    What matters of them comes as an error, and is told once.
    """

    def log(self, level: int, text: str, *values: Any) -> None:
        LOGGER.debug(text, *values)


class KafkaClient:
    """A consumer without a group's offsets, for questions about topics and for reading."""

    def __init__(self, servers: str, settings: KafkaSettings) -> None:
        self._kafka = confluent_kafka()
        self._settings = settings
        self._noticed: KafkaTrouble | None = None
        self.notes = Notes()
        client = {
            # Never joined nor committed to; the client library wants a name.
            "group.id": "moment",
            # 64 MB a partition by default: a worker may read many.
            "queued.max.messages.kbytes": 16 * 1024,
            # A queue that was full is filled again after a second by default.
            "fetch.queue.backoff.ms": 20,
            # A call may be long in coming when a runner holds its sources back.
            "max.poll.interval.ms": 86_400_000,
            # A batch that a broker's disk has spoilt is an error, and neither rubbish nor silence.
            "check.crcs": True,
            **dict(settings.client),
            "bootstrap.servers": servers,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "error_cb": self._notice,
            "logger": ClientLog(),
        }
        self._client = client
        self._consumer = self._consume()

    def _consume(self) -> Any:
        try:
            return self._kafka.Consumer(self._client)
        except self._kafka.KafkaException as error:
            raise OptionError(
                "expected Kafka client properties that librdkafka takes, found: "
                f"{trouble(error, self._settings)}: correct them."
            ) from None

    def partitions(self, topic: str, seconds: float) -> int:
        """How many partitions a topic has. Raises KafkaTrouble."""
        try:
            found = self._consumer.list_topics(topic, timeout=seconds).topics[topic]
        except self._kafka.KafkaException as error:
            raise self._explain(error) from None
        if found.error is not None:
            raise trouble(found.error, self._settings)
        return len(found.partitions)

    def bounds(self, topic: str, number: int, seconds: float) -> tuple[int, int]:
        """The first offset there is and the one after the last, as the broker says now."""
        try:
            asked = self._kafka.TopicPartition(topic, number)
            found = self._consumer.get_watermark_offsets(asked, timeout=seconds)
        except self._kafka.KafkaException as error:
            raise self._explain(error) from None
        if found is None:
            raise KafkaTrouble("the broker did not answer in time")
        return found

    def offset_at(self, topic: str, number: int, milliseconds: int, seconds: float) -> int | None:
        """The first offset whose message is not older than an instant; None: all are older."""
        asked = self._kafka.TopicPartition(topic, number, milliseconds)
        try:
            (found,) = self._consumer.offsets_for_times([asked], timeout=seconds)
        except self._kafka.KafkaException as error:
            raise self._explain(error) from None
        if found.error is not None:
            raise trouble(found.error, self._settings)
        return found.offset if found.offset >= 0 else None

    def close(self) -> None:
        self._consumer.close()

    def _notice(self, error: Any) -> None:
        self._noticed = trouble(error, self._settings)

    def _serve(self) -> None:
        """Let the client say what it noticed."""
        self._consumer.poll(0)

    def _explain(self, error: Exception) -> KafkaTrouble:
        """A time-out says little: what the client noticed meanwhile says why."""
        self._serve()
        noticed, self._noticed = self._noticed, None
        return noticed or trouble(error, self._settings)


class PartitionReader(KafkaClient):
    """Reads one partition in order. `next` is the offset after the last one given.

    `at_end`: the last thing the client said is that the partition has no more.
    """

    def __init__(self, partition: Partition, settings: KafkaSettings) -> None:
        super().__init__(partition.topic.servers, settings)
        self._topic, self._number = partition.topic.topic, partition.number
        self.next: int | None = None
        self.at_end = False
        self._spoilt = False

    def seek(self, offset: int) -> None:
        """Read on from an offset. What was fetched ahead is kept where it fits."""
        if offset == self.next and not self._spoilt:
            return
        # Assigned anew: a seek is refused after an offset was out of range.
        self._consumer.assign([self._kafka.TopicPartition(self._topic, self._number, offset)])
        self.next, self.at_end, self._spoilt = offset, False, False

    def read(self, rows: int, seconds: float) -> Found:
        """At most `rows` messages, or a piece, as soon as they are there or the seconds over."""
        asked = min(rows, self.notes.rows)
        got = self._consumer.consume(asked, timeout=seconds)
        errors = list(map(self._kafka.Message.error, got))
        if not any(errors):
            found, end = Found(got, full=len(got) == asked), None
        else:
            found, end = self._told_apart(got, errors)
        if found.messages:
            self.next, self.at_end = found.messages[-1].offset() + 1, False
            self._suit_rows(found.messages)
        if end is not None:
            # Beyond the last message, too, where transactions left their marks.
            self.next = max(self.next or 0, end.offset())
            self.at_end = got[-1] is end
        if self._noticed is not None:
            if not found.messages:
                found.trouble = found.trouble or self._noticed
            self._noticed = None
        return found

    def _told_apart(self, got: list[Any], errors: list[Any]) -> tuple[Found, Any]:
        """Messages, and what else the client said; the end of the partition, if it said so."""
        codes = self._kafka.KafkaError
        found, end = Found([]), None
        for event, error in zip(got, errors):
            if error is None:
                found.messages.append(event)
            elif error.code() == codes._PARTITION_EOF:
                end = event
            elif error.code() in (codes._AUTO_OFFSET_RESET, codes.OFFSET_OUT_OF_RANGE):
                found.lost = True
            else:
                # Behind a spoilt batch the client reads on at offsets made of its rubbish.
                found.trouble, self._spoilt = trouble(error, self._settings), True
                break
        return found, end

    def ask_bounds(self, seconds: float) -> tuple[int, int]:
        """`bounds` of this partition."""
        return self.bounds(self._topic, self._number, seconds)

    def known_end(self) -> int | None:
        """The end offset as last fetched, without asking; None: not known."""
        asked = self._kafka.TopicPartition(self._topic, self._number)
        _, high = self._consumer.get_watermark_offsets(asked, cached=True)
        return high if high >= 0 else None

    def forget(self) -> None:
        """The next `seek` assigns anew."""
        self.next, self.at_end = None, False

    def connect_anew(self) -> None:
        """Another client of the library in place of this one; what was noted stays.

        A broker that has just started may answer that it knows of no such partition. A client that
        was told so does not ask again for five minutes.
        """
        self._consumer.close()
        self._consumer = self._consume()
        self.forget()

    def _serve(self) -> None:
        """Nothing: a poll would take a message, and `read` serves what was noticed."""

    def _suit_rows(self, messages: list[Any]) -> None:
        """So many messages a call that they have about PIECE_BYTES."""
        size = sum(map(len, messages)) / len(messages)
        self.notes.rows = max(1, min(PIECE_ROWS, int(PIECE_BYTES / max(size, 1))))
