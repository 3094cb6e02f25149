"""DuckDB views over a dataset: the tables, and their latest rows."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from pipelines.sinks.tables import FOLDER_TABLES
from pipelines.sinks.views import views


def create_views(dataset: Path) -> Path:
    """DIR/moment.duckdb with a view for each table and `views`.

    The file is made beside and renamed, so a reader never sees half of it. A table without files
    is an empty view of its schema.
    """
    target = dataset / "moment.duckdb"
    temporary = dataset / ".moment.duckdb.tmp"
    temporary.unlink(missing_ok=True)
    connection = duckdb.connect(str(temporary))
    try:
        for table in FOLDER_TABLES:
            folder = (dataset / table.name).resolve()
            if any(folder.glob("day=*/*.parquet")):
                files = str(folder / "day=*" / "*.parquet").replace("'", "''")
                select = f"SELECT * FROM read_parquet('{files}', hive_partitioning = true)"
            else:
                connection.register("empty", table.schema.empty_table())
                connection.execute(f"CREATE TABLE _{table.name} AS SELECT * FROM empty")
                connection.unregister("empty")
                select = f"SELECT *, NULL::DATE AS day FROM _{table.name}"
            connection.execute(f"CREATE VIEW {table.name} AS {select}")
        for view in views(by_day=False):
            connection.execute(f"CREATE VIEW {view.name} AS {view.select}")
    finally:
        connection.close()
    os.replace(temporary, target)
    return target
