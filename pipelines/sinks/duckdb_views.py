"""DuckDB views over a dataset: the tables, and their latest rows."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from pipelines.sinks.tables import TABLES
from schemas.metric import KEY

EVENTS_LATEST = """
SELECT * FROM events
QUALIFY row_number() OVER (
  PARTITION BY event_id ORDER BY event_time, collected_time, ingested_time
) = 1
"""
"""One row an event id; of copies the earliest, as Attend counts them."""

METRICS_LATEST = f"""
SELECT * FROM metrics
QUALIFY row_number() OVER (
  PARTITION BY {", ".join(KEY)} ORDER BY epoch DESC, revision DESC, published_time DESC
) = 1
"""
"""One row a figure: the greatest (epoch, revision)."""


def create_views(dataset: Path) -> Path:
    """DIR/moment.duckdb with a view for each table and `events_latest`, `metrics_latest`.

    The file is made beside and renamed, so a reader never sees half of it. A table without files
    is an empty view of its schema.
    """
    target = dataset / "moment.duckdb"
    temporary = dataset / ".moment.duckdb.tmp"
    temporary.unlink(missing_ok=True)
    connection = duckdb.connect(str(temporary))
    try:
        for table in TABLES:
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
        connection.execute(f"CREATE VIEW events_latest AS {EVENTS_LATEST}")
        connection.execute(f"CREATE VIEW metrics_latest AS {METRICS_LATEST}")
    finally:
        connection.close()
    os.replace(temporary, target)
    return target
