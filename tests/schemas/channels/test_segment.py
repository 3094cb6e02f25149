from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.channels.segment import CHANNEL, recognise
from tests.checks import (
    check_every_kind_is_shown,
    check_golden_channel,
    decode_records,
    readable_events,
)


def call(type: str = "track", **fields: Any) -> bytes:
    return json.dumps({"type": type, "messageId": "m1", "anonymousId": "a1", **fields}).encode()


def track(event: str, **properties: Any) -> bytes:
    return call(event=event, properties=properties)


def events_of(*records: bytes) -> list[dict[str, Any]]:
    result = decode_records(list(records), CHANNEL)
    assert result.failed.to_pylist() == []
    return readable_events(result.events)


def failures_of(*records: bytes) -> list[tuple[str, str | None]]:
    failed = decode_records(list(records), CHANNEL).failed.to_pylist()
    return [(f["reason"], f["path"]) for f in failed]


def test_the_fixture_decodes_to_the_golden_events() -> None:
    check_golden_channel(CHANNEL)


def test_every_documented_kind_is_in_the_fixture() -> None:
    check_every_kind_is_shown(CHANNEL)


def test_a_device_whose_clock_is_two_hours_slow_is_put_right() -> None:
    (event,) = events_of(
        call(
            "page",
            timestamp="2026-03-02T09:59:50.000Z",
            sentAt="2026-03-02T09:59:52.000Z",
            receivedAt="2026-03-02T11:59:55.000Z",
        )
    )

    assert event["event_time"] == "2026-03-02T11:59:53Z"
    assert event["time_basis"] == "derived"
    assert event["device_created_time"] == "2026-03-02T09:59:50Z"


@pytest.mark.parametrize(
    ("sent", "timestamp", "received"),
    [
        # Segment's own example of a call; then a device an hour fast, and one an hour slow.
        ("2015-12-10T04:08:31.581Z", "2015-12-10T04:08:31.905000Z", "2015-12-10T04:08:31.909Z"),
        ("2026-03-02T11:00:05Z", "2026-03-02T10:00:00Z", "2026-03-02T10:00:05Z"),
        ("2026-03-02T09:00:05Z", "2026-03-02T10:00:00Z", "2026-03-02T10:00:05Z"),
    ],
)
def test_a_time_that_the_server_put_right_is_not_put_right_again(
    sent: str, timestamp: str, received: str
) -> None:
    (event,) = events_of(call("page", timestamp=timestamp, sentAt=sent, receivedAt=received))

    assert event["event_time"] == timestamp
    assert event["time_basis"] == "true"
    assert "device_created_time" not in event


def test_a_clock_an_hour_ahead_is_not_believed() -> None:
    (event,) = events_of(
        call("page", timestamp="2026-03-02T12:59:50Z", receivedAt="2026-03-02T11:59:55Z")
    )

    assert event["event_time"] == "2026-03-02T11:59:55Z"
    assert event["time_basis"] == "collector"


def test_without_receipt_a_plausible_device_is_believed() -> None:
    (event,) = events_of(call("page", timestamp="2026-03-02T11:59:50Z"))

    assert event["event_time"] == "2026-03-02T11:59:50Z"
    assert event["time_basis"] == "declared"


def test_the_original_time_of_rudderstack_goes_before_the_corrected_one() -> None:
    (event,) = events_of(
        call(
            "page",
            originalTimestamp="2026-03-02T13:59:50.000+02:00",
            timestamp="2026-03-02T11:59:53.000Z",
            sentAt="2026-03-02T13:59:52.000+02:00",
            receivedAt="2026-03-02T11:59:55.000Z",
        )
    )

    assert event["device_created_time"] == "2026-03-02T11:59:50Z"
    assert event["event_time"] == "2026-03-02T11:59:53Z"


def test_calls_without_an_original_time_beside_others_with_one_change_no_time() -> None:
    """The items of a batch are read after the lines around it, in a group of their own."""
    received = "2026-03-02T10:00:05Z"
    ahead = {"sentAt": "2026-03-02T10:20:04Z", "receivedAt": received}
    queued = call("page", originalTimestamp="2026-03-02T10:20:00Z", **ahead)
    corrected = json.loads(call("page", timestamp="2026-03-02T10:00:01Z", **ahead))
    batch = json.dumps({"batch": [corrected, corrected]}).encode()

    assert [
        (e["event_time"], e["time_basis"]) for e in events_of(queued, queued, queued, batch)
    ] == [("2026-03-02T10:00:01Z", "derived")] * 3 + [("2026-03-02T10:00:01Z", "true")] * 2


