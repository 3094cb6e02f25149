"""Tables for tests, made through BigQuery's own client, and what a reader finds in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from google.cloud import bigquery

from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.table import Table
from schemas.bigquery import bigquery_columns


def create_tables(client: Any, destination: Destination, tables: Iterable[Table]) -> None:
    """Both datasets and these tables, partitioned by day."""
    for dataset in (destination.dataset, destination.restricted_dataset):
        client.create_dataset(f"{destination.project}.{dataset}", exists_ok=True)
    for table in tables:
        create_table(client, destination, table)


def create_table(client: Any, destination: Destination, table: Table) -> None:
    fields = [bigquery.SchemaField.from_api_repr(dict(c)) for c in bigquery_columns(table.schema)]
    made = bigquery.Table(destination.name(table), schema=fields)
    made.time_partitioning = bigquery.TimePartitioning(field="day")
    client.create_table(made)


def add_column(client: Any, destination: Destination, table: Table, name: str, type: str) -> None:
    """As ALTER TABLE ADD COLUMN does: in the emulator it adds the column to what is stored alone,
    and the API's update to its catalogue alone."""
    client.query_and_wait(f"ALTER TABLE `{destination.name(table)}` ADD COLUMN {name} {type}")
    found = client.get_table(destination.name(table))
    if name not in [field.name for field in found.schema]:
        found.schema = [*found.schema, bigquery.SchemaField(name, type)]
        client.update_table(found, ["schema"])


def rows(client: Any, destination: Destination, table: Table, where: str = "TRUE") -> list[Any]:
    """The rows of a table as dicts."""
    sql = f"SELECT * FROM `{destination.name(table)}` WHERE day >= DATE '0001-01-01' AND ({where})"
    return [dict(row.items()) for row in client.query_and_wait(sql)]


def one(client: Any, sql: str) -> Any:
    """The only value that a query gives."""
    ((value,),) = [tuple(row.values()) for row in client.query_and_wait(sql)]
    return value


def in_order(table: pa.Table, key: tuple[str, ...], without: tuple[str, ...]) -> list[Any]:
    """Rows as dicts in a definite order, without what a clock says."""
    names = [name for name in table.column_names if name not in without]
    return sorted(
        table.select(names).to_pylist(), key=lambda row: repr([row[name] for name in key])
    )
