"""DuckDB views over a dataset: the tables, and their latest rows."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from pipelines.sinks.tables import TABLES
from schemas.balance import BALANCE_KEY
from schemas.late import STANDING_ROWS
from schemas.metric import KEY, NEWEST_FIRST, standing_epochs

EVENTS_LATEST = """
SELECT * FROM events
QUALIFY row_number() OVER (
  PARTITION BY event_id ORDER BY ingested_time, event_time, collected_time
) = 1
"""
"""One row an event id; of copies the first to arrive, as Attend counts them."""

METRICS_LATEST = f"""
SELECT * FROM ({standing_epochs("metrics")})
QUALIFY row_number() OVER (
  PARTITION BY {", ".join(KEY)} ORDER BY {NEWEST_FIRST}
) = 1
"""
"""One row a figure: the newest of the greatest epoch that computed its window."""

METRICS_NOW = f"""
SELECT * FROM (
  SELECT *, TRUE AS final FROM metrics_latest
  UNION ALL BY NAME SELECT *, FALSE AS final FROM metrics_live
)
QUALIFY row_number() OVER (
  PARTITION BY {", ".join(KEY)} ORDER BY final DESC, {NEWEST_FIRST}
) = 1
"""
"""One row a figure: the one that stands, else the newest early one."""

BALANCE_LATEST = f"""
SELECT * FROM balance
QUALIFY row_number() OVER (
  PARTITION BY {", ".join(BALANCE_KEY)} ORDER BY published_time DESC
) = 1
"""
"""One row an input, arrival hour and channel: a stream writes them again as it counts on."""

FAILED_EVENTS_LATEST = """
SELECT * FROM failed_events
QUALIFY row_number() OVER (PARTITION BY failure_id ORDER BY failed_time) = 1
"""
"""One row a failed record: a stream that was restored may have written it twice."""

VIEWS = {
    "late_events_latest": STANDING_ROWS,
    "events_latest": EVENTS_LATEST,
    "metrics_latest": METRICS_LATEST,
    "metrics_now": METRICS_NOW,
    "balance_latest": BALANCE_LATEST,
    "failed_events_latest": FAILED_EVENTS_LATEST,
}


def create_views(dataset: Path) -> Path:
    """DIR/moment.duckdb with a view for each table and those of VIEWS.

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
        for name, select in VIEWS.items():
            connection.execute(f"CREATE VIEW {name} AS {select}")
    finally:
        connection.close()
    os.replace(temporary, target)
    return target
