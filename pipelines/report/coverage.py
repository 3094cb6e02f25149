"""Coverage: what its number says, in sentences, and marks of what was expected and did not come."""

from __future__ import annotations

from datetime import datetime
from html import escape

from pipelines.report.geometry import Panel, Span
from pipelines.report.marks import explain, number, trace
from pipelines.report.query import Row
from pipelines.report.words import clock


def coverage_of(row: Row, whose: str) -> str:
    """What the coverage of a row of all channels is a share of."""
    told = f"Coverage of {whose}: {number(row, 'coverage')}"
    if row["coverage"] == 1:
        return f"{told}, everything that each channel's hour before led to expect."
    return (
        f"{told} of what was expected by the hour before (a channel that was steady in it is"
        " expected to go on)."
    )


def why_no_loss(row: Row) -> str:
    """Why coverage below all need not be a loss, as a sentence; nothing where all was heard."""
    if row["coverage"] == 1:
        return ""
    return (
        " The rest need not be lost: when a show ends as planned its channels fall silent, which"
        " looks like breaking off and counts as missing for up to an hour, for no schedule is read."
    )


def missing_bars(panel: Panel, rows: list[Row], left: datetime) -> str:
    """Bars hanging under the panel: the share of what was expected that was not heard; quiet ones
    from when the audience had `left`."""
    return "".join(
        f'<rect class="mark {"missing" if row["window_start"] < left else "ended"}"'
        f' x="{panel.x(row["window_start"]):.1f}"'
        f' y="{panel.bottom + 3:g}" width="{panel.minute_width:.1f}"'
        f' height="{max(18 * (1 - row["coverage"]), 1):.1f}"'
        f" {trace(row, 'coverage')}><title>{escape(explain(row))}</title></rect>"
        for row in _lacking(panel.span, rows)
    )


def missing_legend(span: Span, rows: list[Row], left: datetime) -> str:
    """List items for the colours of `missing_bars` that occur."""
    ended = [row["window_start"] >= left for row in _lacking(span, rows)]
    items = ""
    if not all(ended):
        items += "<li><i class=missing></i>Missing: expected by the hour before, not heard</li>"
    if any(ended):
        items += (
            "<li><i class=ended></i>Expected by the hour before, but the audience had left</li>"
        )
    return items


def missing_in_words(span: Span, rows: list[Row], left: datetime) -> str:
    """What the quiet bars mean, and whether anything was missing before; nothing without bars."""
    ended = [row["window_start"] >= left for row in _lacking(span, rows)]
    if not any(ended):
        return ""
    before = "" if not all(ended) else " Until then everything expected was heard."
    return (
        f"At {clock(left, span.zone)} the audience had left, and what had been steady fell silent"
        " (grey). A planned end looks like this, and so does an outage of everything: this page"
        f" knows no schedule.{before}"
    )


def _lacking(span: Span, rows: list[Row]) -> list[Row]:
    return [row for row in span.of(rows, "coverage") if row["coverage"] < 1]
