"""Segment Spec, as sent by Segment and RudderStack: calls, video events, e-commerce events.

Event time is derived from the three clocks (`originalTimestamp`, `sentAt`, `receivedAt`), so a
device whose clock is wrong by a constant is put right. `Video Content Playing` is the heartbeat:
the spec's default period is ten seconds.
"""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.channel import Channel, Kind, Sheet

HEARTBEAT_MS = 10_000


class _Native(msgspec.Struct, gc=False):
    pass


class Page(_Native):
    path: str | None = None
    referrer: str | None = None


class Campaign(_Native):
    name: str | None = None
    medium: str | None = None


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
    session_id: Any = None
    position: Any = None
    order_id: Any = None
    product_id: Any = None
    revenue: Any = None
    currency: Any = None
    path: Any = None


class Call(_Native, rename="camel"):
    type: str
    message_id: str | None = None
    event: str | None = None
    name: str | None = None
    user_id: str | int | None = None
    anonymous_id: str | None = None
    timestamp: str | None = None
    original_timestamp: str | None = None
    sent_at: str | None = None
    received_at: str | None = None
    context: Context | None = None
    properties: Properties | None = None


class Batch(_Native, rename="camel"):
    batch: list[msgspec.Raw] | None = None
    type: str | None = None


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
_TRACKS = {kind.name[len("track: ") :]: kind.name for kind in KINDS if kind.name[:7] == "track: "}
_ORDERS = {"track: Order Completed", "track: Order Updated", "track: Order Cancelled"}
_MEASUREMENT_PURPOSES = {"analytics", "performance", "measurement", "statistics", "c0002"}
_NO_CONTEXT, _NO_PROPERTIES, _NO_PAGE = Context(), Properties(), Page()


def fill(calls: list[Call], sheet: Sheet) -> None:
    """Columns of Segment calls; see the table in docs/channels.md for what each kind becomes."""
    contexts = [c.context or _NO_CONTEXT for c in calls]
    properties = [c.properties or _NO_PROPERTIES for c in calls]
    pages = [c.page or _NO_PAGE for c in contexts]
    kinds = [_TRACKS.get(c.event, "track") if c.type == "track" else c.type for c in calls]
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
    sheet.put("actor_basis", ["login" if c.user_id else "exempt_cookie" for c in calls])
    created = [c.original_timestamp or c.timestamp for c in calls]
    sheet.put_instants("device_created_time", created, "$.originalTimestamp")
    sheet.put_instants("device_sent_time", [c.sent_at for c in calls], "$.sentAt")
    sheet.put_instants("collected_time", [c.received_at for c in calls], "$.receivedAt")
    sheet.put("raw_user_agent", [c.user_agent for c in contexts])
    sheet.put("raw_ip", [c.ip for c in contexts])
    sheet.put(
        "raw_session", [_text(p.session_id or c.session_id) for p, c in zip(properties, contexts)]
    )
    paths = [p.path for p in pages]
    sheet.put("object_id", [_text(p.product_id) or path for p, path in zip(properties, paths)])
    sheet.put(
        "content_id", [_text(p.content_asset_id) or path for p, path in zip(properties, paths)]
    )
    sheet.put("campaign_id", [c.campaign.name if c.campaign else None for c in contexts])
    sheet.put("device_class", [_device(c.device.type) if c.device else None for c in contexts])
    sheet.put(
        "country", [c.locale[3:5] if c.locale and len(c.locale) == 5 else None for c in contexts]
    )
    playing = [kind == "track: Video Content Playing" for kind in kinds]
    positions = [p.position if live else None for live, p in zip(playing, properties)]
    sheet.put_number("_position", positions, "$.properties.position", 0, 1e9)
    sheet.columns["media_time_ms"] = [
        None if p is None else int(p * 1000) for p in sheet.columns.pop("_position")
    ]
    beat = [HEARTBEAT_MS if live else None for live in playing]
    sheet.put("heartbeat_ms", beat)
    sheet.put("duration_ms", beat)
    _orders(kinds, properties, sheet)
    _consent(contexts, sheet)


def _orders(kinds: list[str], properties: list[Properties], sheet: Sheet) -> None:
    if not _ORDERS.intersection(kinds):
        return
    order = [kind in _ORDERS for kind in kinds]
    ids = [_text(p.order_id) if is_order else None for is_order, p in zip(order, properties)]
    sheet.require(
        [i if is_order else "-" for i, is_order in zip(ids, order)], "$.properties.order_id"
    )
    sheet.put("fact_key", [f"order:{i}" if i else None for i in ids])
    revenue = [p.revenue if is_order else None for is_order, p in zip(order, properties)]
    sheet.put_number("amount", revenue, "$.properties.revenue", -1e12, 1e12)
    sheet.put(
        "currency",
        [_text(p.currency) if is_order else None for is_order, p in zip(order, properties)],
    )


def _consent(contexts: list[Context], sheet: Sheet) -> None:
    if not any(c.consent or c.consent_management for c in contexts):
        return
    verdicts = [_verdict(c) for c in contexts]
    sheet.put("consent_basis", [basis for basis, _ in verdicts])
    sheet.put("consent_reason", [reason for _, reason in verdicts])


def _verdict(context: Context) -> tuple[str, str | None]:
    """Any refusal of a measurement purpose refuses; the purpose's name is kept as the reason."""
    allowed: set[str] = set()
    denied: set[str] = set()
    if context.consent and context.consent.category_preferences:
        for purpose, answer in context.consent.category_preferences.items():
            (allowed if answer else denied).add(purpose.lower())
    if context.consent_management:
        allowed.update(p.lower() for p in context.consent_management.allowed_consent_ids)
        denied.update(p.lower() for p in context.consent_management.denied_consent_ids)
    for purpose in sorted(denied & _MEASUREMENT_PURPOSES):
        return "denied", f"segment.{purpose}=false"
    for purpose in sorted(allowed & _MEASUREMENT_PURPOSES):
        return "granted", f"segment.{purpose}=true"
    return "unknown", None


def _text(value: Any) -> str | None:
    if value is None or value.__class__ is str:
        return value or None
    return str(value) if isinstance(value, (int, float)) else None


def _device(native: str | None) -> str | None:
    if native is None:
        return None
    return {"ios": "mobile", "android": "mobile", "tvos": "tv", "roku": "tv"}.get(native.lower())


_BATCH = msgspec.json.Decoder(Batch)


def unwrap(payload: bytes) -> list[bytes] | None:
    """The calls of `{"batch": [...]}`; None for a single call."""
    if b'"batch"' not in payload:
        return None
    container = _BATCH.decode(payload)
    if container.batch is None or container.type is not None:
        return None
    return [bytes(item) for item in container.batch]


def recognise(payload: bytes) -> bool:
    if b'"messageId"' in payload and b'"type"' in payload:
        return True
    return b'"batch"' in payload[:200] and b'"type"' in payload


CHANNEL = Channel(
    name="segment",
    title="Web and app (Segment, RudderStack)",
    document="Segment Spec: calls, video events, e-commerce events; RudderStack event specification",
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
