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

    Of a measure that is a mix of several items the value of each item: its rows say the rest.
    """
    for measure in measures:
        name = measure.name
        if len(measure.items) > 1:
            for item in measure.items:
                yield _one(name, "value", f"{name}_{item}", item)
            continue
        yield _one(name, "value", name)
        yield _one(name, "interval_low", f"{name}_low")
        yield _one(name, "interval_high", f"{name}_high")
        yield _one(name, "n", f"{name}_n")
        yield _one(name, "suppressed_reason", f"{name}_suppressed")


def _one(metric: str, column: str, alias: str, item: str | None = None) -> str:
    which = f" AND item = '{item}'" if item else ""
    return f"max(CASE WHEN metric = '{metric}'{which} THEN {column} END) AS {alias}"


WIDE_VIEWS = tuple(_wide(family, measures) for family, measures in FAMILIES.items())
