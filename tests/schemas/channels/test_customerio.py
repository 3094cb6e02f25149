import json

import pytest

from schemas.channels.customerio import CHANNEL
from schemas.channels.iterable import CHANNEL as ITERABLE
from schemas.channels.mailjet import CHANNEL as MAILJET
from tests.checks import (
    TESTS,
    check_every_kind_is_shown,
    check_golden_channel,
    decode_records,
    readable_events,
)

DATA = {
    "customer_id": "c-1042",
    "identifiers": {"id": "c-1042"},
    "delivery_id": "RDELIVERY0001=",
    "recipient": "anna@example.com",
    "campaign_id": 23,
}
OPENED = {
    "event_id": "01HQZ4Y0E8A7R5T3W2X1V9N6M1",
    "object_type": "email",
    "metric": "opened",
    "timestamp": 1772438470,
    "data": DATA,
}


def decoded(*records):
    return decode_records([json.dumps(r).encode() for r in records], CHANNEL)


def events_of(*records):
    result = decoded(*records)

    assert result.failed.to_pylist() == []
    return readable_events(result.events)


def ids_of(*records):
    return [event["event_id"] for event in events_of(*records)]


def report(object_type="email", metric="opened", **data):
    return OPENED | {"object_type": object_type, "metric": metric, "data": DATA | data}


def failure_of(record):
    result = decoded(record)

    assert result.events.num_rows == 0
    (failed,) = result.failed.to_pylist()
    return failed["reason"], failed["path"]


def test_the_fixture_decodes_to_the_golden_events():
    check_golden_channel(CHANNEL)


def test_every_documented_kind_becomes_an_event_or_is_ignored():
    check_every_kind_is_shown(CHANNEL)


@pytest.mark.parametrize(
    ("metric", "action"),
    [
        ("sent", "send"),
        ("delivered", "deliver"),
        ("opened", "open"),
        ("clicked", "click"),
        ("converted", "lead"),
        ("unsubscribed", "unsubscribe"),
        ("spammed", "complain"),
        ("bounced", "fail_delivery"),
        ("dropped", "fail_delivery"),
        ("failed", "fail_delivery"),
        ("undeliverable", "fail_delivery"),
    ],
)
def test_a_metric_of_an_email_is_one_action(metric, action):
    assert [e["action"] for e in events_of(report(metric=metric))] == [action]


def test_an_attribute_that_says_subscribed_is_no_act_of_the_person():
    (event,) = events_of(report(object_type="customer", metric="subscribed"))

    assert (event["action"], event["action_class"]) == ("consent", "control")


@pytest.mark.parametrize("metric", ["drafted", "attempted", "deferred"])
def test_a_message_still_on_its_way_is_ignored(metric):
    result = decoded(report(metric=metric))

    assert dict(result.ignored) == {f"customerio.email: {metric}": 1}
    assert (result.decoded, result.events.num_rows) == (1, 0)


@pytest.mark.parametrize(("object_type", "kind"), [("slack", "unknown"), ("webhook", "automaton")])
def test_a_message_to_colleagues_or_servers_is_no_contact_with_the_customer(object_type, kind):
    for metric in ("sent", "clicked", "failed"):
        (event,) = events_of(report(object_type, metric))

        assert (event["action"], event["action_class"]) == ("system", "control")
        assert (event["actor_kind"], event["actor_basis"]) == (kind, "none")
        assert "raw_actor" not in event


def test_a_replay_has_the_same_id_and_another_event_id_another():
    again = dict(reversed(OPENED.items()))
    other = OPENED | {"event_id": "01HQZ4Y0E8A7R5T3W2X1V9N6M2"}

    assert ids_of(OPENED) == ids_of(again)
    assert ids_of(OPENED) != ids_of(other)


def test_without_an_event_id_only_equal_bytes_are_replays():
    bare = {k: v for k, v in OPENED.items() if k != "event_id"}
    first, again, later = ids_of(bare, bare, bare | {"timestamp": 1772438471})

    assert first == again
    assert first != later


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"prefetched": True, "proxied": True}, "prefetched"),
        ({"machine": True, "proxied": True}, "machine"),
    ],
)
def test_what_a_machine_opened_or_clicked_is_said_to_be_invalid(changes, flag):
    (event,) = events_of(report(**changes))

    assert (event["ivt_class"], event["ivt_reason"]) == ("givt", f"customerio.{flag}=true")


def test_what_was_only_proxied_may_be_a_person_s():
    (event,) = events_of(report(proxied=True, prefetched=False))

    assert (event["ivt_class"], event["ivt_reason"]) == ("unknown", "customerio.proxied=true")


