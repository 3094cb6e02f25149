"""The Pub/Sub source without a broker: acknowledgements, watermark, leases, payloads, tickets."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that
from apache_beam.utils.timestamp import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import OptionError
from pipelines.sources.pubsub import (
    PullSettings,
    ReadPubSub,
    ReadPubSubNative,
    Subscription,
    _Tickets,
    check_pubsub,
    read_pubsub,
)
from pipelines.sources.pubsub_acknowledgements import Acknowledgements, Delivery
from pipelines.sources.pubsub_leases import due
from pipelines.sources.pubsub_messages import (
    MOST_BYTES_A_BATCH,
    Assembly,
    ChannelOf,
    Messages,
    position_of,
)
from pipelines.sources.pubsub_native import MessagesToPayloads
from pipelines.sources.pubsub_status import SourceStatus
from pipelines.sources.pubsub_watermark import PublishTimeWatermark, Watermark
from schemas.failure import Reason
from schemas.payload import PAYLOAD
from schemas.source_status import SOURCE_STATUS
from transforms.decode import decode

SECOND = 1_000_000
PATH = "projects/example/subscriptions/viewers"


def delivery(*ids: str, oldest: int | None = 0, received: int = 0, until: int = 0) -> Delivery:
    return Delivery(ids, oldest, received, until)


def ids(released: list[Delivery]) -> list[str]:
    return [one for found in released for one in found.ids]


# Acknowledgements


def test_what_a_call_emits_is_acknowledged_by_the_word_on_a_call_that_began_after_its_own():
    held = Acknowledgements()
    first = held.begin()
    held.add(delivery("a", "b"))

    assert ids(held.final(first)) == []

    second = held.begin()
    held.add(delivery("c"))

    assert ids(held.final(second)) == ["a", "b"]
    assert held.outstanding == 1


def test_a_call_that_had_begun_before_the_word_on_another_proves_nothing_about_it():
    """Both may have ended between the snapshot and the word."""
    held = Acknowledgements()
    first = held.begin()
    held.add(delivery("a"))
    second = held.begin()
    held.add(delivery("b"))

    assert ids(held.final(first)) == []
    assert ids(held.final(second)) == []
    third = held.begin()
    assert ids(held.final(third)) == ["a", "b"]


def test_a_word_that_never_comes_is_made_good_by_the_words_on_later_calls():
    held = Acknowledgements()
    held.begin()
    held.add(delivery("a"))
    second = held.begin()
    assert ids(held.final(second)) == []
    third = held.begin()
    assert ids(held.final(third)) == ["a"]


def test_a_word_said_twice_or_about_no_known_call_acknowledges_nothing():
    held = Acknowledgements()
    first = held.begin()
    held.add(delivery("a"))

    assert [ids(held.final(first)), ids(held.final(first)), ids(held.final(0))] == [[], [], []]
    assert held.outstanding == 1


def test_the_oldest_is_of_what_is_not_yet_acknowledged():
    held = Acknowledgements()
    first = held.begin()
    held.add(delivery("a", oldest=100))
    held.final(first)
    second = held.begin()
    held.add(delivery("b", oldest=300))
    held.add(delivery("c", oldest=None))

    assert held.oldest() == 100
    held.final(second)
    assert held.oldest() == 300


def test_what_has_only_unbelievable_publish_times_has_no_oldest():
    held = Acknowledgements()
    held.begin()
    held.add(delivery("a", oldest=None))

    assert (held.oldest(), held.outstanding) == (None, 1)


@dataclass
class Runner:
    """A runner with one checkpoint at a time, its broker, and one crash after another."""

    broker: set[int] = field(default_factory=set)
    state: set[int] = field(default_factory=set)
    completed: set[int] = field(default_factory=set)
    snapshot: set[int] | None = None
    acknowledged: set[int] = field(default_factory=set)
    held: Acknowledgements = field(default_factory=Acknowledgements)
    call: int | None = None
    emitted: set[int] = field(default_factory=set)
    ended: list[int] = field(default_factory=list)
    published: int = 0

    def step(self, name: str) -> None:
        getattr(self, name)()
        assert self.acknowledged <= self.completed, "a crash now would lose a message"

    def begin(self) -> None:
        if self.call is None:
            self.call, self.emitted = self.held.begin(), set()

    def emit(self) -> None:
        if self.call is not None:
            self.published += 1
            self.emitted.add(self.published)
            self.held.add(delivery(str(self.published)))

    def end(self) -> None:
        if self.call is not None:
            self.state |= self.emitted
            self.ended.append(self.call)
            self.call = None

    def take_snapshot(self) -> None:
        if self.call is None and self.snapshot is None:
            self.snapshot = set(self.state)

    def complete(self) -> None:
        """The word on every call that has ended, also after the snapshot."""
        if self.snapshot is not None:
            self.completed, self.snapshot = self.snapshot, None
            for call in self.ended:
                self.acknowledged |= {int(one) for one in ids(self.held.final(call))}
            self.ended = []

    def lose_words(self) -> None:
        """The checkpoint completes, and nobody hears of it."""
        if self.snapshot is not None:
            self.completed, self.snapshot, self.ended = self.snapshot, None, []

    def abort(self) -> None:
        self.snapshot = None

    def crash(self) -> None:
        self.state, self.snapshot, self.call, self.ended = set(self.completed), None, None, []
        self.held = Acknowledgements()


STEPS = ["begin", "emit", "end", "take_snapshot", "complete", "lose_words", "abort", "crash"]


@settings(deadline=None)
@given(st.lists(st.sampled_from(STEPS), max_size=80))
def test_whatever_is_acknowledged_is_in_a_completed_checkpoint_at_every_moment(steps):
    runner = Runner()
    for name in steps:
        runner.step(name)


@settings(deadline=None)
@given(st.lists(st.sampled_from(STEPS), max_size=60))
def test_three_checkpoints_later_nothing_is_outstanding(steps):
    runner = Runner()
    for name in [*steps, "end", "abort"]:
        runner.step(name)
    for _ in range(3):
        for name in ("begin", "end", "take_snapshot", "complete"):
            runner.step(name)

    assert runner.held.outstanding == 0


def test_acknowledging_at_the_first_word_would_lose_a_message():
    """Why one word is not enough; the law above fails for such an object."""

    class AtTheFirstWord(Acknowledgements):
        def final(self, call: int) -> list[Delivery]:
            self._marked_at_begin[call] = call
            return super().final(call)

    runner = Runner(held=AtTheFirstWord())
    for name in ("take_snapshot", "begin", "emit", "end"):
        runner.step(name)

    with pytest.raises(AssertionError, match="would lose a message"):
        runner.step("complete")


# Watermark


def watermark(idle_after: int | None = 60 * SECOND, now: int = 0) -> PublishTimeWatermark:
    return PublishTimeWatermark(10 * SECOND, idle_after, now)


def test_the_watermark_is_the_oldest_publish_time_not_acknowledged_less_the_allowance():
    found = watermark()
    found.heard(latest=50 * SECOND, now=51 * SECOND)

    assert found.report(oldest=40 * SECOND) == Watermark(30 * SECOND, "messages")


def test_when_all_is_acknowledged_it_rests_on_the_last_message():
    found = watermark()
    found.heard(latest=50 * SECOND, now=51 * SECOND)

    assert found.report(oldest=None) == Watermark(40 * SECOND, "held")


def test_before_the_first_message_there_is_none():
    found = watermark()
    found.silent(until=59 * SECOND)

    assert found.report(oldest=None) == Watermark(None, "held")


def test_after_a_minute_of_confirmed_silence_the_clock_takes_over():
    found = watermark()
    found.heard(latest=50 * SECOND, now=51 * SECOND)
    found.silent(until=110 * SECOND)
    assert found.report(oldest=None) == Watermark(40 * SECOND, "held")

    found.silent(until=111 * SECOND)
    assert found.report(oldest=None) == Watermark(101 * SECOND, "idle")


def test_silence_does_not_count_while_something_is_not_acknowledged():
    found = watermark()
    found.heard(latest=50 * SECOND, now=51 * SECOND)
    found.silent(until=500 * SECOND)

    assert found.report(oldest=50 * SECOND) == Watermark(40 * SECOND, "messages")


def test_without_a_limit_silence_holds_for_ever():
    found = watermark(idle_after=None)
    found.silent(until=10**15)

    assert found.report(oldest=None) == Watermark(None, "held")


def test_a_message_after_the_clock_took_over_does_not_take_the_watermark_back():
    found = watermark()
    found.silent(until=100 * SECOND)
    assert found.report(oldest=None) == Watermark(90 * SECOND, "idle")
    found.heard(latest=101 * SECOND, now=101 * SECOND)

    assert found.report(oldest=70 * SECOND) == Watermark(90 * SECOND, "messages")


def test_a_publish_time_in_2099_is_not_believed_and_moves_nothing():
    in_2099 = int(datetime(2099, 1, 1, tzinfo=timezone.utc).timestamp()) * SECOND
    found = watermark()
    found.heard(latest=50 * SECOND, now=51 * SECOND)

    assert not found.believed(in_2099, now=52 * SECOND)
    found.unbelieved(now=52 * SECOND)
    assert found.report(oldest=None) == Watermark(40 * SECOND, "ahead")


def test_a_machine_a_day_behind_the_service_goes_on_by_its_own_clock_and_says_so():
    """Every publish time is then in its future, and the messages never end."""
    found = watermark()
    found.heard(latest=50 * SECOND, now=50 * SECOND)
    for second in range(51, 111):
        assert not found.believed((second + 86_400) * SECOND, now=second * SECOND)
        found.unbelieved(now=second * SECOND)

    assert found.report(oldest=None) == Watermark(100 * SECOND, "ahead")

    found.silent(until=112 * SECOND)
    assert found.report(oldest=None) == Watermark(102 * SECOND, "idle")


def test_a_clock_that_was_a_day_ahead_and_is_set_right_is_not_silent_for_a_day():
    found = watermark(now=86_400 * SECOND)
    found.silent(until=86_500 * SECOND)
    assert found.report(oldest=None).basis == "idle"

    found.heard(latest=100 * SECOND, now=101 * SECOND)

    assert found.report(oldest=None) == Watermark(86_490 * SECOND, "held")


def test_a_clock_that_is_behind_by_less_than_the_allowance_is_believed():
    found = watermark()

    assert found.believed(60 * SECOND, now=50 * SECOND)
    assert not found.believed(60 * SECOND + 1, now=50 * SECOND)


EVENTS = st.one_of(
    st.tuples(st.just("heard"), st.integers(0, 10**9)),
    st.tuples(st.just("silent"), st.integers(0, 10**9)),
    st.tuples(st.just("report"), st.one_of(st.none(), st.integers(0, 10**9))),
)


@settings(deadline=None)
@given(st.lists(EVENTS))
def test_the_watermark_never_goes_back_and_never_passes_the_clock(events):
    found, now, before = watermark(), 0, None
    for name, value in events:
        if name == "heard":
            now = max(now, value)
            if found.believed(value, now):
                found.heard(value, now)
            else:
                found.unbelieved(now)
        elif name == "silent":
            now = max(now, value)
            found.silent(value)
        else:
            oldest = value if value is not None and found.believed(value, now) else None
            time = found.report(oldest).time
            if before is not None:
                assert time is not None
                assert time >= before
            assert time is None or time <= now
            before = time


# Leases


def test_a_lease_is_extended_when_five_seconds_of_it_are_left():
    soon, later = delivery("a", until=105 * SECOND), delivery("b", until=106 * SECOND)

    extended = due([soon, later], 100 * SECOND, 100 * SECOND, PullSettings())

    assert list(extended) == [soon]


def test_a_lease_is_not_extended_beyond_the_bound():
    pulls = PullSettings(most_lease_seconds=60)
    old = delivery("a", received=0, until=62 * SECOND)

    assert list(due([old], 60 * SECOND, 60 * SECOND, pulls)) == [old]
    assert list(due([old], 61 * SECOND, 61 * SECOND, pulls)) == []


def test_nothing_is_extended_for_a_runner_that_no_longer_calls():
    held = delivery("a", received=50 * SECOND, until=101 * SECOND)

    assert list(due([held], 100 * SECOND, 40 * SECOND, PullSettings())) == [held]
    assert list(due([held], 101 * SECOND, 40 * SECOND, PullSettings())) == []


# Messages and payloads


@pytest.mark.parametrize(
    ("message_id", "position"),
    [
        ("1", 1),
        ("11035772358490133", 11035772358490133),
        ("9223372036854775807", 9223372036854775807),
        ("9223372036854775808", 4981065854678742625),
        ("0", 4761921975702974394),
        ("message-of-a-proxy", 6317542925501860582),
    ],
)
def test_the_position_is_the_message_id_or_a_number_made_of_it(message_id, position):
    assert position_of(message_id) == position


@settings(deadline=None)
@given(st.text())
def test_every_message_id_has_one_position_that_fits(message_id):
    assert 1 <= position_of(message_id) == position_of(message_id) < 2**63


def assembled(messages: Messages, given: str | None = "unnamed", rows: int = 100, known=None):
    assembly = Assembly("pubsub:" + PATH, ChannelOf(given, known or (lambda sample: None)), rows)
    return [*assembly.add(messages), *assembly.rest()]


def test_messages_become_a_payload_batch_with_publish_time_and_message_id():
    at = 1_750_000_000 * SECOND

    (batch,) = assembled(Messages([b"{}", b"[]"], [7, 8], [at, at + 1], [None, None]))

    assert batch.schema.equals(PAYLOAD, check_metadata=False)
    assert batch.schema.metadata == {
        b"name": b"payload",
        b"input": b"pubsub:projects/example/subscriptions/viewers",
        b"channel": b"unnamed",
    }
    time = datetime(2025, 6, 15, 15, 6, 40, tzinfo=timezone.utc)
    assert batch.to_pylist() == [
        {"payload": b"{}", "position": 7, "arrived_time": time},
        {"payload": b"[]", "position": 8, "arrived_time": time.replace(microsecond=1)},
    ]


def test_the_attribute_says_the_channel_and_a_batch_has_one():
    messages = Messages([b"1", b"2", b"3"], [1, 2, 3], [0, 0, 0], ["shop", None, "shop"])

    found = {
        batch.schema.metadata[b"channel"]: batch["payload"].to_pylist()
        for batch in assembled(messages, given="web")
    }

    assert found == {b"shop": [b"1", b"3"], b"web": [b"2"]}


def test_a_channel_is_recognised_from_the_first_records_that_tell_it_and_then_kept():
    asked = []

    def recognise(sample):
        asked.append(list(sample))
        return "web" if b"w" in sample else None

    channel_of = ChannelOf(None, recognise)

    assert [channel_of(found) for found in ([b""], [b"x"], [b"", b"w"], [b"x"])] == [
        "", "", "web", "web",
    ]  # fmt: skip
    assert asked == [[b"x"], [b"w"]]


def test_batches_are_bounded_in_rows_and_in_bytes():
    three = Messages([b"1", b"2", b"3"], [1, 2, 3], [0, 0, 0], [None] * 3)
    large = Messages([b"x" * (MOST_BYTES_A_BATCH // 2)] * 3, [1, 2, 3], [0, 0, 0], [None] * 3)

    assert [batch.num_rows for batch in assembled(three, rows=2)] == [2, 1]
    assert [batch.num_rows for batch in assembled(large)] == [2, 1]


def test_a_message_without_data_becomes_a_failed_event_with_the_same_id_at_each_delivery():
    from schemas.channels import registered_channels

    channel = next(iter(registered_channels().values()))
    poison = Messages([b""], [11035772358490133], [0], [None])

    first, second = (
        decode(assembled(poison, given=channel.name)[0], channel).failed.to_pylist()[0]
        for _ in range(2)
    )

    assert first["reason"] == Reason.EMPTY.value
    assert first["position"] == 11035772358490133
    assert first["failure_id"] == second["failure_id"]


# Status


def test_status_is_a_row_each_ten_seconds_and_at_each_change_of_basis():
    status = SourceStatus("pubsub:" + PATH + "#1", seconds=10)
    asked = [(0, "held"), (5, "held"), (6, "messages"), (15, "messages"), (16, "messages")]

    rows = [status.row(at * SECOND, None, basis, 0) for at, basis in asked]

    assert [row is not None for row in rows] == [True, False, True, False, True]


def test_a_row_of_status_says_how_much_was_read_and_not_how_much_is_left():
    row = SourceStatus("pubsub:" + PATH + "#1", 10).row(2 * SECOND, SECOND, "full", 50_000)

    assert row is not None
    assert row.schema.equals(SOURCE_STATUS, check_metadata=False)
    assert row.to_pylist() == [
        {
            "input": "pubsub:projects/example/subscriptions/viewers#1",
            "observed_time": datetime(1970, 1, 1, 0, 0, 2, tzinfo=timezone.utc),
            "watermark": datetime(1970, 1, 1, 0, 0, 1, tzinfo=timezone.utc),
            "basis": "full",
            "position": 50_000,
            "behind": None,
        }
    ]


# Tickets


def test_what_is_deferred_holds_the_ticket_of_the_call_that_was_claimed():
    tracker = _Tickets("first")

    assert tracker.try_claim("second")
    assert tracker.try_split(0) == ("first", "second")
    assert tracker.check_done()


def test_a_call_that_is_stopped_before_it_claims_defers_its_own_ticket_and_reads_nothing():
    tracker = _Tickets("first")

    assert tracker.try_split(0) == ("first", "first")
    assert not tracker.try_claim("second")


def test_an_endless_restriction_is_deferred_as_a_whole_or_it_is_an_error():
    tracker = _Tickets("first")

    assert not tracker.is_bounded()
    assert tracker.try_split(0.5) is None
    with pytest.raises(ValueError, match="to be deferred"):
        tracker.check_done()


# Settings


@pytest.mark.parametrize(
    "path", ["viewers", "projects/example/topics/viewers", "projects//subscriptions/viewers"]
)
def test_a_subscription_is_named_by_its_full_path(path):
    with pytest.raises(OptionError, match="expected a subscription as projects/PROJECT/"):
        Subscription(path, None)


def test_settings_that_no_broker_takes_are_refused():
    with pytest.raises(OptionError, match="expected a Pub/Sub lease of 10 to 600 s, found 5"):
        PullSettings(lease_seconds=5)
    with pytest.raises(OptionError, match=r"most_unacknowledged \(10\), found 1000"):
        PullSettings(most_unacknowledged=10)
    with pytest.raises(OptionError, match=r"at least 1 puller of projects/example/.*, found 0"):
        Subscription(PATH, None, pullers=0)


def test_one_subscription_named_twice_or_none_at_all_is_refused():
    with pytest.raises(OptionError, match="expected at least one Pub/Sub subscription, found none"):
        check_pubsub([], 0)
    with pytest.raises(OptionError, match=f"each Pub/Sub subscription once, found {PATH} 2 times"):
        check_pubsub([Subscription(PATH, None), Subscription(PATH, "web")], 0)


def test_missing_credentials_are_said_in_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))

    with pytest.raises(OptionError, match=r"expected Google Cloud credentials .* found Default"):
        check_pubsub([Subscription(PATH, None)], 0)


def test_an_endpoint_that_nobody_listens_on_is_said_in_one_sentence():
    with pytest.raises(OptionError) as refused:
        check_pubsub([Subscription(PATH, None)], 0.2, emulator="127.0.0.1:1")

    assert str(refused.value) == (
        f"expected to read the Pub/Sub subscription {PATH}, found ServiceUnavailable: the emulator "
        "at 127.0.0.1:1 does not answer: check the network, the endpoint and the service."
    )


# The native read


@pytest.mark.parametrize(
    "runner", ["DataflowRunner", "dataflow", "apache_beam.runners.DataflowRunner"]
)
def test_on_dataflow_the_runner_reads(runner):
    assert isinstance(read_pubsub([Subscription(PATH, None)], runner=runner), ReadPubSubNative)


@pytest.mark.parametrize("runner", ["FlinkRunner", "PrismRunner", None])
def test_elsewhere_we_read(runner):
    assert isinstance(read_pubsub([Subscription(PATH, None)], runner=runner), ReadPubSub)


def test_both_reads_have_the_outputs_of_a_source():
    for read in (ReadPubSub, ReadPubSubNative):
        found = beam.Pipeline() | read([Subscription(PATH, "web")])

        for output in ("payloads", "failed", "counts", "status"):
            assert found[output].element_type is pa.RecordBatch


@pytest.mark.parametrize("read", [ReadPubSub, ReadPubSubNative])
def test_both_reads_are_unbounded(read):
    """Of a bounded input the machines behind it wait for an end, which never comes."""
    found = beam.Pipeline() | read([Subscription(PATH, "web")])

    assert not found.payloads.is_bounded


def test_the_native_read_names_the_subscription_to_the_runner():
    pipeline = beam.Pipeline()
    _ = pipeline | ReadPubSubNative([Subscription(PATH, "web")])

    transforms = pipeline.to_runner_api().components.transforms.values()
    (read,) = [t.spec for t in transforms if t.spec.urn == "beam:transform:pubsub_read:v1"]
    assert PATH.encode() in read.payload


def test_native_messages_become_payloads_at_their_earliest_publish_time():
    at = datetime(2025, 6, 15, 15, 6, 40, tzinfo=timezone.utc)
    messages = [
        PubsubMessage(b"1", {}, "7", at.replace(second=41)),
        PubsubMessage(b"2", {"moment-channel": "shop"}, "8", at),
        PubsubMessage(b"3", None, "9", at),
    ]

    def seen(batch, timestamp=beam.DoFn.TimestampParam):
        metadata = batch.schema.metadata
        return (
            metadata[b"input"], metadata[b"channel"], timestamp, batch["payload"].to_pylist(),
            batch["position"].to_pylist(),
        )  # fmt: skip

    def check(found):
        earliest = Timestamp(1_750_000_000)
        assert sorted(found) == [
            (b"pubsub:s", b"shop", earliest, [b"2"], [8]),
            (b"pubsub:s", b"web", earliest, [b"1", b"3"], [7, 9]),
        ]

    with TestPipeline() as pipeline:
        made = pipeline | beam.Create([(("pubsub:s", "web"), message) for message in messages])
        read = made | MessagesToPayloads(100)
        assert_that(read.payloads | beam.Map(seen), check)
