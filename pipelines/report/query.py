"""Findings: what a report needs of one local day, read from a dataset's Parquet files by DuckDB."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import duckdb

from schemas.balance import BALANCE_KEY
from schemas.metric import KEY, NEWEST_FIRST, standing_epochs

Row = Mapping[str, Any]

_LATEST = f"""
WITH of_day AS (
    FROM read_parquet($files, hive_partitioning = true, union_by_name = true)
    WHERE local_day = $day
)
SELECT * EXCLUDE (place) FROM (
    SELECT *, row_number() OVER (
        PARTITION BY {", ".join(KEY)} ORDER BY {NEWEST_FIRST}
    ) AS place
    FROM ({standing_epochs("of_day")})
) WHERE place = 1
"""
"""Rows that count: of each figure of the day, the newest of the epoch that stands."""

_EVENTS_OF_DAYS = """
SELECT local_day, max(value) FILTER (
    metric = 'events' AND grouping_set = 'total' AND window_kind = 'day'
) AS events, count(*) AS rows
FROM read_parquet($files, hive_partitioning = true, union_by_name = true)
GROUP BY local_day ORDER BY events DESC NULLS LAST, rows DESC, local_day DESC
"""

_LIVE = """
SELECT content_id FROM latest
WHERE metric IN ('reach', 'concurrent_viewers') AND grouping_set = 'content'
    AND window_kind = 'day' AND value IS NOT NULL
GROUP BY content_id, traffic
ORDER BY traffic DESC, count(DISTINCT metric) DESC,
    max(value) FILTER (metric = 'reach') DESC NULLS LAST, content_id
LIMIT 1
"""
"""Of the contents people watched at once, the one of greatest reach; the page that announces a live
may reach more people than the live. `traffic DESC`: valid before gross."""

_SHOWN = """
SELECT * FROM latest
WHERE window_kind = 'day' OR (window_kind = 'minute' AND traffic = 'valid' AND (
    (metric = 'events' AND grouping_set IN ('total', 'channel'))
    OR (grouping_set = 'total' OR (grouping_set = 'content' AND content_id = $live))
    AND metric IN (
        'reach', 'concurrent_viewers', 'engagement_rate_actions', 'engagement_rate_engagers'
    )
)) ORDER BY window_start, definition_version, channel, content_id, brand_id, item
"""

_FAILED = """
SELECT coalesce(channel, 'unknown') AS channel, stage, reason, count(DISTINCT failure_id) AS records
FROM read_parquet($files, hive_partitioning = true, union_by_name = true)
GROUP BY ALL ORDER BY records DESC, channel, reason
"""

_BALANCE = f"""
SELECT * FROM read_parquet($files, hive_partitioning = true, union_by_name = true)
QUALIFY row_number() OVER (
    PARTITION BY {", ".join(BALANCE_KEY)} ORDER BY published_time DESC
) = 1
ORDER BY channel, arrival_hour, input
"""

_SUPPRESSED = """
SELECT suppressed_reason AS reason, window_kind, count(*) AS rows FROM latest
GROUP BY ALL ORDER BY reason NULLS FIRST, window_kind
"""

_CAUSES = "SELECT cause, count(*) AS rows FROM latest GROUP BY cause ORDER BY rows DESC, cause"


class Figures:
    """Metric rows found by what they are about; of several definition versions, the last read."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows: dict[tuple[str, str, str], list[Row]] = {}
        for row in rows:
            place = (row["metric"], row["grouping_set"], row["window_kind"])
            self._rows.setdefault(place, []).append(row)

    def many(
        self, metric: str, grouping: str = "total", window: str = "day", **dimensions: str | None
    ) -> list[Row]:
        """Rows in order of time, of valid traffic unless said; one for each figure."""
        wanted = {"traffic": "valid", **dimensions}
        rows = self._rows.get((metric, grouping, window), [])
        chosen = [row for row in rows if all(row[name] == wanted[name] for name in wanted)]
        by_figure = {
            (
                row["window_start"],
                row["channel"],
                row["content_id"],
                row["brand_id"],
                row["item"],
            ): (row)
            for row in chosen
        }
        return list(by_figure.values())

    def one(self, metric: str, grouping: str = "total", **dimensions: str | None) -> Row | None:
        """The row of the day, or None where the dataset has none."""
        rows = self.many(metric, grouping, "day", **dimensions)
        return rows[-1] if rows else None


