"""EVENT: one thing somebody did, on any channel, as flat Arrow columns.

The table below is the vocabulary of the whole product. Each column carries its meaning as field
metadata; `docs/schema.md` is generated from it. Columns are plain (no dictionaries): batches of
different files must concatenate, and BigQuery has no dictionary type.
"""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa

UUID = pa.binary(16)
INSTANT = pa.timestamp("us", tz="UTC")
SCHEMA_REF = "moment:event/1-0-0"

ACTION_CLASS = {
    "view": "exposure",
    "heartbeat": "exposure",
    "join": "exposure",
    "leave": "exposure",
    "open": "exposure",
    "expose": "exposure",
    "visit_store": "exposure",
    "custom": "exposure",
    "click": "interaction",
    "like": "interaction",
    "dislike": "interaction",
    "react": "interaction",
    "comment": "interaction",
    "reply": "interaction",
    "follow": "interaction",
    "subscribe": "interaction",
    "option_select": "interaction",
    "search": "interaction",
    "vote": "interaction",
    "propose": "interaction",
    "poll_answer": "interaction",
    "share": "redistribution",
    "recommend": "advocacy",
    "lead": "conversion",
    "purchase": "conversion",
    "donate": "conversion",
    "rate": "survey",
    "answer": "survey",
    "send": "contact",
    "deliver": "contact",
    "fail_delivery": "contact",
    "unsubscribe": "control",
    "complain": "control",
    "moderate": "control",
    "identify": "control",
    "consent": "control",
    "profile": "control",
    "system": "control",
}
"""Every action of the unified vocabulary (AS2-like verbs) and the class measures group it by."""

MODALITIES = (
    "text",
    "emoji",
    "binary",
    "scale",
    "gesture_ui",
    "voice_transcript",
    "purchase",
    "location",
    "passive",
)
"""What an event may consist of. Biometric modalities are absent on purpose (requirement R24)."""


class Column(NamedTuple):
    name: str
    type: pa.DataType
    meaning: str
    required: bool = False


