"""The Kafka source on a real broker, by itself.

Runs where Java 17 and Maven are; with MOMENT_EVERYTHING set it must run.
"""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.utils.timestamp import Duration
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    NewPartitions,
    ResourcePatternType,
    ResourceType,
)

from pipelines.errors import OptionError
from pipelines.sources.kafka.bounded import ReadKafkaOnce, read_topic
from pipelines.sources.kafka.client import KafkaClient, SourceError
from pipelines.sources.kafka.identity import topic_id
from pipelines.sources.kafka.offsets import Offsets
from pipelines.sources.kafka.partitions import partitions_of
from pipelines.sources.kafka.source import KafkaSettings, KafkaTopic, check_kafka
from tests.e2e.kafka_broker import (
    EIGHT_PM,
    PASSWORD,
    Broker,
    done,
    guarded,
    overwrite,
    produce,
    spoil_second_batch,
    until,
)
from tests.e2e.kafka_reading import Reading, payloads

pytestmark = pytest.mark.timeout(1800)


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


def test_a_message_with_a_header_whose_name_is_no_text_is_read_as_one_without(broker):
    broker.create("named")
    producer = Producer({"bootstrap.servers": broker.plain})
    mail = [("moment-channel", b"mailjet")]
    for value, headers in ((b"a", mail), (b"b", [("trace", b"1")]), (b"c", None), (b"d", mail)):
        producer.produce("named", value, partition=0, headers=headers)
        assert producer.flush(30) == 0
    # No client of Python writes such a name.
    overwrite(broker.folder / "data" / "kafka" / "named-0", b"trace", b"tr\xffce")
    unchecked = KafkaSettings(client=(("check.crcs", "false"),))

    found = list(read_topic(KafkaTopic(broker.plain, "named", "segment"), unchecked))

    assert [
        (batch.schema.metadata[b"channel"], batch.column("payload").to_pylist()) for batch in found
    ] == [(b"mailjet", [b"a", b"d"]), (b"segment", [b"b", b"c"])]


def test_a_topic_made_anew_is_a_failed_event_and_read_from_its_beginning(broker):
    broker.create("anew")
    broker.produce("anew", [b"old"] * 50)
    known = topic_id(KafkaTopic(broker.plain, "anew"), KafkaSettings(), 10)
    reading = Reading(broker, "anew", Offsets(0, 0, None, known))
    assert len(reading.until(lambda: reading.rest.next == 50)) == 50
    broker.remove("anew")
    until(lambda: "anew" not in broker.admin.list_topics(timeout=5).topics, seconds=10)
    broker.create("anew")
    broker.produce("anew", [b"new %d" % n for n in range(5)])

    found = reading.until(lambda: reading.rest[:2] == (1, 5))

    assert found == [(n, b"new %d" % n) for n in range(5)]
    assert reading.rest.topic_id not in (known, "")
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


def test_a_client_that_gives_nothing_of_what_its_broker_has_is_replaced_and_all_is_read(broker):
    """As one that waits for a leader for ever; here it is told to pause, which is as silent."""
    broker.create("silent")
    broker.produce("silent", [b"a", b"b"])
    reading = Reading(broker, "silent", Offsets(0, 0))
    reading.until(lambda: reading.rest.next == 2)
    consumer = reading._reader._consumer
    consumer.pause([TopicPartition("silent", 0)])
    broker.produce("silent", [b"c", b"d"])

    assert reading.until(lambda: reading.rest.next == 4) == [(2, b"c"), (3, b"d")]
    assert reading._reader._consumer is not consumer
    assert {row["behind"] for row in reading.status[-4:]} == {0, 2}


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


def keep(batch: pa.RecordBatch, folder: str) -> None:
    """Write a batch into a file of its own, of a name in the order of writing."""
    Path(folder).mkdir(exist_ok=True)
    with pa.ipc.new_stream(f"{folder}/{time.time_ns()}", batch.schema) as writer:
        writer.write_batch(batch)


def kept(folder: Path) -> list[pa.RecordBatch]:
    paths = sorted(folder.iterdir()) if folder.exists() else []
    return [pa.ipc.open_stream(path.read_bytes()).read_next_batch() for path in paths]
