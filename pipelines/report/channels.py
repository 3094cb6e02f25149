"""Channels: each channel's events on the clock of the live, and the table of channels."""

from __future__ import annotations

from datetime import timedelta
from html import escape

from pipelines.report.charts import bars, drawing, time_axis, value_axis
from pipelines.report.coverage import coverage_of
from pipelines.report.geometry import MINUTE, Panel, Span, ceiling
from pipelines.report.headline import figure_cell
from pipelines.report.marks import number
from pipelines.report.query import Findings, Row
from pipelines.report.telling import sees_only_acts, tells_engagement, why_unmeasured
from pipelines.report.words import WHOLE, channel_title


def wider_span(findings: Findings, span: Span | None) -> Span | None:
    """The span and up to two hours on both sides, as far as any channel had events: mails go out
    before a live, and answers come after it."""
    minutes = findings.figures.many("events", "total", "minute")
    heard = [row["window_start"] for row in minutes if row["value"]]
    if span is None or not heard:
        return span
    start = max(min(heard[0], span.start), span.start - timedelta(hours=2))
    end = min(max(heard[-1] + MINUTE, span.end), span.end + timedelta(hours=2))
    return Span(start, end, span.zone)


def channel_names(findings: Findings) -> list[str]:
    """Every channel the run, the metrics or the balance name, loudest first, without `unknown`."""
    rows = findings.figures.many("events", "channel")
    heard = {row["channel"]: row["value"] or 0 for row in rows}
    named = {*findings.run.get("channels", ()), *(row["channel"] for row in findings.balance)}
    return sorted(
        (heard.keys() | named) - {"unknown"}, key=lambda name: (-heard.get(name, 0), name)
    )


def channels(findings: Findings, span: Span | None) -> str:
    """Section of small multiples, one a channel, and the table of channels."""
    names = channel_names(findings)
    if not names:
        return (
            "<section id=channels><h2>Channels</h2>"
            '<p class="about">The dataset names no channel.</p></section>'
        )
    span = wider_span(findings, span)
    multiples = "".join(_multiple(findings, name, span) for name in names) if span else ""
    about = (
        f"Of {WHOLE}: events a minute, valid traffic. Each channel has its own scale, because"
        " one sends a heartbeat every ten seconds where another sends one mail; the day's total is"
        " beside its name. A registered channel that said nothing is shown, with its zero."
    )
    return (
        f'<section id=channels><h2>Channels</h2><p class="about">{about}</p>'
        f'<div class="multiples">{multiples}</div>{_channel_table(findings, names)}</section>'
    )


def _multiple(findings: Findings, name: str, span: Span) -> str:
    day = findings.figures.one("events", "channel", channel=name)
    minutes = findings.figures.many("events", "channel", "minute", channel=name)
    shown = [row for row in span.of(minutes) if row["value"]]
    silent = day is None or not day["value"]
    state = " · <strong>silent</strong>" if silent else ""
    heading = (
        f'<h3 title="{escape(channel_title(name))}">{escape(name)}</h3>'
        f'<p class="small">{number(day)} events{state}</p>'
    )
    highest = ceiling(max((row["value"] for row in shown), default=0))
    panel = Panel(52, 10, 240, 74, span, highest)
    words = "" if shown else "no event all day" if silent else "no event in these minutes"
    note = f'<text class="tick" x="172" y="52" text-anchor="middle">{words}</text>'
    chart = drawing(
        312,
        108,
        f"Events a minute of {name}",
        time_axis(panel, panel.bottom, most=6),
        value_axis(panel, 1),
        bars(panel, shown, "green"),
        note,
    )
    return f'<figure class="plot{" silent" if silent else ""}">{heading}{chart}</figure>'


_COLUMNS = ("reach", "engagement_rate_engagers", "engagement_rate_actions")


def _channel_table(findings: Findings, names: list[str]) -> str:
    figures = findings.figures

    def cells(grouping: str, **channel: str) -> str:
        events = figures.one("events", grouping, **channel)
        why = why_unmeasured(findings, **channel)
        first, *others = (
            figure_cell(figures.one(metric, grouping, **channel), why) for metric in _COLUMNS
        )
        rest = "".join(f"<td>{cell}</td>" for cell in others)
        return f"<td>{number(events)}</td><td>{first}</td><td>{_heard(events)}</td>{rest}"

    body = "".join(
        f'<tr><th scope="row">{escape(name)}<span class="small"> {escape(channel_title(name))}'
        f"</span></th>{cells('channel', channel=name)}</tr>"
        for name in names
    )
    return (
        '<div class="scroll"><table id="channel-table"><thead><tr><th scope="col">Channel</th>'
        '<th scope="col">Events</th><th scope="col">Reach</th><th scope="col">Heard</th>'
        '<th scope="col">Engagers / reach</th><th scope="col">Actions / reach</th></tr></thead>'
        f"<tbody>{body}</tbody><tfoot><tr><th scope=row>All channels</th>"
        f"{cells('total')}</tr></tfoot></table></div>"
        '<p class="small">A dash is a figure not published or not measured; pointing at it says'
        " why. Reach does not add up over channels: one person may be on several."
        f"{_what_rates_hide(findings)}</p>"
        f"{_together(findings)}"
    )


def _heard(events: Row | None) -> str:
    """Whether a channel said anything that day; of all together that is no question."""
    if events is None or events["channel"] is None:
        return ""
    return "heard" if events["coverage"] else "silent"


def _what_rates_hide(findings: Findings) -> str:
    """Which channels of those with people tell no action, and which tell nothing else."""
    rows = findings.figures.many("reach", "channel")
    names = sorted(row["channel"] for row in rows if row["value"])
    deaf = ", ".join(name for name in names if not tells_engagement(name))
    acts = ", ".join(name for name in names if sees_only_acts(name))
    told = ""
    if deaf and any(map(tells_engagement, names)):
        told += (
            f" People of channels that tell no action ({escape(deaf)}) are among those by whom all"
            " channels' engagement is divided."
        )
    if acts:
        told += f" A channel that sees people only when they act ({escape(acts)}) has 100\u202f%."
    return told


def _together(findings: Findings) -> str:
    """Coverage of all channels, which no line of the table has."""
    events = findings.figures.one("events")
    if events is None:
        return ""
    return (
        '<p class="small">Heard is a channel from which anything came that day. How much came of'
        " what was expected is weighed for all together, minute by minute."
        f" {coverage_of(events, WHOLE)}</p>"
    )
