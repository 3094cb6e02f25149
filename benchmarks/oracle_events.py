"""The oracle's SQL, first half: Segment tracks to events, and to the facts metrics need."""

from __future__ import annotations

ACTIONS = {
    "Video Playback Started": ("join", "exposure", "passive"),
    "Video Playback Resumed": ("join", "exposure", "passive"),
    "Video Playback Paused": ("leave", "exposure", "passive"),
    "Video Playback Completed": ("leave", "exposure", "passive"),
    "Video Content Started": ("view", "exposure", "passive"),
    "Video Content Playing": ("heartbeat", "exposure", "passive"),
    "Video Content Completed": ("leave", "exposure", "passive"),
    "Product Viewed": ("view", "exposure", "passive"),
    "Product Clicked": ("click", "interaction", "gesture_ui"),
    "Product Added": ("option_select", "interaction", "gesture_ui"),
    "Product Shared": ("share", "redistribution", "gesture_ui"),
    "Products Searched": ("search", "interaction", "text"),
    "Product Reviewed": ("comment", "interaction", "text"),
    "Lead Generated": ("lead", "conversion", "passive"),
}
"""Action, class and modality of the kinds of track the oracle knows."""

_CALL = {
    "event": "VARCHAR",
    "messageId": "VARCHAR",
    "userId": "VARCHAR",
    "anonymousId": "VARCHAR",
    "originalTimestamp": "TIMESTAMPTZ",
    "sentAt": "TIMESTAMPTZ",
    "receivedAt": "TIMESTAMPTZ",
}
_OF_METRICS = _CALL | {
    "context": "STRUCT(page STRUCT(path VARCHAR),"
    " consent STRUCT(categoryPreferences STRUCT(Analytics BOOLEAN)))",
    "properties": "STRUCT(content_asset_id VARCHAR, asset_id VARCHAR)",
}
_OF_EVENTS = _CALL | {
    "context": "STRUCT(userAgent VARCHAR, locale VARCHAR, sessionId VARCHAR,"
    " page STRUCT(path VARCHAR), campaign STRUCT(name VARCHAR), device STRUCT(type VARCHAR),"
    " consent STRUCT(categoryPreferences STRUCT(Analytics BOOLEAN)))",
    "properties": "STRUCT(content_asset_id VARCHAR, asset_id VARCHAR, product_id VARCHAR,"
    " position DOUBLE, query VARCHAR, review_body VARCHAR)",
}

_PERSON = """CASE WHEN userId <> '' THEN 'user:' || userId
                  WHEN anonymousId <> '' THEN 'anonymous:' || anonymousId END"""
_ASSET = """CASE WHEN starts_with(event, 'Video ')
                 THEN coalesce(nullif(properties.content_asset_id, ''),
                               nullif(properties.asset_id, '')) END"""
_CONTENT = f"coalesce({_ASSET}, context.page.path)"
_DERIVED = "receivedAt - (sentAt - originalTimestamp)"
_TRUSTED = "receivedAt + INTERVAL 5 MINUTES"
_EVENT_TIME = f"""CASE WHEN {_DERIVED} <= {_TRUSTED} THEN {_DERIVED}
                       WHEN originalTimestamp <= {_TRUSTED} THEN originalTimestamp
                       ELSE receivedAt END"""
_WATCHED = "CASE WHEN event = 'Video Content Playing' THEN 10000::BIGINT END"
_GRANTED = "context.consent.categoryPreferences.Analytics"
_ID = "coalesce(messageId, error('oracle: expected a messageId in every track'))"


