from __future__ import annotations

import json
from base64 import b64encode
from itertools import permutations
from typing import Any

import pytest

from schemas.channels.cloudevents import CHANNEL, recognise
from tests.checks import (
    check_every_kind_is_shown,
    check_golden_channel,
    decode_records,
    readable_events,
)


def cloud_event(
    type: str, data: Any = None, time: str | None = "2026-03-02T11:00:00Z", **attributes: Any
) -> bytes:
    return json.dumps(
        {
            "specversion": "1.0",
            "id": "e1",
            "source": "https://app.example.com",
            "type": f"com.moment.{type}",
            "time": time,
            "data": data,
            **attributes,
        }
    ).encode()


def reaction(name: str, given: bool = True, user: Any = "u1", **more: Any) -> bytes:
    type = "reaction.given.v1" if given else "reaction.withdrawn.v1"
    data = {"user_id": user, "content_id": "live-1", "reaction": name}
    return cloud_event(type, data | more.pop("data", {}), **more)


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


def test_source_and_id_together_identify_an_event() -> None:
    here = cloud_event("share.v1", {"user_id": "u1", "content_id": "live-1"})
    there = cloud_event("share.v1", {"user_id": "u1", "content_id": "live-1"}, source="//other")
    first, replayed, other = events_of(here, here, there)

    assert first["event_id"] == replayed["event_id"] != other["event_id"]
    assert (first["source"], other["source"]) == ("https://app.example.com", "//other")
    assert first["source_event_id"] == other["source_event_id"] == "e1"


def test_a_batch_is_its_events() -> None:
    batch = b"[%s, %s]" % (reaction("like", id="e1"), reaction("love", id="e2"))

    assert [e["source_event_id"] for e in events_of(batch)] == ["e1", "e2"]


def test_without_time_an_event_happened_when_it_arrived() -> None:
    (event,) = events_of(reaction("like", time=None))

    assert event["event_time"] == "2026-03-02T12:00:00Z"
    assert event["time_basis"] == "collector"


def test_data_may_come_in_base64() -> None:
    data = {"user_id": 42, "idea_id": "i1"}
    record = json.loads(cloud_event("idea.voted.v1"))
    del record["data"]
    record["data_base64"] = b64encode(json.dumps(data).encode()).decode()
    (event,) = events_of(json.dumps(record).encode())

    assert event["raw_actor"] == "user:42"
    assert event["object_id"] == "i1"


@pytest.mark.parametrize(
    ("name", "action", "kind"),
    [("like", "like", "like"), ("dislike", "dislike", "dislike"), ("love", "react", "other")],
)
def test_a_reaction_is_told_by_its_name(name: str, action: str, kind: str) -> None:
    (event,) = events_of(reaction(name))

    assert event["action"] == action
    assert event["event_type"] == f"cloudevents.com.moment.reaction.given.v1: {kind}"
    assert event["reaction_code"] == name


@pytest.mark.parametrize(
    ("data", "value"), [({}, 1.0), ({"intensity": 0}, 0.0), ({"intensity": "0.25"}, 0.25)]
)
def test_boredom_is_a_rating_from_0_to_1(data: dict[str, Any], value: float) -> None:
    (event,) = events_of(reaction("bored", data=data))

    assert (event["action"], event["rating_scale"]) == ("rate", "boredom")
    assert (event["rating_min"], event["rating_value"], event["rating_max"]) == (0.0, value, 1.0)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_like_unlike_like_in_any_order_ends_liked(order: tuple[int, ...]) -> None:
    said = [
        reaction("like", True, id="e1", time="2026-03-02T11:00:00Z"),
        reaction("like", False, id="e2", time="2026-03-02T11:00:05Z"),
        reaction("like", True, id="e3", time="2026-03-02T11:00:09Z"),
    ]
    events = events_of(*(said[index] for index in order))

    assert len({e["fact_id"] for e in events}) == 1
    assert [e["op"] for e in sorted(events, key=lambda e: e["revision"])] == [
        "insert",
        "retract",
        "insert",
    ]


