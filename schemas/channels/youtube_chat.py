"""YouTube live chat: `liveChatMessages` resources, alone or in pages of `list` and `streamList`.

Over gRPC `streamList` names types in capitals (`TEXT_MESSAGE_EVENT`): written as JSON by protobuf's
own mapping, a page is read like one of `list`. A page's `activePollItem` is a message of its own,
the same one on every page until the poll closes.

A message is a mutable fact: it may be deleted by a moderator, retracted by its author or left as a
tombstone, and all three are final, whichever is read first. Names and pictures of authors are not
read at all.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from schemas.channel import Channel, Kind, Sheet
from schemas.failure import Reason
from schemas.times import LATEST

FINAL_REVISION = int(LATEST.timestamp()) * 1_000_000
"""Revision of a deletion: later than any believable time, so no statement comes after it."""


GREATEST_COMBO = 1_000_000
"""More gifts in a row than anybody sends: a combo counts microseconds in `revision`."""


class _Native(msgspec.Struct, rename="camel", gc=False):
    pass


class Author(_Native):
    channel_id: str | None = None
    is_chat_owner: bool = False


class Words(_Native):
    message_text: str | None = None


class Funds(_Native):
    """`superChatDetails`, `superStickerDetails` and `fanFundingEventDetails`."""

    amount_micros: str | int | None = None
    currency: str | None = None
    user_comment: str | None = None


class Milestone(_Native):
    user_comment: str | None = None


class Gift(_Native):
    combo_count: int | None = None
    gift_metadata: Gift | None = None


class Deleted(_Native):
    deleted_message_id: str | None = None


class Retracted(_Native):
    retracted_message_id: str | None = None


class Question(_Native):
    question_text: str | None = None


class Poll(_Native):
    status: str | None = None
    metadata: Question | None = None


class Snippet(_Native):
    type: str
    live_chat_id: str | None = None
    author_channel_id: str | None = None
    published_at: str | None = None
    text_message_details: Words | None = None
    super_chat_details: Funds | None = None
    super_sticker_details: Funds | None = None
    fan_funding_event_details: Funds | None = None
    member_milestone_chat_details: Milestone | None = None
    gift_details: Gift | None = None
    gift_event_details: Gift | None = None
    message_deleted_details: Deleted | None = None
    message_retracted_details: Retracted | None = None
    poll_details: Poll | None = None


class Message(_Native):
    snippet: Snippet
    id: str | None = None
    author_details: Author | None = None


class Page(_Native):
    items: list[msgspec.Raw] | None = None
    active_poll_item: msgspec.Raw = msgspec.Raw()


_EMOJI = "textMessageEvent: emoji"
_COMBO = "giftEvent: combo"
_OURS = {_EMOJI, _COMBO}
"""Kinds we tell apart; no message may call itself so."""
KINDS = (
    Kind("textMessageEvent", "comment", modality="text", mutable=True),
    Kind(_EMOJI, "comment", modality="emoji", mutable=True),
    Kind("superChatEvent", "donate", modality="purchase", mutable=True),
    Kind("superStickerEvent", "donate", modality="purchase", mutable=True),
    Kind("fanFundingEvent", "donate", modality="purchase", mutable=True),
    Kind("giftEvent", "donate", modality="purchase", mutable=True),
    Kind(_COMBO, "donate", op="update", modality="purchase"),
    Kind("newSponsorEvent", "subscribe", modality="purchase", mutable=True),
    Kind("memberMilestoneChatEvent", "comment", modality="text", mutable=True),
    Kind("membershipGiftingEvent", "purchase", modality="purchase", mutable=True),
    # The giver acted, and is counted by membershipGiftingEvent; the receiver may not even be there.
    Kind("giftMembershipReceivedEvent", "profile", mutable=True),
    Kind("messageDeletedEvent", "moderate", op="retract", undoes="any message"),
    Kind("messageRetractedEvent", "comment", op="retract", undoes="any message"),
    Kind("tombstone", "system", op="retract", undoes="any message"),
    Kind("userBannedEvent", "moderate"),
    Kind("pollEvent", "system", modality="text"),
    Kind("chatEndedEvent", "system"),
    Kind("sponsorOnlyModeStartedEvent", "system"),
    Kind("sponsorOnlyModeEndedEvent", "system"),
    Kind("invalidType", ignored="the enumeration's placeholder: never a message"),
)
_NAMES = {
    re.sub("(?=[A-Z])", "_", kind.name).upper(): kind.name
    for kind in KINDS
    if kind.name not in _OURS
}
"""What the types are called over gRPC."""
_MUTABLE = frozenset(kind.name for kind in KINDS if kind.mutable)
_FINAL = frozenset(kind.name for kind in KINDS if kind.op == "retract")
_SUBJECTS = {
    "messageDeletedEvent": "$.snippet.messageDeletedDetails.deletedMessageId",
    "messageRetractedEvent": "$.snippet.messageRetractedDetails.retractedMessageId",
}
_OBJECT_TYPES = {"userBannedEvent": "person", "pollEvent": "poll", "chatEndedEvent": "chat"}

# Pictographs, dingbats, arrows and signs of emoji presentation; flags are two regional letters.
_PICTURE = (
    "[\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff\u2600-\u27bf\u2b05-\u2b55"
    "\u231a-\u23ff\u25aa-\u25fe\u2194-\u21aa\u2934\u2935\u3030\u303d\u3297\u3299©®‼⁉™ℹ]"
)
_SKIN = "[\U0001f3fb-\U0001f3ff]"
_ONE = (
    f"(?:[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3"
    f"|{_PICTURE}\ufe0f?{_SKIN}?[\U000e0020-\U000e007f]*"
    f"(?:\u200d{_PICTURE}\ufe0f?{_SKIN}?)*)"
)
_ONE_EMOJI = re.compile(_ONE)
_ONLY_EMOJI = re.compile(rf"\s*(?:{_ONE}\s*)+")
_TONES = re.compile("[\ufe0f\U0001f3fb-\U0001f3ff]")


def fill(messages: list[Message], sheet: Sheet) -> None:
    """Columns of chat messages; no id, no time or nothing to delete refuses the row."""
    snippets = [m.snippet for m in messages]
    authors = [m.author_details for m in messages]
    texts = [_words(s) for s in snippets]
    for snippet in snippets:
        snippet.type = _NAMES.get(snippet.type, snippet.type)
    gifts = [_combo(s) for s in snippets]
    kinds = [_kind(s.type, text, combo) for s, text, combo in zip(snippets, texts, gifts)]
    subjects = [_subject(m) for m in messages]
    sheet.require([m.id for m in messages], "$.id")
    _require_subjects(kinds, subjects, sheet)
    sheet.put("kind", kinds)
    sheet.put("source_event_id", _ids(messages, kinds, gifts))
    published = [s.published_at for s in snippets]
    sheet.put_instants("event_time", published, "$.snippet.publishedAt", required=True)
    sheet.put(
        "fact_key", [f"message:{i}" if k in _MUTABLE else None for k, i in zip(kinds, subjects)]
    )
    _revisions(kinds, gifts, sheet)
    channels = [s.author_channel_id or (a and a.channel_id) for s, a in zip(snippets, authors)]
    owners = [a is not None and a.is_chat_owner for a in authors]
    sheet.put("raw_actor", [f"youtube:{channel}" if channel else None for channel in channels])
    sheet.put("actor_basis", ["channel_native" if channel else "none" for channel in channels])
    sheet.put(
        "actor_kind",
        [
            "brand" if owner else "person" if channel else "unknown"
            for owner, channel in zip(owners, channels)
        ],
    )
    sheet.put("source_class", ["brand" if owner else None for owner in owners])
    sheet.put("content_id", [s.live_chat_id for s in snippets])
    # A banned person is an identifier: the ban's object stays unnamed.
    sheet.put(
        "object_id",
        [None if k == "userBannedEvent" else i for k, i in zip(kinds, subjects)],
    )
    sheet.put("object_type", [_OBJECT_TYPES.get(kind, "message") for kind in kinds])
    sheet.put("text", texts)
    sheet.put(
        "reaction_code", [_reaction(t) if k == _EMOJI else None for k, t in zip(kinds, texts)]
    )
    _amounts(snippets, sheet)


def _kind(native: str, text: str | None, combo: int) -> str:
    if native == "textMessageEvent":
        return _EMOJI if text and _ONLY_EMOJI.fullmatch(text) else native
    if native == "giftEvent":
        return _COMBO if combo > 1 else native
    return native if native not in _OURS else ""


def _words(snippet: Snippet) -> str | None:
    """What the author wrote; the question of a poll. `displayMessage` names people: not read."""
    if snippet.text_message_details is not None:
        return snippet.text_message_details.message_text
    if snippet.poll_details is not None:
        return (snippet.poll_details.metadata or Question()).question_text
    paid = snippet.super_chat_details or snippet.fan_funding_event_details
    comment = paid or snippet.member_milestone_chat_details
    return comment.user_comment if comment else None


def _combo(snippet: Snippet) -> int:
    """How often in a row a gift was sent: the same message comes again with a higher count."""
    gift = snippet.gift_details or snippet.gift_event_details
    if gift is None or snippet.type != "giftEvent":
        return 1
    return max((gift.gift_metadata or gift).combo_count or 1, 1)


def _subject(message: Message) -> str | None:
    """Id of the message a resource is about: another's when it deletes or retracts one."""
    snippet = message.snippet
    if snippet.type == "messageDeletedEvent":
        return (snippet.message_deleted_details or Deleted()).deleted_message_id
    if snippet.type == "messageRetractedEvent":
        return (snippet.message_retracted_details or Retracted()).retracted_message_id
    return message.id


