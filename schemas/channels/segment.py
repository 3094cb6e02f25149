"""Segment Spec, as sent by Segment and RudderStack: calls, video events, e-commerce events.

Event time is derived from the three clocks (`originalTimestamp`, `sentAt`, `receivedAt`), so a
device whose clock is wrong by a constant is put right. `Video Content Playing` is the heartbeat:
the spec's default period is ten seconds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from schemas.channel import Channel, Kind, KindColumn, Otherwise, SharedSheet, Sheet
from schemas.columns import constant, distinct
from schemas.consent import NOT_STATED, put_consent
from schemas.memo import Texts
from schemas.text import COUNTRIES, text_column, text_of

HEARTBEAT_MS = 10_000


class _Native(msgspec.Struct, gc=False):
    pass


class Page(_Native):
    path: str | None = None


class Campaign(_Native):
    name: str | None = None


class Device(_Native):
    type: str | None = None


class Context(_Native, rename="camel"):
    ip: str | None = None
    user_agent: str | None = None
    locale: str | None = None
    session_id: str | int | None = None
    page: Page | None = None
    campaign: Campaign | None = None
    device: Device | None = None
    consent: msgspec.Raw = NOT_STATED
    consent_management: msgspec.Raw = NOT_STATED


class Properties(_Native):
    """Free-form in the spec, so nothing here may refuse a value: kinds check what they use."""

    content_asset_id: Any = None
    content_asset_ids: Any = None
    asset_id: Any = None
    content: Any = None
    session_id: Any = None
    position: Any = None
    order_id: Any = None
    product_id: Any = None
    revenue: Any = None
    currency: Any = None
    path: Any = None
    query: Any = None
    review_body: Any = None


class Call(_Native, rename="camel"):
    type: str
    message_id: str | None = None
    event: str | None = None
    name: str | None = None
    user_id: str | int | None = None
    anonymous_id: str | int | None = None
    timestamp: str | None = None
    original_timestamp: str | None = None
    sent_at: str | None = None
    received_at: str | None = None
    context: Context | None = None
    properties: Properties | None = None


class Batch(_Native, rename="camel"):
    batch: list[msgspec.Raw] | None = None
    type: str | None = None
    context: dict[str, msgspec.Raw] | None = None
    sent_at: str | None = None


def _tracks(action: str | None, *names: str, **declared: Any) -> tuple[Kind, ...]:
    return tuple(Kind(f"track: {name}", action, **declared) for name in names)


_GESTURE = "gesture_ui"
_QUALITY = {"ignored": "quality of service, not a person's act"}
_COUNTED = {"ignored": "the start of the advertisement is counted"}
_ORDERED = "track: Order Completed"
KINDS = (
    Kind("track", "custom"),
    *(Kind(call, "view") for call in ("page", "screen")),
    *(Kind(call, "identify") for call in ("identify", "group", "alias")),
    *_tracks("join", "Video Playback Started", "Video Playback Resumed"),
    *_tracks("leave", "Video Playback Paused", "Video Playback Completed", "Video Playback Exited"),
    *_tracks("custom", "Video Playback Seek Completed", modality=_GESTURE),
    *_tracks(None, "Video Playback Seek Started", ignored="its completion is counted"),
    *_tracks(None, "Video Playback Interrupted", "Video Quality Updated", **_QUALITY),
    *_tracks(None, "Video Playback Buffer Started", "Video Playback Buffer Completed", **_QUALITY),
    *_tracks("view", "Video Content Started"),
    *_tracks("heartbeat", "Video Content Playing"),
    *_tracks("leave", "Video Content Completed"),
    *_tracks("expose", "Video Ad Started"),
    *_tracks(None, "Video Ad Playing", "Video Ad Completed", **_COUNTED),
    *_tracks("search", "Products Searched", modality="text"),
    *_tracks("view", "Product List Viewed", "Product Viewed", "Cart Viewed"),
    *_tracks("option_select", "Product List Filtered", "Product Added", modality=_GESTURE),
    *_tracks("custom", "Product Removed", "Product Removed from Wishlist", modality=_GESTURE),
    *_tracks("option_select", "Product Added to Wishlist", modality=_GESTURE),
    *_tracks("option_select", "Wishlist Product Added to Cart", modality=_GESTURE),
    *_tracks("expose", "Promotion Viewed"),
    *_tracks("click", "Promotion Clicked", "Product Clicked", modality=_GESTURE),
    *_tracks("view", "Checkout Step Viewed"),
    *_tracks("custom", "Checkout Started", "Checkout Step Completed", "Payment Info Entered"),
    Kind(_ORDERED, "purchase", modality="purchase", mutable=True),
    Kind("track: Order Updated", "purchase", "update", "purchase"),
    Kind("track: Order Cancelled", "purchase", "retract", "purchase", undoes=_ORDERED),
    *_tracks(None, "Order Refunded", ignored="a refund does not undo the purchase decision"),
    *_tracks("custom", "Coupon Entered", "Coupon Applied", "Coupon Removed"),
    *_tracks(None, "Coupon Denied", ignored="the shop's act, not a person's"),
    *_tracks("share", "Product Shared", "Cart Shared", modality=_GESTURE),
    *_tracks("comment", "Product Reviewed", modality="text"),
    *_tracks("lead", "Lead Generated"),
)
_TRACKS: dict[str | None, str] = Otherwise(
    "track", {kind.name.removeprefix("track: "): kind.name for kind in KINDS if ": " in kind.name}
)
_CALLS = Otherwise("", {kind.name: kind.name for kind in KINDS if ": " not in kind.name})
_PLAYING, _STARTED = "track: Video Content Playing", "track: Video Playback Started"
_VIDEOS = frozenset(name for name in _TRACKS.values() if name.startswith("track: Video "))
_ADVERTS = frozenset(name for name in _VIDEOS if name.startswith("track: Video Ad "))
_ORDERS = {_ORDERED, "track: Order Updated", "track: Order Cancelled"}
_WORDS = {"track: Products Searched", "track: Product Reviewed"}
_DEVICES = {
    **dict.fromkeys(("ios", "android", "mobile"), "mobile"),
    **dict.fromkeys(("tvos", "roku", "tv"), "tv"),
    "desktop": "desktop",
}
_NO_CONTEXT, _NO_PROPERTIES = Context(), Properties()


def fill(calls: list[Call], sheet: Sheet) -> None:
    """Columns of Segment calls; see the table in docs/channels.md for what each kind becomes."""
    properties = [c.properties or _NO_PROPERTIES for c in calls]
    kinds = KindColumn([_TRACKS[c.event] if c.type == "track" else _CALLS[c.type] for c in calls])
    sheet.put("kind", kinds.column)
    sheet.put("source_event_id", [c.message_id for c in calls])
    _actors(calls, sheet)
    created = [c.original_timestamp or c.timestamp for c in calls]
    sheet.put_instants("device_created_time", created, "$.originalTimestamp")
    sheet.put_instants("device_sent_time", [c.sent_at for c in calls], "$.sentAt")
    sheet.put_instants("collected_time", [c.received_at for c in calls], "$.receivedAt")
    contexts, codes = distinct([c.context or _NO_CONTEXT for c in calls])
    shared = sheet.shared(len(contexts), codes)
    sessions = shared.column([c.session_id for c in contexts])
    own = text_column([p.session_id for p in properties])
    sheet.put("raw_session", pc.coalesce(own, sessions))
    paths = shared.column([c.page.path if c.page else None for c in contexts])
    _objects(calls, paths, properties, kinds, sheet)
    if kinds.has(_PLAYING):
        _heartbeats(kinds, properties, sheet)
    if kinds.has(*_ORDERS):
        _orders(kinds.names, properties, sheet)
    if rows := kinds.rows(_WORDS):
        said = [properties[row] for row in rows]
        words = [text_of(p.query) or text_of(p.review_body) for p in said]
        sheet.put("text", kinds.fill(_WORDS, pa.array(words, pa.large_string())))
    _contexts(contexts, shared)
    shared.spread()


def _contexts(contexts: list[Context], shared: SharedSheet) -> None:
    shared.put("raw_user_agent", [c.user_agent for c in contexts])
    shared.put("raw_ip", [c.ip for c in contexts])
    shared.put("campaign_id", [c.campaign.name if c.campaign else None for c in contexts])
    devices = [c.device.type if c.device else None for c in contexts]
    shared.put("device_class", [_DEVICES.get(d.lower()) if d else None for d in devices])
    shared.put("country", [COUNTRIES[c.locale] for c in contexts])
    statements = [
        ("$.context.consent", [c.consent for c in contexts]),
        ("$.context.consentManagement", [c.consent_management for c in contexts]),
    ]
    put_consent(shared, "segment", statements)


def _actors(calls: list[Call], sheet: Sheet) -> None:
    """`user:` where somebody is logged in, else `anonymous:`, the cookie or device."""
    users = text_column([c.user_id or None for c in calls])
    cookies = text_column([c.anonymous_id or None for c in calls])
    named = pc.binary_join_element_wise("user:", users, "")
    kept = pc.binary_join_element_wise("anonymous:", cookies, "")
    sheet.put("raw_actor", pc.coalesce(named, kept))
    otherwise = pc.if_else(pc.is_valid(cookies), "exempt_cookie", "none")
    sheet.put("actor_basis", pc.if_else(pc.is_valid(users), "login", otherwise))


def _objects(
    calls: list[Call],
    pages: pa.Array,
    properties: list[Properties],
    kinds: KindColumn,
    sheet: Sheet,
) -> None:
    """What was acted on, and the content whose audience it joins.

    Playback events name the content `content_asset_id`, or `content_asset_ids` before the first
    frame; content events name it `asset_id`, which in an advertisement's events is the
    advertisement, with the content under `content`.
    """
    paths = pages
    if pages.null_count:
        paths = pc.coalesce(pages, text_column([p.path for p in properties]))
    if kinds.has("screen"):
        names = text_column([c.name for c in calls])
        paths = pc.coalesce(kinds.only({"screen"}, names), paths)
    assets = [p.content_asset_id or p.asset_id for p in properties]
    for row in kinds.rows({_STARTED}):
        if not assets[row]:
            several = properties[row].content_asset_ids
            assets[row] = several[0] if isinstance(several, list) and several else None
    products = text_column([p.product_id for p in properties])
    acted_on = kinds.only(_VIDEOS, text_column(assets))
    sheet.put("object_id", pc.coalesce(products, acted_on, paths))
    if kinds.has(*_ADVERTS):
        for row in kinds.rows(_ADVERTS):
            content = properties[row].content
            inner = content.get("asset_id") if isinstance(content, dict) else None
            assets[row] = properties[row].content_asset_id or inner
        acted_on = kinds.only(_VIDEOS, text_column(assets))
    sheet.put("content_id", pc.coalesce(acted_on, paths))


def _heartbeats(kinds: KindColumn, properties: list[Properties], sheet: Sheet) -> None:
    """Position in the programme, and the ten seconds that each heartbeat vouches for."""
    given = [p.position for p in properties]
    playing = kinds.mask({_PLAYING})
    position = sheet.numbers(given, "$.properties.position", 0, 1e9, playing)
    sheet.put("media_time_ms", pc.multiply(position, 1000).cast(pa.int64(), safe=False))
    beat = kinds.only({_PLAYING}, constant(HEARTBEAT_MS, pa.int64(), len(properties)))
    sheet.put("heartbeat_ms", beat)
    sheet.put("duration_ms", beat)


def _orders(kinds: list[str], properties: list[Properties], sheet: Sheet) -> None:
    order = [kind in _ORDERS for kind in kinds]
    ids = [text_of(p.order_id) if is_order else None for is_order, p in zip(order, properties)]
    needed = [i if is_order else "-" for i, is_order in zip(ids, order)]
    sheet.require(needed, "$.properties.order_id")
    sheet.put("fact_key", [f"order:{i}" if i else None for i in ids])
    revenue = [p.revenue if is_order else None for is_order, p in zip(order, properties)]
    sheet.put_number("amount", revenue, "$.properties.revenue", -1e11, 1e11)
    money = [text_of(p.currency) if is_order else None for is_order, p in zip(order, properties)]
    sheet.put("currency", money)


class Skimmed(Call, rename="camel"):
    """A call whose context is still to be read."""

    context: msgspec.Raw = msgspec.Raw()  # type: ignore[assignment]


_CALL = msgspec.json.Decoder(Call, strict=False)
_SKIMMED = msgspec.json.Decoder(Skimmed, strict=False)
_CONTEXT = msgspec.json.Decoder(Context | None, strict=False)
_CONTEXTS = Texts(lambda text: (text and _CONTEXT.decode(text)) or _NO_CONTEXT)


def parse(payload: bytes) -> Call:
    try:
        (call,) = _with_contexts([_SKIMMED.decode(payload)])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        # Read whole, the call says which of its faults comes first, and where.
        _CALL.decode(payload)
        raise
    return call


def parse_lines(lines: memoryview) -> list[Call]:
    if not _CONTEXTS.worthwhile():
        return _CALL.decode_lines(lines)
    return _with_contexts(_SKIMMED.decode_lines(lines))


def _with_contexts(calls: Sequence[Skimmed]) -> list[Call]:
    """The calls with each distinct context read once: the calls of a session repeat it."""
    whose = [call.anonymous_id for call in calls]
    contexts = _CONTEXTS.read(whose, [call.context for call in calls])
    read: list[Call] = list(calls)
    for call, context in zip(read, contexts):
        call.context = context
    return read


_BATCH = msgspec.json.Decoder(Batch)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def unwrap(payload: bytes) -> list[bytes] | None:
    """The calls of `{"batch": [...]}`; None for a single call.

    `context` and `sentAt` beside the batch hold for every call that does not say otherwise: a
    refusal of consent may be written there.
    """
    if b'"batch"' not in payload:
        return None
    container = _BATCH.decode(payload)
    if container.batch is None or container.type is not None:
        return None
    if container.context is None and container.sent_at is None:
        return [bytes(call) for call in container.batch]
    return [_inherit(bytes(call), container) for call in container.batch]


def _inherit(call: bytes, batch: Batch) -> bytes:
    if call[:1] != b"{":
        return call
    fields: dict[str, Any] = dict(_FIELDS.decode(call))
    context = bytes(fields.get("context", b"{}"))
    if batch.context and context[:1] == b"{":
        fields["context"] = batch.context | _FIELDS.decode(context)
    if batch.sent_at:
        fields.setdefault("sentAt", batch.sent_at)
    return msgspec.json.encode(fields)


_TYPE = re.compile(rb'"type"\s*:\s*"(?:track|page|screen|identify|group|alias)"')


def recognise(payload: bytes) -> bool:
    named = b'"messageId"' in payload or b'"anonymousId"' in payload or b'"userId"' in payload
    return named and _TYPE.search(payload) is not None


CHANNEL = Channel(
    name="segment",
    title="Web and app (Segment, RudderStack)",
    document="Segment Spec: calls, Video Spec, V2 Ecommerce Events; RudderStack event spec",
    media_type="owned",
    provenance="first_party",
    kinds=KINDS,
    parse=parse,
    parse_lines=parse_lines,
    fill=fill,
    unwrap=unwrap,
    recognise=recognise,
    kind_path="$.type",
    clock="device",
    heartbeat_ms=HEARTBEAT_MS,
)
