"""The Kafka source without a broker: offsets, settings, and messages as batches."""

from __future__ import annotations

from dataclasses import replace

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.coders import registry
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_NOT_AVAILABLE, Message
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import OptionError
from pipelines.sources.kafka.batches import (
    MessageBuffer,
    broker_times,
    lost_batches,
    status_batch,
)
from pipelines.sources.kafka.bounded import ReadKafkaOnce
from pipelines.sources.kafka.offsets import Offsets, OffsetsCoder, OffsetsProvider, OffsetsTracker
from pipelines.sources.kafka.pool import Clients
from pipelines.sources.kafka.read import back_off
from pipelines.sources.kafka.settings import Partition
from pipelines.sources.kafka.source import KafkaSettings, KafkaTopic, ReadKafka
from schemas.balance import BALANCE_COUNT
from schemas.failure import FAILED_EVENT
from schemas.source_status import SOURCE_STATUS

NOW = 1_800_000_000_000_000
SECRET = "a-password-nobody-may-see"


# Offsets


def test_a_checkpoint_hands_on_everything_that_was_not_claimed():
    tracker = OffsetsTracker(Offsets(0, 100))
    assert tracker.try_claim((0, 150))

    done, rest = tracker.try_split(0)

    assert (done, rest) == (Offsets(0, 100, 150), Offsets(0, 150, None))
    assert tracker.check_done()
    assert not tracker.try_claim((0, 160))


def test_a_checkpoint_before_the_first_claim_hands_on_everything():
    tracker = OffsetsTracker(Offsets(0, 100))

    assert tracker.try_split(0) == (Offsets(0, 100, 100), Offsets(0, 100, None))
    assert tracker.check_done()


def test_a_partition_has_one_reader_so_it_is_split_at_checkpoints_only():
    assert OffsetsTracker(Offsets(0, 0, 100)).try_split(0.5) is None


def test_an_endless_partition_is_never_done_by_itself():
    tracker = OffsetsTracker(Offsets(0, 100))
    tracker.try_claim((0, 10**15))

    assert not tracker.is_bounded()
    with pytest.raises(ValueError, match="offsets from 1000000000000000 on"):
        tracker.check_done()


def test_a_bounded_partition_is_done_at_its_stop_and_not_before():
    tracker = OffsetsTracker(Offsets(0, 100, 200))
    tracker.try_claim((0, 199))
    with pytest.raises(ValueError, match="offsets from 199 on"):
        tracker.check_done()

    assert tracker.try_claim((0, 200))

    assert tracker.is_bounded()
    assert tracker.check_done()
    assert not tracker.try_claim((0, 201))


def test_claims_only_grow():
    tracker = OffsetsTracker(Offsets(0, 100))
    tracker.try_claim((0, 150))

    with pytest.raises(ValueError, match=r"expected a position after \(0, 150\), found \(0, 150\)"):
        tracker.try_claim((0, 150))


def test_a_partition_that_goes_backwards_begins_a_new_era_at_a_smaller_offset():
    tracker = OffsetsTracker(Offsets(0, 1000))

    assert tracker.try_claim((1, 0))

    assert tracker.try_split(0)[1] == Offsets(1, 0, None)


def test_a_new_era_is_of_the_topic_that_its_claim_names_and_any_other_claim_of_the_one_before():
    tracker = OffsetsTracker(Offsets(0, 1000, None, "one"))
    assert tracker.try_claim((0, 1001))
    assert tracker.try_claim((1, 0, "another"))
    assert tracker.try_claim((1, 7))

    rest = tracker.try_split(0)[1]

    assert rest == Offsets(1, 7, None, "another")
    assert OffsetsCoder().decode(OffsetsCoder().encode(rest)) == rest


def test_offsets_of_no_known_topic_are_the_bytes_that_they_were_before_topics_were_known():
    before = bytes.fromhex("00000001" + "0000000000000011" + "01" + "0000000000000000")

    assert OffsetsCoder().encode(Offsets(1, 17)) == before
    assert OffsetsCoder().decode(before) == Offsets(1, 17, None, "")


@given(
    st.lists(st.integers(1, 1000), max_size=20),
    st.integers(0, 10**12),
)
def test_law_what_is_claimed_and_what_is_handed_on_are_everything_once(steps, start):
    """Over any number of checkpoints: claimed ranges follow one another without gap or overlap."""
    restriction, claimed = Offsets(0, start), []
    for step in steps:
        tracker = OffsetsTracker(restriction)
        assert tracker.try_claim((0, restriction.next + step))
        done, restriction = tracker.try_split(0)
        claimed.append((done.next, done.stop))
        restriction = OffsetsCoder().decode(OffsetsCoder().encode(restriction))
    firsts, stops = [first for first, _ in claimed], [stop for _, stop in claimed]
    assert [*firsts, restriction.next] == [start, *stops]
    assert restriction.next == start + sum(steps)


