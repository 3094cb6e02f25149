"""Charts: small pure functions from metric rows to inline SVG, every mark traced to its row."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from pipelines.report.geometry import MINUTE, Panel, Span
from pipelines.report.marks import explain, text_of, trace, tspan
from pipelines.report.query import Row
from pipelines.report.words import clock


def drawing(width: float, height: float, label: str, *parts: str, css: str = "") -> str:
    """An `svg` that scales with its place and is read out as `label`."""
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" class="{css}"'
        f' aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def bars(panel: Panel, rows: Sequence[Row], css: str, field: str = "value") -> str:
    """A bar a minute; minutes of nothing have none."""
    gap = min(1.0, panel.minute_width * 0.2)
    return "".join(
        f'<rect class="mark {css}" x="{panel.x(row["window_start"]):.1f}"'
        f' y="{panel.y(row[field]):.1f}" width="{panel.minute_width - gap:.1f}"'
        f' height="{panel.bottom - panel.y(row[field]):.1f}" {trace(row, field)}>'
        f"{_title(row, field, panel.span)}</rect>"
        for row in panel.span.of(rows, field)
        if row[field]
    )


def line(panel: Panel, rows: Sequence[Row], css: str, field: str = "value") -> str:
    """A line through the minutes that have a number, broken where one lacks, and its points."""
    shown = panel.span.of(rows, field)
    path, before = "", None
    for row in shown:
        joined = before is not None and row["window_start"] - before == MINUTE
        path += f"{'L' if joined else 'M'}{panel.middle(row):.1f} {panel.y(row[field]):.1f}"
        before = row["window_start"]
    points = "".join(
        f'<circle class="mark point {css}" cx="{panel.middle(row):.1f}"'
        f' cy="{panel.y(row[field]):.1f}" r="1.6" {trace(row, field)}>'
        f"{_title(row, field, panel.span)}</circle>"
        for row in shown
    )
    return f'<path class="line {css}" d="{path}"/>{points}'


def band(panel: Panel, rows: Sequence[Row], css: str) -> str:
    """The area between the ends of the interval, one piece for each run of minutes."""
    runs: list[list[Row]] = []
    for row in panel.span.of(rows, "interval_low"):
        if row["interval_high"] is None:
            continue
        if runs and row["window_start"] - runs[-1][-1]["window_start"] == MINUTE:
            runs[-1].append(row)
        else:
            runs.append([row])
    return "".join(f'<path class="band {css}" d="{_around(panel, run)}"/>' for run in runs)


def _around(panel: Panel, run: list[Row]) -> str:
    there = [f"{panel.middle(r):.1f} {panel.y(r['interval_high']):.1f}" for r in run]
    back = [f"{panel.middle(r):.1f} {panel.y(r['interval_low']):.1f}" for r in reversed(run)]
    return f"M{'L'.join(there + back)}Z"


def value_axis(panel: Panel, steps: int = 2) -> str:
    """Grid lines and their numbers, from 0 to the highest."""
    parts = []
    for step in range(steps + 1):
        value = panel.highest * step / steps
        y = panel.y(value)
        parts.append(
            f'<line class="{"axis" if step == 0 else "grid"}" x1="{panel.left:g}" y1="{y:.1f}"'
            f' x2="{panel.left + panel.width:g}" y2="{y:.1f}"/>'
            f'<text class="tick" x="{panel.left - 8:g}" y="{y + 4:.1f}" text-anchor="end">'
            f"{value:,.10g}</text>"
        )
    return "".join(parts)


def time_axis(panel: Panel, bottom: float, most: int = 13) -> str:
    """Clock times under the panel, at round minutes of the property's time zone, and their grid."""
    steps = (5, 10, 15, 30, 60, 120, 180)
    step = next((s for s in steps if panel.span.minutes / s <= most), 360)
    instant, parts = panel.span.start, []
    while instant <= panel.span.end:
        local = instant.astimezone(panel.span.zone)
        if (local.hour * 60 + local.minute) % step == 0:
            x = panel.x(instant)
            parts.append(
                f'<line class="grid" x1="{x:.1f}" y1="{panel.top:g}" x2="{x:.1f}" y2="{bottom:g}"/>'
                f'<text class="tick" x="{x:.1f}" y="{bottom + 18:g}" text-anchor="middle">'
                f"{clock(instant, panel.span.zone)}</text>"
            )
        instant += MINUTE
    return "".join(parts)


