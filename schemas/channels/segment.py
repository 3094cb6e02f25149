"""Segment Spec, as sent by Segment and RudderStack: calls, video events, e-commerce events.

Event time is derived from the three clocks (`originalTimestamp`, `sentAt`, `receivedAt`), so a
device whose clock is wrong by a constant is put right. `Video Content Playing` is the heartbeat:
the spec's default period is ten seconds.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from schemas.channel import Channel, Kind, Sheet
from schemas.failure import Reason
from schemas.text import text_column, text_of

HEARTBEAT_MS = 10_000


class _Native(msgspec.Struct, gc=False):
    pass


_NOT_STATED = msgspec.Raw()


class Page(_Native):
    path: str | None = None


class Campaign(_Native):
    name: str | None = None


class Device(_Native):
    type: str | None = None


class Consent(_Native, rename="camel"):
    """Of Segment (preferences) or RudderStack (ids); read once for each distinct text of it."""

    category_preferences: dict[str, bool] | None = None
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
    consent: msgspec.Raw = _NOT_STATED
    consent_management: msgspec.Raw = _NOT_STATED


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
_NO_CONTEXT, _NO_PROPERTIES = Context(), Properties()


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
    _actors(calls, sheet)
    created = [c.original_timestamp or c.timestamp for c in calls]
    sheet.put_instants("device_created_time", created, "$.originalTimestamp")
    sheet.put_instants("device_sent_time", [c.sent_at for c in calls], "$.sentAt")
    sheet.put_instants("collected_time", [c.received_at for c in calls], "$.receivedAt")
    sheet.put("raw_user_agent", [c.user_agent for c in contexts])
    sheet.put("raw_ip", [c.ip for c in contexts])
    own, shared = [p.session_id for p in properties], [c.session_id for c in contexts]
    sheet.put("raw_session", pc.coalesce(text_column(own), text_column(shared)))
    sheet.put("campaign_id", [c.campaign.name if c.campaign else None for c in contexts])
    sheet.put("device_class", [_device(c.device.type) if c.device else None for c in contexts])
    sheet.put("country", [_COUNTRIES[c.locale] for c in contexts])
    _objects(calls, contexts, properties, kinds, present, sheet)
    if _PLAYING in present:
        _heartbeats(kinds, properties, sheet)
    if _ORDERS & present:
        _orders(kinds, properties, sheet)
    if _WORDS & present:
        words = [
            text_of(p.query) or text_of(p.review_body) if kind in _WORDS else None
            for kind, p in zip(kinds, properties)
        ]
        sheet.put("text", words)
    _consent(contexts, sheet)


def _actors(calls: list[Call], sheet: Sheet) -> None:
    """`user:` where somebody is logged in, else `anonymous:`, the cookie or device."""
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
    pages = text_column([c.page.path if c.page else None for c in contexts])
    paths = pc.coalesce(pages, text_column([p.path for p in properties]))
    if "screen" in present:
        names = text_column([c.name if c.type == "screen" else None for c in calls])
        paths = pc.coalesce(names, paths)
    assets = [
        p.content_asset_id or p.asset_id if kind in _VIDEOS else None
        for kind, p in zip(kinds, properties)
    ]
    for row, kind in enumerate(kinds if _STARTED in present else ()):
        if kind == _STARTED and not assets[row]:
            several = properties[row].content_asset_ids
            assets[row] = several[0] if isinstance(several, list) and several else None
    products = text_column([p.product_id for p in properties])
    sheet.put("object_id", pc.coalesce(products, text_column(assets), paths))
    for row, kind in enumerate(kinds if _ADVERTS & present else ()):
        if kind in _ADVERTS:
            content = properties[row].content
            inner = content.get("asset_id") if isinstance(content, dict) else None
            assets[row] = properties[row].content_asset_id or inner
    sheet.put("content_id", pc.coalesce(text_column(assets), paths))


def _heartbeats(kinds: list[str], properties: list[Properties], sheet: Sheet) -> None:
    """Position in the programme, and the ten seconds that each heartbeat vouches for."""
    playing = [kind == _PLAYING for kind in kinds]
    seconds = [p.position if live else None for live, p in zip(playing, properties)]
    sheet.put_number("_position", seconds, "$.properties.position", 0, 1e9)
    position = pa.array(sheet.columns.pop("_position"), pa.float64())
    sheet.put("media_time_ms", pc.multiply(position, 1000).cast(pa.int64(), safe=False))
    beat = pc.if_else(pa.array(playing), pa.scalar(HEARTBEAT_MS, pa.int64()), None)
    sheet.put("heartbeat_ms", beat)
    sheet.put("duration_ms", beat)


def _orders(kinds: list[str], properties: list[Properties], sheet: Sheet) -> None:
    order = [kind in _ORDERS for kind in kinds]
    ids = [text_of(p.order_id) if is_order else None for is_order, p in zip(order, properties)]
    sheet.require(
        [i if is_order else "-" for i, is_order in zip(ids, order)], "$.properties.order_id"
    )
    sheet.put("fact_key", [f"order:{i}" if i else None for i in ids])
    revenue = [p.revenue if is_order else None for is_order, p in zip(order, properties)]
    sheet.put_number("amount", revenue, "$.properties.revenue", -1e11, 1e11)
    sheet.put(
        "currency",
        [text_of(p.currency) if is_order else None for is_order, p in zip(order, properties)],
    )


def _consent(contexts: list[Context], sheet: Sheet) -> None:
    """Each distinct statement of consent is read and judged once: a site has a handful of them."""
    for path, raws in (
        ("$.context.consent", [c.consent for c in contexts]),
        ("$.context.consentManagement", [c.consent_management for c in contexts]),
    ):
        if raws.count(_NOT_STATED) == len(raws):
            continue
        stated = [None if raw is _NOT_STATED else bytes(raw) for raw in raws]
        encoded = pa.array(stated, pa.binary()).dictionary_encode()
        verdicts = [_verdict(raw) for raw in encoded.dictionary.to_pylist()]
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        for code, verdict in enumerate(verdicts):
            if verdict.error:
                sheet.reject_where(codes == code, Reason.WRONG_SHAPE, path, verdict.error)
        judged = {
            "consent_basis": pa.array([v.basis for v in verdicts]).take(encoded.indices),
            "consent_reason": pa.array([v.reason for v in verdicts], pa.string()).take(
                encoded.indices
            ),
        }
        _join_verdicts(judged, sheet)
    if "consent_basis" in sheet.columns:
        sheet.put("consent_basis", pc.fill_null(sheet.columns["consent_basis"], "unknown"))


def _join_verdicts(judged: dict[str, pa.Array], sheet: Sheet) -> None:
    """Of two statements a refusal holds, then a grant, then what was said first."""
    if "consent_basis" in sheet.columns:
        first, second = sheet.columns["consent_basis"], judged["consent_basis"]
        refused = pc.equal(second, "denied").fill_null(False)
        silent = pc.not_equal(first.fill_null("unknown"), "denied")
        granted = pc.and_(pc.equal(second, "granted").fill_null(False), silent)
        later = pc.or_(pc.or_(refused, granted), pc.is_null(first))
        judged = {
            name: pc.if_else(later, column, sheet.columns[name]) for name, column in judged.items()
        }
    for name, column in judged.items():
        sheet.put(name, column)


class Verdict(NamedTuple):
    basis: str
    reason: str | None = None
    error: str | None = None


@lru_cache(maxsize=4096)
def _verdict(raw: bytes) -> Verdict:
    """Any refusal of a measurement purpose refuses; the purpose's name is kept as the reason."""
    try:
        consent = _CONSENT.decode(raw)
    except msgspec.ValidationError as error:
        return Verdict("unknown", error=str(error).partition(" - at ")[0])
    if consent is None:
        return Verdict("unknown")
    preferences = consent.category_preferences or {}
    allowed = {purpose.lower() for purpose, answer in preferences.items() if answer}
    denied = {purpose.lower() for purpose, answer in preferences.items() if not answer}
    allowed.update(purpose.lower() for purpose in consent.allowed_consent_ids)
    denied.update(purpose.lower() for purpose in consent.denied_consent_ids)
    for purpose in sorted(denied & _MEASUREMENT_PURPOSES):
        return Verdict("denied", f"segment.{purpose}=false")
    for purpose in sorted(allowed & _MEASUREMENT_PURPOSES):
        return Verdict("granted", f"segment.{purpose}=true")
    return Verdict("unknown")


_DEVICES = {
    "ios": "mobile",
    "android": "mobile",
    "mobile": "mobile",
    "tvos": "tv",
    "roku": "tv",
    "tv": "tv",
    "desktop": "desktop",
}


class _Countries(dict[str | None, str | None]):
    """ISO country of a locale such as fr-FR; locales repeat, so each is read once."""

    def __missing__(self, locale: str | None) -> str | None:
        code = locale[3:] if locale and len(locale) == 5 else ""
        country = code.upper() if code.isascii() and code.isalpha() else None
        if len(self) < 4096:
            self[locale] = country
        return country


_COUNTRIES = _Countries()


def _device(native: str | None) -> str | None:
    return _DEVICES.get(native.lower()) if native else None


_CALL = msgspec.json.Decoder(Call, strict=False)
_BATCH = msgspec.json.Decoder(Batch)
_CONSENT = msgspec.json.Decoder(Consent | None, strict=False)
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
    parse=_CALL.decode,
    parse_lines=_CALL.decode_lines,
    fill=fill,
    unwrap=unwrap,
    recognise=recognise,
    kind_path="$.type",
    clock="device",
    heartbeat_ms=HEARTBEAT_MS,
)
