"""CloudEvents 1.0 in JSON: one structured event or a batch, with Moment's own documented types.

This is how a source without a vendor's format is connected: a shop's beacons, a television panel, a
box of ideas, a player of one's own. `source` and `id` identify an event; `data` (or `data_base64`)
is an object with these fields, where `?` marks what may be left out:

* `com.moment.store.visited.v1`: visitor_id, store_id, dwell_s?
* `com.moment.tv.audience.v1`: panelist_id or household_id, content_id, period_s? (10 to 900,
  default 60), position_s?; one heartbeat a period
* `com.moment.idea.proposed.v1`: user_id, idea_id, text?
* `com.moment.idea.voted.v1`, `com.moment.idea.vote.withdrawn.v1`: user_id, idea_id
* `com.moment.reaction.given.v1`, `com.moment.reaction.withdrawn.v1`: user_id, content_id, reaction
  (like, dislike, bored or any other name), intensity? (0 to 1; of bored, default 1), media_time_ms?
* `com.moment.comment.posted.v1`, `com.moment.comment.edited.v1`, `com.moment.comment.deleted.v1`:
  user_id, content_id, comment_id, parent_id? (of a reply, on all three), text?
* `com.moment.share.v1`: user_id, content_id
* `com.moment.follow.v1`, `com.moment.unfollow.v1`: user_id, content_id or brand_id
* `com.moment.consent.changed.v1`: user_id, purposes, e.g. `{"analytics": true, "email": false}`

Every type also takes brand_id? and consent?, e.g. `{"analytics": true}`; empty text is no value.
What is given and taken back by one person is one fact, whichever producer says so; the latest by
time holds.
"""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Any, NamedTuple

import msgspec

from schemas.channel import Channel, Kind, ParseError, Sheet
from schemas.failure import Reason

AUDIENCE_PERIOD_S = 60
"""Period of a television panel's heartbeat when `period_s` does not say: the minute of ratings."""

PURPOSES = ("analytics", "personalisation", "advertising", "email", "sms", "push")
"""Purposes of `com.moment.consent.changed.v1` that are kept, in `ext`; others are dropped."""

Identifier = str | int | None


class Data(msgspec.Struct, gc=False):
    """The union of what Moment's types carry; each type says what it requires."""

    user_id: Identifier = None
    visitor_id: Identifier = None
    panelist_id: Identifier = None
    household_id: Identifier = None
    store_id: Identifier = None
    content_id: Identifier = None
    idea_id: Identifier = None
    comment_id: Identifier = None
    parent_id: Identifier = None
    brand_id: Identifier = None
    dwell_s: str | float | None = None
    period_s: str | float | None = None
    position_s: str | float | None = None
    media_time_ms: str | float | None = None
    intensity: str | float | None = None
    reaction: str | None = None
    text: str | None = None
    purposes: dict[str, bool] | None = None
    consent: dict[str, bool] | None = None


class Envelope(msgspec.Struct, gc=False):
    specversion: str
    id: str
    source: str
    type: str
    time: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    data_base64: str | None = None


class Event(NamedTuple):
    envelope: Envelope
    data: Data


_M = "com.moment."
VISITED, AUDIENCE = _M + "store.visited.v1", _M + "tv.audience.v1"
PROPOSED, VOTED = _M + "idea.proposed.v1", _M + "idea.voted.v1"
VOTE_WITHDRAWN = _M + "idea.vote.withdrawn.v1"
GIVEN, WITHDRAWN = _M + "reaction.given.v1", _M + "reaction.withdrawn.v1"
POSTED, EDITED = _M + "comment.posted.v1", _M + "comment.edited.v1"
DELETED = _M + "comment.deleted.v1"
SHARED, FOLLOWED, UNFOLLOWED = _M + "share.v1", _M + "follow.v1", _M + "unfollow.v1"
CONSENT_CHANGED = _M + "consent.changed.v1"