@pytest.mark.parametrize("user", ["4242", 4242])
def test_a_user_is_the_same_whether_the_id_is_a_number_or_text(user: Any) -> None:
    (event,) = events_of(call("page", userId=user))

    assert event["raw_actor"] == "user:4242"
    assert event["actor_basis"] == "login"


def test_nobody_named_is_nobody() -> None:
    (event,) = events_of(call("page", anonymousId=None))

    assert "raw_actor" not in event
    assert event["actor_basis"] == "none"


def test_a_track_outside_the_specs_is_custom_whatever_its_properties() -> None:
    odd = {
        "asset_id": [1],
        "content": "words",
        "position": "top",
        "order_id": {"x": 1},
        "revenue": "a lot",
        "product_id": {"sku": 1},
        "session_id": [None],
        "query": 7,
    }
    (event,) = events_of(track("Something Else", **odd))

    assert event["action"] == "custom"
    assert event["event_type"] == "segment.track"
    assert {"object_id", "content_id", "amount", "text", "raw_session"} & set(event) == set()


@pytest.mark.parametrize(
    ("event", "action", "action_class"),
    [
        ("Email Delivered", "deliver", "contact"),
        ("Email Opened", "open", "exposure"),
        ("Email Link Clicked", "click", "interaction"),
        ("Email Bounced", "fail_delivery", "contact"),
        ("Email Marked as Spam", "complain", "control"),
        ("Unsubscribed", "unsubscribe", "control"),
        ("Segment Consent Preference Updated", "consent", "control"),
        ("Push Notification Received", "deliver", "contact"),
        ("Push Notification Tapped", "open", "exposure"),
        ("Push Notification Bounced", "fail_delivery", "contact"),
        ("Deep Link Clicked", "click", "interaction"),
        ("Application Opened", "join", "exposure"),
        ("Application Backgrounded", "leave", "exposure"),
        ("Application Uninstalled", "unsubscribe", "control"),
        ("Live Chat Message Sent", "reply", "interaction"),
        ("Live Chat Message Received", "deliver", "contact"),
        ("Experiment Viewed", "expose", "exposure"),
        ("Account Created", "profile", "control"),
    ],
)
def test_what_is_done_to_people_is_told_from_what_they_do(
    event: str, action: str, action_class: str
) -> None:
    (found,) = events_of(track(event))

    assert (found["action"], found["action_class"]) == (action, action_class)


@pytest.mark.parametrize(
    "event",
    [
        "Application Crashed",
        "Install Attributed",
        "Deep Link Opened",
        "Live Chat Conversation Ended",
        "Message Received",
        "Tool Invoked",
        "Trial Ended",
    ],
)
def test_what_nobody_did_is_ignored(event: str) -> None:
    result = decode_records([track(event)], CHANNEL)

    assert dict(result.ignored) == {f"segment.track: {event}": 1}
    assert (result.events.num_rows, result.failed.num_rows) == (0, 0)


def test_profiles_merged_in_a_warehouse_are_ignored() -> None:
    merged = [{"type": "email", "value": "alex@example.com"}]
    record = call("merge", mergeProperties=merged)

    assert dict(decode_records([record], CHANNEL).ignored) == {"segment.merge": 1}
    assert recognise(record)


@pytest.mark.parametrize(
    ("event", "properties", "content", "object"),
    [
        ("Video Playback Started", {"content_asset_ids": ["v1", "v2"]}, "v1", "v1"),
        ("Video Playback Paused", {"content_asset_id": "v1"}, "v1", "v1"),
        ("Video Content Playing", {"asset_id": "v1"}, "v1", "v1"),
        ("Video Ad Started", {"asset_id": "ad1", "content": {"asset_id": "v1"}}, "v1", "ad1"),
        ("Video Ad Started", {"asset_id": "ad1"}, "/live", "ad1"),
        ("Video Playback Started", {"content_asset_ids": []}, "/live", "/live"),
        ("Download", {"asset_id": "file-1"}, "/live", "/live"),
    ],
)
def test_the_content_is_the_video_and_else_the_page(
    event: str, properties: dict[str, Any], content: str, object: str
) -> None:
    record = call(event=event, properties=properties, context={"page": {"path": "/live"}})
    (found,) = events_of(record)

    assert (found["content_id"], found["object_id"]) == (content, object)