def text(value: str) -> str:
    """The value as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def events_of_tracks(path: str, arrived: str) -> str:
    """Query of the unified events of an NDJSON file that arrived at an instant, copies included."""
    return f"""
    SELECT unhex(md5('segment' || chr(31) || {_ID})) AS event_id,
           'segment' AS source,
           messageId AS source_event_id,
           'segment.track: ' || event AS event_type,
           'moment:event/1-0-0' AS schema_ref,
           'insert' AS op,
           {_EVENT_TIME} AS event_time,
           CASE WHEN {_DERIVED} <= {_TRUSTED} THEN 'derived'
                WHEN originalTimestamp <= {_TRUSTED} THEN 'declared'
                ELSE 'collector' END AS time_basis,
           originalTimestamp AS device_created_time,
           sentAt AS device_sent_time,
           receivedAt AS collected_time,
           TIMESTAMPTZ {text(arrived)} AS ingested_time,
           CASE WHEN event = 'Video Content Playing'
                THEN (properties.position * 1000)::BIGINT END AS media_time_ms,
           {_keyed("actor", "person")} AS actor_id,
           CASE WHEN person IS NOT NULL THEN 'oracle' END AS actor_key_id,
           CASE WHEN userId <> '' THEN 'login' WHEN coalesce(anonymousId, '') = '' THEN 'none'
                WHEN {_GRANTED} THEN 'consented_cookie' ELSE 'exempt_cookie' END AS actor_basis,
           'person' AS actor_kind,
           {_keyed("session", "context.sessionId")} AS session_id,
           {_keyed("route", "person")} AS route,
           {_of_event(0)} AS action,
           {_of_event(1)} AS action_class,
           coalesce(properties.product_id, {_CONTENT}) AS object_id,
           {_CONTENT} AS content_id,
           NULL::VARCHAR AS brand_id,
           context.campaign.name AS campaign_id,
           'segment' AS channel,
           'owned' AS media_type,
           context.device.type AS device_class,
           CASE WHEN length(context.locale) = 5
                THEN upper(substring(context.locale, 4)) END AS country,
           {_of_event(2)} AS modality,
           CASE WHEN event IN ('Product Reviewed', 'Products Searched')
                THEN coalesce(properties.query, properties.review_body) END AS text,
           {_WATCHED} AS duration_ms,
           {_WATCHED} AS heartbeat_ms,
           context.userAgent AS user_agent,
           'unknown' AS ivt_class,
           CASE WHEN {_GRANTED} THEN 'granted' ELSE 'unknown' END AS consent_basis,
           CASE WHEN {_GRANTED} THEN 'segment.analytics=true' END AS consent_reason,
           'first_party' AS provenance,
           (receivedAt + INTERVAL 365 DAYS)::DATE AS retention_until,
           'oracle' AS pipeline_version
    FROM (SELECT *, {_PERSON} AS person FROM {_tracks(path, _OF_EVENTS)})
    WHERE coalesce({_GRANTED}, true)"""


def facts_of_tracks(path: str) -> str:
    """Query of what metrics need of an NDJSON file: copy, event_time, place, person, action."""
    return f"""
    SELECT {_ID} AS copy, {_EVENT_TIME} AS event_time, 'segment' AS channel,
           NULL::VARCHAR AS brand_id, {_CONTENT} AS content_id, {_PERSON} AS person,
           {_of_event(0)} AS action, {_of_event(1)} AS action_class, {_WATCHED} AS watched_ms
    FROM {_tracks(path, _OF_METRICS)} WHERE coalesce({_GRANTED}, true)"""


def facts_of_events(path: str) -> str:
    """Query of the same columns from a Parquet file of events."""
    return f"""
    SELECT event_id AS copy, event_time, channel, brand_id, content_id, actor_id AS person,
           action, action_class, duration_ms AS watched_ms
    FROM read_parquet({text(path)})"""


def _tracks(path: str, columns: dict[str, str]) -> str:
    listed = ", ".join(f"{name}: '{kind}'" for name, kind in columns.items())
    return f"read_json({text(path)}, format = 'newline_delimited', columns = {{{listed}}})"


def _of_event(part: int) -> str:
    """Action (0), class (1) or modality (2) of `event`; an unknown kind is an error."""
    cases = " ".join(f"WHEN {text(e)} THEN {text(of[part])}" for e, of in ACTIONS.items())
    return f"CASE event {cases} ELSE error('oracle: no rule for this kind of track') END"


def _keyed(purpose: str, value: str) -> str:
    """Sixteen bytes: MD5 of a key of the purpose before the value; null of null."""
    return f"unhex(md5({text(f'thirty-two bytes: oracle.{purpose:>7}')} || {value}))"
