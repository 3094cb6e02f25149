"""DuckDB views over a dataset: the tables, and their latest rows."""

from __future__ import annotations

import os
import uuid
from collections.abc import Collection
from pathlib import Path

import duckdb

from pipelines.duck import pattern, quoted
from pipelines.sinks.table import Table
from pipelines.sinks.tables import FOLDER_TABLES
from pipelines.sinks.views import views

VIEWS = "moment.duckdb"

_DAY = r"CAST(regexp_extract(filename, 'day=([0-9-]{10})/[^/]+$', 1) AS DATE)"
"""Of the folder that a file is in, and of none above: DuckDB's own partitions are whatever a path
calls name=value, in place of the columns of that name. It leaves out files of other days by this
as well."""


def create_views(dataset: Path) -> Path:
    """DIR/moment.duckdb with a view for each table and `views`.

    The file is made beside and renamed, so a reader never sees half of it.
    """
    target = dataset / VIEWS
    temporary = dataset / f".{VIEWS}.{uuid.uuid4().hex}.tmp"
    try:
        with duckdb.connect(str(temporary)) as connection:
            add_views(connection, dataset)
            # What a full disk does not take is told here; at the end it would be left aside.
            connection.execute("CHECKPOINT")
        os.replace(temporary, target)
    finally:
        for left in (temporary, temporary.with_name(f"{temporary.name}.wal")):
            left.unlink(missing_ok=True)
    return target


def add_views(
    connection: duckdb.DuckDBPyConnection,
    dataset: Path,
    tables: Collection[Table] = FOLDER_TABLES,
    names: Collection[str] | None = None,
) -> None:
    """Add a view for each table of a dataset, and those of `views` that are named; None: all.

    A table without files is an empty view of its schema.
    """
    for table in tables:
        if any((dataset / table.name).glob("day=*/*.parquet")):
            select = (
                f"SELECT * EXCLUDE (filename), {_DAY} AS day FROM read_parquet("
                f"{_files(dataset, table)}, hive_partitioning = false, filename = true)"
            )
        else:
            connection.register("empty", table.schema.empty_table())
            connection.execute(f"CREATE TABLE _{table.name} AS SELECT * FROM empty")
            connection.unregister("empty")
            select = f"SELECT *, NULL::DATE AS day FROM _{table.name}"
        connection.execute(f"CREATE VIEW {table.name} AS {select}")
    for view in views(by_day=False):
        if names is None or view.name in names:
            connection.execute(f"CREATE VIEW {view.name} AS {view.select}")


def renew_views(dataset: Path) -> None:
    """Make views anew that name another place: the dataset was copied or moved.

    Where that cannot be, they stay as they are: who only reads the dataset does so without them.
    """
    try:
        if _name_another_place(dataset):
            create_views(dataset)
    except (duckdb.Error, OSError):
        return


def _name_another_place(dataset: Path) -> bool:
    with duckdb.connect(str(dataset / VIEWS), read_only=True) as connection:
        found = connection.execute("SELECT view_name, sql FROM duckdb_views()").fetchall()
    told = dict(found)
    return any(
        "read_parquet(" in told.get(table.name, "")
        and _files(dataset, table) not in told[table.name]
        for table in FOLDER_TABLES
    )


def _files(dataset: Path, table: Table) -> str:
    folder = (dataset / table.name).resolve()
    return quoted(f"{pattern(folder)}/day=*/*.parquet")
