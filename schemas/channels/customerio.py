"""Customer.io reporting webhooks: what became of each message, by channel, and subscriptions.

A kind is `<object_type>: <metric>`. Messages to Slack channels and webhooks reach colleagues and
servers, not the audience: they are kept as system events without an actor.

What is `prefetched`, or done by a `machine`, is no person's. What is only `proxied` (Gmail's image
proxy) may be: it is of unknown validity, with that reason.
"""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.channel import Channel, Kind, Sheet
from schemas.links import bare_link
from schemas.text import native_id


class Data(msgspec.Struct, gc=False):
    """Differs by metric, so nothing here may refuse a value."""

    customer_id: Any = None
    identifiers: Any = None
    email_address: Any = None
    recipient: Any = None
    delivery_id: Any = None
    campaign_id: Any = None
    broadcast_id: Any = None
    newsletter_id: Any = None
    transactional_message_id: Any = None
    href: Any = None
    content: Any = None
    proxied: Any = None
    prefetched: Any = None
    machine: Any = None


class Report(msgspec.Struct, gc=False):
    object_type: str
    metric: str
    event_id: str | None = None
    timestamp: float | None = None
    data: Data | None = None


_METRICS = {
    "customer": "subscribed unsubscribed cio_subscription_preferences_changed",
    "email": "drafted attempted sent delivered deferred opened clicked converted unsubscribed "
    "bounced dropped spammed failed undeliverable",
    "push": "drafted attempted sent delivered opened clicked converted bounced dropped failed "
    "undeliverable",
    "sms": "drafted attempted sent delivered clicked converted replied bounced dropped failed "
    "undeliverable",
    "whatsapp": "drafted attempted sent delivered opened clicked converted replied bounced "
    "dropped failed undeliverable",
    "in_app": "drafted attempted sent opened clicked converted dropped failed undeliverable",
    "slack": "drafted attempted sent clicked converted dropped failed undeliverable",
    "webhook": "drafted attempted sent clicked converted dropped failed undeliverable",
}
_ACTIONS = {
    # Also set by an import or an interface: an attribute that changed, not somebody's act.
    "subscribed": "consent",
    "unsubscribed": "unsubscribe",
    "cio_subscription_preferences_changed": "consent",
    "sent": "send",
    "delivered": "deliver",
    "opened": "open",
    "clicked": "click",
    # The goal may be any event or segment, so a conversion is not known to be a purchase.
    "converted": "lead",
    "replied": "reply",
    "spammed": "complain",
    "bounced": "fail_delivery",
    "dropped": "fail_delivery",
    "failed": "fail_delivery",
    "undeliverable": "fail_delivery",
}
_IGNORED = {
    "drafted": "a draft is not sent yet",
    "attempted": "the vendor tries again: sent or failed follows",
    "deferred": "a delay: delivered or bounced follows",
}
_MODALITIES = {"clicked": "gesture_ui", "replied": "text"}
_NOT_AUDIENCE = {"slack": "unknown", "webhook": "automaton"}
"""Object types whose recipient is not the customer, and what kind of actor it is."""


def _kind(object_type: str, metric: str) -> Kind:
    name = f"{object_type}: {metric}"
    if metric in _IGNORED:
        return Kind(name, ignored=_IGNORED[metric])
    if object_type in _NOT_AUDIENCE:
        return Kind(name, "system")
    return Kind(name, _ACTIONS[metric], modality=_MODALITIES.get(metric, "passive"))


KINDS = tuple(_kind(o, metric) for o, metrics in _METRICS.items() for metric in metrics.split())

_NO_DATA = Data()
_CAMPAIGNS = (
    ("campaign", "campaign_id"),
    ("broadcast", "broadcast_id"),
    ("newsletter", "newsletter_id"),
    ("transactional", "transactional_message_id"),
)
_MACHINES = ("prefetched", "machine")


def fill(reports: list[Report], sheet: Sheet) -> None:
    """Columns of Customer.io reports. The delivery is the object; a clicked link is in `ext`."""
    data = [r.data or _NO_DATA for r in reports]
    actors = [
        None if r.object_type in _NOT_AUDIENCE else _actor(r.object_type, d)
        for r, d in zip(reports, data)
    ]
    deliveries = [native_id(d.delivery_id) for d in data]
    flags = [_flag(d) for d in data]
    sheet.put("kind", [f"{r.object_type}: {r.metric}" for r in reports])
    sheet.put("source_event_id", [r.event_id or None for r in reports])
    sheet.put_instants(
        "event_time", [r.timestamp for r in reports], "$.timestamp", "s", required=True
    )
    sheet.put("raw_actor", actors)
    sheet.put(
        "actor_basis",
        [
            "none" if a is None else "login" if a[:5] == "user:" else "channel_native"
            for a in actors
        ],
    )
    sheet.put("actor_kind", [_NOT_AUDIENCE.get(r.object_type, "person") for r in reports])
    sheet.put("object_id", deliveries)
    sheet.put("object_type", ["message" if d else None for d in deliveries])
    sheet.put("campaign_id", [_campaign(d) for d in data])
    sheet.put(
        "text",
        [native_id(d.content) if r.metric == "replied" else None for r, d in zip(reports, data)],
    )
    sheet.put("ivt_class", ["givt" if flag in _MACHINES else "unknown" for flag in flags])
    sheet.put("ivt_reason", [f"customerio.{flag}=true" if flag else None for flag in flags])
    links = [bare_link(d.href) if d.href else None for d in data]
    sheet.put(
        "ext", [msgspec.json.encode({"link": link}).decode() if link else None for link in links]
    )


def _actor(object_type: str, data: Data) -> str | None:
    """The customer's own id, which every report carries; an address only where there is none.

    A workspace may use addresses as ids: then the id is an address and is named as one.
    """
    known = data.identifiers if isinstance(data.identifiers, dict) else {}
    own = native_id(known.get("id")) or native_id(data.customer_id)
    if own:
        return f"email:{own.lower()}" if "@" in own else f"user:{own}"
    recipient = native_id(data.recipient)
    address = native_id(known.get("email")) or native_id(data.email_address)
    if address is None and recipient and "@" in recipient:
        address = recipient
    if address:
        return f"email:{address.strip().lower()}"
    if recipient and object_type in ("sms", "whatsapp"):
        digits = "".join(c for c in recipient if c.isdigit())
        return f"phone:+{digits}" if digits else None
    return None


def _campaign(data: Data) -> str | None:
    for prefix, field in _CAMPAIGNS:
        value = native_id(getattr(data, field))
        if value:
            return f"{prefix}:{value}"
    return None


def _flag(data: Data) -> str | None:
    """Which of the vendor's flags says that a machine opened or clicked, or stood between."""
    for flag in (*_MACHINES, "proxied"):
        if getattr(data, flag) is True:
            return flag
    return None


def recognise(payload: bytes) -> bool:
    return b'"object_type"' in payload and b'"metric"' in payload and b'"timestamp"' in payload


CHANNEL = Channel(
    name="customerio",
    title="E-mail, push, SMS, WhatsApp and in-app messages (Customer.io)",
    document="Customer.io reporting webhooks: customer, email, push, SMS, WhatsApp, in-app, Slack "
    "and webhook events",
    media_type="owned",
    provenance="platform_api",
    kinds=KINDS,
    parse=msgspec.json.Decoder(Report, strict=False).decode,
    fill=fill,
    recognise=recognise,
    kind_path="$.metric",
)
