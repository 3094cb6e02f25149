"""Wide views for BI: one row a window and place, the measures of a family in columns.

Generated from the dictionary, so that a new measure has its columns without a change here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from schemas.bigquery import DAY
from transforms.measures import FAMILIES, Measure

_PLACE = (
    DAY,
    "window_kind",
    "window_start",
    "window_end",
    "grouping_set",
    "channel",
    "content_id",
    "brand_id",
    "traffic",
)

_TOLD = {
    "value": "",
    "interval_low": "_low",
    "interval_high": "_high",
    "n": "_n",
    "suppressed_reason": "_suppressed",
}
"""What a row says of a figure, and what the name of its column ends with."""


def _wide(family: str, measures: Sequence[Measure]) -> tuple[str, str, str]:
    """Name, meaning and SELECT of a family's view."""
    place, columns = ", ".join(_PLACE), ",\n  ".join(_columns(measures))
    names = ", ".join(f"'{measure.name}'" for measure in measures)
    select = f"""
SELECT {place},
  {columns},
  min(coverage) AS coverage, max(published_time) AS published_time
FROM metrics_latest WHERE metric IN ({names})
GROUP BY {place}
"""
    titles = ", ".join(measure.title.lower() for measure in measures)
    return f"wide_{family}", f"one row a window and place: {titles}, with intervals", select


def _columns(measures: Sequence[Measure]) -> Iterator[str]:
    """The value, interval, people behind it and reason of suppression of each measure.

    Of a measure that is a mix of several items, of each item.
    """
    for measure in measures:
        if len(measure.items) > 1:
            for item in measure.items:
                only = f"metric = '{measure.name}' AND item = '{item}'"
                yield from _told_of(only, f"{measure.name}_{item}")
        else:
            yield from _told_of(f"metric = '{measure.name}'", measure.name)


def _told_of(rows: str, name: str) -> Iterator[str]:
    for column, suffix in _TOLD.items():
        yield f"max(CASE WHEN {rows} THEN {column} END) AS {name}{suffix}"


WIDE_VIEWS = tuple(_wide(family, measures) for family, measures in FAMILIES.items())
