"""The Kafka source on a real broker, by itself and on a real Flink cluster that loses a worker.

Runs where Java 17 and Maven are; with MOMENT_EVERYTHING set it must run.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.runners.sdf_utils import ThreadsafeRestrictionTracker
from apache_beam.utils.timestamp import Duration
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from deploy.local import download, kafka
from deploy.local.download import missing_tool
from deploy.local.ports import HOST, free_ports
from deploy.local.processes import start, stop
from deploy.local.services import FOLDER_OF_TESTS, ROOT, Services, local_services
from pipelines.errors import OptionError
from pipelines.sources.kafka.bounded import ReadKafkaOnce, read_topic
from pipelines.sources.kafka.client import KafkaClient, PartitionReader, SourceError
from pipelines.sources.kafka.offsets import Offsets, OffsetsTracker
from pipelines.sources.kafka.partitions import partitions_of
from pipelines.sources.kafka.read import PartitionReading
from pipelines.sources.kafka.settings import Partition
from pipelines.sources.kafka.source import KafkaSettings, KafkaTopic, check_kafka
from pipelines.sources.streaming import StreamSettings
from pipelines.sources.watermark import ClockEstimator
from schemas.failure import FAILED_EVENT
from tests.e2e.cluster import ask, gauges, running_job
from tests.e2e.needs import need

pytestmark = pytest.mark.timeout(1800)

EIGHT_PM = 1_772_395_200
"""2026-03-01T20:00:00Z."""

YEAR_2099 = 4_070_908_800
PASSWORD = "right-and-secret"


# The reader and a broker


@dataclass(frozen=True)
class Broker:
    """A broker of this module's own, which also asks for a password on a second port."""

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


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    need(missing_tool())
    folder = FOLDER_OF_TESTS.with_name("local-tests-kafka")
    stop(folder, ["kafka"], seconds=0)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "tmp").mkdir(parents=True)
    ports, java, jars = free_ports(), download.java(), download.kafka()
    plain, guarded = f"{HOST}:{ports.kafka}", f"{HOST}:{ports.flink}"
    kafka.write_configuration(java, jars, folder, ports)
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
    try:
        start(folder, kafka.broker(java, jars, folder))
        yield Broker(plain, guarded, folder)
    finally:
        stop(folder, ["kafka"])
        shutil.rmtree(folder / "data", ignore_errors=True)


def done(futures: dict[Any, Any]) -> None:
    """Return when the broker has done it all. The client looks for each future in this very dict."""
    for future in futures.values():
        future.result(30)


def guarded(password: str) -> KafkaSettings:
    return KafkaSettings(
        client=(
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", "PLAIN"),
            ("sasl.username", "reader"),
            ("sasl.password", password),
        )
    )


def test_a_topic_that_can_be_read_passes_the_check(broker):
    broker.create("checked")

    check_kafka([KafkaTopic(broker.plain, "checked", "segment")], KafkaSettings(), seconds=10)
    check_kafka([KafkaTopic(broker.guarded, "checked")], guarded(PASSWORD), seconds=10)


def test_a_missing_topic_is_one_sentence_before_the_start_and_is_not_made(broker):
    for _ in range(2):
        with pytest.raises(OptionError) as refused:
            check_kafka([KafkaTopic(broker.plain, "missing")], KafkaSettings(), seconds=5)
        assert str(refused.value) == (
            f"expected the topic missing at {broker.plain}, found none: create it, or check its "
            "name and the brokers."
        )


def test_a_broker_out_of_reach_is_one_sentence_before_the_start(broker):
    with pytest.raises(OptionError, match=r"^expected a Kafka broker at 127.0.0.1:1, found: .*\.$"):
        check_kafka([KafkaTopic("127.0.0.1:1", "any")], KafkaSettings(), seconds=1)


def test_a_wrong_password_is_one_sentence_before_the_start_which_does_not_repeat_it(broker):
    with pytest.raises(OptionError) as refused:
        check_kafka([KafkaTopic(broker.guarded, "any")], guarded("wrong-secret"), seconds=10)

    assert str(refused.value).startswith("expected to be let in to the topic any at ")
    assert "wrong-secret" not in str(refused.value)