@dataclass(frozen=True)
class Findings:
    """One local day of a dataset; `failed`, `suppressed` and `causes` are counts by group."""

    zone: ZoneInfo
    run: Mapping[str, Any]
    day: date | None = None
    days: int = 0
    """Local days the dataset has figures of."""
    live: str | None = None
    """The content watched live, else that of greatest reach; None where none is published."""
    figures: Figures = field(default_factory=lambda: Figures(()))
    published: datetime | None = None
    balance: list[Row] = field(default_factory=list)
    failed: list[Row] = field(default_factory=list)
    suppressed: list[Row] = field(default_factory=list)
    causes: list[Row] = field(default_factory=list)


def read_findings(dataset: Path, day: date | None = None) -> Findings:
    """Findings of a dataset directory; parts it lacks are empty.

    Raises FileNotFoundError where `dataset` is not a directory, ValueError where it has figures but
    none of `day`, or where run.json names no time zone of the IANA database.
    """
    if not dataset.is_dir():
        raise FileNotFoundError(
            f"expected the directory of a dataset at {dataset}, found none;"
            " give the --output of `moment measure`"
        )
    run = _read_run(dataset / "run.json")
    zone = _zone(run, dataset)
    connection = duckdb.connect()
    try:
        connection.execute("SET TimeZone = 'UTC'")
        balance = _of_files(connection, _BALANCE, _files(dataset, "balance"))
        failed = _of_files(connection, _FAILED, _files(dataset, "failed_events"))
        files = _files(dataset, "metrics")
        days = _of_files(connection, _EVENTS_OF_DAYS, files)
        if not days:
            return Findings(zone, run, day, balance=balance, failed=failed)
        if day is None:
            day = days[0]["local_day"]
        elif day not in [row["local_day"] for row in days]:
            known = sorted(row["local_day"] for row in days)
            raise ValueError(
                f"expected a day the dataset {dataset} has figures of"
                f" ({known[0]} to {known[-1]}), found {day}"
            )
        connection.execute(f"CREATE TEMP TABLE latest AS {_LATEST}", {"files": files, "day": day})
        watched = _rows(connection.execute(_LIVE))
        live = watched[0]["content_id"] if watched else None
        published = _rows(connection.execute("SELECT max(published_time) AS at FROM latest"))
        return Findings(
            zone=zone,
            run=run,
            day=day,
            days=len(days),
            live=live,
            figures=Figures(_rows(connection.execute(_SHOWN, {"live": live}))),
            published=published[0]["at"],
            balance=balance,
            failed=failed,
            suppressed=_rows(connection.execute(_SUPPRESSED)),
            causes=_rows(connection.execute(_CAUSES)),
        )
    finally:
        connection.close()


def _files(dataset: Path, table: str) -> list[str]:
    return sorted(str(path) for path in (dataset / table).glob("**/*.parquet"))


def _of_files(connection: duckdb.DuckDBPyConnection, query: str, files: list[str]) -> list[Row]:
    return _rows(connection.execute(query, {"files": files})) if files else []


def _rows(result: duckdb.DuckDBPyConnection) -> list[Row]:
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, values)) for values in result.fetchall()]


def _read_run(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    run = json.loads(path.read_text(encoding="utf-8"))
    options = run.get("options")
    return {**(options if isinstance(options, dict) else {}), **run}


def _zone(run: Mapping[str, Any], dataset: Path) -> ZoneInfo:
    name = run.get("time_zone") or "UTC"
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(
            f"expected a time zone of the IANA database in {dataset / 'run.json'}, found {name!r}"
        ) from None
