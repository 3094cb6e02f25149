"""What happens to a topic while it is read, on a real broker: lost, deleted, forbidden, undecided.

Runs where Java 17 and Maven are; with MOMENT_EVERYTHING set it must run.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator
from apache_beam.runners.sdf_utils import ThreadsafeRestrictionTracker
from apache_beam.utils.timestamp import Duration
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)

from pipelines.sources.kafka.bounded import read_topic
from pipelines.sources.kafka.client import SourceError
from pipelines.sources.kafka.identity import topic_id
from pipelines.sources.kafka.offsets import Offsets, OffsetsTracker
from pipelines.sources.kafka.source import FindPartitions, KafkaSettings, KafkaTopic, check_kafka
from tests.e2e.kafka_broker import (
    PASSWORD,
    Broker,
    cut_last_batch,
    done,
    guarded,
    until,
)
from tests.e2e.kafka_reading import Reading, payloads

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture
def transaction(broker: Broker) -> Iterator[Producer]:
    """One that is open, whose producer has not sent anything yet."""
    producer = Producer({"bootstrap.servers": broker.plain, "transactional.id": "undecided"})
    producer.init_transactions(30)
    producer.begin_transaction()
    yield producer
    producer.abort_transaction(30)


def read_now(broker: Broker, topic: str) -> list[tuple[int, bytes]]:
    found = payloads(read_topic(KafkaTopic(broker.plain, topic, "segment")))
    return found.get(f"kafka:{topic}/0", [])


def test_before_an_open_transaction_all_is_read_and_behind_it_nothing_until_it_is_decided(
    broker, transaction
):
    broker.create("undecided")
    broker.produce("undecided", [b"a", b"b"])
    for value in (b"c", b"d"):
        transaction.produce("undecided", value, partition=0)
    assert transaction.flush(30) == 0
    broker.produce("undecided", [b"e"])
    reading = Reading(broker, "undecided", Offsets(0, 0), KafkaSettings(patience_seconds=1))

    assert reading.until(lambda: reading.rest.next == 2) == [(0, b"a"), (1, b"b")]
    for _ in range(3):
        assert reading.call() == []
        assert Duration(seconds=0.9) < reading.delay <= Duration(seconds=1)
    assert (reading.status[-1]["behind"], reading.failed) == (3, [])
    assert read_now(broker, "undecided") == [(0, b"a"), (1, b"b")]

    transaction.commit_transaction(30)
    transaction.begin_transaction()
    everything = [(2, b"c"), (3, b"d"), (4, b"e")]
    assert reading.until(lambda: reading.rest.next == 6) == everything
    assert read_now(broker, "undecided")[2:] == everything


def test_an_aborted_transaction_is_left_out_and_is_no_gap(broker, transaction):
    broker.create("aborted")
    transaction.produce("aborted", b"never", partition=0)
    assert transaction.flush(30) == 0
    transaction.abort_transaction(30)
    transaction.begin_transaction()
    broker.produce("aborted", [b"a"])
    reading = Reading(broker, "aborted", Offsets(0, 0))

    assert reading.until(lambda: reading.rest.next == 3) == [(2, b"a")]
    assert reading.failed == []
    assert read_now(broker, "aborted") == [(2, b"a")]


def test_a_topic_has_another_identity_when_it_is_made_anew_and_the_same_after_a_restart(broker):
    topic = KafkaTopic(broker.plain, "identified")
    broker.create("identified")
    first = topic_id(topic, KafkaSettings(), 10)
    broker.kill()
    broker.start()
    assert topic_id(topic, KafkaSettings(), 30) == first != ""

    broker.remove("identified")
    until(lambda: "identified" not in broker.admin.list_topics(timeout=5).topics, seconds=10)
    broker.create("identified")

    assert topic_id(topic, KafkaSettings(), 10) not in (first, "")


def test_a_broker_that_lost_the_end_of_a_partition_is_read_on_from_the_end_it_has(broker):
    broker.create("lost")
    broker.produce("lost", [b"kept %d" % n for n in range(40)])
    broker.produce("lost", [b"lost %d" % n for n in range(10)])
    known = topic_id(KafkaTopic(broker.plain, "lost"), KafkaSettings(), 10)
    reading = Reading(broker, "lost", Offsets(0, 0, None, known))
    assert len(reading.until(lambda: reading.rest.next == 50)) == 50
    broker.kill()
    cut_last_batch(broker.folder / "data" / "kafka" / "lost-0")
    broker.start()

    assert reading.until(lambda: reading.rest.era == 1) == []
    assert reading.rest == Offsets(1, 40, None, known)
    broker.produce("lost", [b"new"])
    assert reading.until(lambda: reading.rest.next == 41) == [(40, b"new")]
    (failed,) = reading.failed
    assert failed["detail"] == (
        "expected offset 50, found the offsets 0 to 40: the broker has lost 10 messages that were "
        "read, and they stand"
    )


def test_a_topic_that_is_deleted_while_it_is_read_fails_the_bundle_when_patience_is_over(broker):
    broker.create("deleted")
    broker.produce("deleted", [b"a"])
    reading = Reading(broker, "deleted", Offsets(0, 0), KafkaSettings(patience_seconds=3))
    reading.until(lambda: reading.rest.next == 1)
    broker.remove("deleted")

    with pytest.raises(SourceError) as failed:
        reading.until(lambda: False)

    said = str(failed.value)
    assert said.startswith("expected to read kafka:deleted/0 from offset 1 at ")
    assert "(_UNKNOWN_" in said or "(UNKNOWN_TOPIC_OR_PART)" in said
    assert said.endswith(": check broker, topic and credentials; nothing was skipped.")


def test_reading_a_topic_whole_fails_in_a_sentence_where_a_part_is_gone_meanwhile(broker):
    broker.create("part", partitions=2)
    for partition in (0, 1):
        broker.produce("part", [b"%d" % n for n in range(10)], partition)
    reading = read_topic(KafkaTopic(broker.plain, "part", "segment"))
    next(reading)
    done(broker.admin.delete_records([TopicPartition("part", 1, 4)]))

    with pytest.raises(SourceError) as failed:
        list(reading)

    assert str(failed.value) == (
        "expected to read kafka:part/1 whole, found a part gone: expected offset 0, found the "
        "offsets 4 to 10: 4 offsets were deleted before they were read: read it again from its "
        "start."
    )


def test_looking_for_partitions_with_a_wrong_password_fails_at_once_and_does_not_repeat_it(broker):
    finding = FindPartitions(guarded("wrong-secret"))
    tracker = ThreadsafeRestrictionTracker(OffsetsTracker(Offsets(0, 2)))

    with pytest.raises(SourceError) as failed:
        list(
            finding.process(
                KafkaTopic(broker.guarded, "any"), tracker, ManualWatermarkEstimator(None)
            )
        )

    said = str(failed.value)
    assert said.startswith(f"expected the partitions of the topic any at {broker.guarded}, found ")
    assert "AUTHENTICATION" in said
    assert "wrong-secret" not in said


def test_an_account_without_any_right_on_the_group_reads_all_the_same(broker):
    """The client library wants a name of a group, and asks who looks after it; nothing rests on
    the answer."""
    broker.create("ungrouped")
    broker.produce("ungrouped", [b"a", b"b"])
    of_another = AclBinding(
        ResourceType.GROUP, "moment", ResourcePatternType.LITERAL, "User:somebody", "*",
        AclOperation.READ, AclPermissionType.ALLOW,
    )  # fmt: skip
    done(broker.admin.create_acls([of_another]))
    check_kafka([KafkaTopic(broker.guarded, "ungrouped")], guarded(PASSWORD), seconds=10)
    reading = Reading(Broker(broker.guarded, ""), "ungrouped", Offsets(0, 0), guarded(PASSWORD))

    assert reading.until(lambda: reading.rest.next == 2) == [(0, b"a"), (1, b"b")]
    broker.produce("ungrouped", [b"c"])
    assert reading.until(lambda: reading.rest.next == 3) == [(2, b"c")]
    assert reading.failed == []
