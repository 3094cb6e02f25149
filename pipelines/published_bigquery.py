"""What is published in BigQuery, fetched into the connection in which comparisons run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa

from pipelines.duck import connect
from pipelines.local_day import LocalDay
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.table import Table
from pipelines.sinks.tables import EVENTS, LATE_EVENTS, METRICS
from pipelines.sources.bigquery import ALL_DAYS, fetch, fetch_batches
from pipelines.verify.dataset import add_ledger, figures_sql
from schemas.event import EVENT, INSTANT
from schemas.late import LATE_EVENT
from schemas.metric import METRIC

Query = tuple[str, dict[str, Any]]
"""SQL and its parameters."""

_FIGURES = pa.schema([("local_day", pa.date32()), ("epoch", pa.int64()), ("latest_end", INSTANT)])
_COPIES = pa.schema([EVENT.field("event_id"), EVENT.field("ingested_time")])


def fetch_published(place: Destination, days: Sequence[date] = ()) -> duckdb.DuckDBPyConnection:
    """All that pipelines.place says is published; `metrics` of these days, or of all.

    Raises OptionError where there is no figure, or where a table cannot be read.
    """
    with _made() as connection:
        _fetch_into(connection, place, METRICS.name, METRICS, METRIC, days)
        connection.register(EVENTS.name, fetch(place, _copies(place), _COPIES))
        _add_ledger(connection, place)
    return connection


def fetch_standing(place: Destination) -> duckdb.DuckDBPyConnection:
    """`figures` and `ledger` alone. Raises OptionError."""
    with _made() as connection:
        _add_ledger(connection, place)
    return connection


def fetch_figures(place: Destination, day: date) -> duckdb.DuckDBPyConnection:
    """`metrics` of a day alone. Raises OptionError."""
    with _made() as connection:
        _fetch_into(connection, place, METRICS.name, METRICS, METRIC, [day])
    return connection


def fetch_table(
    connection: duckdb.DuckDBPyConnection,
    place: Destination,
    name: str,
    table: Table,
    columns: Sequence[str],
    days: Sequence[LocalDay] = (),
) -> None:
    """Add a table of these columns of one of BigQuery, of the partitions that the days are in."""
    schema = pa.schema([table.schema.field(column) for column in columns])
    partitions = sorted({each for day in days for each in day.partitions})
    _fetch_into(connection, place, name, table, schema, partitions)


def _fetch_into(
    connection: duckdb.DuckDBPyConnection,
    place: Destination,
    name: str,
    table: Table,
    schema: pa.Schema,
    partitions: Sequence[date],
) -> None:
    select, given = table_query(place, table, schema.names, partitions)
    connection.register("none", schema.empty_table())
    connection.execute(f"CREATE TABLE {name} AS FROM none")
    # As they come, for DuckDB holds them smaller than Arrow does.
    for batch in fetch_batches(place, select, schema, given):
        connection.register("arrived", batch)
        connection.execute(f"INSERT INTO {name} FROM arrived")


def table_query(
    place: Destination, table: Table, columns: Sequence[str], partitions: Sequence[date] = ()
) -> Query:
    """Columns of a table, of these partitions or of all."""
    select = f"SELECT {', '.join(columns)} FROM `{place.name(table)}` WHERE "
    if not partitions:
        return select + ALL_DAYS, {}
    return f"{select}day IN UNNEST(@days)", {"days": list(partitions)}


def standing_queries(place: Destination) -> tuple[Query, Query]:
    """What `fetch_standing` asks: the figures' epochs and ends, and the late ledger."""
    figures = figures_sql(f"`{place.name(METRICS)}` WHERE {ALL_DAYS}")
    return (figures, {}), table_query(place, LATE_EVENTS, LATE_EVENT.names)


def _add_ledger(connection: duckdb.DuckDBPyConnection, place: Destination) -> None:
    (figures, _), (late, _) = standing_queries(place)
    connection.register("figures", fetch(place, figures, _FIGURES))
    connection.register(LATE_EVENTS.name, fetch(place, late, LATE_EVENT))
    add_ledger(connection, place)


def _copies(place: Destination) -> str:
    """SQL: ids and arrivals of the events that the late ledger names."""
    named = f"SELECT event_id FROM `{place.name(LATE_EVENTS)}` WHERE {ALL_DAYS}"
    return (
        f"SELECT event_id, ingested_time FROM `{place.name(EVENTS)}`"
        f" WHERE {ALL_DAYS} AND event_id IN ({named})"
    )


@contextmanager
def _made() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that is closed where it cannot be filled, and else left open."""
    connection = connect()
    try:
        yield connection
    except BaseException:
        connection.close()
        raise