def test_people_contents_and_reactions_are_different_facts() -> None:
    events = events_of(
        reaction("like"),
        reaction("dislike"),
        reaction("love"),
        reaction("wow"),
        reaction("like", user="u2"),
        reaction("like", data={"content_id": "live-2"}),
    )

    assert len({e["fact_id"] for e in events}) == 6


def test_the_same_person_may_take_back_elsewhere_what_was_given_here() -> None:
    given, withdrawn = events_of(reaction("like"), reaction("like", False, source="//tv-app"))

    assert given["fact_id"] == withdrawn["fact_id"]


def test_a_comment_is_edited_and_deleted_as_one_fact() -> None:
    data = {"user_id": "u1", "content_id": "live-1", "comment_id": "c1", "text": "Long"}
    events = events_of(
        *(
            cloud_event(f"comment.{verb}.v1", data, id=verb, time=f"2026-03-02T11:00:0{second}Z")
            for second, verb in enumerate(["posted", "edited", "deleted"])
        )
    )

    assert [e["op"] for e in events] == ["insert", "update", "retract"]
    assert len({e["fact_id"] for e in events}) == 1
    assert events[0]["revision"] < events[1]["revision"] < events[2]["revision"]
    assert [e.get("text") for e in events] == ["Long", "Long", None]


def test_a_comment_on_a_comment_is_a_reply_in_its_thread() -> None:
    data = {"user_id": "u1", "content_id": "live-1", "comment_id": "c2", "parent_id": "c1"}
    (event,) = events_of(cloud_event("comment.posted.v1", data))

    assert event["action"] == "reply"
    assert (event["parent_id"], event["thread_id"], event["object_id"]) == ("c1", "c1", "c2")


def test_empty_text_is_absent() -> None:
    data = {"user_id": "u1", "content_id": "live-1", "comment_id": "c2"}
    empty = {"parent_id": "", "brand_id": "", "text": "", "visitor_id": ""}
    (said,) = events_of(cloud_event("comment.posted.v1", data | empty))
    (unsaid,) = events_of(cloud_event("comment.posted.v1", data))

    assert said == unsaid
    assert (said["action"], said["thread_id"]) == ("comment", "c2")
    assert (said.get("parent_id"), said.get("brand_id"), said.get("text")) == (None, None, None)


def test_who_follows_a_brand_may_leave_the_content_empty() -> None:
    data = {"user_id": "u1", "content_id": "", "brand_id": "acme"}
    (event,) = events_of(cloud_event("follow.v1", data))

    assert (event["object_type"], event["object_id"]) == ("brand", "acme")


def test_an_unfollow_retracts_the_follow() -> None:
    data = {"user_id": "u1", "brand_id": "acme"}
    followed, left = events_of(
        cloud_event("follow.v1", data), cloud_event("unfollow.v1", data, id="e2")
    )

    assert (followed["op"], left["op"]) == ("insert", "retract")
    assert followed["fact_id"] == left["fact_id"]


def test_a_store_visit_is_located_in_the_store() -> None:
    data = {"visitor_id": "b1", "store_id": "lyon-2", "dwell_s": 90}
    (event,) = events_of(cloud_event("store.visited.v1", data))

    assert event["action"] == "visit_store"
    assert event["content_id"] == "store:lyon-2"
    assert (event["device_class"], event["modality"]) == ("instore", "location")
    assert event["raw_actor"] == "anonymous:b1"
    assert event["engaged_ms"] == 90_000


@pytest.mark.parametrize(
    ("data", "actor", "beat"),
    [
        ({"panelist_id": "p1"}, "panel:p1", 60_000),
        ({"household_id": "h1", "period_s": 10}, "household:h1", 10_000),
        ({"panelist_id": "p1", "period_s": "900"}, "panel:p1", 900_000),
    ],
)
def test_a_television_meter_beats_once_a_period(
    data: dict[str, Any], actor: str, beat: int
) -> None:
    (event,) = events_of(cloud_event("tv.audience.v1", {"content_id": "live-1", **data}))

    assert event["action"] == "heartbeat"
    assert event["raw_actor"] == actor
    assert event["heartbeat_ms"] == event["duration_ms"] == beat
    assert (event["source_class"], event["provenance"]) == ("panelist", "panel")