COLUMNS: tuple[Column, ...] = (
    Column(
        "event_id",
        UUID,
        "128-bit BLAKE2b of source and native id, keyed where that is an identifier, or where there"
        " is none and the record is hashed: a replay gives the same",
        True,
    ),
    Column("source", pa.string(), "logical origin of the native id, e.g. channel or account", True),
    Column("source_event_id", pa.string(), "native id, when the vendor's id holds no identifier"),
    Column("event_type", pa.string(), "channel and native kind, e.g. `mailjet.open`", True),
    Column("schema_ref", pa.string(), "version of this schema", True),
    Column("op", pa.string(), "insert | update | retract", True),
    Column("fact_id", UUID, "the fact this event states, changes or retracts; null if immutable"),
    Column(
        "revision", pa.int64(), "order of statements about one fact, microseconds; null if none"
    ),
    Column("event_time", INSTANT, "best estimate of when it happened", True),
    Column("time_basis", pa.string(), "derived | true | collector | declared", True),
    Column("device_created_time", INSTANT, "device clock when it happened"),
    Column("device_sent_time", INSTANT, "device clock when it was sent, to correct skew"),
    Column("collected_time", INSTANT, "server clock when it was first received", True),
    Column("ingested_time", INSTANT, "when the file or broker this pipeline reads had it", True),
    Column("tz_offset_min", pa.int16(), "minutes to add to UTC for the actor's civil time"),
    Column("media_time_ms", pa.int64(), "position in the programme, milliseconds"),
    Column("actor_id", UUID, "keyed pseudonym of the person or device; null without a basis"),
    Column("actor_key_id", pa.string(), "which pseudonym key made actor_id"),
    Column(
        "actor_basis",
        pa.string(),
        "none | session | exempt_cookie | consented_cookie | login | channel_native",
        True,
    ),
    Column("actor_kind", pa.string(), "person | brand | organisation | automaton | unknown", True),
    Column(
        "source_class", pa.string(), "consumer | journalist | blogger | employee | panelist | brand"
    ),
    Column("session_id", UUID, "keyed pseudonym of the native session id"),
    Column("action", pa.string(), "AS2-like verb, see ACTION_CLASS", True),
    Column(
        "action_class",
        pa.string(),
        "exposure | interaction | redistribution | advocacy | conversion | survey | contact"
        " | control",
        True,
    ),
    Column("object_id", pa.string(), "what was acted on: page path, message, product, question"),
    Column("object_type", pa.string(), "kind of object: page, video, message, product, question …"),
    Column("parent_id", pa.string(), "object this one answers"),
    Column("thread_id", pa.string(), "conversation"),
    Column(
        "content_id", pa.string(), "the live, video, article or page whose audience is measured"
    ),
    Column("campaign_id", pa.string(), "campaign the contact or visit belongs to"),
    Column("brand_id", pa.string(), "brand the event is about"),
    Column(
        "product_id",
        pa.string(),
        "product or aspect; for channels of others, ours have it in object_id",
    ),
    Column("channel", pa.string(), "registered channel key", True),
    Column("media_type", pa.string(), "owned | earned | paid | shared", True),
    Column("device_class", pa.string(), "mobile | desktop | tv | instore | none"),
    Column("country", pa.string(), "ISO 3166-1 alpha-2"),
    Column("region", pa.string(), "ISO 3166-2 subdivision or the vendor's region name"),
    Column(
        "modality",
        pa.string(),
        " | ".join(MODALITIES),
        True,
    ),
    Column("text", pa.large_string(), "words, with addresses, handles and numbers redacted"),
    Column("text_lang", pa.string(), "BCP 47 language, `und` when unknown; for channels of others"),
    Column("reaction_code", pa.string(), "canonical emoji or native reaction"),
    Column("rating_scale", pa.string(), "nps | csat | ces | boredom | vote | other"),
    Column("rating_value", pa.float64(), "answer on its own scale, raw"),
    Column("rating_min", pa.float64(), "least possible answer"),
    Column("rating_max", pa.float64(), "greatest possible answer"),
    Column(
        "duration_ms", pa.int64(), "milliseconds watched or listened that this event vouches for"
    ),
    Column("heartbeat_ms", pa.int64(), "declared period of the heartbeat this event is one of"),
    Column("engaged_ms", pa.int64(), "foreground milliseconds"),
    Column("amount", pa.decimal128(18, 6), "money, sign by action"),
    Column("currency", pa.string(), "ISO 4217"),
    Column("ivt_class", pa.string(), "valid | givt | sivt_suspect | unknown", True),
    Column("ivt_reason", pa.string(), "list and pattern that flagged it"),
    Column("is_sponsored", pa.bool_(), "paid distribution"),
    Column("consent_basis", pa.string(), "granted | denied | exempt | unknown (not carried)", True),
    Column("consent_reason", pa.string(), "the signal that said so, e.g. `segment.Analytics=true`"),
    Column(
        "provenance",
        pa.string(),
        "first_party | platform_api | panel | operator | partner | simulator",
        True,
    ),
    Column("retention_until", pa.date32(), "day after which this row must be gone", True),
    Column("pipeline_version", pa.string(), "version of Moment that wrote the row", True),
    Column("ext", pa.string(), "unmapped source fields from an allow-list, as JSON"),
)

RAW_COLUMNS: tuple[Column, ...] = (
    Column("raw_actor", pa.string(), "namespaced native identifier, e.g. `email:a@b`"),
    Column("raw_session", pa.string(), "native session identifier"),
    Column("raw_user_agent", pa.string(), "user agent header"),
    Column("raw_ip", pa.string(), "client address, only to screen"),
    Column("fact_key", pa.string(), "native key of a mutable fact"),
    Column("id_key", pa.string(), "native id that holds an identifier: hashed, never written"),
)
"""What channels hand to Screen and Protect; gone after Protect, never written anywhere."""


def _schema(columns: tuple[Column, ...], name: str) -> pa.Schema:
    return pa.schema(
        [
            pa.field(c.name, c.type, nullable=not c.required, metadata={"meaning": c.meaning})
            for c in columns
        ],
        metadata={"name": name},
    )


EVENT = _schema(COLUMNS, "event")
NATIVE_EVENT = _schema(COLUMNS + RAW_COLUMNS, "native_event")