@pytest.mark.parametrize(
    ("position", "media_time"),
    [
        (0, 0),
        (12, 12_000),
        ("12.5", 12_500),
        (None, None),
        # Of a live: seconds behind its edge, or the clock.
        (-20, None),
        ("-30", None),
        (1_772_445_600, None),
    ],
)
def test_a_heartbeat_vouches_for_ten_seconds_at_its_position(
    position: Any, media_time: int | None
) -> None:
    (event,) = events_of(track("Video Content Playing", asset_id="v1", position=position))

    assert event["action"] == "heartbeat"
    assert event["heartbeat_ms"] == event["duration_ms"] == 10_000
    assert event.get("media_time_ms") == media_time


@pytest.mark.parametrize("position", ["start", "NaN", [3], {"s": 1}])
def test_a_heartbeat_without_a_readable_position_is_refused(position: Any) -> None:
    record = track("Video Content Playing", asset_id="v1", position=position)

    assert failures_of(record) == [("invalid_number", "$.properties.position")]


def test_only_the_heartbeat_has_a_duration_when_kinds_are_mixed() -> None:
    paused, playing = events_of(
        track("Video Playback Paused", position=3), track("Video Content Playing", position=3)
    )

    assert "heartbeat_ms" not in paused
    assert playing["heartbeat_ms"] == 10_000


def test_a_cancelled_order_retracts_the_purchase() -> None:
    times = ["2026-03-02T11:00:00Z", "2026-03-02T11:05:00Z", "2026-03-02T11:09:00Z"]
    names = ["Order Completed", "Order Updated", "Order Cancelled"]
    events = events_of(
        *(
            call(event=name, messageId=name, timestamp=time, properties={"order_id": 551})
            for name, time in zip(names, times)
        )
    )

    assert [e["op"] for e in events] == ["insert", "update", "retract"]
    assert len({e["fact_id"] for e in events}) == 1
    assert events[0]["revision"] < events[1]["revision"] < events[2]["revision"]


def test_an_order_without_number_is_refused() -> None:
    assert failures_of(track("Order Completed", revenue=3)) == [
        ("missing_field", "$.properties.order_id")
    ]


@pytest.mark.parametrize("neighbours", [[], [call(event="Video Content Playing", properties={})]])
def test_an_order_without_properties_is_refused_whatever_is_beside_it(neighbours) -> None:
    assert failures_of(*neighbours, call(event="Order Completed")) == [
        ("missing_field", "$.properties.order_id")
    ]


def test_revenue_as_text_counts() -> None:
    (event,) = events_of(track("Order Completed", order_id="o1", revenue="39.90", currency="EUR"))

    assert (event["amount"], event["currency"]) == ("39.900000", "EUR")


def test_what_was_searched_and_reviewed_is_text() -> None:
    search, review = events_of(
        track("Products Searched", query="tasse"), track("Product Reviewed", review_body="Solide")
    )

    assert (search["text"], review["text"]) == ("tasse", "Solide")


def segment_consent(**purposes: bool) -> dict[str, Any]:
    return {"consent": {"categoryPreferences": purposes}}


def rudderstack_consent(allowed: list[str], denied: list[str]) -> dict[str, Any]:
    return {"consentManagement": {"allowedConsentIds": allowed, "deniedConsentIds": denied}}


@pytest.mark.parametrize(
    ("context", "basis", "reason"),
    [
        (segment_consent(Analytics=True, Advertising=False), "granted", "segment.analytics=true"),
        (segment_consent(), "denied", "segment.every purpose=false"),
        ({"consent": {}}, "unknown", None),
        (segment_consent(Analytics=False, Advertising=True), "denied", "segment.analytics=false"),
        (segment_consent(Advertising=False), "unknown", None),
        (rudderstack_consent(["C0002"], ["C0004"]), "granted", "segment.c0002=true"),
        (rudderstack_consent(["C0001"], ["C0002"]), "denied", "segment.c0002=false"),
        (rudderstack_consent(["analytics"], ["performance"]), "denied", "segment.performance=false"),
        ({}, "unknown", None),
    ],
)  # fmt: skip
def test_consent_is_what_the_call_says_of_measurement(
    context: dict[str, Any], basis: str, reason: str | None
) -> None:
    (event,) = events_of(call("page", context=context))

    assert event["consent_basis"] == basis
    assert event.get("consent_reason") == reason


