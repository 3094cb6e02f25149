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
from pipelines.sources.kafka.gone import goes_on
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
    """A PartitionReader that gives what is put into it; `end` is what the broker tells.

    `undecided` messages of an open transaction lie behind that end.
    """

    waiting: list[Message] = field(default_factory=list)
    end: int = 0
    trouble: KafkaTrouble | None = None
    notes: Notes = field(default_factory=Notes)
    next: int | None = None
    at_end: bool = False
    clients: int = 1
    undecided: int = 0
    topic_id: str = "this one"
    lost: bool = False
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
        lost, self.lost = self.lost, False
        return Found(given, lost, self.trouble)

    def ask_bounds(self, seconds: float) -> tuple[int, int]:
        if self.unknown is not None:
            raise self.unknown
        return 0, self.end

    def known_end(self) -> int | None:
        return self.end + self.undecided

    def forget(self) -> None:
        self.next = None


class Runner:
    """Calls the reading again and again, each time with what the last call handed on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.rest, self.state = NOW, Offsets(0, 0), None
        self.reader, self.status, self.failed = Pretended(), [], []
        monkeypatch.setattr(read, "now_microseconds", lambda: self.now)
        monkeypatch.setattr(read, "topic_id", lambda topic, kafka, seconds: self.reader.topic_id)

    def call(self) -> None:
        tracker = ThreadsafeRestrictionTracker(OffsetsTracker(self.rest))
        estimator = ClockEstimator(self.state)
        partition = Partition(KafkaTopic("b:1", "events", "segment"), 0, 0)
        stream = StreamSettings(10, 60, status_every_seconds=0)
        given = (partition, stream, KafkaSettings(), tracker, estimator, self.reader)
        for output in PartitionReading(*given).for_a_while():
            if isinstance(output, TaggedOutput):
                kept = {"status": self.status, "failed": self.failed}.get(output.tag, [])
                kept += output.value.value.to_pylist()
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


def test_a_client_that_is_told_of_messages_and_given_none_is_replaced_each_third_time(monkeypatch):
    """It may have forgotten which broker has the partition (confluentinc/librdkafka#5430)."""
    runner = Runner(monkeypatch)
    runner.reader.end = 5
    clients = []
    for _ in range(7):
        runner.call()
        clients.append(runner.reader.clients)

    assert clients == [1, 1, 2, 2, 2, 3, 3]
    assert (runner.status[-1]["basis"], runner.status[-1]["behind"]) == ("held", 5)


def test_a_client_that_is_given_some_of_its_messages_is_kept_however_many_wait(monkeypatch):
    runner = Runner(monkeypatch)
    runner.reader.end = 10_000
    for offset in range(7):
        runner.reader.waiting = [message(offset, NOW)]
        runner.call()

    assert runner.reader.clients == 1


def test_a_client_that_says_why_it_is_given_nothing_is_kept(monkeypatch):
    runner = Runner(monkeypatch)
    runner.reader.end = 5
    runner.reader.trouble = KafkaTrouble("failed CRC32C check (_BAD_MSG)")
    for _ in range(7):
        runner.call()

    assert runner.reader.clients == 1


def end_of_what_was_read(runner: Runner, end: int, known: str = "this one") -> None:
    """Fifty messages are read; then the partition ends at `end`."""
    runner.rest = Offsets(0, 50, None, known)
    runner.reader.end, runner.reader.lost = end, True


def test_a_broker_that_lost_the_end_of_a_topic_is_read_on_from_there_and_not_from_the_beginning(
    monkeypatch,
):
    runner = Runner(monkeypatch)
    end_of_what_was_read(runner, 40)
    runner.call()

    assert runner.rest == Offsets(1, 40, None, "this one")
    assert [(row["position"], row["behind"]) for row in runner.status] == [(40, 0)]
    (failed,) = runner.failed
    assert (failed["reason"], failed["position"], failed["detail"]) == (
        "lost_records",
        50,
        "expected offset 50, found the offsets 0 to 40: the broker has lost 10 messages that were "
        "read, and they stand",
    )


def test_a_topic_made_anew_is_read_from_its_beginning_and_is_known_from_then_on(monkeypatch):
    runner = Runner(monkeypatch)
    end_of_what_was_read(runner, 40)
    runner.reader.topic_id = "another"
    runner.call()

    assert runner.rest == Offsets(1, 0, None, "another")
    (failed,) = runner.failed
    assert failed["detail"].endswith("goes backwards, as after the topic was made anew")


@pytest.mark.parametrize(("known", "told"), [("", "this one"), ("this one", ""), ("", "")])
def test_where_nobody_can_tell_whether_it_is_the_same_topic_all_is_read(monkeypatch, known, told):
    runner = Runner(monkeypatch)
    end_of_what_was_read(runner, 40, known)
    runner.reader.topic_id = told
    runner.call()

    assert runner.rest == Offsets(1, 0, None, told)


def test_a_broker_that_does_not_say_which_topic_it_is_is_asked_again_and_nothing_is_claimed(
    monkeypatch,
):
    runner = Runner(monkeypatch)
    end_of_what_was_read(runner, 40)

    def away(*asked):
        raise KafkaTrouble("the broker did not answer in time")

    monkeypatch.setattr(read, "topic_id", away)
    runner.call()

    assert (runner.rest, runner.failed) == (Offsets(0, 50, None, "this one"), [])
    assert runner.status[-1]["basis"] == "held"


def test_offsets_that_were_deleted_leave_the_topic_what_it_is():
    assert goes_on(10, 60, 100, None, True) == (
        60, False, "50 offsets were deleted before they were read",
    )  # fmt: skip
    assert goes_on(10, 60, 100, 30, True).offset == 30


def test_what_is_to_be_read_to_a_stop_that_is_there_no_more_fails_in_a_sentence(monkeypatch):
    runner = Runner(monkeypatch)
    runner.reader.end = 40
    partition = Partition(KafkaTopic("b:1", "events", "segment"), 0, 0, 50)
    tracker = OffsetsTracker(Offsets(0, 0, 50))
    given = (partition, StreamSettings(), KafkaSettings(), tracker, ClockEstimator(None))

    with pytest.raises(SourceError) as failed:
        list(PartitionReading(*given, runner.reader).to_the_stop())

    assert str(failed.value) == (
        "expected kafka:events/0 to have the offsets before 50, found its end at 40: the topic was "
        "made anew, or its broker lost what it had; start the reading again."
    )


def test_an_open_transaction_is_no_trouble_and_no_silence_and_the_lag_says_it(monkeypatch):
    runner = Runner(monkeypatch)
    runner.reader.waiting = [message(0, NOW)]
    runner.reader.end, runner.reader.undecided = 1, 4
    for second in range(120):
        runner.now = NOW + second * SECOND
        runner.call()

    assert (runner.state.basis, runner.state.watermark) == ("held", NOW - 10 * SECOND)
    assert {row["behind"] for row in runner.status} == {4}
    assert (runner.reader.notes.attempts, runner.reader.notes.troubled_since) == (0, None)

    runner.reader.undecided = 0
    runner.call()

    assert (runner.state.basis, runner.state.watermark) == ("idle", NOW + 109 * SECOND)
    assert runner.status[-1]["behind"] == 0
