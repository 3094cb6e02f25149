"""Segment Spec, as sent by Segment and RudderStack: calls, video events, e-commerce events.

Event time is derived from the three clocks (`originalTimestamp`, `sentAt`, `receivedAt`), so a
device whose clock is wrong by a constant is put right. `Video Content Playing` is the heartbeat:
the spec's default period is ten seconds.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import msgspec

from schemas.channel import Channel, Kind, Sheet

HEARTBEAT_MS = 10_000


class _Native(msgspec.Struct, gc=False):
    pass


class Page(_Native):
    path: str | None = None


class Campaign(_Native):
    name: str | None = None


class Device(_Native):
    type: str | None = None


class Consent(_Native, rename="camel"):
    category_preferences: dict[str, bool] | None = None


class ConsentManagement(_Native, rename="camel"):
    allowed_consent_ids: list[str] = []
    denied_consent_ids: list[str] = []


class Context(_Native, rename="camel"):
    ip: str | None = None
    user_agent: str | None = None
    locale: str | None = None
    session_id: str | int | None = None
    page: Page | None = None
    campaign: Campaign | None = None
    device: Device | None = None
    consent: Consent | None = None
    consent_management: ConsentManagement | None = None


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


_VIDEO = "track: Video "
KINDS = (
    Kind("track", "custom"),
    Kind("page", "view"),
    Kind("screen", "view"),
    Kind("identify", "identify"),
    Kind("group", "identify"),
    Kind("alias", "identify"),
    Kind(_VIDEO + "Playback Started", "join"),
    Kind(_VIDEO + "Playback Paused", "leave"),
    Kind(_VIDEO + "Playback Resumed", "join"),
    Kind(_VIDEO + "Playback Interrupted", ignored="quality of service, not a person's act"),
    Kind(_VIDEO + "Playback Buffer Started", ignored="quality of service, not a person's act"),
    Kind(_VIDEO + "Playback Buffer Completed", ignored="quality of service, not a person's act"),
    Kind(_VIDEO + "Playback Seek Started", ignored="its completion is counted"),
    Kind(_VIDEO + "Playback Seek Completed", "custom", modality="gesture_ui"),
    Kind(_VIDEO + "Playback Completed", "leave"),
    Kind(_VIDEO + "Playback Exited", "leave"),
    Kind(_VIDEO + "Quality Updated", ignored="quality of service, not a person's act"),
    Kind(_VIDEO + "Content Started", "view"),
    Kind(_VIDEO + "Content Playing", "heartbeat"),
    Kind(_VIDEO + "Content Completed", "leave"),
    Kind(_VIDEO + "Ad Started", "expose"),
    Kind(_VIDEO + "Ad Playing", ignored="the start of the advertisement is counted"),
    Kind(_VIDEO + "Ad Completed", ignored="the start of the advertisement is counted"),
    Kind("track: Products Searched", "search", modality="text"),
    Kind("track: Product List Viewed", "view"),
    Kind("track: Product List Filtered", "option_select", modality="gesture_ui"),
    Kind("track: Promotion Viewed", "expose"),
    Kind("track: Promotion Clicked", "click", modality="gesture_ui"),
    Kind("track: Product Clicked", "click", modality="gesture_ui"),
    Kind("track: Product Viewed", "view"),
    Kind("track: Product Added", "option_select", modality="gesture_ui"),
    Kind("track: Product Removed", "custom", modality="gesture_ui"),
    Kind("track: Cart Viewed", "view"),
    Kind("track: Checkout Started", "custom"),
    Kind("track: Checkout Step Viewed", "view"),
    Kind("track: Checkout Step Completed", "custom"),
    Kind("track: Payment Info Entered", "custom"),
    Kind("track: Order Updated", "purchase", op="update", modality="purchase"),
    Kind("track: Order Completed", "purchase", modality="purchase", mutable=True),
    Kind("track: Order Refunded", ignored="a refund does not undo the purchase decision"),
    Kind(
        "track: Order Cancelled",
        "purchase",
        op="retract",
        modality="purchase",
        undoes="track: Order Completed",
    ),
    Kind("track: Coupon Entered", "custom"),
    Kind("track: Coupon Applied", "custom"),
    Kind("track: Coupon Denied", ignored="the shop's act, not a person's"),
    Kind("track: Coupon Removed", "custom"),
    Kind("track: Product Added to Wishlist", "option_select", modality="gesture_ui"),
    Kind("track: Product Removed from Wishlist", "custom", modality="gesture_ui"),
    Kind("track: Wishlist Product Added to Cart", "option_select", modality="gesture_ui"),
    Kind("track: Product Shared", "share", modality="gesture_ui"),
    Kind("track: Cart Shared", "share", modality="gesture_ui"),
    Kind("track: Product Reviewed", "comment", modality="text"),
    Kind("track: Lead Generated", "lead"),
)
_TRACKS: dict[str | None, str] = {
    kind.name[len("track: ") :]: kind.name for kind in KINDS if kind.name[:7] == "track: "
}
_CALLS = frozenset(kind.name for kind in KINDS if ": " not in kind.name) - {"track"}
_PLAYING = _VIDEO + "Content Playing"
_STARTED = _VIDEO + "Playback Started"
_VIDEOS = frozenset(name for name in _TRACKS.values() if name.startswith(_VIDEO))
_ADVERTS = frozenset(name for name in _VIDEOS if name.startswith(_VIDEO + "Ad "))
_ORDERS = {"track: Order Completed", "track: Order Updated", "track: Order Cancelled"}
_WORDS = {"track: Products Searched", "track: Product Reviewed"}
_MEASUREMENT_PURPOSES = {"analytics", "performance", "measurement", "statistics", "c0002"}
_NO_CONTEXT, _NO_PROPERTIES, _NO_PAGE = Context(), Properties(), Page()


def fill(calls: list[Call], sheet: Sheet) -> None:
    """Columns of Segment calls; see the table in docs/channels.md for what each kind becomes."""
    contexts = [c.context or _NO_CONTEXT for c in calls]
    properties = [c.properties or _NO_PROPERTIES for c in calls]
    kinds = [
        _TRACKS.get(c.event, "track") if c.type == "track" else c.type if c.type in _CALLS else ""
        for c in calls
    ]
    present = set(kinds)
    sheet.put("kind", kinds)
    sheet.put("source_event_id", [c.message_id for c in calls])
    sheet.put(
        "raw_actor",
        [
            f"user:{c.user_id}"
            if c.user_id
            else f"anonymous:{c.anonymous_id}"
            if c.anonymous_id
            else None
            for c in calls
        ],
    )
    sheet.put(
        "actor_basis",
        ["login" if c.user_id else "exempt_cookie" if c.anonymous_id else "none" for c in calls],
    )
    created = [c.original_timestamp or c.timestamp for c in calls]
    sheet.put_instants("device_created_time", created, "$.originalTimestamp")
    sheet.put_instants("device_sent_time", [c.sent_at for c in calls], "$.sentAt")
    sheet.put_instants("collected_time", [c.received_at for c in calls], "$.receivedAt")
    sheet.put("raw_user_agent", [c.user_agent for c in contexts])
    sheet.put("raw_ip", [c.ip for c in contexts])
    sheet.put(
        "raw_session", _texts([p.session_id for p in properties], [c.session_id for c in contexts])
    )
    sheet.put("campaign_id", [c.campaign.name if c.campaign else None for c in contexts])
    sheet.put("device_class", [_device(c.device.type) if c.device else None for c in contexts])
    sheet.put(
        "country",
        [_country(c.locale) if c.locale and len(c.locale) == 5 else None for c in contexts],
    )
    _objects(calls, contexts, properties, kinds, present, sheet)
    if _PLAYING in present:
        _heartbeats(kinds, properties, sheet)
    if _ORDERS & present:
        _orders(kinds, properties, sheet)
    if _WORDS & present:
        words = [
            _text(p.query) or _text(p.review_body) if kind in _WORDS else None
            for kind, p in zip(kinds, properties)
        ]
        sheet.put("text", words)
    _consent(contexts, sheet)


def _objects(
    calls: list[Call],
    contexts: list[Context],
    properties: list[Properties],
    kinds: list[str],
    present: set[str],
    sheet: Sheet,
) -> None:
    """What was acted on, and the content whose audience it joins.

    Playback events name the content `content_asset_id`, or `content_asset_ids` before the first
    frame; content events name it `asset_id`, which in an advertisement's events is the
    advertisement, with the content under `content`.
    """
    paths = _texts([(c.page or _NO_PAGE).path for c in contexts], [p.path for p in properties])
    if "screen" in present:
        paths = [c.name if c.type == "screen" and c.name else p for c, p in zip(calls, paths)]
    assets = [
        p.content_asset_id or p.asset_id if kind in _VIDEOS else None
        for kind, p in zip(kinds, properties)
    ]
    for row, kind in enumerate(kinds if _STARTED in present else ()):
        if kind == _STARTED and not assets[row]:
            several = properties[row].content_asset_ids
            assets[row] = several[0] if isinstance(several, list) and several else None
    objects = _texts([p.product_id or a for p, a in zip(properties, assets)], paths)
    for row, kind in enumerate(kinds if _ADVERTS & present else ()):
        if kind in _ADVERTS:
            content = properties[row].content
            inner = content.get("asset_id") if isinstance(content, dict) else None
            assets[row] = properties[row].content_asset_id or inner
    sheet.put("object_id", objects)
    sheet.put("content_id", _texts(assets, paths))


def _heartbeats(kinds: list[str], properties: list[Properties], sheet: Sheet) -> None:
    playing = [kind == _PLAYING for kind in kinds]
    seconds = [p.position if live else None for live, p in zip(playing, properties)]
    sheet.put_number("_position", seconds, "$.properties.position", 0, 1e9)
    sheet.columns["media_time_ms"] = [
        None if p is None else int(p * 1000) for p in sheet.columns.pop("_position")
    ]
    beat = [HEARTBEAT_MS if live else None for live in playing]
    sheet.put("heartbeat_ms", beat)
    sheet.put("duration_ms", beat)


def _orders(kinds: list[str], properties: list[Properties], sheet: Sheet) -> None:
    order = [kind in _ORDERS for kind in kinds]
    ids = [_text(p.order_id) if is_order else None for is_order, p in zip(order, properties)]
    sheet.require(
        [i if is_order else "-" for i, is_order in zip(ids, order)], "$.properties.order_id"
    )
    sheet.put("fact_key", [f"order:{i}" if i else None for i in ids])
    revenue = [p.revenue if is_order else None for is_order, p in zip(order, properties)]
    sheet.put_number("amount", revenue, "$.properties.revenue", -1e11, 1e11)
    sheet.put(
        "currency",
        [_text(p.currency) if is_order else None for is_order, p in zip(order, properties)],
    )


def _consent(contexts: list[Context], sheet: Sheet) -> None:
    """Each distinct statement of consent is judged once: a site has a handful of them."""
    stated = [c for c in contexts if c.consent or c.consent_management]
    if not stated:
        return
    verdicts = [
        _verdict(
            tuple(c.consent.category_preferences.items())
            if c.consent and c.consent.category_preferences
            else (),
            tuple(c.consent_management.allowed_consent_ids) if c.consent_management else (),
            tuple(c.consent_management.denied_consent_ids) if c.consent_management else (),
        )
        for c in contexts
    ]
    sheet.put("consent_basis", [basis for basis, _ in verdicts])
    sheet.put("consent_reason", [reason for _, reason in verdicts])


@lru_cache(maxsize=4096)
def _verdict(
    preferences: tuple[tuple[str, bool], ...],
    allowed_ids: tuple[str, ...],
    denied_ids: tuple[str, ...],
) -> tuple[str, str | None]:
    """Any refusal of a measurement purpose refuses; the purpose's name is kept as the reason."""
    allowed = {purpose.lower() for purpose, answer in preferences if answer}
    denied = {purpose.lower() for purpose, answer in preferences if not answer}
    allowed.update(purpose.lower() for purpose in allowed_ids)
    denied.update(purpose.lower() for purpose in denied_ids)
    for purpose in sorted(denied & _MEASUREMENT_PURPOSES):
        return "denied", f"segment.{purpose}=false"
    for purpose in sorted(allowed & _MEASUREMENT_PURPOSES):
        return "granted", f"segment.{purpose}=true"
    return "unknown", None


def _texts(values: list[Any], otherwise: list[Any]) -> list[str | None]:
    """Text of each value, of the other where it is empty; ids may be numbers."""
    chosen = [v or o for v, o in zip(values, otherwise)]
    return [v if v.__class__ is str else _text(v) for v in chosen]


def _text(value: Any) -> str | None:
    if value is None or value.__class__ is str:
        return value or None
    return str(value) if isinstance(value, (int, float)) else None


_DEVICES = {
    "ios": "mobile",
    "android": "mobile",
    "mobile": "mobile",
    "tvos": "tv",
    "roku": "tv",
    "tv": "tv",
    "desktop": "desktop",
}


def _country(locale: str) -> str | None:
    code = locale[3:]
    return code.upper() if code.isascii() and code.isalpha() else None


def _device(native: str | None) -> str | None:
    return _DEVICES.get(native.lower()) if native else None


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
    parse=msgspec.json.Decoder(Call, strict=False).decode,
    fill=fill,
    unwrap=unwrap,
    recognise=recognise,
    kind_path="$.type",
    clock="device",
    heartbeat_ms=HEARTBEAT_MS,
)
