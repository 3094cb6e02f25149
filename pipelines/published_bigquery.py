"""What is published in BigQuery, fetched into the connection in which comparisons run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import duckdb
import pyarrow as pa

from pipelines.duck import connect
from pipelines.local_day import LocalDay
from pipelines.sinks.bigquery_destination import Destination
from pipelines.sinks.table import Table
from pipelines.sinks.tables import EVENTS, LATE_EVENTS, METRICS
from pipelines.sources.bigquery import ALL_DAYS, fetch, fetch_batches
from pipelines.verify_dataset import add_ledger, figures_sql
from schemas.event import EVENT, INSTANT
from schemas.late import LATE_EVENT
from schemas.metric import METRIC

_FIGURES = pa.schema([("local_day", pa.date32()), ("epoch", pa.int64()), ("latest_end", INSTANT)])
_COPIES = pa.schema([EVENT.field("event_id"), EVENT.field("ingested_time")])


def fetch_published(
    place: Destination, days: Sequence[date] = (), ledger: bool = True
) -> duckdb.DuckDBPyConnection:
    """`metrics` of these days (none: of all), and of all days the rest that pipelines.place says.

    `ledger` False: `metrics` alone. Raises OptionError where there is no figure, or where a table
    cannot be read.
    """
    connection = connect()
    try:
        _add_metrics(connection, place, days)
        if ledger:
            _add_ledger(connection, place)
    except BaseException:
        connection.close()
        raise
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


def _add_metrics(
    connection: duckdb.DuckDBPyConnection, place: Destination, days: Sequence[date]
) -> None:
    _fetch_into(connection, place, METRICS.name, METRICS, METRIC, days)


def _fetch_into(
    connection: duckdb.DuckDBPyConnection,
    place: Destination,
    name: str,
    table: Table,
    schema: pa.Schema,
    partitions: Sequence[date],
) -> None:
    select = f"SELECT {', '.join(schema.names)} FROM `{place.name(table)}` WHERE "
    select += "day IN UNNEST(@days)" if partitions else ALL_DAYS
    given = {"days": list(partitions)} if partitions else {}
    connection.register("none", schema.empty_table())
    connection.execute(f"CREATE TABLE {name} AS FROM none")
    # As they come, for DuckDB holds them smaller than Arrow does.
    for batch in fetch_batches(place, select, schema, given):
        connection.register("arrived", batch)
        connection.execute(f"INSERT INTO {name} FROM arrived")


def _add_ledger(connection: duckdb.DuckDBPyConnection, place: Destination) -> None:
    metrics, late = f"`{place.name(METRICS)}`", f"`{place.name(LATE_EVENTS)}`"
    figures = figures_sql(f"{metrics} WHERE {ALL_DAYS}")
    ledger = f"SELECT {', '.join(LATE_EVENT.names)} FROM {late} WHERE {ALL_DAYS}"
    copies = f"""
        SELECT event_id, ingested_time FROM `{place.name(EVENTS)}`
        WHERE {ALL_DAYS} AND event_id IN (SELECT event_id FROM {late} WHERE {ALL_DAYS})
    """
    for name, sql, schema in (
        ("figures", figures, _FIGURES),
        ("late_events", ledger, LATE_EVENT),
        ("events", copies, _COPIES),
    ):
        connection.register(name, fetch(place, sql, schema))
    add_ledger(connection, place)
