"""Partitions that are looked for at a broker out of reach: waited for, and then told."""

from __future__ import annotations

import re

import pytest
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator
from apache_beam.runners.sdf_utils import ThreadsafeRestrictionTracker
from apache_beam.utils.timestamp import Duration

from pipelines.sources.kafka import source
from pipelines.sources.kafka.client import SourceError
from pipelines.sources.kafka.offsets import Offsets, OffsetsTracker
from pipelines.sources.kafka.settings import KafkaSettings, KafkaTopic, Partition
from pipelines.sources.kafka.source import FindPartitions, ReadPartitionForEver
from pipelines.sources.streaming import StreamSettings
from pipelines.sources.watermark import ClockEstimator

AWAY = KafkaTopic("127.0.0.1:1", "live", "segment")


def look(finding: FindPartitions, known: int) -> tuple[list, Offsets, Duration]:
    """What one call gives, what it hands on, and after which rest."""
    tracker = ThreadsafeRestrictionTracker(OffsetsTracker(Offsets(0, known)))
    found = list(finding.process(AWAY, tracker, ManualWatermarkEstimator(None)))
    return found, *tracker.deferred_status()


@pytest.fixture(autouse=True)
def answers_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "ANSWER_SECONDS", 0.2)


def test_a_broker_out_of_reach_is_asked_again_after_1_2_and_4_seconds_and_nothing_is_claimed():
    finding = FindPartitions(KafkaSettings(patience_seconds=60))

    found = [look(finding, known=2) for _ in range(3)]

    assert [(given, rest) for given, rest, _ in found] == [([], Offsets(0, 2))] * 3
    rests = [round(rest.micros / 1e6) for _, _, rest in found]
    assert rests == [1, 2, 4]


def test_no_rest_is_longer_than_partitions_are_looked_for():
    finding = FindPartitions(KafkaSettings(patience_seconds=60, discover_every_seconds=0.5))

    assert look(finding, known=2)[2] <= Duration(0.5)


def test_when_patience_is_over_the_bundle_fails_in_a_sentence():
    finding = FindPartitions(KafkaSettings(patience_seconds=0))
    sentence = re.compile(
        r"^expected the partitions of the topic live at 127\.0\.0\.1:1, found for \d+ s: .*: check "
        r"broker, topic and credentials\.$"
    )

    look(finding, known=2)
    with pytest.raises(SourceError, match=sentence):
        look(finding, known=2)


# Brokers that have moved since a savepoint

MOVED = KafkaTopic("127.0.0.1:2", "live", "segment")
TO_ITS_NEW_ADDRESS = r" at 127\.0\.0\.1:2, found for \d+ s: "


def test_a_topic_of_a_savepoint_is_looked_for_where_the_job_says_it_is_now():
    finding = FindPartitions(KafkaSettings(patience_seconds=0), [MOVED])

    look(finding, known=2)
    with pytest.raises(SourceError, match=TO_ITS_NEW_ADDRESS):
        look(finding, known=2)


def test_a_partition_of_a_savepoint_is_read_where_the_job_says_its_topic_is_now():
    reading = ReadPartitionForEver(StreamSettings(), KafkaSettings(patience_seconds=0), [MOVED])
    partition = Partition(AWAY, 1, 0)

    def read() -> None:
        tracker = ThreadsafeRestrictionTracker(OffsetsTracker(Offsets(0, 17)))
        list(reading.process(partition, tracker, ClockEstimator(None)))

    read()
    with pytest.raises(SourceError, match=TO_ITS_NEW_ADDRESS):
        read()


@pytest.mark.parametrize(
    "given",
    [
        [],
        [KafkaTopic("127.0.0.1:2", "mail")],
        [KafkaTopic("127.0.0.1:2", "live"), KafkaTopic("127.0.0.1:3", "live")],
    ],
    ids=["none", "other topics only", "of two clusters"],
)
def test_a_topic_that_the_job_does_not_name_once_stays_where_it_was(given):
    assert AWAY.at_brokers_of(given) == AWAY