def test_a_partition_begins_where_it_was_found():
    topic = KafkaTopic("broker:9092", "events")

    assert OffsetsProvider().initial_restriction(Partition(topic, 3, 17)) == Offsets(0, 17, None)
    assert OffsetsProvider().initial_restriction(Partition(topic, 3, 17, 20)) == Offsets(0, 17, 20)
    known = Partition(topic, 3, 17, topic_id="M1QxZbW3T_aeqOnhcvfcfA")
    assert OffsetsProvider().initial_restriction(known).topic_id == "M1QxZbW3T_aeqOnhcvfcfA"


def test_of_a_topic_partitions_are_counted_from_0_wherever_reading_starts():
    for start in ("earliest", "latest", "2026-03-01T20:00:00Z"):
        first = OffsetsProvider().initial_restriction(KafkaTopic("b:1", "events", start=start))

        assert OffsetsCoder().decode(OffsetsCoder().encode(first)) == Offsets(0, 0, None)


def test_the_read_is_unbounded_and_the_read_once_is_not():
    """Of a bounded input the machines behind it wait for an end."""
    topics = [KafkaTopic("b:1", "events")]

    for output in ("payloads", "failed", "counts", "status"):
        assert not (beam.Pipeline() | ReadKafka(topics))[output].is_bounded
        assert (beam.Pipeline() | ReadKafkaOnce(topics))[output].is_bounded


# Settings


def test_the_values_of_client_properties_are_never_shown():
    settings = KafkaSettings(client=(("sasl.username", "reader"), ("sasl.password", SECRET)))

    assert repr(settings) == (
        "KafkaSettings(client=(sasl.username, sasl.password), "
        "discover_every_seconds=10.0, patience_seconds=900.0)"
    )
    assert SECRET not in repr(ReadKafka([KafkaTopic("b:1", "t")], kafka=settings))
    assert settings.without_secrets(f"reader with {SECRET} failed") == (
        "reader with (secret) failed"
    )


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (
            lambda: KafkaTopic("b:1", "no topic"),
            "expected a Kafka topic of letters, digits, '.', '_' and '-', found 'no topic': "
            "check it.",
        ),
        (
            lambda: KafkaTopic("", "events"),
            "expected host:port of a Kafka broker, found nothing: name one.",
        ),
        (
            lambda: KafkaTopic("b:1", "events", start="yesterday"),
            "expected earliest, latest or an ISO instant as the start of the Kafka topic events, "
            "found 'yesterday': write it like 2026-03-01T20:00:00Z.",
        ),
        (
            lambda: KafkaTopic("b:1", "events", start="9999-12-31T23:59:59Z"),
            "expected an instant up to 2999 as the start of the Kafka topic events, found "
            "'9999-12-31T23:59:59Z': correct it.",
        ),
        (
            lambda: KafkaSettings(client=(("enable.auto.commit", "true"),)),
            "expected a Kafka client property that may be chosen, found enable.auto.commit, which "
            "the reader sets itself: leave it out.",
        ),
    ],
)
def test_a_bad_setting_is_refused_in_a_sentence(made, sentence):
    with pytest.raises(OptionError) as refused:
        made()
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("start", "milliseconds"),
    [
        ("earliest", None),
        ("latest", None),
        ("2026-03-01T20:00:00Z", 1_772_395_200_000),
        ("2026-03-01T21:00:00+01:00", 1_772_395_200_000),
        ("2026-03-01T20:00:00", 1_772_395_200_000),
        ("1969-12-31T23:59:59.999Z", 0),
        ("0001-01-01T00:00:00+14:00", 0),
    ],
)
def test_a_start_is_a_word_or_an_instant(start, milliseconds):
    assert KafkaTopic("b:1", "events", start=start).start_milliseconds() == milliseconds


