"""Telling: whether the channels that were heard can tell what people do; where none can, no action
is no measurement, and so no zero."""

from __future__ import annotations

from html import escape

from pipelines.report.query import Findings
from pipelines.report.words import MEASURES
from schemas.channels import registered_channels
from schemas.event import ACTION_CLASS

ENGAGEMENT_RATES = frozenset(("engagement_rate_engagers", "engagement_rate_actions"))

# That a poll was held is known by its answers alone: a survey without any has counted nothing.
_ENGAGEMENT = frozenset(MEASURES["interaction_mix"].items) - {"poll_answer"}


def tells_engagement(channel: str) -> bool:
    """Whether a kind of the channel is an engagement action; one that is not registered here may
    have such."""
    actions = _actions(channel)
    return actions is None or not actions.isdisjoint(_ENGAGEMENT)


def sees_only_acts(channel: str) -> bool:
    """Whether the channel hears of people only when they act, so that all of its people did."""
    actions = _actions(channel)
    return actions is not None and not any(
        ACTION_CLASS[action] in ("exposure", "survey") for action in actions
    )


def why_unmeasured(findings: Findings, **place: str) -> str | None:
    """Why engagement was not measured of a `content_id`, of a `channel` or of the whole property,
    as a sentence; None where it was, or where no channel is known to have been heard."""
    figures = findings.figures
    if "channel" in place:
        grouping, heard = "channel", {place["channel"]}
    else:
        grouping, channels = ("content", "content_channel") if place else ("total", "channel")
        reach = figures.many("reach", channels, **place)
        heard = {row["channel"] for row in reach if row["value"] != 0}
    if not heard or any(map(tells_engagement, heard)):
        return None
    rate = figures.one("engagement_rate_actions", grouping, **place)
    if figures.many("interaction_mix", grouping, **place) or (rate and rate["numerator"]):
        return None
    return (
        f"None of the channels heard ({escape(', '.join(sorted(heard)))}) tells what people do"
        " beyond coming and answering."
    )


def _actions(channel: str) -> set[str] | None:
    known = registered_channels().get(channel)
    return {kind.action for kind in known.kinds if kind.action} if known else None
