"""Quality: the balance of what was read, what failed, automata, and figures that were withheld."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from html import escape

from pipelines.report.headline import figure_of
from pipelines.report.marks import count, difference, number
from pipelines.report.query import Findings, Row
from pipelines.report.words import cause_in_words, failure_in_words, reason_in_words, time_element
from schemas.balance import EVENT_OUTCOMES

_COLUMNS = ("received", "decoded", "failed", "events", *EVENT_OUTCOMES)
_MOST_HOURS = 20


def is_balanced(row: Row) -> bool:
    """received = decoded + failed, events = accepted + the rest, and the row says so itself."""
    return (
        bool(row["balanced"])
        and row["received"] == row["decoded"] + row["failed"]
        and row["events"] == sum(row[name] for name in EVENT_OUTCOMES)
    )


def balance_alarm(findings: Findings) -> str:
    """A banner where any hour does not balance; nothing else."""
    wrong = [row for row in findings.balance if not is_balanced(row)]
    if not wrong:
        return ""
    names = ", ".join(escape(name) for name in sorted({row["channel"] for row in wrong}))
    return (
        '<div class="alarm" role="alert"><p><strong>UNBALANCED.</strong> Records or events of'
        f" {names} are unaccounted for: figures on this page may miss them or count them twice."
        ' See <a href="#balance">the balance</a>.</p></div>'
    )


def quality(findings: Findings) -> str:
    """Section of balance, failed events, automata, suppression and revisions."""
    return (
        '<section id="quality"><h2>Can these figures be trusted?</h2>'
        '<p class="about">Every record read must be accounted for. Balance and failures'
        " cover the whole dataset by time of arrival; automata and withheld rows cover the day, of"
        " the whole property."
        f"</p>{_balance(findings)}{_failed(findings)}"
        f'<div class="columns"><div>{_suppressed(findings)}</div>'
        f"<div>{_automata(findings)}{_causes(findings)}</div></div></section>"
    )


def _balance(findings: Findings) -> str:
    rows = findings.balance
    if not rows:
        return (
            '<p class="note">The dataset has no balance: whether records were lost is unknown.</p>'
        )
    heads = "".join(f'<th scope="col">{mark}{name}</th>' for mark, name in zip(_MARKS, _COLUMNS))
    body = "".join(
        _balance_row(name, [row for row in rows if row["channel"] == name])
        for name in sorted({row["channel"] for row in rows})
    )
    foot = _balance_row("*", rows, "All")
    first = min(row["arrival_hour"] for row in rows)
    last = max(row["last_hour"] for row in rows)
    return (
        '<div class="scroll"><table id="balance"><caption>Balance of records and events,'
        f" arrived from {time_element(first, findings.zone, with_day=True)}"
        f" to the hour of {time_element(last, findings.zone, with_day=True)}</caption>"
        f'<thead><tr><th scope="col">Channel</th>{heads}<th scope="col" class="words">State</th>'
        f"</tr></thead><tbody>{body}</tbody><tfoot>{foot}</tfoot></table></div>"
        f"{_wrong_hours(findings)}"
    )


_MARKS = ("", "= ", "+ ", "", "= ", *("+ " for _ in EVENT_OUTCOMES[1:]))


def _balance_row(channel: str, rows: list[Row], name: str = "") -> str:
    cells = "".join(
        f"<td>{count(sum(row[column] for row in rows), 'balance', channel, column)}</td>"
        for column in _COLUMNS
    )
    good = all(is_balanced(row) for row in rows)
    state = "balanced" if good else '<span class="unbalanced">UNBALANCED</span>'
    head = f'<th scope="row">{escape(name or channel)}</th>'
    return f'<tr>{head}{cells}<td class="words">{state}</td></tr>'


def _wrong_hours(findings: Findings) -> str:
    wrong = [row for row in findings.balance if not is_balanced(row)]
    if not wrong:
        return ""
    lines = "".join(
        f"<li>{escape(row['channel'])}, {escape(row['input'])}, hour of"
        f" {time_element(row['arrival_hour'], findings.zone, with_day=True)}</li>"
        for row in wrong[:_MOST_HOURS]
    )
    more = "<li>and more hours</li>" if len(wrong) > _MOST_HOURS else ""
    return (
        '<div class="alarm"><p><strong>UNBALANCED</strong> hours, where records or events are'
        f" missing or too many:</p><ul>{lines}{more}</ul></div>"
    )


def _table(identity: str, caption: str, heads: Iterable[str], body: str) -> str:
    cells = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    return (
        f'<div class="scroll"><table id="{identity}"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _failed(findings: Findings) -> str:
    """Failed records by channel and reason; a pair that did not occur has an empty cell."""
    if findings.why_no_failures is not None:
        return (
            '<p class="small">Which records failed, and why, is not on this page:'
            f" {escape(findings.why_no_failures)}. How many did is in the balance.</p>"
        )
    if not findings.failed:
        return '<p class="small">No record failed.</p>'
    counts = {
        (row["channel"], row["stage"], row["reason"]): row["records"] for row in findings.failed
    }
    reasons, channels = Counter[tuple[str, str]](), Counter[str]()
    for (channel, stage, reason), records in counts.items():
        reasons[stage, reason] += records
        channels[channel] += records
    columns = [reason for reason, _ in reasons.most_common()]
    heads = "".join(
        f'<th scope="col" title="{escape(stage)}: {escape(reason)}">'
        f"{escape(failure_in_words(reason))}</th>"
        for stage, reason in columns
    )

    def cell(key: tuple[str, str, str]) -> str:
        return count(counts[key], "failed_events", *key) if key in counts else ""

    body = "".join(
        f'<tr><th scope="row">{escape(channel)}</th>'
        + "".join(f"<td>{cell((channel, *column))}</td>" for column in columns)
        + "</tr>"
        for channel, _ in channels.most_common()
    )
    return (
        '<div class="scroll"><table id="failed-table"><caption>Failed records</caption>'
        f'<thead><tr><th scope="col">Channel</th>{heads}</tr></thead><tbody>{body}</tbody></table>'
        '</div><p class="small">Their bytes are kept in failed_events, restricted and expiring, and'
        " can be replayed; they are not on this page.</p>"
    )


def _automata(findings: Findings) -> str:
    lines = []
    for metric, name in (("events", "Events"), ("reach", "Reach")):
        gross, valid = (findings.figures.one(metric, traffic=t) for t in ("gross", "valid"))
        if not gross or not valid or gross["value"] is None or valid["value"] is None:
            continue
        lines.append(
            f'<tr><th scope="row">{name}</th><td>{number(gross)}</td><td>{number(valid)}</td>'
            f"<td>{difference(gross, valid)}</td></tr>"
        )
    if not lines:
        return (
            '<h3>Known automata</h3><p class="small">No figure is published with and without.</p>'
        )
    return _table(
        "automata-table", "Known automata", ("", "Gross", "Valid", "Automata"), "".join(lines)
    ) + (
        '<p class="small">Automata are those published lists know by name. What hides as a person'
        " is in both columns.</p>"
    )


def _suppressed(findings: Findings) -> str:
    if not findings.suppressed:
        return '<h3>Withheld figures</h3><p class="small">The day has no metric rows.</p>'
    windows = ("minute", "hour", "day")
    counts = {(row["reason"], row["window_kind"]): row["rows"] for row in findings.suppressed}
    reasons = sorted(
        {reason for reason, _ in counts}, key=lambda reason: (reason is not None, reason)
    )
    body = "".join(
        f'<tr><th scope="row">{escape(_suppression(reason))}</th>'
        + "".join(
            f"<td>{count(counts.get((reason, window), 0), 'metrics', reason, window)}</td>"
            for window in windows
        )
        + "</tr>"
        for reason in reasons
    )
    return _table(
        "suppressed-table", "Metric rows of the day", ("", "Minutes", "Hours", "Day"), body
    )


def _suppression(reason: str | None) -> str:
    if reason is None:
        return "Published"
    return f"Withheld: {reason_in_words(reason)}"


def _causes(findings: Findings) -> str:
    if not findings.causes:
        return ""
    body = "".join(
        f'<tr><th scope="row">{escape(cause_in_words(row["cause"]))}</th>'
        f"<td>{count(row['rows'], 'metrics', row['cause'])}</td></tr>"
        for row in findings.causes
    )
    return _table("cause-table", "Why the latest rows were written", ("Cause", "Rows"), body)


def too_few(findings: Findings) -> str:
    """A note where so few people came that hardly a figure is published."""
    reach = figure_of(findings, "reach")
    if findings.day is None:
        return (
            '<div class="note"><p>This dataset has no metrics yet. What is known of the records'
            " read is at the end of the page.</p></div>"
        )
    if reach is None or reach["value"] is None:
        events = findings.figures.one("events")
        heard = f" {number(events)} events were accepted." if events and events["value"] else ""
        return (
            '<div class="note"><p>Too few people came for a published audience: a figure on'
            f" fewer than ten people could point at one of them.{heard} Each missing figure below"
            " says its reason.</p></div>"
        )
    return ""
