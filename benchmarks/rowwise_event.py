"""The row by row rival's event: one dict of unified fields from one line."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from hashlib import blake2b
from typing import Any

import orjson

ACTIONS = {
    "Video Content Playing": ("heartbeat", "exposure", "passive"),
    "Product Reviewed": ("comment", "interaction", "text"),
}
"""The kinds `pipelines.simulator.tracks` writes."""

_KEY = b"thirty-two bytes of the row rival"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_LEAD = 5 * 60 * 1_000_000


def decode(line: bytes) -> dict[str, Any]:
    """The unified event of one track, as a dict; times are microseconds since the epoch."""
    call = orjson.loads(line)
    context = call.get("context") or {}
    properties = call.get("properties") or {}
    name = call["event"]
    action, action_class, modality = ACTIONS[name]
    created = _micros(call["originalTimestamp"])
    sent = _micros(call["sentAt"])
    received = _micros(call["receivedAt"])
    event_time, time_basis = received - (sent - created), "derived"
    if event_time > received + _LEAD:
        event_time, time_basis = received, "collector"
        if created <= received + _LEAD:
            event_time, time_basis = created, "declared"
    user, anonymous = call.get("userId"), call.get("anonymousId")
    actor = f"user:{user}" if user else f"anonymous:{anonymous}" if anonymous else None
    session = context.get("sessionId")
    path = (context.get("page") or {}).get("path")
    video = name.startswith("Video ")
    content = (properties.get("content_asset_id") if video else None) or path
    preferences = (context.get("consent") or {}).get("categoryPreferences") or {}
    locale = context.get("locale") or ""
    heartbeat = 10_000 if action == "heartbeat" else None
    position = properties.get("position")
    return {
        "event_id": blake2b(f"segment\x1f{call['messageId']}".encode(), digest_size=16).hexdigest(),
        "source": "segment",
        "source_event_id": call["messageId"],
        "event_type": f"segment.track: {name}",
        "schema_ref": "moment:event/1-0-0",
        "op": "insert",
        "event_time": event_time,
        "time_basis": time_basis,
        "device_created_time": created,
        "device_sent_time": sent,
        "collected_time": received,
        "ingested_time": received,
        "media_time_ms": int(position * 1000) if heartbeat and position is not None else None,
        "actor_id": _keyed(actor, b"actor"),
        "actor_key_id": "row" if actor else None,
        "actor_basis": "login" if user else "exempt_cookie" if anonymous else "none",
        "actor_kind": "person",
        "session_id": _keyed(session, b"session"),
        "route": _keyed(actor, b"route"),
        "action": action,
        "action_class": action_class,
        "object_id": properties.get("product_id") or content,
        "content_id": content,
        "campaign_id": (context.get("campaign") or {}).get("name"),
        "channel": "segment",
        "media_type": "owned",
        "device_class": (context.get("device") or {}).get("type"),
        "country": locale[3:].upper() if len(locale) == 5 else None,
        "modality": modality,
        "text": properties.get("review_body") if modality == "text" else None,
        "duration_ms": heartbeat,
        "heartbeat_ms": heartbeat,
        "user_agent": context.get("userAgent"),
        "ivt_class": "unknown",
        "consent_basis": "granted" if preferences.get("Analytics") else "unknown",
        "provenance": "first_party",
        "pipeline_version": "row",
    }


def _micros(text: str) -> int:
    return (datetime.fromisoformat(text.replace("Z", "+00:00")) - EPOCH) // _MICROSECOND


def _keyed(value: str | None, purpose: bytes) -> str | None:
    if value is None:
        return None
    return blake2b(value.encode(), digest_size=16, key=_KEY, person=purpose).hexdigest()
