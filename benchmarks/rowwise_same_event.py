"""The row by row rival that does the same as Moment: the dict of one event from one line.

Validated, its clocks judged, user agent screened, text redacted, id hashed, actor and session
pseudonymous: what Moment does to columns, done to one event. Whatever repeats is cached.
"""

from __future__ import annotations

import os
import re
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import orjson
from crawleruseragents import CRAWLER_USER_AGENTS_DATA, is_crawler, matching_crawlers

from schemas.failure import Reason
from schemas.links import PERSONAL_PART, REPLACEMENT
from transforms.protect import REMEMBERED, PseudonymKeys
from transforms.redact import REDACTIONS
from transforms.screen import _MAIL_PREFETCH, _MAIL_PROXY, _MOBILE, _TELEVISION

ACTIONS = {
    "Video Content Playing": ("heartbeat", "exposure", "passive"),
    "Product Reviewed": ("comment", "interaction", "text"),
}
"""The kinds `pipelines.simulator.tracks` writes."""

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_LEAD = 5 * 60 * 1_000_000
_EARLIEST = (datetime(1990, 1, 1, tzinfo=timezone.utc) - EPOCH) // _MICROSECOND
_LATEST = (datetime(2100, 1, 1, tzinfo=timezone.utc) - EPOCH) // _MICROSECOND
_SUSPECT = re.compile(r"[@＠0-9]|%40|://")
_RULES = [(re.compile(pattern, re.ASCII), replacement) for pattern, replacement in REDACTIONS]
_LABELS = re.compile(PERSONAL_PART)
_COOKIES = {"granted": "consented_cookie", "denied": "exempt_cookie", "unknown": "exempt_cookie"}
_ID = blake2b(b"segment\x1f", digest_size=16)


def arrived_at(path: str) -> int:
    """When a file was last changed, in microseconds since the epoch."""
    return (datetime.fromtimestamp(os.stat(path).st_mtime, timezone.utc) - EPOCH) // _MICROSECOND


class Fault(ValueError):
    """Why a line is no event: a reason and the path of the offender."""

    def __init__(self, reason: Reason, path: str) -> None:
        super().__init__(reason, path)
        self.reason, self.path = reason, path


class Decoder:
    """Lines to events of one run: its keys, and when the file arrived."""

    def __init__(self, keys: PseudonymKeys, arrived: int) -> None:
        self._arrived = arrived
        self._actor = lru_cache(REMEMBERED)(_hasher(keys.actor, b"moment.actor"))
        self._route = lru_cache(REMEMBERED)(_hasher(keys.routing, b"moment.route"))
        self._session = lru_cache(REMEMBERED)(_hasher(keys.actor, b"moment.session"))

    def __call__(self, line: bytes) -> dict[str, Any]:
        """What of an event is not the same for all; times are microseconds since the epoch."""
        try:
            call = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise Fault(Reason.SYNTAX, "$") from error
        if not isinstance(call, dict):
            raise Fault(Reason.WRONG_SHAPE, "$")
        context = _object(call, "context")
        properties = _object(call, "properties")
        name = _text(call, "event")
        kind = ACTIONS.get(name or "")
        if kind is None:
            raise Fault(Reason.UNKNOWN_KIND, "$.type")
        action, action_class, modality = kind
        created = _micros(call, "originalTimestamp")
        sent = _micros(call, "sentAt")
        collected = _micros(call, "receivedAt")
        received = self._arrived
        if collected is not None and collected <= self._arrived + _LEAD:
            received = collected
        time, basis = received, "collector"
        if created is not None:
            if created <= received + _LEAD:
                time, basis = created, "declared"
            if sent is not None and collected is not None:
                derived = received - (sent - created)
                if _EARLIEST <= derived <= received + _LEAD:
                    time, basis = derived, "derived"
        user, anonymous = call.get("userId"), call.get("anonymousId")
        actor = f"user:{user}" if user else f"anonymous:{anonymous}" if anonymous else None
        session = context.get("sessionId")
        path = _object(context, "page", "$.context.").get("path") or properties.get("path")
        playing = action == "heartbeat"
        asset = properties.get("content_asset_id") or properties.get("asset_id")
        content = (asset if playing else None) or path
        position = properties.get("position") if playing else None
        if position is not None:
            if not isinstance(position, (int, float)):
                raise Fault(Reason.INVALID_NUMBER, "$.properties.position")
            position = position if 0 <= position <= 1e9 else None
        ivt_class, ivt_reason, device = _judged(_text(context, "userAgent", "$.context."))
        stated = _object(_object(context, "consent", "$.context."), "categoryPreferences")
        consent, reason = _consent(tuple(stated.items()))
        text = properties.get("review_body") if modality == "text" else None
        message = _text(call, "messageId")
        state = _ID.copy()
        state.update((message or "").encode())
        return {
            "event_id": state.digest(),
            "source_event_id": labelled(message),
            "event_type": f"segment.track: {name}",
            "event_time": time,
            "time_basis": basis,
            "device_created_time": created,
            "device_sent_time": sent,
            "collected_time": received,
            "media_time_ms": None if position is None else int(position * 1000),
            "actor_id": self._actor(actor) if actor else None,
            "actor_basis": "login" if user else _COOKIES[consent] if anonymous else "none",
            "session_id": self._session(session) if session else None,
            "action": action,
            "action_class": action_class,
            "object_id": labelled(properties.get("product_id") or content),
            "content_id": labelled(content),
            "campaign_id": labelled(_object(context, "campaign", "$.context.").get("name")),
            "device_class": device,
            "country": _country(context.get("locale")),
            "modality": modality,
            "text": redacted(text) if text else None,
            "duration_ms": 10_000 if playing else None,
            "heartbeat_ms": 10_000 if playing else None,
            "ivt_class": ivt_class,
            "ivt_reason": ivt_reason,
            "consent_basis": consent,
            "consent_reason": reason,
            "route": self._route(actor) if actor else state.digest(),
        }


