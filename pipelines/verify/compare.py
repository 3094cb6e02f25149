"""Figures published and recomputed, joined by their key: those that differ, and in what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb

from pipelines.errors import OptionError
from schemas.metric import KEY, NEWEST_FIRST, standing_epochs

NUMBERS = ("value", "numerator", "denominator", "interval_low", "interval_high", "coverage")
COMPARED = (*NUMBERS, "n", "suppressed_reason")
"""What two rows of one figure must agree in; when and why they were published they need not."""

MISSING_IN_DATASET = "missing in the dataset"
MISSING_IN_RECOMPUTATION = "missing in the recomputation"
DIFFERENT = "different"

WITHDRAWN = "withdrawn"
"""The suppressed_reason of a figure whose events are all gone: as good as no row."""

_STANDING = f"""
CREATE TEMP TABLE {{standing}} AS
SELECT local_day, {", ".join((*KEY, *COMPARED))} FROM (
    SELECT *, row_number() OVER (
        PARTITION BY {", ".join(KEY)} ORDER BY {NEWEST_FIRST}
    ) AS place
    FROM ({standing_epochs("{metrics}")}) WHERE window_end <= $through
    AND ($since IS NULL OR window_start >= $since) AND ($days IS NULL OR local_day IN $days)
) WHERE place = 1
"""

_COUNTED = f"local_day IN $days AND suppressed_reason IS DISTINCT FROM '{WITHDRAWN}'"


def _same(name: str) -> str:
    """SQL: both rows have the same bits in a column; for DuckDB alone 0 and −0 are equal."""
    same = f"p.{name} IS NOT DISTINCT FROM r.{name}"
    if name in NUMBERS:
        same += f" AND signbit(p.{name}) IS NOT DISTINCT FROM signbit(r.{name})"
    return f"({same})"


_DIFFERENCES = f"""
CREATE TEMP TABLE differences AS
SELECT {", ".join(f"coalesce(p.{name}, r.{name}) AS {name}" for name in KEY)},
    CASE WHEN p.metric IS NULL THEN '{MISSING_IN_DATASET}'
        WHEN r.metric IS NULL THEN '{MISSING_IN_RECOMPUTATION}' ELSE '{DIFFERENT}' END AS kind,
    {", ".join(f"p.{c} AS published_{c}, r.{c} AS recomputed_{c}" for c in COMPARED)},
    [{", ".join(f"CASE WHEN NOT {_same(c)} THEN '{c}' END" for c in COMPARED)}] AS unequal
FROM (FROM published WHERE {_COUNTED}) AS p
FULL JOIN (FROM recomputed WHERE {_COUNTED}) AS r
ON {" AND ".join(f"p.{name} IS NOT DISTINCT FROM r.{name}" for name in KEY)}
WHERE p.metric IS NULL OR r.metric IS NULL OR NOT ({" AND ".join(map(_same, COMPARED))})
"""

_SHOWN = f"""
SELECT * FROM differences
ORDER BY window_start, window_kind, {", ".join(name for name in KEY if name[:6] != "window")}
LIMIT $limit
"""


@dataclass(frozen=True)
class Difference:
    """A figure that is on one side only, or not the same on both.

    `published` and `recomputed` hold the columns in which they differ; of a figure on one side
    only, all columns of that side, and None for the other.
    """

    kind: str
    key: Mapping[str, Any]
    published: Mapping[str, Any] | None
    recomputed: Mapping[str, Any] | None


@dataclass(frozen=True)
class Compared:
    """What was compared, how many figures that were, and what differs."""

    through: datetime
    since: datetime | None
    days: tuple[date, ...]
    only_published: tuple[date, ...]
    """Days not compared, because nobody asked for them and only the dataset has them."""
    only_recomputed: tuple[date, ...]
    """The same of the recomputation: days before the first that was published."""
    figures: int
    differing: Mapping[str, int]
    """How many figures by kind of difference."""
    differences: Sequence[Difference]
    """The first of them, in order of time and key."""


def latest_end(connection: duckdb.DuckDBPyConnection) -> datetime:
    """End of the latest window that `figures` has a day of: up to there all are published.

    A window's first row in `metrics` is written when the watermark has passed its end, and a window
    that ends earlier was passed before it.
    """
    ((end,),) = connection.execute("SELECT max(latest_end) FROM figures").fetchall()
    return end


def compare(
    connection: duckdb.DuckDBPyConnection,
    through: datetime,
    days: Sequence[date] = (),
    limit: int | None = None,
    since: datetime | None = None,
) -> Compared:
    """The figures of the view `metrics` against those of the view `recomputed_metrics`.

    Of each figure the newest row counts, of the greatest epoch that computed its window. Compared
    are windows that begin at `since` or later and end by `through`, of the days given, else of
    every day that both sides have, and of those that only the recomputation has from `since` or the
    first published day on: they were passed over. At most `limit` differences are read. Raises
    OptionError for a day given that neither side has.
    """
    for standing, metrics in (("published", "metrics"), ("recomputed", "recomputed_metrics")):
        connection.execute(
            _STANDING.format(standing=standing, metrics=metrics),
            {"through": through, "since": since, "days": list(days) or None},
        )
    published, recomputed = _days(connection, "published"), _days(connection, "recomputed")
    if nowhere := set(days) - published - recomputed:
        raise OptionError(
            f"--day {min(nowhere)}: expected figures of that day by {through.isoformat()}, found"
            " none in the dataset and none in the recomputation"
        )
    # Of both sides only windows are here that begin at `since` and end by `through`.
    first = min(published, default=date.max) if since is None else date.min
    passed_over = {day for day in recomputed - published if day > first}
    chosen = sorted(set(days) or published & recomputed | passed_over)
    connection.execute(_DIFFERENCES, {"days": chosen})
    differing = dict(
        connection.execute(
            "SELECT kind, count(*) FROM differences GROUP BY 1 ORDER BY 1"
        ).fetchall()
    )
    ((both,),) = connection.execute(
        f"SELECT count(*) FROM published WHERE {_COUNTED}", {"days": chosen}
    ).fetchall()
    result = connection.execute(_SHOWN, {"limit": limit})
    names = [column[0] for column in result.description or ()]
    rows = [dict(zip(names, row)) for row in result.fetchall()]
    return Compared(
        through=through,
        since=since,
        days=tuple(chosen),
        only_published=tuple(sorted(published - recomputed - set(chosen))),
        only_recomputed=tuple(sorted(recomputed - published - set(chosen))),
        figures=both + differing.get(MISSING_IN_DATASET, 0),
        differing=differing,
        differences=[_difference(row) for row in rows],
    )


def _days(connection: duckdb.DuckDBPyConnection, standing: str) -> set[date]:
    return {
        day
        for (day,) in connection.execute(f"SELECT DISTINCT local_day FROM {standing}").fetchall()
    }


def _difference(row: Mapping[str, Any]) -> Difference:
    kind = row["kind"]
    columns = [name for name in row["unequal"] if name] if kind == DIFFERENT else COMPARED

    def side(name: str, missing: str) -> Mapping[str, Any] | None:
        return None if kind == missing else {c: row[f"{name}_{c}"] for c in columns}

    return Difference(
        kind,
        {name: row[name] for name in KEY},
        side("published", MISSING_IN_DATASET),
        side("recomputed", MISSING_IN_RECOMPUTATION),
    )