def test_an_account_that_may_ask_for_a_topic_but_not_read_it_is_one_sentence_before_the_start(
    broker,
):
    broker.create("unreadable")
    may_ask = AclBinding(
        ResourceType.TOPIC, "unreadable", ResourcePatternType.LITERAL, "User:reader", "*",
        AclOperation.DESCRIBE, AclPermissionType.ALLOW,
    )  # fmt: skip
    done(broker.admin.create_acls([may_ask]))

    with pytest.raises(OptionError) as refused:
        check_kafka([KafkaTopic(broker.guarded, "unreadable")], guarded(PASSWORD), seconds=10)

    assert str(refused.value).startswith("expected to be let in to the topic unreadable at ")
    assert "TOPIC_AUTHORIZATION_FAILED" in str(refused.value)


def test_a_channel_that_is_not_registered_is_one_sentence_before_the_start(broker):
    with pytest.raises(OptionError, match="expected a registered channel for the Kafka topic any"):
        check_kafka([KafkaTopic(broker.plain, "any", "smoke-signals")], KafkaSettings())


def test_read_topic_gives_everything_up_to_the_end_at_its_start(broker):
    broker.create("whole", partitions=2)
    broker.produce("whole", [b"%d" % n for n in range(5000)], partition=0)
    broker.produce("whole", [b"x", None, b"z"], partition=1)
    reading = read_topic(KafkaTopic(broker.plain, "whole", "segment"))

    first = next(reading)
    broker.produce("whole", [b"too late"], partition=1)
    found = payloads([first, *reading])

    assert found["kafka:whole/0"] == [(n, b"%d" % n) for n in range(5000)]
    assert found["kafka:whole/1"] == [(0, b"x"), (1, b""), (2, b"z")]


def test_read_topic_starts_at_an_instant_or_at_the_end(broker):
    broker.create("later")
    broker.produce("later", [b"20:00:00", b"20:00:01", b"20:00:02"])

    def read_from(start: str) -> list[tuple[int, bytes]]:
        topic = KafkaTopic(broker.plain, "later", "segment", start)
        return payloads(read_topic(topic)).get("kafka:later/0", [])

    assert read_from("2026-03-01T20:00:01Z") == [(1, b"20:00:01"), (2, b"20:00:02")]
    assert read_from("2026-03-02T00:00:00Z") == []
    assert read_from("latest") == []


def test_the_bounded_source_on_the_in_process_runner_gives_the_same_and_ends(broker, tmp_path):
    broker.create("bounded", partitions=3)
    broker.produce("bounded", [b"a%d" % n for n in range(2000)], partition=0)
    broker.produce("bounded", [b"b"], partition=2)

    with beam.Pipeline() as pipeline:
        read = pipeline | ReadKafkaOnce([KafkaTopic(broker.plain, "bounded", "segment")])
        for name in ("payloads", "failed", "counts", "status"):
            _ = read[name] | f"Write_{name}" >> beam.Map(keep, str(tmp_path / name))

    found = payloads(kept(tmp_path / "payloads"))
    assert found["kafka:bounded/0"] == [(n, b"a%d" % n) for n in range(2000)]
    assert found["kafka:bounded/2"] == [(0, b"b")]
    assert kept(tmp_path / "failed") == kept(tmp_path / "counts") == []
    status = [row for batch in kept(tmp_path / "status") for row in batch.to_pylist()]
    assert sorted((r["input"], r["basis"], r["position"], r["behind"]) for r in status) == [
        ("kafka:bounded/0", "end", 2000, 0),
        ("kafka:bounded/1", "end", 0, 0),
        ("kafka:bounded/2", "end", 1, 0),
    ]


