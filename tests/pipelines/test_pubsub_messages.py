"""Messages of Pub/Sub become batches of payloads."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources.pubsub.messages import (
    MOST_BYTES_A_BATCH,
    Assembly,
    ChannelOf,
    Messages,
    position_of,
)
from schemas.failure import Reason
from schemas.payload import PAYLOAD
from tests.pipelines.deliveries import PATH, SECOND
from transforms.decode import decode


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
