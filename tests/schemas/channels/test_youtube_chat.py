from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.channels.youtube_chat import CHANNEL, recognise
from tests.checks import (
    check_every_kind_is_shown,
    check_golden_channel,
    decode_records,
    readable_events,
)


def message(type: str = "textMessageEvent", id: str | None = "m1", **snippet: Any) -> bytes:
    """A message of the chat `chat-1` by `UC-viewer`, published at 11:00 unless said otherwise."""
    return json.dumps(
        {
            "kind": "youtube#liveChatMessage",
            "id": id,
            "snippet": {
                "type": type,
                "liveChatId": "chat-1",
                "authorChannelId": "UC-viewer",
                "publishedAt": "2026-03-02T11:00:00Z",
                **snippet,
            },
            "authorDetails": {"channelId": "UC-viewer", "displayName": "Camille Exemple"},
        }
    ).encode()


def text(words: str, **more: Any) -> bytes:
    return message(textMessageDetails={"messageText": words}, **more)


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


def test_a_message_is_a_comment_on_the_live_by_a_channel() -> None:
    (event,) = events_of(text("Bravo"))

    assert event["action"] == "comment"
    assert event["text"] == "Bravo"
    assert event["content_id"] == "chat-1"
    assert event["raw_actor"] == "youtube:UC-viewer"
    assert event["actor_basis"] == "channel_native"
    assert event["event_time"] == "2026-03-02T11:00:00Z"
    assert event["time_basis"] == "true"
    assert event["media_type"] == "shared"
    assert event["provenance"] == "platform_api"


def test_the_name_of_an_author_is_not_read() -> None:
    assert "Camille Exemple" not in json.dumps(events_of(text("Bravo")))


def test_the_owner_speaks_for_the_brand_and_a_moderator_for_himself() -> None:
    def spoken_by(**roles: bool) -> bytes:
        record = json.loads(text("Bonjour"))
        record["authorDetails"] |= roles
        return json.dumps(record).encode()

    owner, moderator = events_of(spoken_by(isChatOwner=True), spoken_by(isChatModerator=True))

    assert (owner["actor_kind"], owner["source_class"]) == ("brand", "brand")
    assert moderator["actor_kind"] == "person"


@pytest.mark.parametrize(
    ("words", "modality", "reaction"),
    [
        ("👏", "emoji", "👏"),
        (" 👏🏽 ", "emoji", "👏"),
        ("❤️", "emoji", "❤"),
        ("👨‍👩‍👧", "emoji", "👨‍👩‍👧"),
        ("🇫🇷", "emoji", "🇫🇷"),
        ("1️⃣", "emoji", "1⃣"),
        ("😂😂", "emoji", None),
        ("😂 ❤️", "emoji", None),
        ("Bravo 👏", "text", None),
        ("1", "text", None),
        ("", "text", None),
        ("<script>alert(1)</script>", "text", None),
    ],
)
def test_a_text_of_emoji_only_is_a_comment_by_emoji(
    words: str, modality: str, reaction: str | None
) -> None:
    (event,) = events_of(text(words))

    assert event["action"] == "comment"
    assert event["modality"] == modality
    assert event.get("reaction_code") == reaction
    assert event["text"] == words


@given(st.text())
def test_any_text_is_a_harmless_value(words: str) -> None:
    (event,) = events_of(text(words))

    assert event["text"] == words


@pytest.mark.parametrize(
    ("kind", "details"),
    [
        ("superChatEvent", "superChatDetails"),
        ("superStickerEvent", "superStickerDetails"),
        ("fanFundingEvent", "fanFundingEventDetails"),
    ],
)
@pytest.mark.parametrize("micros", ["1750000", 1750000])
def test_money_in_micros_is_a_donation(kind: str, details: str, micros: Any) -> None:
    (event,) = events_of(message(kind, **{details: {"amountMicros": micros, "currency": "EUR"}}))

    assert event["action"] == "donate"
    assert event["amount"] == "1.750000"
    assert event["currency"] == "EUR"


def test_the_words_of_a_super_chat_are_kept() -> None:
    details = {"amountMicros": "5000000", "currency": "EUR", "userComment": "Continuez"}
    (event,) = events_of(message("superChatEvent", superChatDetails=details))

    assert event["text"] == "Continuez"


