"""Panels: what people did, what they said they felt, and which contents they came for."""

from __future__ import annotations

from html import escape

from pipelines.report.charts import scale_labels, share_bar, whisker
from pipelines.report.geometry import ceiling
from pipelines.report.headline import (
    elsewhere,
    figure_cell,
    figure_of,
    item_of,
    judged_by,
    says,
    why_absent,
    withheld,
)
from pipelines.report.marks import number
from pipelines.report.query import Findings, Row
from pipelines.report.telling import why_unmeasured
from pipelines.report.words import WHOLE, reason_in_words, scope_of, title_of

MOST_CONTENTS = 50


def interactions(findings: Findings) -> str:
    """Section of the interaction mix with whiskers, and comments per like."""
    heading = "<section id=interactions><h2>What people did</h2>"
    rows = _mix(findings)
    shown = sorted(
        (row for row in rows if row["value"] is not None), key=lambda r: (-r["value"], r["item"])
    )
    hidden = sorted((row for row in rows if row["value"] is None), key=lambda r: r["item"])
    if not rows:
        why = why_unmeasured(findings)
        told = f"Not measured. {why}" if why else f"Nobody of {WHOLE}, is known to have acted."
        return f'{heading}<p class="about">{told}</p></section>'
    highest = min(1.0, _most(shown))
    bars = "".join(
        f"<p>{_item(row)}</p>{share_bar(row, highest, 'blue')}"
        f'<p>{number(row)} <span class="small">{number(row, "numerator")} of'
        f" {number(row, 'denominator')}</span><span class='small'>{says(row)}</span></p>"
        for row in shown
    )
    body = f'<div class="rows">{bars}</div>' if shown else ""
    if hidden:
        body += "".join(
            f'<p class="small">Seen, not published ({reason_in_words(reason)}): {names}.</p>'
            for reason, names in _names_by_reason(hidden).items()
        )
    return (
        f'{heading}<p class="about">Of {scope_of(rows[0])}: share of each kind among all engagement'
        f" actions; the whisker is the Wilson interval.</p>{body}{_comments_per_like(findings)}"
        "</section>"
    )


def _names_by_reason(hidden: list[Row]) -> dict[str | None, str]:
    reasons = sorted({row["suppressed_reason"] for row in hidden}, key=str, reverse=True)
    return {
        reason: ", ".join(
            f"{_item(row)} ({withheld(row)})"
            for row in hidden
            if row["suppressed_reason"] == reason
        )
        for reason in reasons
    }


def _mix(findings: Findings) -> list[Row]:
    """All items of the mix: of the live where it has any published, else of the property."""
    live = findings.live
    for grouping, content in (("content", live), ("total", None)) if live else (("total", None),):
        rows = findings.figures.many(
            "interaction_mix", grouping, **({"content_id": content} if content else {})
        )
        if any(row["value"] is not None for row in rows):
            return rows
    return findings.figures.many("interaction_mix", "total")


def _most(rows: list[Row]) -> float:
    return ceiling(max((row["interval_high"] or row["value"] for row in rows), default=1))


def _item(row: Row) -> str:
    return escape(str(row["item"]).replace("_", " "))


def _comments_per_like(findings: Findings) -> str:
    row = figure_of(findings, "comments_per_like")
    if row is None:
        return ""
    if row["value"] is None:
        words = f"{withheld(row)}: {escape(why_absent(row))}"
    else:
        words = (
            f"{number(row)}. For {number(row, 'denominator')} likes there were"
            f" {number(row, 'numerator')} comments and replies. {says(row)}"
        )
    return (
        f'<p class="note"><strong>Comments per like:</strong> {words}'
        f' <span class="small">{judged_by(row)}</span> {elsewhere(findings, row)}</p>'
    )


_SHARES = (
    ("csat", "blue"),
    ("ces", "blue"),
    ("bored_share", "orange"),
    ("bored_among_satisfied", "orange"),
    ("bored_among_dissatisfied", "orange"),
)


