"""Headline: the day's figures in words, each with interval, n and kind of uncertainty."""

from __future__ import annotations

from html import escape

from pipelines.report.coverage import coverage_of, why_no_loss
from pipelines.report.marks import explain, number, trace
from pipelines.report.query import Findings, Row
from pipelines.report.telling import ENGAGEMENT_RATES, why_unmeasured
from pipelines.report.words import (
    ANSWERED,
    MEASURES,
    WHOLE,
    reason_in_words,
    scope_of,
    title_of,
    uncertainty_in_words,
)

_CARDS = (
    ("reach", "people"),
    ("concurrent_viewers", "people, greatest minute"),
    ("average_minute_audience", "people a minute"),
    ("engagement_rate_engagers", "of the audience acted"),
    ("engagement_rate_actions", "actions a person"),
    ("csat", "of answers are 4 or 5 of 5"),
    ("nps", "points, from −100 to +100"),
    ("ces", "of answers say it was easy"),
    ("bored_share", "of the audience"),
    ("bored_among_satisfied", "of the satisfied"),
    ("new_people", "people"),
    ("returning_people", "people"),
)


def figure_of(findings: Findings, metric: str, traffic: str = "valid") -> Row | None:
    """The day's row of the live where it has a value, else of the whole property, else either."""
    item = item_of(metric)
    live = findings.live and findings.figures.one(
        metric, "content", content_id=findings.live, item=item, traffic=traffic
    )
    total = findings.figures.one(metric, "total", item=item, traffic=traffic)
    known = [row for row in (live, total) if row]
    return next((row for row in known if row["value"] is not None), known[0] if known else None)


def item_of(metric: str) -> str | None:
    """The item under which the answers to a question are published; other metrics have none."""
    return metric if metric in ANSWERED else None


def headline(findings: Findings) -> str:
    """Section of cards, one a figure; a suppressed figure says why instead."""
    cards = "".join(_card(findings, metric, unit) for metric, unit in _CARDS)
    return (
        "<section id=headline><h2>The day in figures</h2>"
        f'<p class="about">{_scope_words(findings)} Known automata are left out (valid traffic);'
        " point at a number to see what it was divided by, and how.</p>"
        f'<div class="cards">{cards}</div>{_coverage(findings)}</section>'
    )


def lede(findings: Findings) -> str:
    """What the figures say in a few sentences, all of one scope; nothing where all are withheld."""
    reach = figure_of(findings, "reach")
    scope = reach["grouping_set"] if reach else "total"

    def published(metric: str) -> Row | None:
        row = figure_of(findings, metric)
        known = row is not None and row["value"] is not None and row["grouping_set"] == scope
        return row if known else None

    parts = []
    if row := published("reach"):
        peak = published("concurrent_viewers")
        at_once = f", and {number(peak)} of them watched at once" if peak else ""
        whom = f" for <em>{escape(row['content_id'])}</em>" if row["content_id"] else ""
        parts.append(f"{number(row)} people came{whom}{at_once}.")
    why = reach and why_unmeasured(findings, **_place(reach))
    if why:
        parts.append(f"What they did is not measured. {why}")
    elif row := published("engagement_rate_engagers"):
        actions = published("engagement_rate_actions")
        each = f", {number(actions)} actions for each person present" if actions else ""
        parts.append(f"{number(row)} of the audience did more than watch{each}.")
    if row := published("csat"):
        bored = published("bored_among_satisfied")
        but = f"; {number(bored)} of the satisfied had also signalled boredom" if bored else ""
        parts.append(f"{number(row)} of the answers say satisfied{but}.")
    return f'<p class="lede">{" ".join(parts)}</p>' if parts else ""


def says(row: Row) -> str:
    """The interval of a published row in words."""
    low, high = number(row, "interval_low"), number(row, "interval_high")
    if row["uncertainty_kind"] == "census":
        return "Counted one by one, as far as the channels' keys tell people apart."
    if row["interval_low"] is None and row["interval_high"] is None:
        return "No interval could be made."
    if row["interval_high"] is None:
        return f"At least {low}; no upper end can be given."
    if row["interval_low"] is None:
        return f"At most {high}; no lower end can be given."
    if row["uncertainty_kind"] == "bounds":
        return f"Bounded by {low} and {high}."
    return f"95\u202f% interval {low} to {high}."