def test_a_batch_is_its_calls() -> None:
    batch = b'{"batch": [%s, %s]}' % (call("page", messageId="m1"), call("page", messageId="m2"))
    result = decode_records([batch], CHANNEL)

    assert (result.received, result.decoded) == (2, 2)
    assert [e["source_event_id"] for e in readable_events(result.events)] == ["m1", "m2"]


def test_what_stands_beside_a_batch_holds_for_the_calls_that_do_not_say_otherwise() -> None:
    refused, allowed = events_of(
        json.dumps(
            {
                "batch": [
                    json.loads(call("page", context={"page": {"path": "/un"}})),
                    json.loads(call("page", context=segment_consent(Analytics=True))),
                ],
                "context": segment_consent(Analytics=False),
                "sentAt": "2026-03-02T11:59:00Z",
            }
        ).encode()
    )

    assert (refused["consent_basis"], refused["content_id"]) == ("denied", "/un")
    assert allowed["consent_basis"] == "granted"
    assert refused["device_sent_time"] == allowed["device_sent_time"] == "2026-03-02T11:59:00Z"


@pytest.mark.parametrize(
    "silent",
    [
        {},
        {"context": None},
        {"context": {}},
        {"context": {"consent": None, "page": None}},
        {"context": {"consent": {}, "page": {}}},
        {"sentAt": None},
    ],
)
def test_a_null_in_a_call_of_a_batch_says_nothing_and_cancels_nothing(silent) -> None:
    batch = {
        "batch": [json.loads(call("page", **silent))],
        "context": {**segment_consent(Analytics=False), "page": {"path": "/une"}},
        "sentAt": "2026-03-02T11:59:00Z",
    }
    (event,) = events_of(json.dumps(batch).encode())

    assert (event["consent_basis"], event["content_id"]) == ("denied", "/une")
    assert event["device_sent_time"] == "2026-03-02T11:59:00Z"


def test_one_bad_call_of_a_batch_does_not_take_the_others() -> None:
    batch = b'{"sentAt": "2026-03-02T11:59:00Z", "batch": [%s, 7, {}]}' % call("page")
    result = decode_records([batch], CHANNEL)

    assert (result.received, result.decoded) == (3, 1)
    assert [f["reason"] for f in result.failed.to_pylist()] == ["wrong_shape", "missing_field"]


def test_a_call_with_a_property_named_batch_is_a_call() -> None:
    (event,) = events_of(track("Batch Baked", batch=["bread"]))

    assert event["action"] == "custom"


def test_a_replay_gives_the_same_ids_and_a_call_without_id_goes_by_its_bytes() -> None:
    named, unnamed = call("page"), call("page", messageId=None)
    other = call("page", messageId=None, name="Autre")
    first = [e["event_id"] for e in events_of(named, unnamed, other)]
    again = [e["event_id"] for e in events_of(named, unnamed, other)]

    assert first == again
    assert len(set(first)) == 3


@pytest.mark.parametrize(
    ("record", "reason", "path"),
    [
        (call("teleport"), "unknown_kind", "$.type"),
        (b'{"messageId": "m1"}', "missing_field", "$.type"),
        (call("page", timestamp="yesterday"), "invalid_time", "$.originalTimestamp"),
        (call("page", receivedAt="0001-01-01T00:00:00Z"), "invalid_time", "$.receivedAt"),
        (call("page", properties="words"), "wrong_shape", "$.properties"),
        (track("Order Completed", order_id="o1", revenue="dear"), "invalid_number", "$.properties.revenue"),
    ],
)  # fmt: skip
def test_a_bad_call_is_refused_with_its_place(record: bytes, reason: str, path: str) -> None:
    assert failures_of(record) == [(reason, path)]


def test_recognised_by_a_call_type_and_somebody() -> None:
    assert recognise(b'{"type": "track", "event": "x", "userId": 1}')
    assert recognise(b'{"batch": [%s]}' % call("page"))
    assert not recognise(b'{"type": "open", "messageId": "m1"}')
    assert not recognise(b'{"type": "track"}')
