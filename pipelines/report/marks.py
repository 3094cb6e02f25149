"""Marks: a number as HTML or SVG that carries the row it was taken from.

An element with `data-value` shows one rounded number. Beside it stands where the number is from:

* `data-metric-key`: a metric row, its key joined by `|` in the order of schemas.metric.KEY, nulls
  empty; `data-field` is the column of that row. `data-less-key`, where given, is the key of a
  second row whose column is subtracted.
* `data-balance-key`: `balance|channel|outcome` sums a column of the balance over a channel (`*`:
  all of them); `failed_events|channel|stage|reason` counts failed records;
  `metrics|reason|window` and `metrics|cause` count the day's latest metric rows.
"""

from __future__ import annotations

import math
from datetime import timezone
from html import escape
from urllib.parse import quote

from pipelines.report.query import Row
from pipelines.report.words import reason_in_words
from schemas.metric import KEY

NARROW_SPACE = "\u202f"

_DECIMALS = {"proportion": 3, "ratio": 2, "mean": 1, "score": 1, "count": 0}
_OF_VALUE = ("value", "interval_low", "interval_high")


def metric_key(row: Row) -> str:
    """The row's key as one text: instants in ISO 8601, bars within a part escaped."""
    parts = []
    for name in KEY:
        part = row[name]
        if name == "window_start":
            part = part.astimezone(timezone.utc).isoformat()
        parts.append(_part(part))
    return "|".join(parts)


def balance_key(*parts: str | None) -> str:
    """Parts of a balance key as one text."""
    return "|".join(_part(part) for part in parts)


def trace(row: Row, field: str = "value") -> str:
    """Attributes that name the row and column of a number; without `data-value` where null."""
    value = row[field]
    attributes = f'data-metric-key="{escape(metric_key(row))}" data-field="{field}"'
    if value is None:
        return attributes
    return f'{attributes} data-value="{_rounded(value, _decimals(row, field))}"'


def explain(row: Row) -> str:
    """What a tooltip says of a row: numerator, denominator, interval, method, n, coverage."""
    lines = [
        " · ".join(
            str(row[name])
            for name in ("metric", "grouping_set", "channel", "content_id", "brand_id", "item")
            if row[name] is not None
        )
    ]
    lines[0] += f" · {row['window_kind']} · {row['traffic']} traffic"
    if row["suppressed_reason"] is not None or row["value"] is None:
        lines.append(f"Not published: {reason_in_words(row['suppressed_reason'])}")
    elif row["numerator"] is not None:
        by = "" if row["denominator"] is None else f" / {row['denominator']:,.0f}"
        lines.append(f"{row['numerator']:,.0f}{by} ({row['unit']})")
    lines.append(f"{row['uncertainty_kind']}: {row['interval_method']}")
    lines.append(f"n {row['n']:,} · {_heard(row)} · {row['dedup_basis']}")
    lines.append(
        f"definition {row['definition_version']} · epoch {row['epoch']}"
        f" · revision {row['revision']} ({row['cause']})"
    )
    return "\n".join(lines)


def number(row: Row | None, field: str = "value", signed: bool = False) -> str:
    """A span with one number of a metric row; a dash with the reason where it has none."""
    if row is None:
        return '<span class="absent" title="the dataset has no such row">no row</span>'
    title = escape(explain(row))
    if row[field] is None:
        return f'<span class="absent" {trace(row, field)} title="{title}">withheld</span>'
    text = text_of(row, field, signed)
    return f'<span class="number" {trace(row, field)} title="{title}">{text}</span>'


def tspan(row: Row, field: str = "value") -> str:
    """The same as `number`, inside an SVG text."""
    return f"<tspan {trace(row, field)}>{text_of(row, field)}</tspan>"


def difference(row: Row, less: Row) -> str:
    """A span with the difference of two rows' values, traced to both."""
    value = row["value"] - less["value"]
    decimals = _decimals(row, "value")
    return (
        f'<span class="number" data-metric-key="{escape(metric_key(row))}"'
        f' data-less-key="{escape(metric_key(less))}" data-field="value"'
        f' data-value="{_rounded(value, decimals)}"'
        f' title="{escape(explain(row))}\n\nless\n\n{escape(explain(less))}">'
        f"{round(value, decimals) + 0.0:,.{decimals}f}</span>"
    )


def count(value: int, *key: str | None, title: str = "") -> str:
    """A span with a count of the balance, of failed events or of metric rows."""
    name = balance_key(*key)
    return (
        f'<span class="number" data-balance-key="{escape(name)}" data-value="{value}"'
        f' title="{escape(title or name)}">{value:,}</span>'
    )


def text_of(row: Row, field: str = "value", signed: bool = False) -> str:
    """A number as people read it: 1,742 or 38.4 % or +21.0."""
    decimals = _decimals(row, field)
    value = round(row[field], decimals) + 0.0
    if _is_share(row, field):
        return f"{100 * value:,.{max(decimals - 2, 0)}f}{NARROW_SPACE}%"
    sign = "+" if signed and value > 0 else ""
    return (sign + f"{value:,.{decimals}f}").replace("-", "\u2212")


def _heard(row: Row) -> str:
    """Coverage of a channel says whether it was heard, any other what was heard of what it was to
    be: not to be compared, and so not both per cents."""
    if row["channel"] is not None:
        return "heard" if row["coverage"] else "silent"
    return f"coverage {row['coverage']:.1%}"


def _is_share(row: Row, field: str) -> bool:
    return field == "coverage" or (row["value_kind"] == "proportion" and field in _OF_VALUE)


def _decimals(row: Row, field: str) -> int:
    """Places after the point: shares get a tenth of a per cent, whole per cents where they are."""
    if field == "coverage":
        return 2 if math.isclose(row[field], round(row[field], 2)) else 3
    return _DECIMALS[row["value_kind"]] if field in _OF_VALUE else 0


def _rounded(value: float, decimals: int) -> str:
    return f"{round(value, decimals) + 0.0:.{decimals}f}"


def _part(part: str | None) -> str:
    text = "" if part is None else str(part)
    return "".join(quote(c) if c in "%|" or ord(c) < 32 else c for c in text)
