"""`moment compact` of a folder: a closed day of it reduced to the rows that its views look at.

A stream writes many files, and rows that say again what was said: retried bundles, restored jobs,
counts that went on. The new file is put beside the old ones, and these are removed one by one.
Its rows are copies of theirs, which the views count once, so whenever it is stopped the views say
the same, and to run it again completes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timezone
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.compact.closed import STATUS, Status, check_closed
from pipelines.compact.kept import KEPT, Compacted
from pipelines.duck import listed
from pipelines.lock import exclusively
from pipelines.sinks.duckdb_views import add_views
from pipelines.sinks.parquet import ROWS_A_GROUP, DayFile
from pipelines.sinks.table import Table
from pipelines.sinks.tables import LATE_EVENTS, METRICS
from pipelines.sinks.unfinished import remove_abandoned
from pipelines.verify.dataset import add_view, read_through
from pipelines.verify.run import read_run


def compact(dataset: Path, day: date, now: datetime | None = None) -> list[Compacted]:
    """Reduce a day of each table, one after the other; those without files are left out.

    Raises OptionError, and changes nothing, where the day has no figures or is open, or where a
    live job may still write it: what it writes would be read and copied again and again. A backfill
    is kept out, and keeps this out.
    """
    run = read_run(dataset)
    read = None if run.hot_minutes is None else read_through(dataset)
    check_closed(dataset, run, day, _status(dataset, day), read, now or datetime.now(timezone.utc))
    done = []
    with exclusively(dataset), duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        add_view(connection, "late_events", dataset / LATE_EVENTS.name, LATE_EVENTS.schema)
        for table in KEPT:
            folder = dataset / table.name / f"day={day}"
            remove_abandoned(folder)
            if files := sorted(folder.glob("*.parquet")):
                done.append(_compact(connection, table, folder, files))
    return done


def _status(dataset: Path, day: date) -> Status:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        add_views(connection, dataset, (METRICS,), ("partition_status",))
        sql = STATUS.format(partition_status="partition_status")
        return Status(*connection.execute(sql, {"day": day}).fetchall()[0])


def _compact(
    connection: duckdb.DuckDBPyConnection, table: Table, folder: Path, files: list[Path]
) -> Compacted:
    before = sum(pq.read_metadata(file).num_rows for file in files)
    rows = _rows_kept(connection, table, files)
    after = sum(map(len, rows))
    if len(files) > 1 or after < before:
        _write(table, folder, files, rows)
        for file in files:
            file.unlink()
    return Compacted(table.name, (len(files), 1), (before, after))


def _rows_kept(
    connection: duckdb.DuckDBPyConnection, table: Table, files: list[Path]
) -> list[np.ndarray]:
    """Of each file the numbers of the rows that stay, ascending: only keys are read for it."""
    rows = (
        f"read_parquet({listed(files)}, filename = true, file_row_number = true,"
        " hive_partitioning = false)"
    )
    kept = KEPT[table].format(rows=rows)
    found = connection.execute(f"SELECT filename, file_row_number AS row {kept}").fetchnumpy()
    return [np.sort(found["row"][found["filename"] == str(file)]) for file in files]


def _write(table: Table, folder: Path, files: list[Path], rows: list[np.ndarray]) -> None:
    """One file of these rows, in the order in which they were."""
    written = DayFile(folder, table.schema)
    for file, numbers in zip(files, rows):
        for batch in _chosen(file, numbers, table.schema):
            written.gather(batch)
            if written.gathered >= ROWS_A_GROUP:
                written.write_group()
    written.commit()


def _chosen(file: Path, numbers: np.ndarray, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    first = 0
    with pq.ParquetFile(file) as opened:
        for batch in opened.iter_batches():
            last = first + batch.num_rows
            inside = numbers[np.searchsorted(numbers, first) : np.searchsorted(numbers, last)]
            if len(inside):
                yield batch.take(pa.array(inside - first)).select(schema.names)
            first = last
