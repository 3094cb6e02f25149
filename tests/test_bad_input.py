"""Records no channel can take: each fails alone, with its bytes, a stable reason and a path."""

import json
from datetime import date, datetime, timedelta, timezone
from itertools import permutations

import pytest

from schemas.channels import registered_channels
from schemas.payload import MAXIMUM_PAYLOAD_BYTES
from tests.checks import ARRIVED, decode_records
from tests.mutations import fixture_lines

CHANNELS = registered_channels()
DEEP = 100_000


def failures_of(records, channel):
    """(reason, path) of each failed record; none of them is an event as well."""
    result = decode_records(records, CHANNELS[channel])

    assert result.events.num_rows == 0
    assert result.ignored.total() == 0
    assert result.received == len(result.failed)
    return [(f["reason"], f["path"]) for f in result.failed.to_pylist()]


# What is no record of any channel. Rows: name, bytes, reason for JSON channels, for access logs.

SHARED = [
    ("nothing", b"", "empty_payload", "empty_payload"),
    ("white space", b" \t\r\n ", "empty_payload", "empty_payload"),
    ("half an object", b'{"event": "op', "invalid_syntax", "invalid_syntax"),
    ("an open object", b"{", "invalid_syntax", "invalid_syntax"),
    ("bare words", b"Service Unavailable", "invalid_syntax", "invalid_syntax"),
    ("a page", b"<html><body>502 Bad Gateway</body></html>", "invalid_syntax", "invalid_syntax"),
    ("binary", bytes(range(128, 256)), "invalid_utf8", "invalid_utf8"),
    ("an image", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "invalid_utf8", "invalid_utf8"),
    ("latin-1", '{"prénom'.encode("latin-1"), "invalid_utf8", "invalid_utf8"),
    ("UTF-16", '{"type": 1}'.encode("utf-16"), "invalid_utf8", "invalid_utf8"),
    ("UTF-16 unmarked", '{"type": 1}'.encode("utf-16-le"), "invalid_syntax", "invalid_syntax"),
    ("a mark", b'\xef\xbb\xbf{"type": 1}', "invalid_syntax", "invalid_syntax"),
    ("a surrogate in bytes", b'"\xed\xa0\x80"', "invalid_utf8", "invalid_utf8"),
    ("a surrogate escaped", rb'"\ud800"', "invalid_syntax", "invalid_syntax"),
    ("zero bytes", b"\x00\x00\x00", "invalid_syntax", "invalid_syntax"),
    ("a zero byte in text", b'{"a\x00": 1}', "invalid_syntax", "invalid_syntax"),
    ("not a number", b"NaN", "invalid_syntax", "invalid_syntax"),
    ("infinity", b'{"time": Infinity}', "invalid_syntax", "invalid_syntax"),
    ("null", b"null", "wrong_shape", "invalid_syntax"),
    ("a number", b"42", "wrong_shape", "invalid_syntax"),
    ("text", b'"text"', "wrong_shape", "invalid_syntax"),
    ("deep arrays", b'{"a": ' + b"[" * DEEP, "nested_too_deep", "invalid_syntax"),
    ("deep objects", b'{"a":' * DEEP + b"1" + b"}" * DEEP, "nested_too_deep", "invalid_syntax"),
    ("too large", b"x" * (MAXIMUM_PAYLOAD_BYTES + 1), "payload_too_large", "payload_too_large"),
]


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    ("record", "of_json", "of_log"), [row[1:] for row in SHARED], ids=[row[0] for row in SHARED]
)
def test_what_is_no_record_fails_in_every_channel(channel, record, of_json, of_log):
    expected = of_log if channel == "access_log" else of_json

    assert failures_of([record], channel) == [(expected, "$")]


@pytest.mark.parametrize("channel", CHANNELS)
def test_bad_records_leave_the_others_of_their_batch_byte_for_byte_alone(channel):
    good = list(fixture_lines(channel))
    bad = [row[1] for row in SHARED]
    mixed = [record for pair in zip(bad, good * 5) for record in pair]
    alone = decode_records([record for record in mixed if record not in bad], CHANNELS[channel])
    among = decode_records(mixed, CHANNELS[channel])

    assert alone.failed.num_rows == 0
    assert among.events.equals(alone.events, check_metadata=True)
    assert among.ignored == alone.ignored
    assert sorted(f["payload"] for f in among.failed.to_pylist()) == sorted(bad)
    assert among.received == alone.received + len(bad) == among.decoded + len(bad)


def test_a_failed_event_has_bytes_place_times_and_an_end():
    before = datetime.now(timezone.utc)
    good = fixture_lines("mailjet")[0]
    (failed,) = decode_records([good, b'{"event": 7}'], CHANNELS["mailjet"]).failed.to_pylist()

    assert before <= failed.pop("failed_time") <= before + timedelta(minutes=1)
    assert len(failed.pop("failure_id")) == 16
    assert failed == {
        "input": "fixture",
        "position": 2,
        "channel": "mailjet",
        "stage": "decode",
        "reason": "wrong_shape",
        "path": "$.event",
        "detail": "Expected `str`, got `int`",
        "arrived_time": ARRIVED,
        "payload": b'{"event": 7}',
        "expires_on": date(2026, 4, 1),
    }


@pytest.mark.parametrize(("reader", "writer"), list(permutations(CHANNELS, 2)))
def test_records_of_one_channel_read_as_another_all_fail(reader, writer):
    lines = list(fixture_lines(writer))

    assert len(failures_of(lines, reader)) >= len(lines)  # a container fails item by item


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "record",
    [
        b"a - - " + b" [1" * 100_000,
        b"a - - " + b' [1] "' * 100_000,
        b"a, " * 300_000 + b"- - [1",
        b"," * 300_000 + b" - - [1",
        b'a - - [1] "' + b"\\a" * 300_000,
        b"a - - " + b'[1] "" 200 1 "\\' * 50_000,
    ],
)
def test_a_hostile_log_line_takes_no_longer_than_its_length(record):
    assert failures_of([record], "access_log") == [("invalid_syntax", "$")]


@pytest.mark.timeout(20)
def test_a_hostile_path_takes_no_longer_than_its_length():
    path = b"/jane@example.com/" + b"x" * 300_000
    record = b'a - - [02/Mar/2026:10:00:00 +0000] "GET ' + path + b' HTTP/1.1" 200 1'

    assert decode_records([record], CHANNELS["access_log"]).events.num_rows == 1


@pytest.mark.timeout(20)
def test_a_hostile_chat_message_takes_no_longer_than_its_length():
    family = "\U0001f468\u200d" * 200_000 + "x"
    snippet = {"type": "textMessageEvent", "publishedAt": "2026-03-02T10:00:00Z"}
    snippet["textMessageDetails"] = {"messageText": family}
    record = json.dumps({"id": "m", "snippet": snippet}).encode()

    assert decode_records([record], CHANNELS["youtube_chat"]).events.num_rows == 1