def test_deleted_offsets_are_a_failed_event_and_the_reading_goes_on_after_them(broker):
    broker.create("expired")
    broker.produce("expired", [b"%d" % n for n in range(100)])
    reading = Reading(broker, "expired", Offsets(0, 10))
    done(broker.admin.delete_records([TopicPartition("expired", 0, 60)]))

    found = reading.until(lambda: reading.rest.next == 100)

    assert found == [(n, b"%d" % n) for n in range(60, 100)]
    (failed,) = reading.failed
    assert (failed["input"], failed["position"], failed["stage"]) == ("kafka:expired/0", 10, "read")
    assert failed["detail"] == (
        "expected offset 10, found the offsets 60 to 100: 50 offsets were deleted before they were "
        "read"
    )
    assert reading.rest == Offsets(0, 100)


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_a_spoilt_batch_stops_its_partition_in_a_sentence_until_it_is_deleted(broker, compression):
    topic = f"spoilt-{compression}"
    broker.create(topic)
    for batch in range(3):
        values = [(b"%d of %d" % (n, batch), EIGHT_PM) for n in range(50)]
        # Time enough to become one batch.
        settings = {"compression.type": compression, "linger.ms": 300}
        produce(broker.plain, topic, 0, values, settings)
    spoil_second_batch(broker.folder / "data" / "kafka" / f"{topic}-0")
    reading = Reading(broker, topic, Offsets(0, 0), KafkaSettings(patience_seconds=2))

    assert len(reading.until(lambda: reading.rest.next == 50)) == 50
    with pytest.raises(SourceError) as refused:
        reading.until(lambda: reading.rest.next > 50)
    assert f"expected to read kafka:{topic}/0 from offset 50 at " in str(refused.value)
    assert "(_BAD_MSG): check broker" in str(refused.value)

    done(broker.admin.delete_records([TopicPartition(topic, 0, 100)]))
    found = reading.until(lambda: reading.rest.next == 150)
    assert found == [(100 + n, b"%d of 2" % n) for n in range(50)]
    assert [failed["position"] for failed in reading.failed] == [50]


def test_a_topic_made_anew_is_a_failed_event_and_read_from_its_beginning(broker):
    broker.create("anew")
    broker.produce("anew", [b"old"] * 50)
    reading = Reading(broker, "anew", Offsets(0, 0))
    assert len(reading.until(lambda: reading.rest.next == 50)) == 50
    broker.remove("anew")
    until(lambda: "anew" not in broker.admin.list_topics(timeout=5).topics, seconds=10)
    broker.create("anew")
    broker.produce("anew", [b"new %d" % n for n in range(5)])

    found = reading.until(lambda: reading.rest == Offsets(1, 5))

    assert found == [(n, b"new %d" % n) for n in range(5)]
    (failed,) = reading.failed
    assert failed["detail"] == (
        "expected offset 50, found the offsets 0 to 5: the partition goes backwards, as after the "
        "topic was made anew"
    )


def test_with_another_client_in_its_place_the_reading_goes_on_where_it_was(broker):
    """A client that was told of no such partition, by a broker that had just started, did not ask
    again within five minutes: it is replaced (test_kafka_read says when)."""
    broker.create("replaced")
    broker.produce("replaced", [b"a", b"b"])
    reading = Reading(broker, "replaced", Offsets(0, 0))
    reading.until(lambda: reading.rest.next == 2)
    consumer = reading._reader._consumer
    reading._reader.connect_anew()
    broker.produce("replaced", [b"c", b"d"])

    assert reading.until(lambda: reading.rest.next == 4) == [(2, b"c"), (3, b"d")]
    assert reading._reader._consumer is not consumer
    with pytest.raises(RuntimeError, match="closed"):
        consumer.poll(0)


def test_a_partition_that_is_read_to_its_end_rests_a_second_and_says_that_it_is_held(broker):
    broker.create("rests")
    broker.produce("rests", [b"a"])
    reading = Reading(broker, "rests", Offsets(0, 0), allowance=1)
    reading.until(lambda: reading.rest.next == 1)
    assert reading.state.basis == "messages"

    reading.until(lambda: reading.state.basis == "held")

    assert reading.delay > Duration(seconds=0.9)
    assert (reading.state.basis, reading.state.watermark) == ("held", (EIGHT_PM - 1) * 1_000_000)
    assert reading.status[-1]["behind"] == 0


def test_a_broker_out_of_reach_is_waited_for_and_then_fails_the_bundle_in_a_sentence(broker):
    away = Broker("127.0.0.1:1", "")
    reading = Reading(away, "any", Offsets(0, 7), KafkaSettings(patience_seconds=3))

    reading.call()
    assert (reading.rest, reading.delay > Duration(seconds=0.5)) == (Offsets(0, 7), True)
    assert reading.state.basis == "held"

    with pytest.raises(
        SourceError, match=r"^expected to read kafka:any/0 from offset 7 at 127.0.0.1:1, "
    ):
        reading.until(lambda: False)


