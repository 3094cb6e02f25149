"""A container with bad items fails those items only, and counts each item it carries."""

import json
from dataclasses import replace

import pyarrow as pa
import pytest

from schemas.channel import Channel, Kind, Sheet
from schemas.channels import registered_channels
from tests.checks import decode_records

CHANNELS = registered_channels()

CALL = b'{"type": "page", "messageId": "%s", "originalTimestamp": "2026-03-02T10:00:00Z"}'
MESSAGE = (
    b'{"id": "%s", "snippet": {"type": "textMessageEvent", "publishedAt": "2026-03-02T10:00:00Z"}}'
)
VISIT = b"""{"specversion": "1.0", "id": "%s", "source": "//shop.example.com",
 "type": "com.moment.store.visited.v1", "time": "2026-03-02T10:00:00Z",
 "data": {"visitor_id": "v", "store_id": "s"}}"""
MAIL = b'{"event": "open", "time": 1772438460, "Message_GUID": "%s"}'

CONTAINERS = [
    ("segment", b'{"batch": [%s]}', CALL),
    ("segment", b'{"sentAt": "2026-03-02T10:00:00Z", "batch": [%s]}', CALL),
    ("youtube_chat", b'{"kind": "youtube#liveChatMessageListResponse", "items": [%s]}', MESSAGE),
    ("cloudevents", b"[%s]", VISIT),
    ("mailjet", b"[%s]", MAIL),
]
"""Channel, how it wraps records, one record with an id to fill in."""

BAD_ITEMS = [
    (b"1", "wrong_shape", "$"),
    (b"null", "wrong_shape", "$"),
    (b'"text"', "wrong_shape", "$"),
    (b"[]", "wrong_shape", "$"),
    (b"{}", "missing_field", None),
]
ENCODED_BADLY = b'{"id": "\xe9", "event": "\xe9", "type": "\xe9", "snippet": {"type": "\xe9"}}'
"""A first field of every channel in latin-1: the container around it is sound."""


@pytest.mark.parametrize(("channel", "wrap", "item"), CONTAINERS)
@pytest.mark.parametrize(("bad", "reason", "path"), BAD_ITEMS)
def test_a_bad_item_fails_alone_with_its_own_bytes(channel, wrap, item, bad, reason, path):
    good = [item % b"first", item % b"last"]
    result = decode_records([wrap % b", ".join([good[0], bad, good[1]])], CHANNELS[channel])
    alone = decode_records([wrap % b", ".join(good)], CHANNELS[channel])

    assert (result.received, result.decoded, result.failed.num_rows) == (3, 2, 1)
    assert result.events.num_rows == 2
    assert result.events.equals(alone.events, check_metadata=True)
    (failed,) = result.failed.to_pylist()
    inherited = {"sentAt": "2026-03-02T10:00:00Z"}
    assert json.loads(failed["payload"]) in (json.loads(bad), inherited)
    assert (failed["position"], failed["reason"]) == (1, reason)
    assert path is None or failed["path"] == path


@pytest.mark.parametrize(("channel", "wrap", "item"), CONTAINERS)
def test_a_badly_encoded_item_fails_alone(channel, wrap, item):
    record = wrap % b", ".join([item % b"first", ENCODED_BADLY, item % b"last"])
    result = decode_records([record], CHANNELS[channel])

    assert (result.received, result.decoded) == (3, 2)
    assert [f["reason"] for f in result.failed.to_pylist()] == ["invalid_utf8"]


@pytest.mark.parametrize(("channel", "wrap", "item"), CONTAINERS)
def test_every_item_is_counted_once_whatever_stands_beside_the_container(channel, wrap, item):
    many = wrap % b", ".join(item % b"%d" % n for n in range(40))
    records = [item % b"before", many, b"{", item % b"after"]
    result = decode_records(records, CHANNELS[channel])

    assert (result.received, result.decoded, result.failed.num_rows) == (43, 42, 1)
    assert len(set(result.events.column("event_id").to_pylist())) == 42


@pytest.mark.parametrize(("channel", "wrap", "item"), CONTAINERS)
def test_a_container_cut_short_is_one_failure_with_all_its_bytes(channel, wrap, item):
    cut = (wrap % b", ".join(item % b"%d" % n for n in range(3)))[:-9]
    result = decode_records([cut], CHANNELS[channel])

    assert (result.received, result.decoded) == (1, 0)
    (failed,) = result.failed.to_pylist()
    assert (failed["reason"], failed["path"]) == ("invalid_syntax", "$")
    assert failed["payload"] == cut


@pytest.mark.parametrize(("channel", "wrap", "item"), CONTAINERS)
def test_an_empty_container_holds_nothing(channel, wrap, item):
    result = decode_records([wrap % b""], CHANNELS[channel])

    assert (result.received, result.decoded, result.failed.num_rows) == (0, 0, 0)


