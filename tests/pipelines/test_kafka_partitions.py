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
from pipelines.sources.kafka.settings import KafkaSettings, KafkaTopic
from pipelines.sources.kafka.source import FindPartitions

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
