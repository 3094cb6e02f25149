"""Mailjet Event API: what became of each e-mail, one event a request or a JSON array of them.

`sent` says that the recipient's mail server accepted the message, so it is a delivery here.
Opens through mail proxies look like any other: the user agent goes to Screen, which knows their
names and which of them fetch what nobody opened.
"""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.channel import Channel, Kind, Sheet
from schemas.links import bare_link


class Event(msgspec.Struct, gc=False):
    """Only kind and time are strict: the rest describes an event that did happen."""

    event: str
    time: float | None = None
    message_guid: Any = msgspec.field(default=None, name="Message_GUID")
    message_id: Any = msgspec.field(default=None, name="MessageID")
    mj_message_id: Any = None
    email: Any = None
    mj_campaign_id: Any = None
    customcampaign: Any = None
    ip: Any = None
    geo: Any = None
    agent: Any = None
    url: Any = None
    hard_bounce: Any = None
    error_related_to: Any = None
    error: Any = None
    source: Any = None
    mj_list_id: Any = None


KINDS = (
    Kind("sent", "deliver"),
    Kind("open", "open"),
    Kind("click", "click", modality="gesture_ui"),
    Kind("bounce", "fail_delivery"),
    Kind("blocked", "fail_delivery"),
    Kind("spam", "complain"),
    Kind("unsub", "unsubscribe"),
)

_ABSENT = (None, "", 0, "0")
"""Mailjet writes 0 for "no campaign" and "no message"."""


def fill(events: list[Event], sheet: Sheet) -> None:
    """Columns of Mailjet events. The message is the object; the clicked link is in `ext`."""
    messages = [_message(e) for e in events]
    emails = [e.email.strip().lower() if isinstance(e.email, str) else None for e in events]
    sheet.put("kind", [e.event for e in events])
    sheet.put_instants("event_time", [e.time for e in events], "$.time", "s", required=True)
    # The link is part of the id, for scanners follow every link within one second; it may hold an
    # address, so the id is hashed only.
    sheet.put(
        "id_key",
        [f"{m}|{e.event}|{e.time}|{e.url or ''}" if m else None for m, e in zip(messages, events)],
    )
    sheet.put("raw_actor", [f"email:{address}" if address else None for address in emails])
    sheet.put("actor_basis", ["channel_native" if address else "none" for address in emails])
    sheet.put("object_id", messages)
    sheet.put("object_type", ["message" if m else None for m in messages])
    sheet.put("campaign_id", [_campaign(e) for e in events])
    sheet.put("raw_user_agent", [e.agent if isinstance(e.agent, str) else None for e in events])
    sheet.put("raw_ip", [e.ip if isinstance(e.ip, str) else None for e in events])
    sheet.put("country", [_country(e.geo) for e in events])
    sheet.put("ext", [_extra(e) for e in events])


def _message(event: Event) -> str | None:
    """The GUID first: MessageID exceeds 2**53, so JSON tools written in JavaScript round it."""
    for value in (event.message_guid, event.message_id, event.mj_message_id):
        if value not in _ABSENT and isinstance(value, (str, int)):
            return str(value)
    return None


def _campaign(event: Event) -> str | None:
    campaign = event.mj_campaign_id
    if campaign not in _ABSENT and isinstance(campaign, (str, int)):
        return f"campaign:{campaign}"
    custom = event.customcampaign
    if isinstance(custom, str) and custom and "@" not in custom:
        return f"customcampaign:{custom}"
    return None


def _country(geo: Any) -> str | None:
    if isinstance(geo, str) and len(geo) == 2 and geo.isalpha() and geo.isascii():
        return geo.upper()
    return None


def _extra(event: Event) -> str | None:
    """JSON of the link clicked, the list left, or why delivery failed; null if none of these."""
    kind = event.event
    found: dict[str, Any] = {}
    if kind == "click":
        found["link"] = bare_link(event.url)
    elif kind in ("bounce", "blocked"):
        found["hard_bounce"] = event.hard_bounce if isinstance(event.hard_bounce, bool) else None
        found["error_related_to"] = _word(event.error_related_to)
        found["error"] = _word(event.error)
    elif kind == "spam":
        found["source"] = _word(event.source)
    elif kind == "unsub":
        listed = event.mj_list_id
        found["mj_list_id"] = listed if isinstance(listed, int) and listed else None
    kept = {name: value for name, value in found.items() if value is not None}
    return msgspec.json.encode(kept).decode() if kept else None


def _word(value: Any) -> str | None:
    """A term of the vendor's tables; free text might quote an address and is dropped."""
    return value if isinstance(value, str) and value and "@" not in value else None


_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])


def unwrap(payload: bytes) -> list[bytes] | None:
    """The events of a grouped request (Event API version 2); None for a single event."""
    if payload.lstrip()[:1] != b"[":
        return None
    return [bytes(item) for item in _ITEMS.decode(payload)]


def recognise(payload: bytes) -> bool:
    return b'"mj_contact_id"' in payload and b'"event"' in payload


CHANNEL = Channel(
    name="mailjet",
    title="E-mail (Mailjet)",
    document="Mailjet Event API: sent, open, click, bounce, blocked, spam, unsub events",
    media_type="owned",
    provenance="platform_api",
    kinds=KINDS,
    parse=msgspec.json.Decoder(Event, strict=False).decode,
    fill=fill,
    unwrap=unwrap,
    recognise=recognise,
    kind_path="$.event",
)