_TYPES: dict[str, tuple[str, ...]] = {
    VISITED: ("visitor_id", "store_id"),
    AUDIENCE: ("panelist_id|household_id", "content_id"),
    PROPOSED: ("user_id", "idea_id"),
    VOTED: ("user_id", "idea_id"),
    VOTE_WITHDRAWN: ("user_id", "idea_id"),
    GIVEN: ("user_id", "content_id", "reaction"),
    WITHDRAWN: ("user_id", "content_id", "reaction"),
    POSTED: ("user_id", "content_id", "comment_id"),
    EDITED: ("user_id", "content_id", "comment_id"),
    DELETED: ("user_id", "content_id", "comment_id"),
    SHARED: ("user_id", "content_id"),
    FOLLOWED: ("user_id", "content_id|brand_id"),
    UNFOLLOWED: ("user_id", "content_id|brand_id"),
    CONSENT_CHANGED: ("user_id", "purposes"),
}
"""What each type requires in `data`; `a|b` means one of the two."""

KINDS = (
    Kind(VISITED, "visit_store", modality="location"),
    Kind(AUDIENCE, "heartbeat"),
    Kind(PROPOSED, "propose", modality="text"),
    Kind(VOTED, "vote", modality="binary", mutable=True),
    Kind(VOTE_WITHDRAWN, "vote", op="retract", modality="binary", undoes=VOTED),
    Kind(GIVEN + ": like", "like", modality="gesture_ui", mutable=True),
    Kind(GIVEN + ": dislike", "dislike", modality="gesture_ui", mutable=True),
    Kind(GIVEN + ": bored", "rate", modality="scale", mutable=True),
    Kind(GIVEN + ": other", "react", modality="gesture_ui", mutable=True),
    *(
        Kind(f"{WITHDRAWN}: {name}", action, "retract", modality, undoes=f"{GIVEN}: {name}")
        for name, action, modality in (
            ("like", "like", "gesture_ui"),
            ("dislike", "dislike", "gesture_ui"),
            ("bored", "rate", "scale"),
            ("other", "react", "gesture_ui"),
        )
    ),
    Kind(POSTED, "comment", modality="text", mutable=True),
    Kind(EDITED, "comment", op="update", modality="text"),
    Kind(DELETED, "comment", op="retract", modality="text", undoes=POSTED),
    Kind(POSTED + ": reply", "reply", modality="text", mutable=True),
    Kind(EDITED + ": reply", "reply", op="update", modality="text"),
    Kind(DELETED + ": reply", "reply", "retract", "text", undoes=POSTED + ": reply"),
    Kind(SHARED, "share", modality="gesture_ui"),
    Kind(FOLLOWED, "follow", modality="gesture_ui", mutable=True),
    Kind(UNFOLLOWED, "follow", op="retract", modality="gesture_ui", undoes=FOLLOWED),
    Kind(CONSENT_CHANGED, "consent", modality="binary"),
)
_REACTIONS = {"like", "dislike", "bored"}
_COMMENTS = {POSTED, EDITED, DELETED}
_FOLLOWS = {FOLLOWED, UNFOLLOWED}
_OBJECTS = {VISITED: "store", AUDIENCE: "programme", SHARED: "content"}
_OBJECTS |= dict.fromkeys((PROPOSED, VOTED, VOTE_WITHDRAWN), "idea")
_OBJECTS |= dict.fromkeys(_COMMENTS, "comment") | dict.fromkeys((GIVEN, WITHDRAWN), "content")

_ENVELOPE = msgspec.json.Decoder(Envelope)
_DATA = msgspec.json.Decoder(Data)
_WHERE = re.compile(r" - at `\$(?P<path>[^`]*)`")
_NO_DATA = Data()