@pytest.mark.parametrize("micros", ["five", "-1", "NaN"])
def test_an_amount_that_is_no_amount_is_refused(micros: str) -> None:
    record = message("superChatEvent", superChatDetails={"amountMicros": micros})

    assert failures_of(record) == [("invalid_number", "$.snippet.*.amountMicros")]


DELETIONS = [
    message("messageDeletedEvent", "d1", messageDeletedDetails={"deletedMessageId": "m1"}),
    message("messageRetractedEvent", "d2", messageRetractedDetails={"retractedMessageId": "m1"}),
    message("tombstone", "m1"),
]


@pytest.mark.parametrize("deletion", DELETIONS, ids=["by moderator", "by author", "tombstone"])
@pytest.mark.parametrize("published", ["2026-03-02T10:00:00Z", "2026-03-02T11:59:59Z"])
def test_a_deletion_retracts_the_message_whatever_the_order(
    deletion: bytes, published: str
) -> None:
    posted, deleted = events_of(text("Bravo", publishedAt=published), deletion)

    assert (posted["op"], deleted["op"]) == ("insert", "retract")
    assert posted["fact_id"] == deleted["fact_id"]
    assert posted["event_id"] != deleted["event_id"]
    assert posted["revision"] < deleted["revision"]


def test_a_gift_sent_again_updates_its_count() -> None:
    once = message("giftEvent", giftEventDetails={"giftMetadata": {"comboCount": 1}})
    twice = message("giftEvent", giftEventDetails={"giftMetadata": {"comboCount": 2}})
    flat = message("giftEvent", giftDetails={"comboCount": 3})
    first, second, third = events_of(once, twice, flat)

    assert [e["op"] for e in (first, second, third)] == ["insert", "update", "update"]
    assert len({e["fact_id"] for e in (first, second, third)}) == 1
    assert len({e["event_id"] for e in (first, second, third)}) == 3
    assert first["revision"] < second["revision"] < third["revision"]


def test_a_poll_closed_is_another_event_than_the_poll_opened() -> None:
    opened, closed = events_of(
        message("pollEvent", pollDetails={"status": "active"}),
        message("pollEvent", pollDetails={"status": "closed"}),
    )

    assert opened["object_id"] == closed["object_id"] == "m1"
    assert opened["event_id"] != closed["event_id"]


def test_who_was_banned_is_not_written() -> None:
    details = {"bannedUserDetails": {"channelId": "UC-banned"}, "banType": "permanent"}
    (event,) = events_of(message("userBannedEvent", userBannedDetails=details))

    assert event["action"] == "moderate"
    assert "UC-banned" not in json.dumps(event)


def test_a_page_is_its_messages_and_a_replayed_page_gives_the_same_ids() -> None:
    page = b'{"kind": "youtube#liveChatMessageListResponse", "items": [%s, %s]}'
    page %= (text("un", id="m1"), text("deux", id="m2"))
    first, second = events_of(page), events_of(page)

    assert [e["text"] for e in first] == ["un", "deux"]
    assert [e["event_id"] for e in first] == [e["event_id"] for e in second]
    assert first[0]["event_id"] == events_of(text("un", id="m1"))[0]["event_id"]


@pytest.mark.parametrize(
    ("named", "kind"),
    [
        ("TEXT_MESSAGE_EVENT", "textMessageEvent"),
        ("TOMBSTONE", "tombstone"),
        ("FAN_FUNDING_EVENT", "fanFundingEvent"),
        ("CHAT_ENDED_EVENT", "chatEndedEvent"),
        ("SPONSOR_ONLY_MODE_STARTED_EVENT", "sponsorOnlyModeStartedEvent"),
        ("SPONSOR_ONLY_MODE_ENDED_EVENT", "sponsorOnlyModeEndedEvent"),
        ("NEW_SPONSOR_EVENT", "newSponsorEvent"),
        ("MEMBER_MILESTONE_CHAT_EVENT", "memberMilestoneChatEvent"),
        ("MEMBERSHIP_GIFTING_EVENT", "membershipGiftingEvent"),
        ("GIFT_MEMBERSHIP_RECEIVED_EVENT", "giftMembershipReceivedEvent"),
        ("USER_BANNED_EVENT", "userBannedEvent"),
        ("SUPER_CHAT_EVENT", "superChatEvent"),
        ("SUPER_STICKER_EVENT", "superStickerEvent"),
        ("POLL_EVENT", "pollEvent"),
        ("GIFT_EVENT", "giftEvent"),
    ],
)
def test_what_stream_list_names_in_capitals_is_the_same_event(named: str, kind: str) -> None:
    assert events_of(message(named)) == events_of(message(kind))


