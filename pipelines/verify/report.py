"""What `moment verify` prints: identical, or the figures that differ, and what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pipelines.printable import printable
from pipelines.verify.compare import DIFFERENT, Compared, Difference
from pipelines.verify.dataset import LateEvent

_FEW_DAYS = 3
_DIMENSIONS = ("channel", "content_id", "brand_id", "item")


def report(
    compared: Compared,
    late: Sequence[LateEvent],
    zone: ZoneInfo,
    limit: int | None,
    settled: datetime | None = None,
    copies: int = 0,
) -> str:
    """The verdict in its first line; then the differences, what was not compared, late events.

    Instants are of the property's time zone. At most `limit` late events are listed; None: all.
    Windows that end by `settled` are corrected no more; None: none is. `copies` of events of which
    another copy counts were passed over.
    """
    parts = [_verdict(compared, Counter(each.effect for each in late), copies)]
    if compared.differences:
        parts.append(_differences(compared, zone))
    parts.append("\n".join(_scope(compared, zone, settled)))
    if late:
        parts.append(_late_events(late, zone, limit))
    return "\n\n".join(parts)


def _verdict(compared: Compared, effects: Counter[str], copies: int) -> str:
    late = _number(effects["event"], "late event")
    if effects["change"]:
        late += f" and {_number(effects['change'], 'late change')}"
    late += " excluded"
    if copies:
        late += f", {copies:,} {'copy' if copies == 1 else 'copies'} passed over"
    of = f"{_number(compared.figures, 'figure')} of {_days(compared.days)}"
    if not compared.differing:
        return f"identical: {of}, {late}"
    total = sum(compared.differing.values())
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in compared.differing.items())
    return f"NOT IDENTICAL: {total:,} of {of} differ ({kinds}), {late}"


def _differences(compared: Compared, zone: ZoneInfo) -> str:
    head = ["window", "kind", "metric", "grouping", "traffic", *_DIMENSIONS]
    head += ["column", "published", "recomputed"]
    rows = [row for each in compared.differences for row in _rows(each, zone)]
    used = [i for i in range(len(head)) if head[i] not in _DIMENSIONS or any(r[i] for r in rows)]
    table = _table([[row[i] for i in used] for row in [head, *rows]])
    rest = sum(compared.differing.values()) - len(compared.differences)
    return table + (f"\n… and {_number(rest, 'figure')} more (--limit 0: all)" if rest else "")


def _rows(difference: Difference, zone: ZoneInfo) -> list[list[str]]:
    key = difference.key
    place = [_instant(key["window_start"], zone), key["window_kind"]]
    place += [f"{key['metric']} {key['definition_version']}", key["grouping_set"], key["traffic"]]
    place += ["" if key[name] is None else str(key[name]) for name in _DIMENSIONS]
    published, recomputed = difference.published, difference.recomputed
    if difference.kind != DIFFERENT or published is None or recomputed is None:
        return [[*place, "(figure)", _figure(published), _figure(recomputed)]]
    return [[*place, c, _value(published[c]), _value(recomputed[c])] for c in published]


def _figure(side: Any) -> str:
    if side is None:
        return "missing"
    return side["suppressed_reason"] or _value(side["value"])


def _scope(compared: Compared, zone: ZoneInfo, settled: datetime | None) -> list[str]:
    by = f"end by {_instant(compared.through, zone)}"
    if compared.since is not None:
        by = f"begin at {_instant(compared.since, zone)} or later and {by}"
    lines = [f"compared: windows that {by}"]
    if settled is not None and settled < compared.through:
        lines.append(f"may be corrected yet: windows that end after {_instant(settled, zone)}")
    for days, where in (
        (compared.only_published, "the dataset"),
        (compared.only_recomputed, "the recomputation"),
    ):
        if days:
            lines.append(f"not compared: {_days(days)}, only in {where}")
    return lines


def _late_events(late: Sequence[LateEvent], zone: ZoneInfo, limit: int | None) -> str:
    rows = [["late event", "effect", "happened", "arrived", "windows closed through"]]
    rows += [
        [
            event.event_id.hex(),
            event.effect,
            *(
                _instant(instant, zone)
                for instant in (event.event_time, event.arrived_time, event.closed_through)
            ),
        ]
        for event in late[:limit]
    ]
    rest = len(late) - len(rows) + 1
    return _table(rows) + (f"\n… and {rest:,} more (--limit 0: all)" if rest else "")


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Columns flush left, two spaces between them."""
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in shown
    )


def _value(value: Any) -> str:
    """Numbers to their last bit."""
    return "null" if value is None else str(value)


def _instant(instant: datetime, zone: ZoneInfo) -> str:
    local = instant.astimezone(zone)
    precision = "minutes" if not (local.second or local.microsecond) else "auto"
    return local.isoformat(" ", precision)


def _days(days: Sequence[date]) -> str:
    if len(days) > _FEW_DAYS:
        return f"{len(days):,} days from {days[0]} to {days[-1]}"
    return " and ".join(map(str, days)) or "no day"


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
