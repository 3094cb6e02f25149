"""Iterable system webhooks: e-mail, SMS, push, in-app, embedded and WhatsApp messages.

Older webhooks name the event in `eventTitle`, newer ones in `eventName`; some carry no
`dataFields` or no `createdAt`. Such an event did happen: it is dated by its arrival.
`isBot` says that a machine opened or clicked, and so does the `proxySource` Apple, which fetches
every mail's images. Any other (Gmail) fetches them for whoever opens: of unknown validity, with
that reason.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from schemas.channel import Channel, Kind, Sheet
from schemas.links import bare_link
from schemas.text import native_id


class DataFields(msgspec.Struct, gc=False, rename="camel"):
    """Differs by event; only the time is strict."""

    created_at: str | None = None
    message_id: Any = None
    campaign_id: Any = None
    workflow_id: Any = None
    email: Any = None
    user_id: Any = None
    from_phone_number: Any = None
    sms_message: Any = None
    user_agent: Any = None
    user_agent_device: Any = None
    ip: Any = None
    country: Any = None
    region: Any = None
    proxy_source: Any = None
    is_bot: Any = None
    url: Any = None
    link_url: Any = None
    clicked_url: Any = None
    target_url: Any = None
    inbox_session_id: Any = None
    signup_source: Any = None


class Webhook(msgspec.Struct, gc=False, rename="camel"):
    event_name: str | None = None
    event_title: str | None = None
    email: Any = None
    user_id: Any = None
    data_fields: DataFields | None = None


_FORM = "WebForm"
_SUBSCRIBED_ELSEWHERE = "emailSubscribe: signupSource is no form"
_SKIPPED = "the vendor decided not to send it"
KINDS = (
    Kind("emailSend", "send"),
    Kind("emailSendSkip", ignored=_SKIPPED),
    Kind("emailOpen", "open"),
    Kind("emailClick", "click", modality="gesture_ui"),
    Kind("emailBounce", "fail_delivery"),
    Kind("emailComplaint", "complain"),
    Kind("emailSubscribe", "subscribe"),
    # A list that is imported, or an interface that is told of it, is nobody's act at that time.
    Kind(_SUBSCRIBED_ELSEWHERE, "consent"),
    Kind("emailUnSubscribe", "unsubscribe"),
    Kind(
        "hostedUnsubscribeClick",
        ignored="a visit to the unsubscribe page: emailUnSubscribe is counted if it follows",
    ),
    Kind("smsSend", "send"),
    Kind("smsSendSkip", ignored=_SKIPPED),
    Kind("smsClick", "click", modality="gesture_ui"),
    Kind("smsBounce", "fail_delivery"),
    Kind("smsReceived", "reply", modality="text"),
    Kind("whatsAppSend", "send"),
    Kind("whatsAppSendSkip", ignored=_SKIPPED),
    Kind("whatsAppSeen", "open"),
    Kind("whatsAppClick", "click", modality="gesture_ui"),
    Kind("whatsAppBounce", "fail_delivery"),
    Kind("whatsAppReceived", "reply", modality="text"),
    Kind("pushSend", "send"),
    Kind("pushSendSkip", ignored=_SKIPPED),
    Kind("pushOpen", "open"),
    Kind("pushBounce", "fail_delivery"),
    Kind("pushUninstall", "unsubscribe"),
    Kind("webPushSend", "send"),
    Kind("webPushSendSkip", ignored=_SKIPPED),
    Kind("webPushClick", "click", modality="gesture_ui"),
    Kind("inAppSend", "send"),
    Kind("inAppSendSkip", ignored=_SKIPPED),
    Kind("inAppDelivery", "deliver"),
    Kind("inAppOpen", "open"),
    Kind("inAppClick", "click", modality="gesture_ui"),
    Kind("inAppClose", ignored="the end of an open already counted"),
    Kind("inAppDelete", ignored="removed from the device's queue, also without a person's act"),
    Kind("inAppRecall", ignored="the sender's act: opens and clicks before it stay true"),
    Kind("inboxSession", "view"),
    Kind("inboxMessageImpression", "expose"),
    Kind("embeddedSend", "send"),
    Kind("embeddedSendSkip", ignored=_SKIPPED),
    Kind("embeddedReceived", "deliver"),
    Kind("embeddedImpression", "expose"),
    Kind("embeddedSession", "view"),
    Kind("embeddedClick", "click", modality="gesture_ui"),
    Kind("journeyExit", ignored="the vendor's automation moved on, nobody acted"),
)

_NO_FIELDS = DataFields()
_PROXY = re.compile("[A-Za-z]{1,20}")
_BOT = "iterable.isBot=true"
_MACHINES = (_BOT, "iterable.proxySource=Apple")
_PLACEHOLDER = "@placeholder.email"
"""Domain of the addresses Iterable invents for users known by an id only."""
_DEVICES = {
    "mac": "desktop",
    "windows": "desktop",
    "linux": "desktop",
    "iphone": "mobile",
    "ipad": "mobile",
    "android": "mobile",
}
_NAMED = re.compile(
    rb'"event(?:Name|Title)"\s*:\s*"'
    rb"(?:email|sms|whatsApp|push|webPush|inApp|inbox|embedded|hostedUnsubscribe|journey)[A-Z]"
)


def fill(webhooks: list[Webhook], sheet: Sheet) -> None:
    """Columns of Iterable webhooks. The message is the object; a clicked link is in `ext`."""
    fields = [w.data_fields or _NO_FIELDS for w in webhooks]
    kinds = [_kind(w, f) for w, f in zip(webhooks, fields)]
    messages = [native_id(f.message_id) for f in fields]
    links = [f.url or f.link_url or f.clicked_url or f.target_url for f in fields]
    actors = [_actor(w, f) for w, f in zip(webhooks, fields)]
    signs = [_sign(f) for f in fields]
    sheet.put("kind", kinds)
    sheet.require(kinds, "$.eventName")
    # Arrow reads the offset only without the space before it.
    created = [f.created_at.replace(" +", "+") if f.created_at else None for f in fields]
    sheet.put_instants("event_time", created, "$.dataFields.createdAt")
    # Without its time, a second open of a message would be taken for a replay of the first.
    sheet.put(
        "id_key",
        [
            f"{m}|{kind}|{f.created_at}|{link or ''}" if m and f.created_at else None
            for m, kind, f, link in zip(messages, kinds, fields, links)
        ],
    )
    sheet.put("raw_actor", actors)
    sheet.put(
        "actor_basis",
        [
            "none" if a is None else "login" if a[:5] == "user:" else "channel_native"
            for a in actors
        ],
    )
    sheet.put("object_id", messages)
    sheet.put("object_type", ["message" if m else None for m in messages])
    sheet.put("campaign_id", [_campaign(f) for f in fields])
    sheet.put(
        "text",
        [native_id(f.sms_message) if k == "smsReceived" else None for k, f in zip(kinds, fields)],
    )
    sheet.put("raw_session", [native_id(f.inbox_session_id) for f in fields])
    sheet.put("raw_user_agent", [native_id(f.user_agent) for f in fields])
    sheet.put("raw_ip", [native_id(f.ip) for f in fields])
    # A machine's device and place are not the person's.
    places = [_NO_FIELDS if sign else f for sign, f in zip(signs, fields)]
    sheet.put("device_class", [_device(f.user_agent_device) for f in places])
    sheet.put("country", [_country(f.country) for f in places])
    sheet.put("region", [native_id(f.region) for f in places])
    sheet.put("ivt_class", ["givt" if sign in _MACHINES else "unknown" for sign in signs])
    sheet.put("ivt_reason", signs)
    shown = [bare_link(link) if link else None for link in links]
    sheet.put(
        "ext", [msgspec.json.encode({"link": link}).decode() if link else None for link in shown]
    )


def _kind(webhook: Webhook, fields: DataFields) -> str | None:
    name = webhook.event_name or webhook.event_title
    if name == "emailSubscribe" and fields.signup_source != _FORM:
        return _SUBSCRIBED_ELSEWHERE
    return name


def _actor(webhook: Webhook, fields: DataFields) -> str | None:
    """The address, Iterable's own key; else the user id; else the phone that wrote."""
    user = native_id(webhook.user_id) or native_id(fields.user_id)
    address = native_id(webhook.email) or native_id(fields.email)
    if address:
        address = address.strip().lower()
        if not (user and address.endswith(_PLACEHOLDER)):
            return f"email:{address}"
    if user:
        return f"user:{user}"
    phone = native_id(fields.from_phone_number)
    digits = "".join(c for c in phone if c.isdigit()) if phone else ""
    return f"phone:+{digits}" if digits else None


