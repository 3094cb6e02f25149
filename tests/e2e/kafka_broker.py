"""A broker of Kafka as tests use it: topics, messages with their times, batches spoilt or lost."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from deploy.local import download, kafka
from deploy.local.ports import HOST, free_ports
from deploy.local.processes import start, stop
from deploy.local.services import FOLDER_OF_TESTS
from pipelines.sources.kafka.settings import KafkaSettings

PASSWORD = "right-and-secret"
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

    def start(self) -> None:
        start(self.folder, kafka.broker(download.java(), download.kafka(), self.folder))

    def kill(self) -> None:
        """End it as a crash would."""
        stop(self.folder, ["kafka"], seconds=0)

    def remove(self, topic: str) -> None:
        done(self.admin.delete_topics([topic]))

    def produce(self, topic: str, values: list[bytes | None], partition: int = 0) -> None:
        produce(
            self.plain, topic, partition, [(value, EIGHT_PM + n) for n, value in enumerate(values)]
        )


@contextmanager
def own_broker() -> Iterator[Broker]:
    """A broker on ports of its own, in a folder that is empty before and after."""
    folder = FOLDER_OF_TESTS.with_name("local-tests-kafka")
    stop(folder, ["kafka"], seconds=0)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "tmp").mkdir(parents=True)
    ports = free_ports()
    plain, guarded = f"{HOST}:{ports.kafka}", f"{HOST}:{ports.flink}"
    kafka.write_configuration(download.java(), download.kafka(), folder, ports)
    # The last of equal names counts.
    with (folder / "configuration" / "kafka" / "kraft.properties").open("a") as properties:
        properties.write(
            f"listeners=PLAINTEXT://{plain},CONTROLLER://{HOST}:{ports.kafka_controller},"
            f"SASL_PLAINTEXT://{guarded}\n"
            f"advertised.listeners=PLAINTEXT://{plain},SASL_PLAINTEXT://{guarded}\n"
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,"
            "SASL_PLAINTEXT:SASL_PLAINTEXT\n"
            "sasl.enabled.mechanisms=PLAIN\n"
            "listener.name.sasl_plaintext.plain.sasl.jaas.config="
            "org.apache.kafka.common.security.plain.PlainLoginModule required "
            f'user_reader="{PASSWORD}";\n'
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n"
            "super.users=User:ANONYMOUS\n"
            "allow.everyone.if.no.acl.found=true\n"
        )
    broker = Broker(plain, guarded, folder)
    try:
        broker.start()
        yield broker
    finally:
        stop(folder, ["kafka"])
        shutil.rmtree(folder / "data", ignore_errors=True)


def guarded(password: str) -> KafkaSettings:
    """The settings of a client that logs in as `reader`."""
    return KafkaSettings(
        client=(
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", "PLAIN"),
            ("sasl.username", "reader"),
            ("sasl.password", password),
        )
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


def overwrite(partition: Path, old: bytes, new: bytes) -> None:
    """Write other bytes, as many, on the broker's disk; checksums do not fit any more."""
    assert len(old) == len(new)
    (log,) = partition.glob("*.log")
    content = log.read_bytes()
    with log.open("r+b") as file:
        file.seek(content.index(old))
        file.write(new)


def cut_last_batch(partition: Path) -> None:
    """Take the last batch of a partition off the broker's disk, as a crash does to what was not
    written through."""
    (log,) = partition.glob("*.log")
    content, begin = log.read_bytes(), 0
    while (end := begin + int.from_bytes(content[begin + 8 : begin + 12], "big") + 12) < len(
        content
    ):
        begin = end
    log.write_bytes(content[:begin])


def until(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.2)