def test_partitions_added_later_begin_at_their_beginning_whatever_the_start_was(broker):
    broker.create("grows", partitions=1)
    broker.produce("grows", [b"before"])
    topic = KafkaTopic(broker.plain, "grows", start="latest")
    with closing(KafkaClient(broker.plain, KafkaSettings())) as client:
        (first,) = partitions_of(client, topic, 0, None, 5)
        done(broker.admin.create_partitions([NewPartitions("grows", 2)]))
        broker.produce("grows", [b"in the new one"], partition=1)
        until(lambda: client.partitions("grows", 5) == 2, seconds=10)

        (second,) = partitions_of(client, topic, 1, 123, 5)

    assert (first.number, first.start, first.since) == (0, 1, None)
    assert (second.number, second.start, second.since) == (1, 0, 123)


def spoil_second_batch(partition: Path) -> None:
    """Overwrite records of a partition's second batch on the broker's disk. A batch has a header of
    61 bytes, of which the bytes from 8 on say how long it is after the twelfth."""
    (log,) = partition.glob("*.log")
    content = bytearray(log.read_bytes())
    begin = int.from_bytes(content[8:12], "big") + 12 + 61
    content[begin : begin + 40] = b"\xff" * 40
    with log.open("r+b") as file:
        file.write(content)


class Reading:
    """A partition as a runner reads it: call after call, each from what the last handed on."""

    def __init__(
        self,
        broker: Broker,
        topic: str,
        begin: Offsets,
        kafka: KafkaSettings | None = None,
        allowance: float = 10,
    ) -> None:
        self._partition = Partition(KafkaTopic(broker.plain, topic, "segment"), 0, begin.next)
        self._kafka, self._allowance = kafka or KafkaSettings(), allowance
        self._reader = PartitionReader(self._partition, self._kafka)
        self.rest, self.delay, self.state = begin, Duration(0), None
        self.failed: list[dict] = []
        self.status: list[dict] = []

    def call(self) -> list[tuple[int, bytes]]:
        tracker = ThreadsafeRestrictionTracker(OffsetsTracker(self.rest))
        estimator = ClockEstimator(self.state)
        stream = StreamSettings(self._allowance, None, status_every_seconds=0)
        given = (self._partition, stream, self._kafka, tracker, estimator, self._reader)
        batches = []
        for output in PartitionReading(*given).for_a_while():
            if isinstance(output, beam.pvalue.TaggedOutput):
                rows = output.value.value.to_pylist()
                {"failed": self.failed, "status": self.status}.get(output.tag, []).extend(rows)
                if output.tag == "failed":
                    assert output.value.value.schema.equals(FAILED_EVENT)
            else:
                batches.append(output.value)
        self.rest, self.delay = tracker.deferred_status()
        self.state = estimator.get_estimator_state()
        return payloads(batches).get(self._partition.input, [])

    def until(self, holds: Callable[[], bool]) -> list[tuple[int, bytes]]:
        found = []
        deadline = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < deadline, f"not within 30 s: {self.rest}"
            found += self.call()
            time.sleep(min(0.5, max(0.0, self.delay.micros / 1e6)))
        return found


def payloads(batches: Any) -> dict[str, list[tuple[int, bytes]]]:
    """(position, payload) by input, in the order they came."""
    found: dict[str, list[tuple[int, bytes]]] = {}
    for batch in batches:
        rows = zip(batch.column("position").to_pylist(), batch.column("payload").to_pylist())
        found.setdefault(batch.schema.metadata[b"input"].decode(), []).extend(rows)
    return found


def keep(batch: pa.RecordBatch, folder: str) -> None:
    """Write a batch into a file of its own, of a name in the order of writing."""
    Path(folder).mkdir(exist_ok=True)
    with pa.ipc.new_stream(f"{folder}/{time.time_ns()}", batch.schema) as writer:
        writer.write_batch(batch)


def kept(folder: Path) -> list[pa.RecordBatch]:
    paths = sorted(folder.iterdir()) if folder.exists() else []
    return [pa.ipc.open_stream(path.read_bytes()).read_next_batch() for path in paths]


# The source on Flink


