import json

import pytest

from schemas.channels.customerio import CHANNEL as CUSTOMERIO
from schemas.channels.iterable import CHANNEL
from schemas.channels.mailjet import CHANNEL as MAILJET
from tests.checks import (
    TESTS,
    check_every_kind_is_shown,
    check_golden_channel,
    decode_records,
    readable_events,
)

MESSAGE = "9f3c1f0c4f7a4c0e8d5b2a6e7c1d0b01"
FIELDS = {
    "email": "anna@example.com",
    "createdAt": "2026-03-02 08:01:30 +00:00",
    "campaignId": 59001,
    "messageId": MESSAGE,
    "url": "https://shop.example.com/coats",
}


def webhook(kind="emailClick", without=(), **changes):
    fields = {k: v for k, v in (FIELDS | changes).items() if k not in without}
    return {"email": "anna@example.com", "eventName": kind, "dataFields": fields}


def decoded(*records):
    return decode_records([json.dumps(r).encode() for r in records], CHANNEL)


def events_of(*records):
    result = decoded(*records)

    assert result.failed.to_pylist() == []
    return readable_events(result.events)


def ids_of(*records):
    return [event["event_id"] for event in events_of(*records)]


@pytest.mark.parametrize(
    ("source", "action"), [("WebForm", "subscribe"), ("Import", "consent"), (None, "consent")]
)
def test_a_subscription_is_somebody_s_act_where_a_form_says_so(source, action):
    assert [e["action"] for e in events_of(webhook("emailSubscribe", signupSource=source))] == [
        action
    ]


def test_a_proxy_that_is_no_name_is_another():
    (event,) = events_of(webhook("emailOpen", proxySource="ana@example.com"))

    assert event["ivt_reason"] == "iterable.proxySource=other"


def failure_of(record):
    result = decoded(record)

    assert result.events.num_rows == 0
    (failed,) = result.failed.to_pylist()
    return failed["reason"], failed["path"]


def test_the_fixture_decodes_to_the_golden_events():
    check_golden_channel(CHANNEL)


def test_every_documented_kind_becomes_an_event_or_is_ignored():
    check_every_kind_is_shown(CHANNEL)


def test_a_message_that_was_not_sent_is_ignored():
    result = decoded(webhook("emailSendSkip"), webhook("smsSendSkip"))

    assert result.decoded == 2
    assert dict(result.ignored) == {"iterable.emailSendSkip": 1, "iterable.smsSendSkip": 1}


def test_event_title_names_the_kind_where_event_name_is_absent():
    old = webhook()
    old["eventTitle"] = old.pop("eventName")

    assert [e["event_type"] for e in events_of(old)] == ["iterable.emailClick"]
    assert ids_of(old) == ids_of(webhook())


@pytest.mark.parametrize(
    "record",
    [
        {"email": "anna@example.com", "eventName": "inAppOpen"},
        {"email": "anna@example.com", "eventName": "inAppOpen", "dataFields": None},
        webhook("inAppOpen", without=["createdAt"]),
        webhook("inAppOpen", createdAt=None),
    ],
)
def test_an_event_without_its_own_time_is_dated_by_its_arrival(record):
    (event,) = events_of(record)

    assert (event["event_time"], event["time_basis"]) == ("2026-03-02T12:00:00Z", "collector")
    assert event["raw_actor"] == "email:anna@example.com"


@pytest.mark.parametrize(
    "created",
    ["2026-03-02 08:01:30 +00:00", "2026-03-02 09:01:30 +01:00", "2026-03-02T08:01:30Z"],
)
def test_the_time_of_the_webhook_is_the_vendors(created):
    (event,) = events_of(webhook(createdAt=created))

    assert (event["event_time"], event["time_basis"]) == ("2026-03-02T08:01:30Z", "true")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (webhook(createdAt="yesterday"), ("invalid_time", "$.dataFields.createdAt")),
        (
            webhook(createdAt="0001-01-01 00:00:00 +00:00"),
            ("invalid_time", "$.dataFields.createdAt"),
        ),
        (webhook(createdAt=1772438490), ("wrong_shape", "$.dataFields.createdAt")),
        (webhook("emailRead"), ("unknown_kind", "$.eventName")),
        ({"email": "anna@example.com"}, ("missing_field", "$.eventName")),
        ({"eventName": 7}, ("wrong_shape", "$.eventName")),
    ],
)
def test_what_defines_an_event_is_strict(record, expected):
    assert failure_of(record) == expected


def test_a_replay_has_the_same_id_though_its_keys_are_in_another_order():
    again = dict(reversed(webhook().items()))

    assert ids_of(webhook()) == ids_of(again)


@pytest.mark.parametrize(
    "other",
    [
        webhook("emailOpen"),
        webhook(createdAt="2026-03-02 08:01:31 +00:00"),
        webhook(url="https://shop.example.com/shoes"),
        webhook(messageId="9f3c1f0c4f7a4c0e8d5b2a6e7c1d0b02"),
    ],
)
def test_another_kind_time_link_or_message_is_another_event(other):
    assert ids_of(webhook()) != ids_of(other)


