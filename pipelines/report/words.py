"""Words: what a reason, an interval, a channel or an instant is called on a page for people."""

from __future__ import annotations

from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from pipelines.report.source import Row
from schemas.channels import registered_channels
from transforms.measures import DICTIONARY

MEASURES = {measure.name: measure for measure in DICTIONARY}
ANSWERED = frozenset(("csat", "nps", "ces"))
"""Measures whose n counts respondents: known people, and answers of nobody known."""

_REASONS = {
    None: "nothing was observed",
    "complementary": "hidden because another hidden figure could be worked out from it",
    "withdrawn": "withdrawn, its events were all retracted",
    "no_heartbeat_declared_or_received": "no heartbeat came, so no instant can be counted",
    "no_likes": "there are no likes to divide by",
}

_FAILURES = {
    "empty_payload": "empty record",
    "payload_too_large": "record too large",
    "invalid_utf8": "not UTF-8",
    "invalid_syntax": "broken syntax",
    "nested_too_deep": "nested too deep",
    "wrong_shape": "not the documented shape",
    "missing_field": "a required field is missing",
    "invalid_time": "not a time",
    "invalid_number": "not a number, or out of range",
    "invalid_value": "not a permitted value",
    "unknown_kind": "a kind the channel does not document",
    "unknown_channel": "no channel recognises it",
    "corrupt_file": "the file is corrupt",
    "lost_records": "deleted before they were read",
    "decoder_error": "the channel's code failed",
    "refused_by_sink": "not taken by the database",
    "day_out_of_range": "of a day that the database does not keep",
}

_CAUSES = {
    "first": "as first published",
    "late_data": "changed by late data",
    "retraction": "changed by a retraction",
    "restatement": "changed by a restatement",
    "definition": "changed by a new definition",
}


_KINDS = {"sampling": "sampling error"}


def failure_in_words(reason: str) -> str:
    """Why a record failed."""
    return _FAILURES.get(reason, reason.replace("_", " "))


def cause_in_words(cause: str) -> str:
    """Why a row was written."""
    return _CAUSES.get(cause, cause.replace("_", " "))


def uncertainty_in_words(kind: str) -> str:
    """What sort of uncertainty a figure has."""
    return _KINDS.get(kind, kind)


def reason_in_words(reason: str | None) -> str:
    """A suppression reason as a clause."""
    if reason is not None and reason.startswith("fewer_than_"):
        return f"fewer than {reason.removeprefix('fewer_than_')} people or answers"
    return _REASONS.get(reason, str(reason).replace("_", " "))


def title_of(metric: str) -> str:
    """What the dictionary calls a metric."""
    return MEASURES[metric].title if metric in MEASURES else metric.replace("_", " ")


def channel_title(name: str) -> str:
    """What a channel's own file calls it, without what stands in brackets."""
    channel = registered_channels().get(name)
    return channel.title if channel else name


WHOLE = "the whole property, all contents"


def scope_of(row: Row) -> str:
    """Of what a row is, as HTML: a content by its name, or the whole property."""
    content = row["content_id"]
    return f"<strong>{escape(content)}</strong>" if content is not None else WHOLE


def clock(instant: datetime, zone: ZoneInfo, end: bool = False) -> str:
    """Hour and minute in the property's time zone; midnight as an `end` is 24:00."""
    text = f"{instant.astimezone(zone):%H:%M}"
    return "24:00" if end and text == "00:00" else text


def time_element(
    instant: datetime, zone: ZoneInfo, with_day: bool = False, end: bool = False
) -> str:
    """A `time` element in the property's time zone; see `clock` for an `end` without its day."""
    local = instant.astimezone(zone)
    text = f"{local.day} {local:%B %Y, %H:%M}" if with_day else clock(instant, zone, end)
    return f'<time datetime="{escape(local.isoformat())}">{text}</time>'