def _require_subjects(kinds: list[str], subjects: list[str | None], sheet: Sheet) -> None:
    if all(subjects):
        return
    for row, (kind, subject) in enumerate(zip(kinds, subjects)):
        if not subject and kind in _SUBJECTS:
            sheet.reject(row, Reason.MISSING_FIELD, _SUBJECTS[kind], "expected a message id")


def _ids(messages: list[Message], kinds: list[str], combos: list[int]) -> list[str | None]:
    """Unique ids: a tombstone, a combo and a poll's closing reuse the id of an earlier resource."""
    ids = [m.id for m in messages]
    for row, kind in enumerate(kinds):
        if kind == "tombstone":
            ids[row] = f"{ids[row]}:tombstone"
        elif kind == _COMBO:
            ids[row] = f"{ids[row]}:combo:{combos[row]}"
        elif kind == "pollEvent":
            poll = messages[row].snippet.poll_details
            ids[row] = f"{ids[row]}:{(poll.status or '').lower()}" if poll else ids[row]
    return ids


def _revisions(kinds: list[str], combos: list[int], sheet: Sheet) -> None:
    """Deletions are final; a combo, stamped like the gift it adds to, counts upwards."""
    if not (_FINAL | {_COMBO}).intersection(kinds):
        return
    for row, combo in enumerate(combos):
        if combo > GREATEST_COMBO:
            detail = f"expected a number to {GREATEST_COMBO}"
            sheet.reject(row, Reason.INVALID_NUMBER, "$.snippet.*.comboCount", detail)
    micros: list[int | None] = sheet.columns["event_time"].cast("int64").to_pylist()
    sheet.put(
        "revision",
        [
            FINAL_REVISION
            if kind in _FINAL
            else time + min(combo, GREATEST_COMBO) - 1
            if kind == _COMBO and time is not None
            else None
            for kind, time, combo in zip(kinds, micros, combos)
        ],
    )