def labelled(text: str | None) -> str | None:
    if text and ("@" in text or "%" in text or "+" in text or "." in text or text.count(":") > 1):
        return _LABELS.sub(REPLACEMENT, text)
    return text


def redacted(text: str) -> str:
    if _SUSPECT.search(text):
        for pattern, replacement in _RULES:
            text = pattern.sub(replacement, text)
    return text


def _object(within: dict[str, Any], name: str, path: str = "$.") -> dict[str, Any]:
    value = within.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Fault(Reason.WRONG_SHAPE, path + name)
    return value


def _text(within: dict[str, Any], name: str, path: str = "$.") -> str | None:
    value = within.get(name)
    if value is not None and not isinstance(value, str):
        raise Fault(Reason.WRONG_SHAPE, path + name)
    return value


def _micros(call: dict[str, Any], name: str) -> int | None:
    text = _text(call, name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        micros = (moment - EPOCH) // _MICROSECOND
    except (ValueError, TypeError) as error:
        raise Fault(Reason.INVALID_TIME, f"$.{name}") from error
    if not _EARLIEST <= micros < _LATEST:
        raise Fault(Reason.INVALID_TIME, f"$.{name}")
    return micros


def _hasher(key: bytes, purpose: bytes) -> Any:
    begun = blake2b(digest_size=16, key=key, person=purpose)

    def hashed(text: str) -> bytes:
        state = begun.copy()
        state.update(text.encode())
        return state.digest()

    return hashed


@lru_cache(65_536)
def _judged(agent: str | None) -> tuple[str, str | None, str | None]:
    if agent in (None, "", "-"):
        return "unknown", None, None
    agent = str(agent)[:1024]
    if _MAIL_PROXY.search(agent):
        return "unknown", "mail-proxy", "none"
    if _MAIL_PREFETCH.search(agent):
        return "givt", "mail-prefetch", "none"
    if is_crawler(agent):
        listed = CRAWLER_USER_AGENTS_DATA[matching_crawlers(agent)[0]]["pattern"]
        return "givt", f"crawler-user-agents:{listed}", "none"
    if _TELEVISION.search(agent):
        return "valid", None, "tv"
    return "valid", None, "mobile" if _MOBILE.search(agent) else "desktop"


@lru_cache(4096)
def _consent(answers: tuple[tuple[str, bool], ...]) -> tuple[str, str | None]:
    measured = {n.lower(): a for n, a in answers if n.lower() in ("analytics", "performance")}
    for basis, answer in (("denied", False), ("granted", True)):
        purposes = [name for name, given in measured.items() if given is answer]
        if purposes:
            return basis, f"segment.{min(purposes)}={str(answer).lower()}"
    return "unknown", None


@lru_cache(4096)
def _country(locale: str | None) -> str | None:
    parts = (locale or "").replace("_", "-").split("-")[1:]
    return next((p.upper() for p in parts if len(p) == 2 and p.isalpha()), None)
