"""One partition as a runner reads it, call after call, from a broker that is only pretended."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest
from apache_beam.pvalue import TaggedOutput
from apache_beam.runners.sdf_utils import ThreadsafeRestrictionTracker
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Message

from pipelines.sources.kafka import read
from pipelines.sources.kafka.client import Found, KafkaTrouble, Notes, SourceError
from pipelines.sources.kafka.offsets import Offsets, OffsetsTracker
from pipelines.sources.kafka.read import PartitionReading
from pipelines.sources.kafka.settings import KafkaSettings, KafkaTopic, Partition
from pipelines.sources.streaming import StreamSettings
from pipelines.sources.watermark import ClockEstimator

SECOND = 1_000_000
NOW = 1_800_000_000 * SECOND
DAY = 86_400 * SECOND


@dataclass
class Pretended:
    """A PartitionReader that gives what is put into it; `end` is what the broker tells."""

    waiting: list[Message] = field(default_factory=list)
    end: int = 0
    trouble: KafkaTrouble | None = None
    notes: Notes = field(default_factory=Notes)
    next: int | None = None
    at_end: bool = False
    clients: int = 1
    unknown: KafkaTrouble | None = None

    def connect_anew(self) -> None:
        self.clients += 1

    def seek(self, offset: int) -> None:
        self.next = offset

    def read(self, rows: int, seconds: float) -> Found:
        given, self.waiting = self.waiting, []
        if given:
            self.next = given[-1].offset() + 1
        self.at_end = self.trouble is None
        return Found(given, trouble=self.trouble)

    def ask_bounds(self, seconds: float) -> tuple[int, int]:
        if self.unknown is not None:
            raise self.unknown
        return 0, self.end

    def known_end(self) -> int | None:
        return self.end

    def forget(self) -> None:
        self.next = None


class Runner:
    """Calls the reading again and again, each time with what the last call handed on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.rest, self.state = NOW, Offsets(0, 0), None
        self.reader, self.status = Pretended(), []
        monkeypatch.setattr(read, "now_microseconds", lambda: self.now)

    def call(self) -> None:
        tracker = ThreadsafeRestrictionTracker(OffsetsTracker(self.rest))
        estimator = ClockEstimator(self.state)
        partition = Partition(KafkaTopic("b:1", "events", "segment"), 0, 0)
        stream = StreamSettings(10, 60, status_every_seconds=0)
        given = (partition, stream, KafkaSettings(), tracker, estimator, self.reader)
        for output in PartitionReading(*given).for_a_while():
            if isinstance(output, TaggedOutput) and output.tag == "status":
                self.status += output.value.value.to_pylist()
        self.rest, _ = tracker.deferred_status()
        self.state = estimator.get_estimator_state()


def message(offset: int, micros: int) -> Message:
    stamp = (TIMESTAMP_LOG_APPEND_TIME, micros // 1000)
    return Message(topic="events", partition=0, offset=offset, value=b"{}", timestamp=stamp)


def test_a_broker_a_day_ahead_whose_messages_never_end_does_not_hold_the_world_back(monkeypatch):
    """There is always one more than was read. What was there at the last look is read at the next."""
    runner = Runner(monkeypatch)
    for second in range(70):
        runner.now = NOW + second * SECOND
        runner.reader.waiting = [message(second, runner.now + DAY)]
        runner.reader.end = second + 2
        runner.call()

    assert (runner.state.basis, runner.state.watermark) == ("ahead", NOW + (68 - 10) * SECOND)
    assert {row["basis"] for row in runner.status} == {"ahead"}
    assert runner.status[-1]["behind"] == 1


def test_with_a_backlog_that_is_not_read_a_wrong_clock_moves_nothing(monkeypatch):
    runner = Runner(monkeypatch)
    runner.reader.end = 10_000
    for second in range(70):
        runner.now = NOW + second * SECOND
        runner.reader.waiting = [message(second, runner.now + DAY)]
        runner.call()

    assert (runner.state.basis, runner.state.watermark) == ("ahead", None)


def test_an_account_that_may_ask_but_not_read_fails_the_bundle_in_a_sentence(monkeypatch):
    runner = Runner(monkeypatch)
    runner.reader.end = 5
    runner.reader.trouble = KafkaTrouble("Not authorized (TOPIC_AUTHORIZATION_FAILED)", denied=True)

    sentence = (
        "expected to read kafka:events/0 from offset 0 at b:1, found for 0 s: Not authorized "
        "(TOPIC_AUTHORIZATION_FAILED): check broker, topic and credentials; nothing was skipped."
    )
    with pytest.raises(SourceError, match=re.escape(sentence)):
        runner.call()


def test_a_client_that_asks_in_vain_is_replaced_each_third_time(monkeypatch):
    runner = Runner(monkeypatch)
    runner.reader.unknown = KafkaTrouble("Unknown partition (_UNKNOWN_PARTITION)", missing=True)
    clients = []
    for _ in range(7):
        runner.call()
        clients.append(runner.reader.clients)

    assert clients == [1, 1, 2, 2, 2, 3, 3]


def test_a_client_that_is_answered_and_given_nothing_is_kept_for_it_knows_why(monkeypatch):
    runner = Runner(monkeypatch)
    runner.reader.end = 5
    runner.reader.trouble = KafkaTrouble("failed CRC32C check (_BAD_MSG)")
    for _ in range(7):
        runner.call()

    assert runner.reader.clients == 1
