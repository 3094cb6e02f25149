"""Page: the whole HTML of one report, from findings."""

from __future__ import annotations

from html import escape

from pipelines.report.channels import channels
from pipelines.report.headline import headline, lede
from pipelines.report.minutes import minute_by_minute, shown_span
from pipelines.report.panels import contents, interactions, satisfaction
from pipelines.report.quality import balance_alarm, quality, too_few
from pipelines.report.query import Findings
from pipelines.report.style import SCRIPT, STYLE
from pipelines.report.words import time_element
from transforms.measures import DICTIONARY

_CANNOT = (
    (
        "Why people feel what they feel.",
        "A rate says how many were bored, not what bored them. Only listening to people, one by"
        " one, answers that.",
    ),
    (
        "What caused what.",
        "An action after a moment of the show is not an effect of it. Without a group that was held"
        " out, this page shows coincidence in time and nothing more.",
    ),
    (
        "What share of everybody this was.",
        "The web has no known whole. An audience share needs a universe somebody declares, and none"
        " was declared here.",
    ),
    (
        "Whether words meant what they say.",
        "Irony is not recognised. Declared satisfaction is counted as declared.",
    ),
    (
        "Who refused to be measured.",
        "People without consent are not followed. They are in no figure of people, and nothing here"
        " guesses at them.",
    ),
    (
        "Who is one person.",
        "People are told apart by the keys their channels give. One person on a telephone and a"
        " television may count twice; a family on one account counts once.",
    ),
    (
        "What the silent think.",
        "Most people answer no survey. Intervals cover the chance of who answered, not the choice"
        " not to answer.",
    ),
)


def page(findings: Findings, title: str | None = None) -> str:
    """A self-contained HTML document: no address outside it is loaded."""
    heading = title or _heading(findings)
    span = shown_span(findings)
    body = "".join(
        (
            f"<header>{_header(findings, heading)}</header><main>",
            balance_alarm(findings),
            too_few(findings),
            headline(findings),
            minute_by_minute(findings, span),
            channels(findings, span),
            interactions(findings),
            satisfaction(findings),
            contents(findings),
            quality(findings),
            _cannot_say(),
            _definitions(),
            f"</main><footer>{_footer(findings)}</footer>",
        )
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(heading)}</title><style>{STYLE}</style></head>"
        f"<body>{body}<script>{SCRIPT}</script></body></html>\n"
    )


def _heading(findings: Findings) -> str:
    if findings.day is None:
        return "An empty dataset"
    subject = findings.live or "The day"
    return f"{subject}, {findings.day:%A} {findings.day.day} {findings.day:%B %Y}"


def _header(findings: Findings, heading: str) -> str:
    facts = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{value}</dd></div>" for name, value in _facts(findings)
    )
    return (
        f'<p class="eyebrow">Moment · audience report</p><h1>{escape(heading)}</h1>'
        f'<dl class="facts">{facts}</dl>{lede(findings)}'
    )


def _facts(findings: Findings) -> list[tuple[str, str]]:
    zone = findings.zone
    facts: list[tuple[str, str]] = []
    if findings.run.get("property"):
        facts.append(("Property", escape(str(findings.run["property"]))))
    brands = [row["brand_id"] for row in findings.figures.many("events", "brand") if row["value"]]
    if not brands and findings.run.get("brand"):
        brands = [str(findings.run["brand"])]
    if brands:
        named = ", ".join(escape(brand) for brand in brands[:3])
        facts.append(("Brand", named + (" and others" if len(brands) > 3 else "")))
    if findings.day is not None:
        day = f'<time datetime="{findings.day}">{findings.day:%A} {findings.day.day}'
        facts.append(("Local day", f"{day} {findings.day:%B %Y}</time>, {escape(zone.key)}"))
    minutes = [row for row in findings.figures.many("events", window="minute") if row["value"]]
    if minutes:
        first = time_element(minutes[0]["window_start"], zone)
        last = time_element(minutes[-1]["window_end"], zone, end=True)
        facts.append(("Window covered", f"{first} to {last}"))
    if findings.published is not None:
        facts.append(("Published", time_element(findings.published, zone, with_day=True)))
    if findings.run.get("version"):
        facts.append(("Moment", escape(str(findings.run["version"]))))
    return facts


def _cannot_say() -> str:
    lines = "".join(
        f"<li><strong>{escape(what)}</strong> {escape(why)}</li>" for what, why in _CANNOT
    )
    return (
        '<section id="cannot"><h2>What this page cannot say</h2>'
        f'<ul class="cannot">{lines}</ul></section>'
    )


def _definitions() -> str:
    body = "".join(
        f'<tr><th scope="row">{escape(measure.title)}</th>'
        f'<td class="words">{escape(measure.formula)}</td>'
        f'<td class="words">{escape(measure.interval_method)}</td>'
        f'<td class="words">{escape(measure.definition_version)}</td></tr>'
        for measure in DICTIONARY
    )
    return (
        '<section id="definitions"><h2>Definitions</h2><details><summary>What each figure divides'
        ' by what, and how its interval is made</summary><div class="scroll"><table><thead><tr>'
        '<th scope="col">Figure</th><th scope="col" class="words">Formula</th>'
        '<th scope="col" class="words">Interval</th><th scope="col" class="words">Version</th>'
        f"</tr></thead><tbody>{body}</tbody></table></div></details></section>"
    )


def _footer(findings: Findings) -> str:
    more = (
        " The dataset holds other days too; this page is about the one named above."
        if findings.days > 1
        else ""
    )
    return (
        "Sampling error: how far chance alone could move the figure among people like these."
        " Bounds: the truth lies between them whatever chance did. Census: counted one by one."
        " Coverage: what came of the events that channels' hour before led to expect."
        f" Each number carries the key of its row in the dataset.{more}"
    )