def judged_by(row: Row) -> str:
    """n and kind of uncertainty of a row."""
    whose = "respondents" if row["metric"] in ANSWERED else "people"
    kind = uncertainty_in_words(row["uncertainty_kind"])
    if row["metric"] == "interaction_mix":
        whose = "people behind it"
    basis = (
        f"n {number(row, 'n')} {whose} · " if row["suppressed_reason"] is None and row["n"] else ""
    )
    return f"{basis}{escape(kind)}"


def why_absent(row: Row | None) -> str:
    """Why a figure has no number, as a sentence."""
    if row is None:
        return "The dataset has no row of this figure: nothing was observed."
    reason = reason_in_words(row["suppressed_reason"])
    return f"{reason[0].upper()}{reason[1:]}."


def withheld(row: Row | None, words: str = "not published") -> str:
    """What stands where a number would, traced to the suppressed row."""
    if row is None:
        return f'<span class="absent">{words}</span>'
    return f'<span class="absent" {trace(row)} title="{escape(explain(row))}">{words}</span>'


def unmeasured(why: str, words: str = "not measured") -> str:
    """What stands where a zero would that nobody counted; `why` is a sentence."""
    return f'<span class="absent" title="{why}">{words}</span>'


def figure_cell(row: Row | None, why_unmeasured: str | None) -> str:
    """A figure in a table; a dash where it is withheld, or is an engagement nobody measured."""
    if row and row["metric"] in ENGAGEMENT_RATES and why_unmeasured:
        return unmeasured(why_unmeasured, "–")
    return number(row) if row and row["value"] is not None else withheld(row, "–")


def elsewhere(findings: Findings, row: Row) -> str:
    """The scope of a row, where it is not that of the page's content."""
    is_elsewhere = findings.live is not None and row["grouping_set"] == "total"
    return '<span class="scope">Whole property, all contents</span>' if is_elsewhere else ""


def _place(row: Row) -> dict[str, str]:
    return {"content_id": row["content_id"]} if row["grouping_set"] == "content" else {}


def _card(findings: Findings, metric: str, unit: str) -> str:
    row = figure_of(findings, metric)
    formula = MEASURES[metric].formula if metric in MEASURES else ""
    heading = f'<h3 title="{escape(formula)}">{escape(title_of(metric))}</h3>'
    why = why_unmeasured(findings, **_place(row)) if row and metric in ENGAGEMENT_RATES else None
    if why:
        return (
            f'<article class="card">{heading}<p class="big">{unmeasured(why)}</p>'
            f'<p class="says">{why}</p></article>'
        )
    if row is None or row["value"] is None:
        judged = judged_by(row) if row else "no row"
        return (
            f'<article class="card">{heading}<p class="big">{withheld(row)}</p>'
            f'<p class="says">{escape(why_absent(row))}</p><p class="small">{judged}</p></article>'
        )
    beside = _beside(findings, metric, row)
    big = number(row, signed=row["value_kind"] == "score")
    return (
        f'<article class="card">{heading}{elsewhere(findings, row)}'
        f'<p class="big">{big}</p><p class="unit">{unit}</p>'
        f'<p class="says">{says(row)}{beside}</p><p class="small">{judged_by(row)}</p></article>'
    )


def _beside(findings: Findings, metric: str, row: Row) -> str:
    """What must be seen beside a figure: reach with automata, boredom of the dissatisfied."""
    if metric == "reach":
        gross = figure_of(findings, metric, traffic="gross")
        if gross and gross["value"] is not None and gross["grouping_set"] == row["grouping_set"]:
            return f" With known automata (gross): {number(gross)}."
    if metric == "bored_among_satisfied":
        other = figure_of(findings, "bored_among_dissatisfied")
        if other and other["value"] is not None:
            return f" Of the dissatisfied: {number(other)}."
    if metric in ("new_people", "returning_people"):
        return " Earlier visits outside this dataset are unknown."
    return ""


def _coverage(findings: Findings) -> str:
    """Said once: figures of one day and place have the same."""
    row = figure_of(findings, "reach")
    if row is None:
        return ""
    return f'<p class="about below">{coverage_of(row, scope_of(row))}{why_no_loss(row)}</p>'


def _scope_words(findings: Findings) -> str:
    if findings.live is None:
        return f"No content has a published reach, so these are figures of {WHOLE}."
    return f"Figures of <strong>{escape(findings.live)}</strong>, unless a card says otherwise."
