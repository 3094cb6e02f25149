"""Records: payloads parsed, containers opened, and what a parser complains of in stable words."""

import msgspec
import numpy as np
import pytest

from schemas.channel import Channel, Kind, ParseError
from schemas.channels import registered_channels
from schemas.failure import Reason
from tests.checks import ARRIVED, payloads_of
from transforms import records
from transforms.records import explain, read_records


class Press(msgspec.Struct):
    id: int
    button: str = "happy"


class Page(msgspec.Struct):
    presses: list[msgspec.Raw]


PARSE = msgspec.json.Decoder(Press).decode
PAGE = msgspec.json.Decoder(Page).decode


def _channel(parse=PARSE, parse_lines=None):
    return Channel(
        name="kiosk",
        title="Smiley terminal",
        document="Kiosk manual 2",
        media_type="owned",
        provenance="partner",
        kinds=(Kind("happy", "like"),),
        parse=parse,
        parse_lines=parse_lines,
        fill=lambda rows, sheet: None,
        unwrap=lambda payload: (
            [bytes(p) for p in PAGE(payload).presses] if b"presses" in payload else None
        ),
        recognise=lambda payload: True,
        kind_path="$.button",
    )


KIOSK = _channel()
PAYLOADS = [b'{"id": 1}', b'{"presses": [{"id": 2}, {}, {"id": 3}]}', b"{", b'{"id": 4}']
"""A record, a page of three with a bad one, a torn record, a record."""


def _read(payloads=PAYLOADS, channel=KIOSK):
    return read_records(payloads_of(payloads, channel.name), channel)


def _failed(found):
    return [(f.position, f.item, f.reason.value, f.path) for f in found.failures]


def test_records_are_rows_of_their_own_and_items_follow_them():
    found = _read()

    assert [row.id for row in found.rows] == [1, 4, 2, 3]
    assert (found.source.tolist(), found.item.tolist()) == ([0, 3, 1, 1], [0, 0, 0, 2])
    assert found.arrived_of(np.array([0, 3])).to_pylist() == [ARRIVED, ARRIVED]


def test_a_container_counts_one_for_each_record_in_it():
    found = _read()

    assert found.received == 6 == len(found.rows) + len(found.failures)


def test_a_bad_item_fails_with_its_place_and_its_own_bytes():
    found = _read()

    assert _failed(found) == [
        (3, 0, "invalid_syntax", "$"),
        (2, 1, "missing_field", "$.id"),
    ]
    assert [f.payload for f in found.failures] == [b"{", b"{}"]


def test_the_bytes_of_every_row_can_be_asked_for_in_parts_too():
    found = _read()
    part = found.part(1, 3)

    assert [found.payload(row) for row in range(4)] == [
        b'{"id": 1}',
        b'{"id": 4}',
        b'{"id": 2}',
        b'{"id": 3}',
    ]
    assert [part.payload(row) for row in range(2)] == [b'{"id": 4}', b'{"id": 2}']
    assert [row.id for row in part.rows] == [4, 2]


def test_a_row_failed_later_says_where_it_was_even_from_a_part():
    found = _read()
    found.part(1, 4).fail(2, Reason.INVALID_TIME, "$.time", "expected a time")

    assert _failed(found)[-1] == (2, 2, "invalid_time", "$.time")
    assert found.failures[-1].payload == b'{"id": 3}'


def test_an_empty_container_is_no_record():
    found = _read([b'{"presses": []}'])

    assert (found.received, found.rows, found.failures) == (0, [], [])


@pytest.mark.parametrize("payload", [b"", b"  \n"])
def test_a_payload_of_nothing_is_empty(payload):
    assert _failed(_read([payload])) == [(1, 0, "empty_payload", "$")]


def test_a_payload_too_large_is_not_even_parsed(monkeypatch):
    monkeypatch.setattr(records, "MAXIMUM_PAYLOAD_BYTES", 20)
    found = _read([b'{"id": 1}', b'{"id": 2, "button": "happy"}', b'{"id": 3}'])

    assert [row.id for row in found.rows] == [1, 3]
    assert found.source.tolist() == [0, 2]
    assert _failed(found) == [(2, 0, "payload_too_large", "$")]


@pytest.mark.parametrize("size", [1, 2, 3, 256])
def test_lines_parsed_together_are_the_records_parsed_one_by_one(monkeypatch, size):
    monkeypatch.setattr(records, "PAYLOADS_A_CALL", size)
    lines = msgspec.json.Decoder(Press).decode_lines
    payloads = [*PAYLOADS, b'{"id":\n5}', *(b'{"id": %d}' % n for n in range(6, 12))]
    together, alone = _read(payloads, _channel(parse_lines=lines)), _read(payloads)

    assert together.rows == alone.rows
    assert together.source.tolist() == alone.source.tolist()
    assert together.failures == alone.failures


def test_a_line_parser_that_makes_another_number_of_rows_is_not_believed():
    found = _read([b'{"id": 1}'], _channel(parse_lines=lambda lines: []))

    assert [row.id for row in found.rows] == [1]


def _fault(payload):
    raise ZeroDivisionError("ana@example.com")


def test_a_parser_that_breaks_fails_the_record_and_repeats_nothing_of_it():
    (failure,) = _read([b'{"id": 1}'], _channel(parse=_fault)).failures

    assert failure.reason is Reason.DECODER_ERROR
    line = _fault.__code__.co_firstlineno + 1
    where = f"in tests.transforms.test_records line {line}"
    assert failure.detail == f"the channel's code raised ZeroDivisionError {where}"


def _complaint(parse, payload):
    try:
        parse(payload)
    except Exception as error:
        return explain(payload, error)
    raise AssertionError("expected the parser to complain")


def _refuse(payload):
    raise ParseError(Reason.INVALID_VALUE, "$.button", "expected a button of the manual")


COMPLAINTS = [
    (PARSE, b"{", (Reason.SYNTAX, "$", "expected well-formed JSON")),
    (PARSE, b"{}", (Reason.MISSING_FIELD, "$.id", "expected a value, found none")),
    (PARSE, b'{"id": "x"}', (Reason.WRONG_SHAPE, "$.id", "Expected `int`, got `str`")),
    (PARSE, b"[]", (Reason.WRONG_SHAPE, "$", "Expected `object`, got `array`")),
    (PARSE, b'{"id": 1, "button": "\xe9"}', (Reason.ENCODING, "$", "expected UTF-8")),
    (
        msgspec.json.decode,
        b"[" * 100_000,
        (Reason.TOO_DEEP, "$", "expected JSON nested less deeply"),
    ),
    (
        _refuse,
        b"{}",
        (Reason.INVALID_VALUE, "$.button", "expected a button of the manual"),
    ),
]


@pytest.mark.parametrize(("parse", "payload", "told"), COMPLAINTS)
def test_a_complaint_is_a_stable_reason_a_path_and_a_sentence(parse, payload, told):
    assert _complaint(parse, payload) == told


CONTAINERS = {
    "segment": b'{"batch": [{"type": "page"}]}',
    "youtube_chat": b'{"kind": "youtube#liveChatMessageListResponse", "items": []}',
    "cloudevents": b'[{"specversion": "1.0"}]',
    "mailjet": b'[{"event": "open"}]',
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_channel_that_unwraps_containers_does_not_parse_them(name):
    channel = registered_channels()[name]

    with pytest.raises(records.PARSE_ERRORS):
        channel.parse(CONTAINERS[name])
    assert channel.unwrap(CONTAINERS[name]) is not None