def test_the_placeholder_of_stream_list_is_ignored_too() -> None:
    result = decode_records([message("INVALID_TYPE")], CHANNEL)

    assert dict(result.ignored) == {"youtube_chat.invalidType": 1}


def test_a_message_deleted_by_its_name_in_capitals_is_retracted() -> None:
    details = {"deletedMessageId": "m1"}
    (event,) = events_of(message("MESSAGE_DELETED_EVENT", id="m2", messageDeletedDetails=details))

    assert (event["op"], event["object_id"]) == ("retract", "m1")


def test_a_poll_is_the_same_whichever_way_it_came() -> None:
    streamed = message("POLL_EVENT", pollDetails={"status": "ACTIVE"})

    assert events_of(streamed) == events_of(message("pollEvent", pollDetails={"status": "active"}))


@pytest.mark.parametrize("items", [b'"items": [%s], ' % text("un", id="m2"), b'"items": [], ', b""])
def test_the_active_poll_of_a_page_is_a_record_of_its_own(items: bytes) -> None:
    asked = {"metadata": {"questionText": "Encore ?"}, "status": "active"}
    poll = message("pollEvent", pollDetails=asked)
    page = b'{"kind": "youtube#liveChatMessageListResponse", %s"activePollItem": %s}'
    result = decode_records([page % (items, poll)], CHANNEL)
    *_, found = readable_events(result.events)

    assert result.failed.to_pylist() == []
    assert result.received == result.decoded == 1 + items.count(b"snippet")
    assert found == events_of(poll)[0]
    assert found["text"] == "Encore ?"


def test_a_gifted_membership_engages_its_giver_and_not_who_receives_it() -> None:
    given, received = events_of(
        message("membershipGiftingEvent"), message("giftMembershipReceivedEvent", id="m2")
    )

    assert (given["action"], given["action_class"]) == ("purchase", "conversion")
    assert (received["action"], received["action_class"]) == ("profile", "control")


def test_an_empty_page_is_no_record() -> None:
    result = decode_records(
        [b'{"kind": "youtube#liveChatMessageListResponse", "items": []}'], CHANNEL
    )

    assert (result.received, result.decoded) == (0, 0)


@pytest.mark.parametrize(
    ("record", "reason", "path"),
    [
        (text("x", id=None), "missing_field", "$.id"),
        (text("x", publishedAt=None), "missing_field", "$.snippet.publishedAt"),
        (text("x", publishedAt="yesterday"), "invalid_time", "$.snippet.publishedAt"),
        (message("messageDeletedEvent"), "missing_field", "$.snippet.messageDeletedDetails.deletedMessageId"),
        (message("messageRetractedEvent"), "missing_field", "$.snippet.messageRetractedDetails.retractedMessageId"),
        (message("holographicEvent"), "unknown_kind", "$.snippet.type"),
        (b'{"id": "m1"}', "missing_field", "$.snippet"),
        (b'{"id": "m1", "snippet": 7}', "wrong_shape", "$.snippet"),
        (b'{"id": "m1", "snippet"', "invalid_syntax", "$"),
    ],
)  # fmt: skip
def test_a_bad_record_is_refused_with_its_place(record: bytes, reason: str, path: str) -> None:
    assert failures_of(record) == [(reason, path)]


def test_recognised_by_its_kind_or_its_live_chat() -> None:
    assert recognise(b'{"kind": "youtube#liveChatMessageListResponse", "items": []}')
    assert recognise(b'{"id": "m1", "snippet": {"liveChatId": "chat-1"}}')
    assert not recognise(b'{"kind": "youtube#video", "id": "v1"}')