@pytest.mark.parametrize(("channel", "wrap", "item"), CONTAINERS)
def test_a_container_in_a_container_is_no_record(channel, wrap, item):
    result = decode_records([wrap % (wrap % (item % b"inner"))], CHANNELS[channel])

    assert (result.received, result.decoded, result.failed.num_rows) == (1, 0, 1)


@pytest.mark.parametrize(
    ("channel", "record", "reason", "path"),
    [
        ("segment", {"batch": {"0": {}}}, "wrong_shape", "$.batch"),
        ("segment", {"batch": [{}], "context": "none"}, "wrong_shape", "$.context"),
        ("segment", {"batch": None}, "missing_field", "$.type"),
        ("youtube_chat", {"items": {"0": {}}}, "wrong_shape", "$.items"),
        ("youtube_chat", {"items": None}, "missing_field", "$.snippet"),
    ],
)
def test_a_container_of_the_wrong_shape_is_one_failure(channel, record, reason, path):
    result = decode_records([json.dumps(record).encode()], CHANNELS[channel])

    assert [(f["reason"], f["path"]) for f in result.failed.to_pylist()] == [(reason, path)]
    assert result.received == 1


def test_equal_bad_items_of_one_container_are_two_failures():
    result = decode_records([b'[{"event": 1}, {"event": 1}]'], CHANNELS["mailjet"])

    assert len(set(result.failed.column("failure_id").to_pylist())) == 2


# Code that is wrong itself.


def _fill(rows: list[bytes], sheet: Sheet) -> None:
    sheet.put("kind", ["view"] * len(rows))
    sheet.put("object_id", [row.decode() for row in rows])
    sheet.put("engaged_ms", [len(row) * (2**62 if row == b"wide" else 1) for row in rows])


def _parse(payload: bytes) -> bytes:
    if payload in (b"parse", b"unwrap"):
        raise KeyError("nobody@example.com")
    return payload


def _unwrap(payload: bytes) -> list[bytes] | None:
    if payload == b"unwrap":
        raise AttributeError("nobody@example.com")
    return None


CARELESS = Channel(
    name="careless",
    title="A third party's",
    document="none",
    media_type="owned",
    provenance="partner",
    kinds=(Kind("view", "view"),),
    parse=_parse,
    fill=_fill,
    unwrap=_unwrap,
    recognise=lambda payload: False,
    kind_path="$",
)


@pytest.mark.parametrize(
    ("record", "error"),
    [
        (b"parse", "KeyError"),
        (b"unwrap", "AttributeError"),
        (b"\xff", "UnicodeDecodeError"),
        (b"wide", "OverflowError"),
    ],
)
def test_a_record_that_a_channels_code_cannot_take_is_a_decoder_error(record, error):
    good = [b"%d" % n for n in range(20)]
    result = decode_records([*good[:13], record, *good[13:]], CARELESS)

    assert result.events.column("object_id").to_pylist() == [row.decode() for row in good]
    (failed,) = result.failed.to_pylist()
    assert (failed["reason"], failed["path"]) == ("decoder_error", "$")
    assert failed["detail"].startswith(f"the channel's code raised {error} in ")
    assert (failed["payload"], failed["position"]) == (record, 14)


def test_every_record_of_a_channel_that_is_wholly_broken_fails():
    def broken(rows, sheet):
        raise ZeroDivisionError

    result = decode_records([b"a", b"b", b"c"], replace(CARELESS, fill=broken))

    assert [f["reason"] for f in result.failed.to_pylist()] == ["decoder_error"] * 3
    assert (result.received, result.decoded) == (3, 0)


def test_a_wholly_broken_channel_is_found_out_in_few_calls_however_many_records_there_are():
    calls = []

    def broken(rows, sheet):
        calls.append(len(rows))
        raise ZeroDivisionError

    result = decode_records([b"%d" % n for n in range(5_000)], replace(CARELESS, fill=broken))

    assert result.failed.num_rows == 5_000
    assert len(calls) < 100


def test_records_that_make_several_events_without_ids_get_one_each():
    def twice(rows, sheet):
        sheet.expand([row for row in range(len(rows)) for _ in range(2)])
        sheet.put("kind", ["view"] * sheet.length)

    result = decode_records([b"a", b"b"], replace(CARELESS, fill=twice))

    assert result.failed.num_rows == 0
    assert len(set(result.events.column("event_id").to_pylist())) == 4


def test_an_amount_too_large_for_its_column_fails_and_is_never_zero():
    def rich(rows, sheet):
        sheet.put("kind", ["view"] * len(rows))
        sheet.put("amount", [float(row) for row in rows])

    result = decode_records([b"999999999999", b"1e12", b"0.5"], replace(CARELESS, fill=rich))

    amounts = result.events.column("amount").cast(pa.string()).to_pylist()
    assert amounts == ["999999999999.000000", "0.500000"]
    assert [f["payload"] for f in result.failed.to_pylist()] == [b"1e12"]
