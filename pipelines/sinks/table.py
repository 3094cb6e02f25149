"""A table of a dataset, wherever it is written: Parquet files or BigQuery."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Table:
    """What a table holds, the column whose day partitions it, and what BigQuery is told of it.

    `clustering`: at most four flat columns that readers filter by. `kept_days`: after so many a
    partition is gone; None: it stays. `restricted`: raw payloads, in a dataset of their own.
    `day_required`: a query must say which days it reads.
    """

    name: str
    schema: pa.Schema
    day_column: str
    meaning: str
    clustering: tuple[str, ...]
    kept_days: int | None = None
    restricted: bool = False
    day_required: bool = True
    by_hour: bool = False
    """Parquet files hold one hour of `day_column` each, which their names say."""