def test_topics_and_partitions_travel_as_bytes_that_never_change():
    topic = KafkaTopic("b:1", "events", "segment")
    partition = Partition(topic, 3, 17, None, 5)

    encoded = registry.get_coder(Partition).encode(partition)

    assert encoded == b'[["b:1", "events", "segment", "earliest"], 3, 17, null, 5]'
    assert registry.get_coder(Partition).decode(encoded) == partition
    known = replace(partition, topic_id="M1QxZbW3T_aeqOnhcvfcfA", salt=17)
    encoded = registry.get_coder(Partition).encode(known)
    assert encoded == (
        b'[["b:1", "events", "segment", "earliest"], 3, 17, null, 5, "M1QxZbW3T_aeqOnhcvfcfA", 17]'
    )
    assert registry.get_coder(Partition).decode(encoded) == known
    coder = registry.get_coder(KafkaTopic)
    assert coder.is_deterministic()
    assert coder.decode(coder.encode(topic)) == topic


# Batches


def message(offset: int, value: bytes | None, milliseconds: int = 1000, **more) -> Message:
    stamp = (TIMESTAMP_CREATE_TIME, milliseconds)
    return Message(topic="events", partition=3, offset=offset, value=value, timestamp=stamp, **more)


def rows(batch: pa.RecordBatch) -> list[tuple]:
    columns = batch.column("payload"), batch.column("position"), batch.column("arrived_time")
    return [
        (payload, position, arrived)
        for payload, position, arrived in zip(
            columns[0].to_pylist(), columns[1].to_pylist(), columns[2].cast("int64").to_pylist()
        )
    ]


def batches(messages: list[Message], channel: str | None = "segment") -> list[pa.RecordBatch]:
    buffer = MessageBuffer()
    buffer.add(messages)
    return buffer.batches("kafka:events/3", channel, NOW)


def test_messages_become_one_batch_with_their_offsets_and_broker_times():
    (batch,) = batches([message(7, b"a", 1000), message(9, b"b", 2000)])

    assert rows(batch) == [(b"a", 7, 1_000_000), (b"b", 9, 2_000_000)]
    assert batch.schema.metadata == {
        b"name": b"payload", b"input": b"kafka:events/3", b"channel": b"segment",
    }  # fmt: skip


def test_a_message_without_a_value_is_an_empty_payload_which_decoding_refuses():
    (batch,) = batches([message(7, None)])

    assert rows(batch) == [(b"", 7, 1_000_000)]


