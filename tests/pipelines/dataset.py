"""A dataset as tests read it: its views, tables in a definite order, digests of its files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.day_partial import DAY_PARTIAL_KEY
from schemas.metric import KEY


def query(dataset: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(dataset / "moment.duckdb"), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(sql).fetchall()


ORDER = {
    "events": ("event_id", "collected_time", "event_time"),
    "metrics": KEY,
    "failed_events": ("failure_id",),
    "balance": ("input", "arrival_hour", "channel"),
    "partials": ("local_day", *DAY_PARTIAL_KEY),
}


def table(dataset: Path, name: str, without: tuple[str, ...] = ()) -> pa.Table:
    """A table of the dataset in a definite order of rows."""
    files = sorted((dataset / name).rglob("*.parquet"))
    whole = pa.concat_tables(pq.read_table(file, partitioning=None) for file in files)
    whole = whole.sort_by([(column, "ascending") for column in ORDER[name]])
    return whole.select([c for c in whole.column_names if c not in without]).combine_chunks()


def partials(dataset: Path) -> pa.Table:
    """What rolls up, sketches byte by byte."""
    return table(dataset, "partials", without=("published_time",))


def metrics(dataset: Path) -> pa.Table:
    return table(dataset, "metrics", without=("published_time",))


def contents(directory: Path) -> dict[str, str]:
    """Digest of every file below a directory."""
    return {
        str(path.relative_to(directory)): hashlib.blake2b(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