def _campaign(fields: DataFields) -> str | None:
    campaign, workflow = native_id(fields.campaign_id), native_id(fields.workflow_id)
    return f"campaign:{campaign}" if campaign else f"workflow:{workflow}" if workflow else None


def _sign(fields: DataFields) -> str | None:
    """What says that a machine opened or clicked, or stood between."""
    if fields.is_bot is True:
        return _BOT
    if fields.proxy_source and isinstance(fields.proxy_source, str):
        known = fields.proxy_source if _PROXY.fullmatch(fields.proxy_source) else "other"
        return f"iterable.proxySource={known}"
    return None


def _device(name: Any) -> str | None:
    return _DEVICES.get(name.lower()) if isinstance(name, str) else None


def _country(name: Any) -> str | None:
    """The code where it is one: the webhook may spell the name out."""
    if isinstance(name, str) and len(name) == 2 and name.isascii() and name.isalpha():
        return name.upper()
    return None


def recognise(payload: bytes) -> bool:
    return _NAMED.search(payload) is not None


CHANNEL = Channel(
    name="iterable",
    title="E-mail, SMS, push, WhatsApp and in-app messages (Iterable)",
    document="Iterable system webhooks: example payloads of each event",
    media_type="owned",
    provenance="platform_api",
    kinds=KINDS,
    parse=msgspec.json.Decoder(Webhook, strict=False).decode,
    fill=fill,
    recognise=recognise,
    kind_path="$.eventName",
)
