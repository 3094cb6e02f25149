"""Minutes: viewers and engagement minute by minute, and what was missing while people watched."""

from __future__ import annotations

from datetime import datetime, timedelta
from html import escape
from statistics import median

from pipelines.report.charts import band, bars, callout, drawing, line, time_axis, value_axis
from pipelines.report.coverage import missing_bars, missing_in_words, missing_legend
from pipelines.report.geometry import MINUTE, Panel, Span, scale
from pipelines.report.query import Findings, Row
from pipelines.report.words import clock

MOST_MINUTES = 360
BURST = 3.0
"""A busiest minute of so many times the median minute is called a burst."""


def series(findings: Findings, metric: str) -> list[Row]:
    """Minutes of the live where it has a published audience, else of the whole property."""
    figures, live = findings.figures, findings.live
    audience = [
        row
        for name in ("reach", "concurrent_viewers")
        for row in (figures.many(name, "content", "minute", content_id=live) if live else ())
    ]
    if any(row["value"] is not None for row in audience):
        return figures.many(metric, "content", "minute", content_id=live)
    return figures.many(metric, "total", "minute")


def _busy(findings: Findings) -> tuple[datetime, list[datetime]] | None:
    """The minute of the peak, and those where viewers are at least a twentieth of it."""
    rows: list[Row] = []
    for metric in ("concurrent_viewers", "reach"):
        rows = [r for r in series(findings, metric) if r["value"] is not None]
        if rows:
            break
    if not rows:
        events = findings.figures.many("events", "total", "minute")
        rows = [row for row in events if row["value"]]
    if not rows:
        return None
    peak = max(rows, key=lambda row: row["value"])
    busy = [row["window_start"] for row in rows if row["value"] >= peak["value"] / 20]
    return peak["window_start"], busy


def shown_span(findings: Findings) -> Span | None:
    """The minutes around the live: where viewers are at least a twentieth of their peak, and ten
    minutes more on both sides; at most six hours, around the peak. None without minutes."""
    if (found := _busy(findings)) is None:
        return None
    peak, busy = found
    half = timedelta(minutes=MOST_MINUTES // 2 - 10)
    start = max(busy[0], peak - half) - 10 * MINUTE
    end = min(busy[-1], peak + half) + 11 * MINUTE
    return Span(start, end, findings.zone)


def minute_by_minute(findings: Findings, span: Span | None) -> str:
    """Section with the chart of viewers above and of engagement below, on one time axis."""
    heading = "<section id=minutes><h2>Minute by minute</h2>"
    reach = series(findings, "reach")
    found = _busy(findings)
    if span is None or found is None or not span.of(reach):
        return (
            f'{heading}<p class="about">No minute has ten people or more, so no minute has a'
            " published audience.</p></section>"
        )
    left = found[1][-1] + MINUTE
    concurrent = series(findings, "concurrent_viewers")
    actions = series(findings, "engagement_rate_actions")
    engagers = series(findings, "engagement_rate_engagers")
    scope = reach[0]["content_id"] or "the whole property"
    start, end = (clock(at, span.zone) for at in (span.start, span.end))
    return (
        f'{heading}<p class="about">{escape(scope)}, {start} to {end} ({escape(span.zone.key)}).'
        " A minute with too few people has no mark: reach and concurrent viewers need ten people,"
        " engagement thirty.</p>"
        '<figure class="plot"><ul class="legend">'
        "<li><i class=pale></i>Reach: distinct people seen in the minute</li>"
        "<li><i class=line-blue></i>Concurrent viewers, with their bounds</li>"
        "<li><i class=orange></i>Engagement actions</li>"
        "<li><i class=line-ink></i>Engagers: distinct people who acted</li>"
        f"{missing_legend(span, reach, left)}</ul>"
        f'<div class="scroll">{_chart(span, left, reach, concurrent, actions, engagers)}</div>'
        f"<figcaption>{missing_in_words(span, reach, left)}</figcaption></figure></section>"
    )


def _chart(
    span: Span,
    left: datetime,
    reach: list[Row],
    concurrent: list[Row],
    actions: list[Row],
    engagers: list[Row],
) -> str:
    upper, upper_steps = scale(_highest(span, (reach, "value"), (concurrent, "value")), 4)
    lower, lower_steps = scale(_highest(span, (actions, "numerator"), (engagers, "numerator")), 4)
    people = Panel(58, 34, 1000, 220, span, upper)
    acts = Panel(58, 304, 1000, 130, span, lower)
    parts = [
        time_axis(Panel(58, 34, 1000, 400, span, 1), acts.bottom),
        value_axis(people, upper_steps),
        value_axis(acts, lower_steps),
        '<text class="name" x="58" y="16">People</text>',
        f'<text class="name" x="58" y="{acts.top - 16:g}">Engagement</text>',
        bars(people, reach, "pale"),
        band(people, concurrent, "blue"),
        line(people, concurrent, "blue"),
        bars(acts, actions, "orange", "numerator"),
        line(acts, engagers, "ink", "numerator"),
        missing_bars(people, reach, left),
    ]
    if shown := span.of(concurrent):
        peak = max(shown, key=lambda row: row["value"])
        parts.append(callout(people, peak, "Peak", unit=" at once"))
    if shown := span.of(actions, "numerator"):
        parts.append(_burst(acts, shown))
    label = "Reach and concurrent viewers above, engagement actions and engagers below, by minute"
    return drawing(1080, 462, label, *parts)


def _burst(acts: Panel, shown: list[Row]) -> str:
    busiest = max(shown, key=lambda row: row["numerator"])
    usual = median(row["numerator"] for row in shown)
    is_burst = busiest["numerator"] >= BURST * max(usual, 1)
    words = "Burst" if is_burst else "Busiest minute"
    return callout(acts, busiest, words, "numerator", " actions")


def _highest(span: Span, *series: tuple[list[Row], str]) -> float:
    return max((row[field] for rows, field in series for row in span.of(rows, field)), default=0)