class Job:
    """The small job on a cluster, the messages written for it, and the files it writes."""

    def __init__(self, services: Services, output: Path) -> None:
        self.services, self._output = services, output
        self.sent: dict[str, int] = {}

    def send(self, topic: str, partition: int, times: list[float]) -> None:
        produce(self.services.kafka, topic, partition, [(b"{}", time) for time in times])
        self.sent[f"kafka:{topic}/{partition}"] = self.sent.get(
            f"kafka:{topic}/{partition}", 0
        ) + len(times)

    def rows(self, kind: str) -> list[dict]:
        return [json.loads(path.read_text()) for path in self._output.glob(f"{kind}-*.json")]

    def read(self) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        for row in self.rows("payloads"):
            found.setdefault(row["input"], set()).update(row["offsets"])
        return found

    def everything_is_read(self) -> bool:
        return self.read() == {name: set(range(count)) for name, count in self.sent.items()}

    def passed(self, name: str) -> int:
        """The last of the watched instants that the watermark has passed."""
        return max((row["passed"] for row in self.rows(f"watermark-{name}")), default=0)

    def checkpoints(self) -> int:
        asked = f"/jobs/{running_job(self.services)}/checkpoints"
        return int(ask(self.services, asked)["counts"]["completed"])


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    """Reads two topics of three partitions each, of which one is silent."""
    need(missing_tool())
    output = tmp_path_factory.mktemp("counted")
    with local_services(slots=2) as services:
        job = Job(services, output)
        admin = AdminClient({"bootstrap.servers": services.kafka})
        done(admin.create_topics([NewTopic("held", 3), NewTopic("live", 3)]))
        job.send("held", 0, [EIGHT_PM + second for second in range(600)])
        job.send("held", 1, [EIGHT_PM + second for second in range(300)])
        job.send("held", 2, [EIGHT_PM + second for second in range(126)])
        job.send("held", 2, [YEAR_2099])
        job.send("live", 0, [time.time()] * 1000)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.count_kafka", "--output", str(output),
             "--servers", services.kafka, "--checkpointing_interval=1000",
             *services.pipeline_arguments()],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(services.tmp)},
            stdout=(services.folder / "log" / "count_kafka.log").open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        try:
            running_job(services)
            yield job
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def test_every_offset_is_read_on_flink(job):
    until(job.everything_is_read, seconds=60)


def test_the_lag_of_every_partition_is_a_gauge_that_flink_reports(job):
    lag = "moment_kafka_consumer_lag_"
    names = {f"{topic}_{number}" for topic in ("held", "live") for number in range(3)}

    def told() -> dict[str, float]:
        return gauges(job.services, running_job(job.services), lag)

    until(lambda: told() == dict.fromkeys(names, 0.0), seconds=60)


def test_the_watermark_is_the_least_over_the_partitions_and_a_silent_one_holds_it(job):
    """20:02:05 less ten seconds, whatever the other partitions and a clock in 2099 say.

    Of the instants watched, ten seconds apart, 20:01:50 is the last that is passed.
    """
    until(lambda: job.passed("held") == EIGHT_PM + 110, seconds=20)


def test_an_idle_partition_does_not_hold_the_others_back(job):
    """Partition 2 never has a message; the watermark passes what comes later all the same."""
    now = time.time()
    for _ in range(4):
        job.send("live", 0, [time.time()] * 100)
        job.send("live", 1, [time.time()] * 100)
        time.sleep(0.5)

    until(lambda: job.passed("live") > now + 2, seconds=20)

    bases = {(row["input"], row["basis"]) for row in job.rows("status")}
    assert ("kafka:live/2", "idle") in bases
    assert ("kafka:live/0", "messages") in bases
    assert ("kafka:held/2", "idle") not in bases


def test_after_a_killed_taskmanager_every_offset_is_read_and_a_new_partition_is_found(job):
    before = job.checkpoints()
    until(lambda: job.checkpoints() > before, seconds=30)
    job.send("live", 1, [time.time()] * 500)
    job.services.kill_taskmanager()
    admin = AdminClient({"bootstrap.servers": job.services.kafka})
    done(admin.create_partitions([NewPartitions("live", 4)]))
    job.send("live", 0, [time.time()] * 500)
    job.send("live", 3, [time.time()] * 500)
    job.services.restart_taskmanager()

    until(job.everything_is_read, seconds=60)

    now = time.time()
    job.send("live", 0, [now])
    until(lambda: job.passed("live") > now, seconds=30)


def test_after_all_the_silent_partition_still_holds_its_watermark(job):
    assert job.passed("held") == EIGHT_PM + 110


def test_no_batch_is_stamped_before_its_earliest_arrival(job):
    rows = job.rows("payloads")

    assert len(rows) > 6
    assert all(row["stamp"] >= row["earliest"] for row in rows)


def until(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.2)