def _reaction(text: str | None) -> str | None:
    """The emoji of a text that is one emoji, without skin tone: it says nothing of the feeling."""
    found = _ONE_EMOJI.fullmatch(text.strip()) if text else None
    return _TONES.sub("", found[0]) if found else None


def _amounts(snippets: list[Snippet], sheet: Sheet) -> None:
    funds = [
        s.super_chat_details or s.super_sticker_details or s.fan_funding_event_details
        for s in snippets
    ]
    if not any(funds):
        return
    micros: list[Any] = [f.amount_micros if f else None for f in funds]
    sheet.put_number("amount", micros, "$.snippet.*.amountMicros", 0, 1e15)
    amounts = sheet.columns["amount"]
    sheet.put("amount", [None if amount is None else amount / 1e6 for amount in amounts])
    sheet.put("currency", [f.currency if f else None for f in funds])


_PAGE = msgspec.json.Decoder(Page)


def unwrap(payload: bytes) -> list[bytes] | None:
    """The messages of a page (`liveChatMessageListResponse`); None for a single message."""
    if b'"items"' not in payload and b'"activePollItem"' not in payload:
        return None
    page = _PAGE.decode(payload)
    poll = bytes(page.active_poll_item)
    polls = [poll] if poll not in (b"", b"null") else []
    if page.items is None and not polls:
        return None
    return [bytes(item) for item in page.items or ()] + polls


def recognise(payload: bytes) -> bool:
    return b'"youtube#liveChatMessage' in payload or b'"liveChatId"' in payload


CHANNEL = Channel(
    name="youtube_chat",
    title="YouTube live chat",
    document="YouTube Live Streaming API v3: liveChatMessages resource, list and streamList",
    media_type="shared",
    provenance="platform_api",
    kinds=KINDS,
    parse=msgspec.json.Decoder(Message).decode,
    fill=fill,
    unwrap=unwrap,
    recognise=recognise,
    kind_path="$.snippet.type",
)