def test_a_change_of_consent_keeps_the_documented_purposes_only() -> None:
    purposes = {"analytics": False, "email": True, "u1@example.com": True}
    (event,) = events_of(cloud_event("consent.changed.v1", {"user_id": "u1", "purposes": purposes}))

    assert event["action"] == "consent"
    assert event["consent_basis"] == "denied"
    assert event["consent_reason"] == "cloudevents.analytics=false"
    assert event["ext"] == '{"analytics":false,"email":true}'


@pytest.mark.parametrize(
    ("consent", "basis"),
    [
        ({"analytics": True}, "granted"),
        ({"analytics": False}, "denied"),
        ({"ads": True}, "unknown"),
    ],
)
def test_any_event_may_carry_its_consent(consent: dict[str, bool], basis: str) -> None:
    (event,) = events_of(reaction("like", data={"consent": consent}))

    assert event["consent_basis"] == basis


SHARE = {"user_id": "u1", "content_id": "live-1"}


@pytest.mark.parametrize(
    ("record", "reason", "path"),
    [
        (cloud_event("share.v1", SHARE, specversion="0.3"), "invalid_value", "$.specversion"),
        (b'{"id": "e1", "source": "s", "type": "t"}', "missing_field", "$.specversion"),
        (b'{"specversion": "1.0", "source": "s", "type": "t"}', "missing_field", "$.id"),
        (cloud_event("share.v1", SHARE, id=""), "missing_field", "$.id"),
        (cloud_event("share.v1", SHARE, source=""), "missing_field", "$.source"),
        (cloud_event("share.v1", SHARE, time="soon"), "invalid_time", "$.time"),
        (cloud_event("share.v1", SHARE, id=7), "wrong_shape", "$.id"),
        (cloud_event("teleport.v1", [1, 2]), "unknown_kind", "$.type"),
        (cloud_event("share.v1", {"user_id": "u1"}), "missing_field", "$.data.content_id"),
        (cloud_event("share.v1", {**SHARE, "user_id": []}), "wrong_shape", "$.data.user_id"),
        (cloud_event("share.v1", "text"), "wrong_shape", "$.data"),
        (cloud_event("share.v1", None), "wrong_shape", "$.data"),
        (cloud_event("share.v1", data_base64="%%%"), "invalid_value", "$.data_base64"),
        (cloud_event("share.v1", data_base64="e30"), "invalid_value", "$.data_base64"),
        (cloud_event("share.v1", data_base64="ew=="), "invalid_syntax", "$.data_base64"),
        (b'{"specversion":"1.0","id":"e","source":"s","type":"com.moment.share.v1"}', "missing_field", "$.data"),
        (cloud_event("tv.audience.v1", {"content_id": "l"}), "missing_field", "$.data.panelist_id|household_id"),
        (cloud_event("tv.audience.v1", {"panelist_id": 1, "content_id": "l", "period_s": 9}), "invalid_number", "$.data.period_s"),
        (cloud_event("tv.audience.v1", {"panelist_id": 1, "content_id": "l", "period_s": 901}), "invalid_number", "$.data.period_s"),
        (cloud_event("store.visited.v1", {"visitor_id": 1, "store_id": 2, "dwell_s": "long"}), "invalid_number", "$.data.dwell_s"),
        (reaction("bored", data={"intensity": 1.1}), "invalid_number", "$.data.intensity"),
        (reaction("", data={}), "missing_field", "$.data.reaction"),
    ],
)  # fmt: skip
def test_a_bad_event_is_refused_with_its_place(record: bytes, reason: str, path: str) -> None:
    assert failures_of(record) == [(reason, path)]


def test_recognised_by_its_specversion() -> None:
    assert recognise(reaction("like"))
    assert recognise(b"[%s]" % reaction("like"))
    assert not recognise(b'{"id": "e1", "source": "s", "type": "t"}')