def callout(panel: Panel, row: Row, words: str, field: str = "value", unit: str = "") -> str:
    """A label over one minute's mark, turned inward near the right edge."""
    x, y = panel.middle(row), panel.y(row[field])
    inward = x > panel.left + panel.width * 0.7
    anchor, text_x = ("end", x - 9) if inward else ("start", x + 9)
    at = clock(row["window_start"], panel.span.zone)
    return (
        f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>'
        f'<text class="callout" x="{text_x:.1f}" y="{y - 5:.1f}" text-anchor="{anchor}">'
        f"{escape(words)} {at} · {tspan(row, field)}{escape(unit)}</text>"
    )


def whisker(row: Row, low: float, high: float, css: str = "", width: float = 460) -> str:
    """A value and its interval on a line from `low` to `high`; the box for the line is 28 high."""
    left, right = 6.0, width - 6.0

    def x(value: float) -> float:
        return left + (min(max(value, low), high) - low) / (high - low) * (right - left)

    ticks = "".join(
        f'<line class="grid" x1="{x(low + (high - low) * quarter / 4):.1f}" y1="3"'
        f' x2="{x(low + (high - low) * quarter / 4):.1f}" y2="25"/>'
        for quarter in range(5)
    )
    parts = [ticks, f'<line class="axis" x1="{left:g}" y1="14" x2="{right:g}" y2="14"/>']
    if row["interval_low"] is not None and row["interval_high"] is not None:
        a, b = x(row["interval_low"]), x(row["interval_high"])
        parts.append(
            f'<rect class="interval {css}" x="{a:.1f}" y="9" width="{max(b - a, 1.5):.1f}"'
            f' height="10" rx="2"/>'
        )
    parts.append(
        f'<circle class="mark value {css}" cx="{x(row["value"]):.1f}" cy="14" r="5.5" {trace(row)}>'
        f"<title>{escape(explain(row))}</title></circle>"
    )
    return drawing(width, 28, f"{text_of(row)}, with its interval", *parts, css="whisker")


def scale_labels(low: float, high: float, unit: str, width: float = 460) -> str:
    """The numbers of a whisker's scale, at every quarter."""
    labels = []
    for quarter in range(5):
        x = 6 + quarter / 4 * (width - 12)
        anchor = ("start", "middle", "middle", "middle", "end")[quarter]
        value = f"{low + (high - low) * quarter / 4:+g}".replace("-", "\u2212")
        value = value.lstrip("+") if low >= 0 or value == "+0" else value
        at = {"start": 0.0, "end": width}.get(anchor, x)
        labels.append(
            f'<text class="tick" x="{at:g}" y="13" text-anchor="{anchor}">{value}{unit}</text>'
        )
    return drawing(width, 18, f"Scale from {low:g} to {high:g}", *labels, css="whisker")


def share_bar(row: Row, highest: float, css: str, width: float = 460) -> str:
    """A bar of a share with its interval as a whisker; the bar's full width is `highest`."""
    scale = (width - 2) / highest
    value, low, high = row["value"], row["interval_low"], row["interval_high"]
    parts = [
        f'<rect class="mark {css}" x="0" y="5" width="{max(value * scale, 1):.1f}" height="16"'
        f' rx="2" {trace(row)}><title>{escape(explain(row))}</title></rect>'
    ]
    if low is not None and high is not None:
        a, b = low * scale, high * scale
        parts.append(f'<path class="error" d="M{a:.1f} 13H{b:.1f}M{a:.1f} 8V18M{b:.1f} 8V18"/>')
    return drawing(width, 26, f"{text_of(row)}, with its interval", *parts, css="share")


def _title(row: Row, field: str, span: Span) -> str:
    heading = f"{clock(row['window_start'], span.zone)} · {text_of(row, field)} {_noun(row, field)}"
    return f"<title>{escape(heading)}\n{escape(explain(row))}</title>"


def _noun(row: Row, field: str) -> str:
    if field == "numerator":
        return "engagers" if row["metric"].endswith("engagers") else "actions"
    return str(row["unit"])