def test_a_message_from_the_future_or_without_a_time_arrived_now():
    times = [NOW // 1000 + 86_400_000, 4_070_908_800_000, 2**62]
    found = [message(7 + row, b"a", time) for row, time in enumerate(times)]
    found.append(Message(offset=10, value=b"a", timestamp=(TIMESTAMP_NOT_AVAILABLE, 0)))

    (batch,) = batches(found)

    assert [arrived for _, _, arrived in rows(batch)] == [NOW] * 4
    assert broker_times(found)[-1] == -1
    assert (broker_times(found)[:-1] > NOW).all()


def test_a_header_says_the_channel_of_its_message_and_a_batch_has_one_channel():
    mail = [("moment-channel", b"mailjet")]
    found = [
        message(1, b"a"),
        message(2, b"b", headers=mail),
        message(3, b"c", headers=[("trace", b"1")]),
        message(4, b"d", headers=[("trace", b"1"), *mail]),
    ]

    first, second = batches(found)

    assert [position for _, position, _ in rows(first)] == [1, 3]
    assert first.schema.metadata[b"channel"] == b"segment"
    assert [position for _, position, _ in rows(second)] == [2, 4]
    assert second.schema.metadata[b"channel"] == b"mailjet"


class Sent:
    """A message as the client gives it, whose headers it reads when it is asked for them, once."""

    def __init__(self, offset: int, headers: list | Exception | None) -> None:
        self._offset, self._headers, self._asked = offset, headers, False

    def offset(self) -> int:
        return self._offset

    def value(self) -> bytes:
        return b"%d" % self._offset

    def timestamp(self) -> tuple[int, int]:
        return TIMESTAMP_CREATE_TIME, 1000

    def headers(self) -> list | None:
        assert not self._asked
        self._asked = True
        if isinstance(self._headers, Exception):
            raise self._headers
        return self._headers


def test_a_message_with_a_header_whose_name_is_no_text_has_none_and_the_others_have_theirs():
    no_text = UnicodeDecodeError("utf-8", b"tr\xffce", 2, 3, "invalid start byte")
    mail = [("moment-channel", b"mailjet")]
    found = [
        Sent(1, SystemError("<method 'headers'> returned a result with an exception set")),
        Sent(2, mail),
        Sent(3, no_text),
        Sent(4, None),
        Sent(5, mail),
        Sent(6, no_text),
    ]

    first, second = batches(found)

    assert rows(first) == [(b"%d" % n, n, 1_000_000) for n in (1, 3, 4, 6)]
    assert first.schema.metadata[b"channel"] == b"segment"
    assert rows(second) == [(b"%d" % n, n, 1_000_000) for n in (2, 5)]
    assert second.schema.metadata[b"channel"] == b"mailjet"


VIEW = b'203.0.113.9 - - [01/Mar/2026:20:00:00 +0000] "GET / HTTP/1.1" 200 12 "-" "-"'
CALL = b'{"type":"track","event":"Signed In","messageId":"m","userId":"u"}'


def channels(messages: list[Message], channel: str | None = None) -> dict[int, str]:
    """The channel of each offset; "" where none is known."""
    return {
        position: batch.schema.metadata.get(b"channel", b"").decode()
        for batch in batches(messages, channel)
        for _, position, _ in rows(batch)
    }


def test_where_nobody_names_a_channel_each_message_is_of_the_one_that_recognises_it():
    mail = [("moment-channel", b"mailjet")]
    log = [message(n, value) for n, value in enumerate([VIEW, None, CALL, b"???", VIEW])]

    found = channels([*log, message(5, VIEW, headers=mail)])

    assert found == {0: "access_log", 1: "", 2: "segment", 3: "", 4: "access_log", 5: "mailjet"}


@given(st.lists(st.sampled_from([VIEW, CALL, b"???", b"", None]), min_size=1), st.data())
def test_a_message_has_the_same_channel_wherever_a_job_goes_on(values, data):
    log = [message(offset, value) for offset, value in enumerate(values)]
    begin = data.draw(st.integers(0, len(log) - 1))

    whole, rest = channels(log), channels(log[begin:])

    assert rest == {offset: whole[offset] for offset in range(begin, len(log))}


def test_a_header_that_names_no_registered_channel_is_not_repeated_and_makes_one_batch():
    """It may be an address, and another one in each message."""
    found = [
        message(n, b"a", headers=[("moment-channel", b"viewer%d@example.com" % n)])
        for n in range(3)
    ]

    (batch,) = batches(found)

    assert batch.schema.metadata == {
        b"name": b"payload", b"input": b"kafka:events/3", b"channel": b"unregistered",
    }  # fmt: skip


def test_an_offset_that_is_gone_is_one_failed_event_and_counted():
    failed, counts = lost_batches("kafka:events/3", "segment", 1000, "expected 1000", NOW)

    assert failed.schema.equals(FAILED_EVENT)
    (row,) = failed.to_pylist()
    assert (row["input"], row["position"], row["stage"], row["detail"], row["payload"]) == (
        "kafka:events/3", 1000, "read", "expected 1000", b"",
    )  # fmt: skip
    assert row["reason"] == "lost_records"
    assert counts.schema.equals(BALANCE_COUNT)
    assert {r["outcome"]: r["count"] for r in counts.to_pylist()} == {"received": 1, "failed": 1}


def test_status_is_a_row_of_the_schema():
    status = status_batch("kafka:events/3", NOW, None, "held", 17, None)

    assert status.schema.equals(SOURCE_STATUS)
    (row,) = status.to_pylist()
    assert (row["input"], row["watermark"], row["basis"], row["position"], row["behind"]) == (
        "kafka:events/3", None, "held", 17, None,
    )  # fmt: skip


def test_attempts_in_vain_are_made_ever_more_seldom_and_at_last_every_thirty_seconds():
    assert [back_off(attempt) for attempt in range(8)] == [1, 1, 2, 4, 8, 16, 30, 30]
    assert back_off(10**6) == 30


# Clients


class Connection:
    """Something that is closed once."""

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def test_a_client_is_kept_between_calls_and_not_shared_at_the_same_time():
    clients = Clients()
    with clients.borrow("a", Connection) as first, clients.borrow("a", Connection) as second:
        assert first is not second
    with clients.borrow("a", Connection) as again:
        assert again in (first, second)
    assert clients.close_unused(0) == 0


def test_an_unused_client_is_closed_by_and_by_and_a_failed_one_at_once():
    clients = Clients(unused_seconds=0.2)
    with clients.borrow("a", Connection) as kept:
        pass
    assert clients.close_unused(60) == 1
    assert kept.closed == 0
    with pytest.raises(RuntimeError), clients.borrow("b", Connection) as failed:
        raise RuntimeError
    assert failed.closed == 1

    assert clients.close_unused(0) == 0

    assert kept.closed == 1


def test_times_are_whole_microseconds():
    assert broker_times([message(1, b"", 1234)]).tolist() == [1_234_000]
    assert broker_times([message(1, b"", 1234)]).dtype == np.int64
