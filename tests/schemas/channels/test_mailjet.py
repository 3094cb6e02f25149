import json

import pytest

from schemas.channels.customerio import CHANNEL as CUSTOMERIO
from schemas.channels.iterable import CHANNEL as ITERABLE
from schemas.channels.mailjet import CHANNEL
from tests.checks import (
    TESTS,
    check_every_kind_is_shown,
    check_golden_channel,
    decode_records,
    readable_events,
)

GUID = "0b7c9a52-6d1e-4c38-9f20-5e8a41d3c701"
CLICK = {
    "event": "click",
    "time": 1772438470,
    "MessageID": 55169111222333444,
    "Message_GUID": GUID,
    "email": "anna@example.com",
    "mj_campaign_id": 7257,
    "mj_contact_id": 4,
    "url": "https://shop.example.com/coats",
}


def decoded(*records):
    return decode_records([json.dumps(r).encode() for r in records], CHANNEL)


def events_of(*records):
    result = decoded(*records)

    assert result.failed.to_pylist() == []
    return readable_events(result.events)


def ids_of(*records):
    return [event["event_id"] for event in events_of(*records)]


def failure_of(record):
    result = decoded(record)

    assert result.events.num_rows == 0
    (failed,) = result.failed.to_pylist()
    return failed["reason"], failed["path"]


def test_the_fixture_decodes_to_the_golden_events():
    check_golden_channel(CHANNEL)


def test_every_documented_kind_becomes_an_event():
    check_every_kind_is_shown(CHANNEL)


def test_sent_is_a_delivery_because_the_recipients_server_accepted_it():
    (event,) = events_of(CLICK | {"event": "sent", "url": None})

    assert (event["action"], event["action_class"]) == ("deliver", "contact")


def test_a_grouped_request_carries_its_events_one_by_one():
    result = decoded([CLICK, CLICK | {"event": "open"}])

    assert (result.received, result.decoded) == (2, 2)
    assert result.events.column("action").to_pylist() == ["click", "open"]


def test_a_bad_event_of_a_group_does_not_take_the_others_with_it():
    result = decoded([CLICK, CLICK | {"time": None}])

    assert (result.received, result.decoded) == (2, 1)
    assert [f["reason"] for f in result.failed.to_pylist()] == ["missing_field"]


def test_an_empty_group_carries_nothing():
    result = decoded([])

    assert (result.received, result.events.num_rows, result.failed.num_rows) == (0, 0, 0)


def test_a_group_and_a_single_request_give_the_same_event_the_same_id():
    assert ids_of([CLICK]) == ids_of(CLICK)


def test_a_replay_has_the_same_id_though_its_keys_are_in_another_order():
    again = dict(reversed(CLICK.items()))

    assert ids_of(CLICK) == ids_of(again)


@pytest.mark.parametrize(
    "change",
    [
        {"event": "open"},
        {"time": 1772438471},
        {"url": "https://shop.example.com/shoes"},
        {"Message_GUID": "0b7c9a52-6d1e-4c38-9f20-5e8a41d3c702"},
    ],
)
def test_another_kind_time_link_or_message_is_another_event(change):
    assert ids_of(CLICK) != ids_of(CLICK | change)


def test_a_message_id_rounded_by_a_tool_is_not_used_where_there_is_a_guid():
    rounded = CLICK | {"MessageID": 55169111222333440}

    assert ids_of(CLICK) == ids_of(rounded)
    assert [e["object_id"] for e in events_of(rounded)] == [GUID]


def test_events_without_a_message_id_are_replays_only_if_their_bytes_are_equal():
    bare = {"event": "open", "time": 1772438470, "email": "anna@example.com", "mj_contact_id": 4}
    first, again, other = ids_of(bare, bare, bare | {"email": "ben@example.com"})

    assert first == again
    assert first != other


def test_numbers_written_as_text_count():
    (event,) = events_of(CLICK | {"time": "1772438470", "mj_campaign_id": "7257"})

    assert event["event_time"] == "2026-03-02T08:01:10Z"
    assert event["campaign_id"] == "campaign:7257"
    assert ids_of(CLICK) == ids_of(CLICK | {"time": "1772438470"})


@pytest.mark.parametrize(
    ("campaign", "custom", "expected"),
    [
        (7257, "mj.nl=40417", "campaign:7257"),
        (0, "mj.nl=40417", "customcampaign:mj.nl=40417"),
        (0, "to anna@example.com", None),
        (0, "", None),
    ],
)
def test_the_campaign_is_mailjets_else_the_senders_own_name(campaign, custom, expected):
    (event,) = events_of(CLICK | {"mj_campaign_id": campaign, "customcampaign": custom})

    assert event.get("campaign_id") == expected


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://shop.example.com/coats?contact=anna@example.com#top", "/coats"),
        ("https://anna:secret@shop.example.com/coats", "/coats"),
        ("https://shop.example.com/leave/anna@example.com", ""),
        ("https://shop.example.com/leave/anna%40example.com", ""),
    ],
)
def test_a_link_keeps_scheme_host_and_path_but_no_address(url, link):
    (event,) = events_of(CLICK | {"url": url})

    assert json.loads(event["ext"]) == {"link": "https://shop.example.com" + link}


def test_a_link_without_a_host_is_not_kept():
    (event,) = events_of(CLICK | {"url": "mailto:anna@example.com"})

    assert "ext" not in event


def test_an_address_appears_in_no_column_that_is_written():
    lines = (TESTS / "fixtures" / "mailjet.ndjson").read_bytes().splitlines()

    for event in readable_events(decode_records(lines, CHANNEL).events):
        for name, value in event.items():
            if not name.startswith("raw_") and name != "id_key":
                assert "@" not in str(value), name


def test_a_bounce_says_whether_it_is_permanent():
    soft = CLICK | {"event": "bounce", "hard_bounce": False, "error": "connection issue"}
    (event,) = events_of(soft)

    assert json.loads(event["ext"]) == {"hard_bounce": False, "error": "connection issue"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"time": None}, ("missing_field", "$.time")),
        ({"time": 0}, ("invalid_time", "$.time")),
        ({"time": 99999999999}, ("invalid_time", "$.time")),
        ({"time": "yesterday"}, ("wrong_shape", "$.time")),
        ({"event": "typofix"}, ("unknown_kind", "$.event")),
        ({"event": None}, ("wrong_shape", "$.event")),
    ],
)
def test_what_defines_an_event_is_strict(change, expected):
    assert failure_of(CLICK | change) == expected


def test_an_event_without_a_kind_is_refused():
    assert failure_of({"time": 1772438470}) == ("missing_field", "$.event")


def test_what_only_describes_an_event_may_have_any_type():
    odd: dict[str, object] = {
        name: {"odd": []}
        for name in CLICK.keys() - {"event", "time"} | {"geo", "agent", "ip", "customcampaign"}
    }
    (event,) = events_of(CLICK | odd)

    assert (event["action"], event["actor_basis"]) == ("click", "none")


def test_only_its_own_records_are_recognised():
    for channel in (CHANNEL, ITERABLE, CUSTOMERIO):
        lines = (TESTS / "fixtures" / f"{channel.name}.ndjson").read_bytes().splitlines()

        assert {CHANNEL.recognise(line) for line in lines} == {channel is CHANNEL}