def test_without_a_message_id_only_equal_bytes_are_replays():
    bare = webhook("pushOpen", without=["messageId"])
    first, again, other = ids_of(bare, bare, bare | {"email": "ben@example.com"})

    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"proxySource": "Apple"}, "iterable.proxySource=Apple"),
        ({"proxySource": "Gmail", "isBot": True}, "iterable.isBot=true"),
        ({"isBot": True}, "iterable.isBot=true"),
    ],
)
def test_what_a_machine_opened_is_said_to_be_invalid_and_tells_no_place(changes, reason):
    (event,) = events_of(webhook("emailOpen", region="CA", userAgentDevice="Mac", **changes))

    assert (event["ivt_class"], event["ivt_reason"]) == ("givt", reason)
    assert "region" not in event
    assert "device_class" not in event


def test_what_gmail_fetched_for_a_reader_may_be_a_person_s_and_tells_no_place():
    (event,) = events_of(webhook("emailOpen", region="CA", proxySource="Gmail"))

    assert (event["ivt_class"], event["ivt_reason"]) == ("unknown", "iterable.proxySource=Gmail")
    assert "region" not in event


@pytest.mark.parametrize(
    "changes", [{}, {"proxySource": None}, {"proxySource": ""}, {"isBot": False}]
)
def test_without_such_a_sign_validity_is_unknown(changes):
    (event,) = events_of(webhook("emailOpen", region="CA", userAgentDevice="Mac", **changes))

    assert event["ivt_class"] == "unknown"
    assert (event["region"], event["device_class"]) == ("CA", "desktop")


@pytest.mark.parametrize(
    ("email", "user", "phone", "actor", "basis"),
    [
        ("Anna@Example.com ", "u-17", None, "email:anna@example.com", "channel_native"),
        ("4f3a@placeholder.email", "u-17", None, "user:u-17", "login"),
        ("4f3a@placeholder.email", None, None, "email:4f3a@placeholder.email", "channel_native"),
        (None, 17, None, "user:17", "login"),
        (None, None, "+33 6 00 00 00 09", "phone:+33600000009", "channel_native"),
        (None, None, None, None, "none"),
    ],
)
def test_the_actor_is_the_address_else_the_user_else_the_phone(email, user, phone, actor, basis):
    fields = {"fromPhoneNumber": phone, "createdAt": FIELDS["createdAt"]}
    (event,) = events_of(
        {"email": email, "userId": user, "eventName": "smsReceived", "dataFields": fields}
    )

    assert (event.get("raw_actor"), event["actor_basis"]) == (actor, basis)


def test_an_address_in_the_data_fields_will_do():
    record = webhook()
    del record["email"]

    assert [e["raw_actor"] for e in events_of(record)] == ["email:anna@example.com"]


@pytest.mark.parametrize(
    ("campaign", "workflow", "expected"),
    [(59001, 53505, "campaign:59001"), (None, 53505, "workflow:53505"), (None, None, None)],
)
def test_the_campaign_says_which_kind_of_id_it_is(campaign, workflow, expected):
    (event,) = events_of(webhook(campaignId=campaign, workflowId=workflow))

    assert event.get("campaign_id") == expected


def test_only_what_a_person_wrote_is_text():
    sent, received = events_of(
        webhook("smsSend", smsMessage="Coats are in"), webhook("smsReceived", smsMessage="In blue?")
    )

    assert "text" not in sent
    assert (received["text"], received["action"], received["modality"]) == (
        "In blue?",
        "reply",
        "text",
    )


@pytest.mark.parametrize("field", ["url", "linkUrl", "clickedUrl", "targetUrl"])
def test_a_link_keeps_scheme_host_and_path_but_no_address(field):
    url = "https://anna:secret@shop.example.com/coats?e=anna@example.com"
    (event,) = events_of(webhook(**{"url": None, field: url}))

    assert json.loads(event["ext"]) == {"link": "https://shop.example.com/coats"}


def test_an_address_or_phone_appears_in_no_column_that_is_written():
    lines = (TESTS / "fixtures" / "iterable.ndjson").read_bytes().splitlines()

    for event in readable_events(decode_records(lines, CHANNEL).events):
        for name, value in event.items():
            if not name.startswith("raw_") and name != "id_key":
                assert "@" not in str(value), name
                assert "33600000001" not in str(value), name


def test_what_only_describes_an_event_may_have_any_type():
    odd: dict[str, object] = {n: {"odd": []} for n in FIELDS.keys() - {"createdAt"}}
    record = webhook(**odd, ip=[], userAgent=1.5, region=True, proxySource=[1], isBot="yes")
    (event,) = events_of(record | {"email": 7.5})

    assert (event["action"], event["actor_basis"]) == ("click", "none")


def test_only_its_own_records_are_recognised():
    for channel in (CHANNEL, MAILJET, CUSTOMERIO):
        lines = (TESTS / "fixtures" / f"{channel.name}.ndjson").read_bytes().splitlines()

        assert {CHANNEL.recognise(line) for line in lines} == {channel is CHANNEL}
