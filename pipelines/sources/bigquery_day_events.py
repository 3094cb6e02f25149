"""What the figures of one local day rest on, read from the table `events` of BigQuery."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from sqlglot import exp

from pipelines.local_day import LocalDay
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.sql import translated
from pipelines.sinks.tables import EVENTS
from pipelines.sources.bigquery import fetch_batches
from pipelines.sources.day_events import OF_A_DAY, REACH, protected_events
from schemas.event import EVENT


def fetch_day_events(place: Destination, day: LocalDay) -> Iterator[pa.RecordBatch]:
    """PROTECTED_EVENT batches of all that the figures of a day rest on; see sources.day_events.

    BigQuery chooses them: only what is chosen travels. Raises OptionError.
    """
    sql, given = day_query(place, day)
    return map(protected_events, fetch_batches(place, sql, EVENT, given))


def day_query(place: Destination, day: LocalDay) -> tuple[str, dict[str, Any]]:
    """The query of `fetch_day_events` and its parameters."""
    return day_sql(place), {"reach": day.begin - REACH, "finish": day.end}


def day_sql(place: Destination) -> str:
    """The one text of what a day rests on, in BigQuery's SQL; each reading names its partitions."""
    return translated(OF_A_DAY, {EVENTS.name: place.name(EVENTS)}, _name_days)


def _name_days(select: Any) -> None:
    """Where `events` are read from an instant on or up to one, read the days UTC of it only.

    The partition column is the day of `event_time`, which BigQuery does not know.
    """
    for each in select.find_all(exp.Select):
        read = each.args.get("from_") or each.args.get("from")
        if read is None or read.this.name != EVENTS.name:
            continue
        days = ["day >= DATE '0001-01-01'"]
        for condition in _conditions(each):
            sign = _SIGNS.get(type(condition))
            if sign and condition.this.name == "event_time":
                days.append(f"day {sign} CAST({condition.expression.sql('duckdb')} AS DATE)")
        each.where(*days, copy=False, dialect="duckdb")


_SIGNS: dict[Any, str] = {exp.GTE: ">=", exp.LT: "<="}


def _conditions(select: exp.Select) -> list[Any]:
    """What all rows of a SELECT must meet."""
    where = select.args.get("where")
    if where is None:
        return []
    return list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