def test_without_such_a_flag_validity_is_unknown():
    person, unsaid = events_of(report(proxied=False, prefetched=False, machine=False), report())

    assert person["ivt_class"] == unsaid["ivt_class"] == "unknown"
    assert "ivt_reason" not in person


@pytest.mark.parametrize(
    ("data", "actor", "basis"),
    [
        ({"customer_id": "1", "recipient": "anna@example.com"}, "user:1", "login"),
        ({"customer_id": 1}, "user:1", "login"),
        ({"customer_id": "Anna@Example.com"}, "email:anna@example.com", "channel_native"),
        (
            {"identifiers": {"email": "Anna@example.com"}},
            "email:anna@example.com",
            "channel_native",
        ),
        ({"email_address": "anna@example.com"}, "email:anna@example.com", "channel_native"),
        ({"recipient": "anna@example.com"}, "email:anna@example.com", "channel_native"),
        ({"recipient": "+33 6 00 00 00 09"}, "phone:+33600000009", "channel_native"),
        ({"identifiers": None}, None, "none"),
    ],
)
def test_the_actor_is_the_customers_own_id_else_the_address_written_to(data, actor, basis):
    (event,) = events_of(OPENED | {"object_type": "sms", "metric": "sent", "data": data})

    assert (event.get("raw_actor"), event["actor_basis"]) == (actor, basis)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("campaign_id", "campaign:310"),
        ("broadcast_id", "broadcast:310"),
        ("newsletter_id", "newsletter:310"),
        ("transactional_message_id", "transactional:310"),
    ],
)
def test_the_campaign_says_which_kind_of_id_it_is(field, expected):
    (number,) = events_of(OPENED | {"data": {field: 310}})
    (text,) = events_of(OPENED | {"data": {field: "310"}})

    assert number["campaign_id"] == text["campaign_id"] == expected


def test_a_link_keeps_scheme_host_and_path_but_no_address():
    web, app, personal = events_of(
        report(metric="clicked", href="https://shop.example.com/coats?e=anna@example.com"),
        report("push", "clicked", href="exampleapp://product/2"),
        report(metric="clicked", href="https://shop.example.com/leave/anna%40example.com"),
    )

    assert json.loads(web["ext"]) == {"link": "https://shop.example.com/coats"}
    assert json.loads(app["ext"]) == {"link": "exampleapp://product/2"}
    assert json.loads(personal["ext"]) == {"link": "https://shop.example.com"}


def test_only_what_a_person_wrote_is_text():
    sent, replied = events_of(
        report("sms", "sent", content="Coats are in"), report("sms", "replied", content="In blue?")
    )

    assert "text" not in sent
    assert (replied["text"], replied["action"], replied["modality"]) == (
        "In blue?",
        "reply",
        "text",
    )


def test_an_address_or_phone_appears_in_no_column_that_is_written():
    lines = (TESTS / "fixtures" / "customerio.ndjson").read_bytes().splitlines()

    for event in readable_events(decode_records(lines, CHANNEL).events):
        for name, value in event.items():
            if not name.startswith("raw_") and name != "id_key":
                assert "@" not in str(value), name
                assert "33600000001" not in str(value), name


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"timestamp": None}, ("missing_field", "$.timestamp")),
        ({"timestamp": 0}, ("invalid_time", "$.timestamp")),
        ({"timestamp": 1772438470000}, ("invalid_time", "$.timestamp")),
        ({"timestamp": "yesterday"}, ("wrong_shape", "$.timestamp")),
        ({"metric": "admired"}, ("unknown_kind", "$.metric")),
        ({"object_type": "fax"}, ("unknown_kind", "$.metric")),
        ({"metric": None}, ("wrong_shape", "$.metric")),
        ({"event_id": {}}, ("wrong_shape", "$.event_id")),
    ],
)
def test_what_defines_an_event_is_strict(change, expected):
    assert failure_of(OPENED | change) == expected


def test_a_time_written_as_text_counts():
    (event,) = events_of(OPENED | {"timestamp": "1772438470"})

    assert (event["event_time"], event["time_basis"]) == ("2026-03-02T08:01:10Z", "true")


@pytest.mark.parametrize("data", [None, {}, {name: [{"odd": 1.5}] for name in DATA}])
def test_what_only_describes_an_event_may_be_absent_or_of_any_type(data):
    (event,) = events_of(OPENED | {"data": data})

    assert (event["action"], event["actor_basis"]) == ("open", "none")


def test_only_its_own_records_are_recognised():
    for channel in (CHANNEL, MAILJET, ITERABLE):
        lines = (TESTS / "fixtures" / f"{channel.name}.ndjson").read_bytes().splitlines()

        assert {CHANNEL.recognise(line) for line in lines} == {channel is CHANNEL}