def parse(payload: bytes) -> Event:
    """Envelope and data of one event. The data of an unknown type is not looked at."""
    envelope = _ENVELOPE.decode(payload)
    if envelope.specversion != "1.0":
        raise ParseError(Reason.INVALID_VALUE, "$.specversion", "expected CloudEvents 1.0")
    if envelope.type not in _TYPES:
        return Event(envelope, _NO_DATA)
    path, content = "$.data", bytes(envelope.data)
    if envelope.data_base64 is not None:
        path = "$.data_base64"
        try:
            content = b64decode(envelope.data_base64, validate=True)
        except ValueError as error:
            raise ParseError(Reason.INVALID_VALUE, path, "expected base64") from error
    if not content:
        raise ParseError(Reason.MISSING_FIELD, "$.data", "expected an object, found none")
    try:
        data = _DATA.decode(content)
        return Event(envelope, _without_empty(data) if b'""' in content else data)
    except msgspec.ValidationError as error:
        found = _WHERE.search(str(error))
        raise ParseError(
            Reason.WRONG_SHAPE,
            path + (found["path"] if found else ""),
            str(error)[: found.start()] if found else str(error),
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ParseError(Reason.SYNTAX, path, "expected well-formed JSON") from error


def _without_empty(data: Data) -> Data:
    """An empty parent would make a reply of a comment, an empty brand would be a brand."""
    for name in Data.__struct_fields__:
        if getattr(data, name) == "":
            setattr(data, name, None)
    return data


def fill(events: list[Event], sheet: Sheet) -> None:
    """Columns of events; what `_TYPES` requires and is absent refuses the row."""
    types = [e.envelope.type for e in events]
    data = [e.data for e in events]
    kinds = [_kind(native, d) for native, d in zip(types, data)]
    sheet.put("kind", kinds)
    sheet.require([e.envelope.id for e in events], "$.id")
    sheet.require([e.envelope.source for e in events], "$.source")
    _require(types, data, sheet)
    sheet.put("source", [e.envelope.source for e in events])
    sheet.put("source_event_id", [e.envelope.id for e in events])
    sheet.put_instants("event_time", [e.envelope.time for e in events], "$.time")
    sheet.put("fact_key", [_fact(native, d) for native, d in zip(types, data)])
    actors = [_actor(d) for d in data]
    sheet.put("raw_actor", [name for name, _ in actors])
    sheet.put("actor_basis", [basis for _, basis in actors])
    sheet.put("object_id", [_object(native, d) for native, d in zip(types, data)])
    sheet.put("object_type", [_object_type(native, d) for native, d in zip(types, data)])
    sheet.put("parent_id", [_text(d.parent_id) for d in data])
    # Conversations are one level deep: a comment and what answers it.
    sheet.put(
        "thread_id",
        [
            _text(d.comment_id if d.parent_id is None else d.parent_id) if t in _COMMENTS else None
            for t, d in zip(types, data)
        ],
    )
    sheet.put(
        "content_id",
        [
            f"store:{d.store_id}" if native == VISITED else _text(d.content_id)
            for native, d in zip(types, data)
        ],
    )
    sheet.put("brand_id", [_text(d.brand_id) for d in data])
    sheet.put("text", [None if t == DELETED else d.text for t, d in zip(types, data)])
    sheet.put("reaction_code", [d.reaction for d in data])
    sheet.put(
        "device_class",
        ["instore" if t == VISITED else "tv" if t == AUDIENCE else None for t in types],
    )
    panel = [native == AUDIENCE for native in types]
    sheet.put("source_class", ["panelist" if p else None for p in panel])
    sheet.put("provenance", ["panel" if p else "first_party" for p in panel])
    _numbers(kinds, types, data, sheet)
    _consent(types, data, sheet)


def _kind(native: str, data: Data) -> str:
    """Kind of a type, "" of an unknown one: no event may name one of our finer kinds itself."""
    if native in (GIVEN, WITHDRAWN):
        return f"{native}: {data.reaction if data.reaction in _REACTIONS else 'other'}"
    if native in _COMMENTS and data.parent_id is not None:
        return native + ": reply"
    return native if native in _TYPES else ""


def _require(types: list[str], data: list[Data], sheet: Sheet) -> None:
    for row, (native, d) in enumerate(zip(types, data)):
        for names in _TYPES.get(native, ()):
            if all(getattr(d, name) in (None, "") for name in names.split("|")):
                path, detail = f"$.data.{names}", "expected a value, found none"
                sheet.reject(row, Reason.MISSING_FIELD, path, detail)


def _actor(data: Data) -> tuple[str | None, str]:
    """Namespaced identifier and its basis."""
    if data.user_id is not None:
        return f"user:{data.user_id}", "login"
    if data.panelist_id is not None:
        return f"panel:{data.panelist_id}", "channel_native"
    if data.household_id is not None:
        return f"household:{data.household_id}", "channel_native"
    if data.visitor_id is not None:
        return f"anonymous:{data.visitor_id}", "exempt_cookie"
    return None, "none"


def _fact(native: str, data: Data) -> str | None:
    """Key of what may be undone: the same thing of the same person, whichever producer says it."""
    parts: tuple[Any, ...]
    if native in (VOTED, VOTE_WITHDRAWN):
        parts = ("vote", data.user_id, data.idea_id)
    elif native in (GIVEN, WITHDRAWN):
        parts = ("reaction", data.user_id, data.content_id, data.reaction)
    elif native in _COMMENTS:
        parts = ("comment", data.content_id, data.comment_id)
    elif native in _FOLLOWS:
        parts = ("follow", data.user_id, _object_type(native, data), _object(native, data))
    else:
        return None
    return "\x1f".join(["cloudevents", *map(str, parts)])


def _object(native: str, data: Data) -> str | None:
    if native in _COMMENTS:
        return _text(data.comment_id)
    chosen = (data.store_id, data.idea_id, data.content_id)
    if native in _FOLLOWS:
        chosen = (data.content_id, data.brand_id, None)
    return _text(next((value for value in chosen if value is not None), None))


def _object_type(native: str, data: Data) -> str | None:
    if native in _FOLLOWS:
        return "brand" if data.content_id is None else "content"
    return _OBJECTS.get(native)


def _numbers(kinds: list[str], types: list[str], data: list[Data], sheet: Sheet) -> None:
    sheet.put_number("_position", [d.position_s for d in data], "$.data.position_s", 0, 1e9)
    sheet.put_number("_media", [d.media_time_ms for d in data], "$.data.media_time_ms", 0, 1e12)
    positions, media = sheet.columns.pop("_position"), sheet.columns.pop("_media")
    sheet.put(
        "media_time_ms",
        [_whole(m) if p is None else _whole(p * 1000) for p, m in zip(positions, media)],
    )
    periods = [
        (AUDIENCE_PERIOD_S if d.period_s is None else d.period_s) if native == AUDIENCE else None
        for native, d in zip(types, data)
    ]
    sheet.put_number("_period", periods, "$.data.period_s", 10, 900)
    beats = [None if p is None else _whole(p * 1000) for p in sheet.columns.pop("_period")]
    sheet.put("heartbeat_ms", beats)
    sheet.put("duration_ms", beats)
    sheet.put_number("_dwell", [d.dwell_s for d in data], "$.data.dwell_s", 0, 86_400)
    dwells = sheet.columns.pop("_dwell")
    sheet.put("engaged_ms", [None if s is None else _whole(s * 1000) for s in dwells])
    sheet.put_number("_intensity", [d.intensity for d in data], "$.data.intensity", 0, 1)
    bored = [kind == GIVEN + ": bored" for kind in kinds]
    intensities = sheet.columns.pop("_intensity")
    sheet.put(
        "rating_value",
        [(1.0 if i is None else i) if rated else None for rated, i in zip(bored, intensities)],
    )
    sheet.put("rating_scale", ["boredom" if rated else None for rated in bored])
    sheet.put("rating_min", [0.0 if rated else None for rated in bored])
    sheet.put("rating_max", [1.0 if rated else None for rated in bored])


def _consent(types: list[str], data: list[Data], sheet: Sheet) -> None:
    stated = [
        (d.purposes if native == CONSENT_CHANGED else d.consent) or {}
        for native, d in zip(types, data)
    ]
    if not any(stated):
        return
    answers = [purposes.get("analytics") for purposes in stated]
    names = {True: "granted", False: "denied", None: "unknown"}
    sheet.put("consent_basis", [names[answer] for answer in answers])
    sheet.put(
        "consent_reason",
        [None if a is None else f"cloudevents.analytics={str(a).lower()}" for a in answers],
    )
    sheet.put(
        "ext",
        [
            msgspec.json.encode({p: d.purposes[p] for p in PURPOSES if p in d.purposes}).decode()
            if native == CONSENT_CHANGED and d.purposes
            else None
            for native, d in zip(types, data)
        ],
    )


def _whole(number: float | None) -> int | None:
    return None if number is None else round(number)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


_BATCH = msgspec.json.Decoder(list[msgspec.Raw])


def unwrap(payload: bytes) -> list[bytes] | None:
    """The events of a batch (`[...]`); None for a single event."""
    if payload.lstrip()[:1] != b"[":
        return None
    return [bytes(item) for item in _BATCH.decode(payload)]


def recognise(payload: bytes) -> bool:
    return b'"specversion"' in payload


CHANNEL = Channel(
    name="cloudevents",
    title="CloudEvents: stores, television panels, ideas, reactions, comments",
    document="CloudEvents 1.0 with Moment types 1.0",
    media_type="owned",
    provenance="first_party",
    kinds=KINDS,
    parse=parse,
    fill=fill,
    unwrap=unwrap,
    recognise=recognise,
    kind_path="$.type",
    heartbeat_ms=AUDIENCE_PERIOD_S * 1000,
)
