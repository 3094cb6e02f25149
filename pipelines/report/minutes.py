"""Minutes: viewers and engagement minute by minute, and what was missing while people watched."""

from __future__ import annotations

from datetime import datetime, timedelta
from html import escape
from statistics import median

from pipelines.local_day import local_day
from pipelines.report.charts import band, bars, callout, drawing, line, time_axis, value_axis
from pipelines.report.coverage import missing_bars, missing_in_words, missing_legend
from pipelines.report.geometry import MINUTE, Panel, Span, scale
from pipelines.report.query import Findings, Row
from pipelines.report.telling import why_unmeasured
from pipelines.report.words import clock, scope_of

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
    minutes more on both sides; at most six hours, around the peak, and of the day that the page is
    about. None without minutes."""
    if (found := _busy(findings)) is None:
        return None
    peak, busy = found
    half = timedelta(minutes=MOST_MINUTES // 2 - 10)
    start = max(busy[0], peak - half) - 10 * MINUTE
    end = min(busy[-1], peak + half) + 11 * MINUTE
    if findings.day is not None:
        day = local_day(findings.day, findings.zone.key)
        start, end = max(start, day.begin), min(end, day.end)
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
    content = reach[0]["content_id"]
    place = {"content_id": content} if content else {}
    why = why_unmeasured(findings, **place)
    acted = ("engagement_rate_actions", "engagement_rate_engagers")
    acts = None if why else [series(findings, metric) for metric in acted]
    start, end = clock(span.start, span.zone), clock(span.end, span.zone, end=True)
    covered = _covered(findings, reach)
    notes = [missing_in_words(span, covered, left)]
    if why:
        notes.append(f"Engagement is not measured. {why}")
    return (
        f'{heading}<p class="about">Of {scope_of(reach[0])}, {start} to {end}'
        f" ({escape(span.zone.key)}). A minute with too few people has no mark: reach and"
        " concurrent viewers need ten people, engagement thirty.</p>"
        '<figure class="plot"><ul class="legend">'
        "<li><i class=pale></i>Reach: distinct people seen in the minute</li>"
        f"{_VIEWERS if span.of(concurrent) else ''}{_ACTED if acts else ''}"
        f"{missing_legend(span, covered, left)}</ul>"
        f'<div class="scroll">{_chart(span, left, reach, concurrent, acts, covered)}</div>'
        f"<figcaption>{' '.join(filter(None, notes))}</figcaption></figure></section>"
    )


_VIEWERS = "<li><i class=line-blue></i>Concurrent viewers, with their bounds</li>"
_ACTED = (
    "<li><i class=orange></i>Engagement actions</li>"
    "<li><i class=line-ink></i>Engagers: distinct people who acted</li>"
)


def _covered(findings: Findings, reach: list[Row]) -> list[Row]:
    """Rows that say what was missing in each minute: where a content that goes on has none, for
    nothing of it came, that of the whole property."""
    there = {row["window_start"] for row in reach}
    first, last = min(there), max(there)
    total = findings.figures.many("events", "total", "minute")
    rows = [row for row in total if first < row["window_start"] < last]
    rows = [*reach, *(row for row in rows if row["window_start"] not in there)]
    return sorted(rows, key=lambda row: row["window_start"])


def _chart(
    span: Span,
    left: datetime,
    reach: list[Row],
    concurrent: list[Row],
    acts: list[list[Row]] | None,
    covered: list[Row],
) -> str:
    upper, upper_steps = scale(_highest(span, (reach, "value"), (concurrent, "value")), 4)
    people = Panel(58, 34, 1000, 220, span, upper)
    bottom = people.bottom + 24 if acts is None else _ACTS_BOTTOM
    parts = [
        time_axis(Panel(58, 34, 1000, bottom - 34, span, 1), bottom),
        value_axis(people, upper_steps),
        '<text class="name" x="58" y="16">People</text>',
        bars(people, reach, "pale"),
        band(people, concurrent, "blue"),
        line(people, concurrent, "blue"),
        missing_bars(people, covered, left),
    ]
    if shown := span.of(concurrent):
        peak = max(shown, key=lambda row: row["value"])
        parts.append(callout(people, peak, "Peak", unit=" at once"))
    label = "Reach and concurrent viewers by minute"
    if acts is not None:
        parts.append(_engagement(span, *acts))
        label = (
            "Reach and concurrent viewers above, engagement actions and engagers below, by minute"
        )
    return drawing(1080, bottom + 28, label, *parts)


_ACTS_BOTTOM = 434


def _engagement(span: Span, actions: list[Row], engagers: list[Row]) -> str:
    highest, steps = scale(_highest(span, (actions, "numerator"), (engagers, "numerator")), 4)
    panel = Panel(58, _ACTS_BOTTOM - 130, 1000, 130, span, highest)
    shown = span.of(actions, "numerator")
    return (
        f"{value_axis(panel, steps)}"
        f'<text class="name" x="58" y="{panel.top - 16:g}">Engagement</text>'
        f"{bars(panel, actions, 'orange', 'numerator')}{line(panel, engagers, 'ink', 'numerator')}"
        f"{_burst(panel, shown) if any(row['numerator'] for row in shown) else ''}"
    )


def _burst(acts: Panel, shown: list[Row]) -> str:
    busiest = max(shown, key=lambda row: row["numerator"])
    usual = median(row["numerator"] for row in shown)
    is_burst = busiest["numerator"] >= BURST * max(usual, 1)
    words = "Burst" if is_burst else "Busiest minute"
    return callout(acts, busiest, words, "numerator", " actions")


def _highest(span: Span, *series: tuple[list[Row], str]) -> float:
    return max((row[field] for rows, field in series for row in span.of(rows, field)), default=0)
