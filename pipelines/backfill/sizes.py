"""What BigQuery tells of a dataset before a backfill: sizes, events of its days, sources read."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime

import pyarrow as pa

from pipelines.local_day import LocalDay
from pipelines.place import DayRows, Sizes
from pipelines.published_bigquery import Query
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.tables import EVENTS, SOURCE_STATUSES
from pipelines.sources.bigquery import ALL_DAYS, bytes_read, fetch, fetch_row
from pipelines.sources.bigquery_day_events import day_query
from schemas.source_status import READ_THROUGH


def read_through(place: Destination) -> datetime | None:
    """How far all sources of a stream had been read; None: they have said nothing."""
    table = f"(SELECT input, watermark FROM `{place.name(SOURCE_STATUSES)}` WHERE {ALL_DAYS})"
    (read,) = fetch_row(place, READ_THROUGH.format(source_status=table))
    return read


_ROWS = f"SELECT count(*) FROM `{{table}}` WHERE {ALL_DAYS}"
_PARTITION = "SELECT * FROM `{table}` WHERE day = @partition"
_AT_ONCE = 8
"""Dry runs: of years of days each takes its while, and none costs anything."""
_BYTES_AN_EVENT = 66
"""In Parquet, as pipelines.sinks.parquet measured it."""


def sizes(place: Destination, days: Sequence[LocalDay]) -> Sizes:
    """Bytes of the partitions of these days, and of what each day reads, as dry runs say.

    So a right on the table is enough; INFORMATION_SCHEMA wants one on the dataset.
    """
    table = place.name(EVENTS)
    (rows,) = fetch_row(place, _ROWS.format(table=table))
    partitions = sorted({each for day in days for each in day.partitions})
    sql = _PARTITION.format(table=table)
    whole = bytes_of_each(place, [(sql, {"partition": each}) for each in partitions])
    own = dict(zip(partitions, whole))
    read = bytes_of_each(place, [day_query(place, day) for day in days])
    a_day = dict(zip((each.day for each in days), read))
    # Nothing where there are rows is no size: an emulator tells none.
    unknown = None if rows else 0
    return Sizes(
        {day: size or unknown for day, size in own.items()},
        {day: size or unknown for day, size in a_day.items()},
        rows * _BYTES_AN_EVENT,
    )


def bytes_of_each(place: Destination, queries: Sequence[Query]) -> list[int]:
    """The bytes that queries read, by a dry run each; an emulator says 0."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda query: bytes_read(place, *query), queries))


_DAY_ROWS = f"""
SELECT DATE(event_time, @zone) AS local_day, count(*) AS events,
  string_agg(DISTINCT actor_key_id, ' ') AS keys
FROM `{{table}}`
WHERE {ALL_DAYS} AND day BETWEEN DATE(@begin) AND DATE(@finish)
  AND event_time >= @begin AND event_time < @finish
GROUP BY local_day
"""
_DAY_ROW = pa.schema([("local_day", pa.date32()), ("events", pa.int64()), ("keys", pa.string())])


def day_rows(place: Destination, days: Sequence[LocalDay], zone: str) -> dict[date, DayRows]:
    """How many events each day has, and under which pseudonym keys; days without any are not in."""
    sql, given = day_rows_query(place, days, zone)
    found = fetch(place, sql, _DAY_ROW, given)
    return {
        row["local_day"]: DayRows(row["events"], tuple(sorted((row["keys"] or "").split())))
        for row in found.to_pylist()
    }


def day_rows_query(place: Destination, days: Sequence[LocalDay], zone: str) -> Query:
    """The query of `day_rows`."""
    given = {"begin": days[0].begin, "finish": days[-1].end, "zone": zone}
    return _DAY_ROWS.format(table=place.name(EVENTS)), given
