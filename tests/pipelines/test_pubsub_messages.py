"""Messages of Pub/Sub become batches of payloads."""

from __future__ import annotations

from datetime import datetime, timezone
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.pubsub.messages import (
    MOST_BYTES_A_BATCH,
    Assembly,
    Messages,
    messages_of,
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


@given(st.text())
def test_every_message_id_has_one_position_that_fits(message_id):
    assert 1 <= position_of(message_id) == position_of(message_id) < 2**63


def assembled(messages: Messages, given: str | None = "unnamed", rows: int = 100):
    assembly = Assembly("pubsub:" + PATH, given, rows)
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


VIEW = b'203.0.113.9 - - [01/Mar/2026:20:00:00 +0000] "GET / HTTP/1.1" 200 12 "-" "-"'
CALL = b'{"type":"track","event":"Signed In","messageId":"m","userId":"u"}'


def channels(
    messages: list[tuple[bytes, dict[str, str]]], given: str | None
) -> dict[str, list[bytes]]:
    """Payloads by channel of messages with their attributes; "" where none is known."""
    time = SimpleNamespace(seconds=0, nanos=0)
    found = messages_of(
        SimpleNamespace(data=data, attributes=attributes, message_id=str(n), publish_time=time)
        for n, (data, attributes) in enumerate(messages, 1)
    )
    batches = assembled(found, given)
    by_channel = {
        batch.schema.metadata.get(b"channel", b"").decode(): batch["payload"].to_pylist()
        for batch in batches
    }
    assert len(by_channel) == len(batches)
    return by_channel


def test_the_attribute_says_the_channel_and_a_batch_has_one():
    survey = {"moment-channel": "survey"}

    found = channels([(b"1", survey), (b"2", {}), (b"3", survey)], "segment")

    assert found == {"survey": [b"1", b"3"], "segment": [b"2"]}


def test_where_nobody_names_a_channel_each_message_is_of_the_one_that_recognises_it():
    """Whatever came before it: there is no order, and what comes again comes to another worker."""
    found = channels([(b"", {}), (VIEW, {}), (b"???", {}), (CALL, {}), (VIEW, {})], None)

    assert found == {"": [b"", b"???"], "access_log": [VIEW, VIEW], "segment": [CALL]}


def test_an_attribute_that_names_no_registered_channel_is_not_repeated_and_makes_one_batch():
    named = [(b"%d" % n, {"moment-channel": f"viewer{n}@example.com"}) for n in range(3)]

    assert channels(named, "segment") == {"unregistered": [b"0", b"1", b"2"]}


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
