"""Messages are taken a piece at a time, and make the batches that they would make at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, TIMESTAMP_NOT_AVAILABLE, Message
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.kafka import gather as gathering
from pipelines.sources.kafka.batches import MessageBuffer
from pipelines.sources.kafka.client import Found, KafkaTrouble, Notes
from pipelines.sources.kafka.gather import Gathered, gather

NOW = 1_800_000_000_000_000


@dataclass
class Pretended:
    """A PartitionReader whose calls give what is put into it; `asked` is what it was asked for."""

    calls: list[Found]
    notes: Notes = field(default_factory=Notes)
    next: int | None = 0
    asked: list[int] = field(default_factory=list)

    def read(self, rows: int, seconds: float) -> Found:
        self.asked.append(rows)
        found = self.calls.pop(0)
        if found.messages:
            self.next = found.messages[-1].offset() + 1
        return found


def message(offset: int, value: bytes | None = b"{}", headers: list | None = None) -> Message:
    stamp = (TIMESTAMP_LOG_APPEND_TIME, 1_000 + offset)
    return Message(offset=offset, value=value, timestamp=stamp, headers=headers)


def full(*offsets: int) -> Found:
    return Found([message(offset) for offset in offsets], full=True)


def gathered(reader: Pretended, stop: int | None = None, rows: int = 10) -> Gathered:
    return gather(reader, stop, rows, 5.0)


def offsets(found: Gathered) -> list[list[int]]:
    return [batch.column("position").to_pylist() for batch in found.buffer.batches("in", "x", NOW)]


def test_pieces_become_one_batch_of_as_many_messages_as_were_asked_for():
    reader = Pretended([full(0, 1, 2), full(3, 4, 5), full(6, 7, 8), full(9), full(10)])

    found = gathered(reader)

    assert reader.asked == [10, 7, 4, 1]
    assert (offsets(found), found.upto) == ([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]], 10)


def test_a_piece_that_is_not_full_is_the_last():
    reader = Pretended([full(0, 1, 2), Found([message(3)]), full(4)])

    found = gathered(reader)

    assert (offsets(found), found.upto) == ([[0, 1, 2, 3]], 4)


def test_where_nothing_comes_there_is_no_batch():
    found = gathered(Pretended([Found([])]))

    assert (offsets(found), found.upto, found.buffer.times.tolist()) == ([], 0, [])


@pytest.mark.parametrize(
    "end",
    [Found([], trouble=KafkaTrouble("no broker"), full=True), Found([], lost=True, full=True)],
)
def test_what_came_before_a_trouble_is_given_with_it(end):
    found = gathered(Pretended([full(0, 1, 2), end]))

    assert (offsets(found), found.upto) == ([[0, 1, 2]], 3)
    assert (found.lost, found.trouble) == (end.lost, end.trouble)


def test_nothing_from_the_stop_on_is_given_nor_asked_for():
    reader = Pretended([full(0, 1, 2), full(3, 4, 5), full(6)])

    found = gathered(reader, stop=5)

    assert (offsets(found), found.upto, len(reader.calls)) == ([[0, 1, 2, 3, 4]], 5, 1)


def test_a_stop_between_messages_is_where_reading_ends():
    """Marks of transactions are offsets without a message."""
    found = gathered(Pretended([full(0, 1, 7), full(8)]), stop=5)

    assert (offsets(found), found.upto) == ([[0, 1]], 5)


def test_a_batch_ends_with_the_piece_that_brings_it_to_its_size(monkeypatch):
    monkeypatch.setattr(gathering, "BATCH_BYTES", 8)
    reader = Pretended([full(0, 1, 2), full(3, 4, 5), full(6)])

    assert offsets(gathered(reader)) == [[0, 1, 2, 3, 4, 5]]


_MESSAGES = st.lists(
    st.tuples(
        st.sampled_from([None, b"", b"a", b"\xff{}" * 9]),
        st.sampled_from([None, [("trace", b"1")], [("moment-channel", b"mailjet")]]),
        st.sampled_from([1_234, 4_070_908_800_000, None]),
        st.integers(1, 3),
    ),
    min_size=1,
    max_size=30,
)


@given(_MESSAGES, st.lists(st.integers(1, 8)), st.sampled_from(["segment", None]))
def test_any_cutting_into_pieces_gives_the_batches_that_all_at_once_give(drawn, cuts, channel):
    messages, offset = [], 0
    for value, headers, time, step in drawn:
        offset += step
        kind = TIMESTAMP_NOT_AVAILABLE if time is None else TIMESTAMP_LOG_APPEND_TIME
        messages.append(
            Message(offset=offset, value=value, headers=headers, timestamp=(kind, time or 0))
        )
    whole, pieces = MessageBuffer(), MessageBuffer()
    whole.add(messages)

    rest = messages
    for cut in cuts:
        if rest[:cut]:
            pieces.add(rest[:cut])
        rest = rest[cut:]
    if rest:
        pieces.add(rest)

    assert (pieces.count, pieces.size) == (whole.count, whole.size)
    assert pieces.times.tolist() == whole.times.tolist()
    assert pieces.batches("in", channel, NOW) == whole.batches("in", channel, NOW)
