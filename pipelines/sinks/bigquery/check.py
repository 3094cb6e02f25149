"""Can the tables be written? Asked before anything starts, each answer one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from pipelines.errors import OptionError
from pipelines.sinks.bigquery.append import USUAL
from pipelines.sinks.bigquery.clients import rest_client, write_client
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.faults import SinkError
from pipelines.sinks.bigquery.streams import Streams
from pipelines.sinks.table import Table
from schemas.bigquery import Column, bigquery_columns

_SQL_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
"""The API answers with names of its older SQL."""

_PATIENCE = replace(USUAL, reconnect_seconds=10, back_off_seconds=30)


def check_bigquery(
    destination: Destination, tables: Sequence[Table], option: str = "--output "
) -> None:
    """Return where every table has our columns and may be written. Raises OptionError.

    `option` is what stands before the destination where it was given.
    """
    check_tables(destination, tables, option)
    _check_rights(destination, tables, option)


def check_tables(destination: Destination, tables: Sequence[Table], option: str) -> None:
    """Return where every table is there with our columns. Raises OptionError."""
    from google.api_core.exceptions import GoogleAPICallError

    client = rest_client(destination)
    try:
        found = {table.name: _columns(client, destination, table, option) for table in tables}
        missing = [table for table in tables if found[table.name] is None]
        # Who may only use tables may not see their dataset: it is asked for where one is missing.
        for dataset in dict.fromkeys(destination.dataset_of(table) for table in missing):
            _check_dataset(client, destination, dataset, option)
    except (GoogleAPICallError, OSError) as error:
        raise OptionError(_unreachable(destination, type(error).__name__, option)) from error
    if missing:
        names = " and ".join(destination.name(table) for table in missing)
        raise OptionError(
            f"{option}{destination}: expected the table {names}, found none: create it with"
            " `moment tables apply`"
        )
    for table in tables:
        _check_columns(destination.name(table), table, found[table.name] or [])


def _check_dataset(client: Any, destination: Destination, dataset: str, option: str) -> None:
    """Return where the dataset is there, or where this account may not know."""
    from google.api_core.exceptions import Forbidden, NotFound

    name = f"{destination.project}.{dataset}"
    try:
        client.get_dataset(name, retry=None, timeout=30)
    except NotFound:
        raise OptionError(
            f"{option}{destination}: expected the dataset {name}, found none: create it and its"
            " tables with `moment tables apply`, or correct the name"
        ) from None
    except Forbidden:
        return


def _columns(client: Any, destination: Destination, table: Table, option: str) -> list[Any] | None:
    """The fields of a table, None where there is no such table."""
    from google.api_core.exceptions import Forbidden, NotFound

    name = destination.name(table)
    try:
        found = client.get_table(name, retry=None, timeout=30)
    except NotFound:
        return None
    except Forbidden:
        raise OptionError(
            f"{option}{destination}: expected the right to see the table {name}"
            " (bigquery.tables.get), found none, or no such table, which BigQuery does not tell"
            " apart without that right: grant this account BigQuery Data Editor on it, Data Viewer"
            " where nothing is to be written, or create it with `moment tables apply`"
        ) from None
    return list(found.schema)


def _check_columns(name: str, table: Table, fields: Iterable[Any]) -> None:
    there = {field.name: field for field in fields}
    ours = bigquery_columns(table.schema)
    for column in ours:
        found = there.get(column["name"])
        if found is None:
            raise OptionError(
                f"expected the column {_said(column)} in {name}, found none: add it with"
                " `moment tables apply`"
            )
        type = _SQL_NAMES.get(found.field_type, found.field_type)
        if type != column["type"] or found.mode == "REPEATED":
            repeated = "repeated " if found.mode == "REPEATED" else ""
            raise OptionError(
                f"expected the column {_said(column)} in {name}, found it to be {repeated}{type}:"
                " a column's type cannot be changed, so write to another dataset"
            )
        if found.mode == "REQUIRED" and column["mode"] == "NULLABLE":
            raise OptionError(
                f"expected the column {_said(column)} in {name} to be nullable, found it"
                f" required: relax it with `moment tables apply`"
            )
    names = {column["name"] for column in ours}
    for field in there.values():
        if field.mode == "REQUIRED" and field.name not in names:
            raise OptionError(
                f"expected no required column in {name} but ours, found {field.name}: make it"
                " nullable, for we have nothing to write in it"
            )


def _check_rights(
    destination: Destination, tables: Sequence[Table], option: str = "--output "
) -> None:
    """Begin a pending stream of each table and leave it: who may do that may append."""
    for table in tables:
        streams = Streams(write_client(destination), destination.path(table), _PATIENCE)
        try:
            streams.create()
        except SinkError as error:
            if "found PERMISSION_DENIED" in str(error):
                raise OptionError(
                    f"{option}{destination}: expected the right to write {destination.name(table)}"
                    ", found that this account may only read: grant it BigQuery Data Editor on the"
                    " dataset"
                ) from None
            raise OptionError(str(error)) from None


def _said(column: Column) -> str:
    return f"{column['name']} {column['type']}"


def _unreachable(destination: Destination, found: str, option: str) -> str:
    where = f"the emulator at {destination.rest_emulator}" if destination.rest_emulator else "it"
    return (
        f"{option}{destination}: expected BigQuery to answer, found {found}: check the network,"
        f" the credentials and {where}"
    )
