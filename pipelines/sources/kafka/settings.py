"""KafkaTopic, KafkaSettings, Partition: what is read, from where, and with which client."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime, timezone
from typing import Any

from apache_beam.coders import Coder, registry

from pipelines.errors import OptionError

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_SECRET = re.compile(r"password|secret|token|credential|jaas|\.key\b|key\.pem|oauthbearer\.config")
LAST_YEAR = 2999
"""Of a start, or of a first window: a later one is a slip."""

OURS = {
    "bootstrap.servers",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.partition.eof",
    "auto.offset.reset",
    "error_cb",
    "logger",
}
"""What the reading rests on; nobody else may set it."""


@dataclass(frozen=True)
class KafkaTopic:
    """One topic. `channel` is that of messages that do not say theirs; None: each is recognised.

    `start` says where reading begins when there is no checkpoint: `earliest`, `latest` or an ISO
    instant (with an offset from UTC, or UTC). Raises OptionError.
    """

    servers: str
    topic: str
    channel: str | None = None
    start: str = "earliest"

    def __post_init__(self) -> None:
        if not self.servers:
            raise OptionError("expected host:port of a Kafka broker, found nothing: name one.")
        if not _TOPIC.fullmatch(self.topic):
            raise OptionError(
                "expected a Kafka topic of letters, digits, '.', '_' and '-', found "
                f"{self.topic!r}: check it."
            )
        self.start_milliseconds()

    def start_milliseconds(self) -> int | None:
        """The instant to start at, in milliseconds since 1970; None where it is no instant.

        One before that is 1970: no message is older, and to a broker -1 is the end.
        """
        if self.start in ("earliest", "latest"):
            return None
        try:
            instant = datetime.fromisoformat(self.start.replace("Z", "+00:00"))
        except ValueError:
            raise OptionError(
                "expected earliest, latest or an ISO instant as the start of the Kafka topic "
                f"{self.topic}, found {self.start!r}: write it like 2026-03-01T20:00:00Z."
            ) from None
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=timezone.utc)
        if instant.year > LAST_YEAR:
            raise OptionError(
                f"expected an instant up to {LAST_YEAR} as the start of the Kafka topic "
                f"{self.topic}, found {self.start!r}: correct it."
            )
        return max(0, int(instant.timestamp() * 1000))

    def at_brokers_of(self, given: Sequence[KafkaTopic]) -> KafkaTopic:
        """This topic at the brokers that the topics given name for it.

        A savepoint holds the brokers of the day on which reading began, and these may have moved.
        Of two clusters that have a topic of this name nobody can tell which it was: as it is.
        """
        servers = {topic.servers for topic in given if topic.topic == self.topic}
        if len(servers) != 1:
            return self
        return replace(self, servers=servers.pop())


@dataclass(frozen=True, repr=False)
class KafkaSettings:
    """How the client reaches the brokers, and how patient it is.

    `client` are properties of librdkafka (security.protocol, sasl.username …); their values are
    never shown. New partitions are looked for every `discover_every_seconds`. A partition that
    gives nothing though it should, for `patience_seconds`, fails the bundle. Raises OptionError.
    """

    client: tuple[tuple[str, str], ...] = ()
    discover_every_seconds: float = 10.0
    patience_seconds: float = 900.0

    def __post_init__(self) -> None:
        for name, _ in self.client:
            if name in OURS:
                raise OptionError(
                    f"expected a Kafka client property that may be chosen, found {name}, which "
                    "the reader sets itself: leave it out."
                )

    def __repr__(self) -> str:
        names = ", ".join(name for name, _ in self.client)
        return (
            f"KafkaSettings(client=({names}), "
            f"discover_every_seconds={self.discover_every_seconds}, "
            f"patience_seconds={self.patience_seconds})"
        )

    def without_secrets(self, text: str) -> str:
        """A text of the client's with the values of secret properties taken out."""
        for name, value in self.client:
            if value and _SECRET.search(name.lower()):
                text = text.replace(value, "(secret)")
        return text


@dataclass(frozen=True)
class Partition:
    """One partition to read, from offset `start` until before `stop` (None: for ever).

    `since`: nothing from `start` on is older, in microseconds since the epoch; None: not known.
    `topic_id`: what the broker calls this topic and none made later under its name; "": not known.
    `salt` says nothing: by it the coded partition falls on its slot of Flink.
    """

    topic: KafkaTopic
    number: int
    start: int
    stop: int | None = None
    since: int | None = None
    topic_id: str = ""
    salt: int = 0

    @property
    def input(self) -> str:
        """How it is called in payloads, failed events and balance."""
        return f"kafka:{self.topic.topic}/{self.number}"


class TopicCoder(Coder):
    """JSON: the runner keys its state by these bytes, so they must not change with Python."""

    def encode(self, value: KafkaTopic) -> bytes:
        return json.dumps(astuple(value)).encode()

    def decode(self, encoded: bytes) -> KafkaTopic:
        return KafkaTopic(*json.loads(encoded))

    def is_deterministic(self) -> bool:
        return True

    def to_type_hint(self) -> Any:
        return KafkaTopic

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))


class PartitionCoder(TopicCoder):
    """JSON, as TopicCoder; without identity and salt, as before there were any."""

    def encode(self, value: Partition) -> bytes:  # type: ignore[override]
        fields = astuple(value)
        return json.dumps(fields if value.topic_id or value.salt else fields[:5]).encode()

    def decode(self, encoded: bytes) -> Partition:  # type: ignore[override]
        topic, *rest = json.loads(encoded)
        return Partition(KafkaTopic(*topic), *rest)

    def to_type_hint(self) -> Any:
        return Partition


registry.register_coder(KafkaTopic, TopicCoder)
registry.register_coder(Partition, PartitionCoder)