def satisfaction(findings: Findings) -> str:
    """Section of CSAT, CES and boredom on one scale of per cents, and NPS on its own."""
    shares = [_whisker_row(findings, metric, 0, 1, css) for metric, css in _SHARES]
    nps = _whisker_row(findings, "nps", -100, 100, "blue")
    live = findings.live
    scope = f"<strong>{escape(live)}</strong>, unless a line says otherwise" if live else WHOLE
    return (
        "<section id=satisfaction><h2>Satisfied, and bored?</h2>"
        f'<p class="about">Of {scope}. «\u202fDes personnes satisfaites se sont parfois'
        " ennuyées\u202f»: who declared satisfaction is counted with what the same person signalled"
        " during the live. The dot is the figure, the bar its 95\u202f% interval.</p>"
        f'<div class="rows"><p></p>{scale_labels(0, 100, " %")}<p></p>{"".join(shares)}'
        f"<p></p>{scale_labels(-100, 100, '')}<p></p>{nps}</div></section>"
    )


def _whisker_row(findings: Findings, metric: str, low: float, high: float, css: str) -> str:
    row = figure_of(findings, metric)
    name = f"<p>{escape(title_of(metric))}"
    if row is None or row["value"] is None:
        return (
            f"{name}</p><p class=small>{escape(why_absent(row))}</p><p>{withheld(row)}"
            f'<span class="small">{judged_by(row) if row else ""}</span></p>'
        )
    figure = number(row, signed=row["value_kind"] == "score")
    return (
        f"{name}</p>{whisker(row, low, high, css)}"
        f'<p>{figure} {elsewhere(findings, row)}<span class="small">{says(row)}</span>'
        f'<span class="small">{judged_by(row)}</span></p>'
    )


_CONTENT_COLUMNS = (
    ("reach", "Reach"),
    ("concurrent_viewers", "Peak at once"),
    ("average_minute_audience", "Average minute"),
    ("engagement_rate_engagers", "Engagers / reach"),
    ("engagement_rate_actions", "Actions / reach"),
    ("csat", "Satisfied"),
)


def contents(findings: Findings) -> str:
    """Section with the content of the headline and those of greatest reach; contents of few people
    are only counted."""
    rows = findings.figures.many("reach", "content")
    shown = [row for row in rows if row["value"] is not None]
    live = findings.live
    shown.sort(key=lambda row: (row["content_id"] != live, -row["value"], row["content_id"]))
    if not shown:
        return (
            "<section id=contents><h2>Contents</h2>"
            '<p class="about">No content has the reach of ten people that would let it be'
            " published.</p></section>"
        )
    heads = "".join(f'<th scope="col">{escape(title)}</th>' for _, title in _CONTENT_COLUMNS)
    body = "".join(
        f'<tr><th scope="row">{_content_name(findings, row)}</th>'
        f"{_content_cells(findings, row)}</tr>"
        for row in shown[:MOST_CONTENTS]
    )
    is_found = shown[0]["content_id"] == live
    first = " The content of the headline comes first, whatever its reach." if is_found else ""
    few = (
        " Contents that reached fewer than ten people have no line."
        if len(shown) < len(rows)
        else ""
    )
    more = f" Only the first {MOST_CONTENTS} are listed." if len(shown) > MOST_CONTENTS else ""
    return (
        "<section id=contents><h2>Contents</h2>"
        f'<p class="about">A content is what a channel says was watched, read or visited, by the'
        " name that this channel gives it: a live and the page that leads to it are two, and one"
        f" person may be among the people of both.{first} By reach, valid traffic, whole day."
        f"{few}{more}</p>"
        '<input class="filter" type="search" data-table="content-table"'
        ' placeholder="Filter contents" aria-label="Filter contents">'
        '<div class="scroll"><table id="content-table"><thead><tr><th scope="col">Content</th>'
        f"{heads}</tr></thead><tbody>{body}</tbody></table></div></section>"
    )


def _content_name(findings: Findings, row: Row) -> str:
    name = escape(row["content_id"])
    is_subject = row["content_id"] == findings.live
    return f'{name}<span class="small"> of the headline</span>' if is_subject else name


def _content_cells(findings: Findings, reach: Row) -> str:
    content = reach["content_id"]
    why = why_unmeasured(findings, content_id=content)
    rows = (
        findings.figures.one(metric, "content", content_id=content, item=item_of(metric))
        for metric, _ in _CONTENT_COLUMNS
    )
    return "".join(f"<td>{figure_cell(row, why)}</td>" for row in rows)
