"""`moment compact`: a closed day of a dataset reduced to the rows that its views look at.

A stream writes many files, and rows that say again what was said: retried bundles, restored jobs,
counts that went on. The new file is put beside the old ones, and these are removed one by one.
Its rows are copies of theirs, which the views count once, so whenever it is stopped the views say
the same, and to run it again completes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.backfill_lock import exclusively
from pipelines.errors import OptionError
from pipelines.sinks.parquet import ROWS_A_GROUP, DayFile
from pipelines.sinks.table import Table
from pipelines.sinks.tables import (
    BALANCES,
    EVENTS,
    FAILED_EVENTS,
    LATE_EVENTS,
    METRICS,
    PARTIALS,
)
from pipelines.verify_dataset import add_view
from schemas.balance import BALANCE_KEY
from schemas.day_partial import DAY_PARTIAL_KEY
from schemas.late import STANDING_ROWS
from schemas.metric import KEY

_FIGURE = ", ".join(KEY)
_SAME = """value IS NOT DISTINCT FROM {0}(value) OVER told
  AND suppressed_reason IS NOT DISTINCT FROM {0}(suppressed_reason) OVER told"""

KEPT = {
    # Of what the late ledger names, every arrival: verify asks which of them were in time.
    EVENTS: f"""
FROM {{rows}} QUALIFY row_number() OVER (
  PARTITION BY event_id,
    CASE WHEN event_id IN (SELECT event_id FROM ({STANDING_ROWS})) THEN ingested_time END
  ORDER BY ingested_time, event_time, collected_time
) = 1
""",
    # Of rows of an epoch that repeat one another, the first, which is the change, and the last,
    # which stands. No epoch loses a window: it would replace less than it did.
    METRICS: f"""
FROM (
  FROM {{rows}} QUALIFY
    row_number() OVER (PARTITION BY {_FIGURE}, epoch, published_time, revision) = 1
)
WINDOW told AS (PARTITION BY {_FIGURE} ORDER BY epoch, published_time, revision)
QUALIFY NOT coalesce(
  epoch = lead(epoch) OVER told AND {_SAME.format("lead")}
  AND (row_number() OVER told = 1 OR {_SAME.format("lag")}), FALSE)
""",
    FAILED_EVENTS: """
FROM {rows} QUALIFY row_number() OVER (PARTITION BY failure_id ORDER BY failed_time) = 1
""",
    BALANCES: f"""
FROM {{rows}} QUALIFY row_number() OVER (
  PARTITION BY {", ".join(BALANCE_KEY)} ORDER BY published_time DESC
) = 1
""",
    PARTIALS: f"""
FROM {{rows}} QUALIFY epoch = max(epoch) OVER () AND row_number() OVER (
  PARTITION BY {", ".join(DAY_PARTIAL_KEY)} ORDER BY epoch DESC, published_time DESC
) = 1
""",
    # Without what a restored shard voided; the rows that void may void others, of other days.
    LATE_EVENTS: f"""
FROM {{rows}} AS told WHERE (effect = 'reset' OR NOT EXISTS (
  SELECT 1 FROM late_events AS voiding
  WHERE voiding.effect = 'reset' AND voiding.shard = told.shard AND voiding.epoch = told.epoch
    AND voiding.number < told.number AND voiding.recorded_time > told.recorded_time
)) QUALIFY row_number() OVER (PARTITION BY {", ".join(LATE_EVENTS.schema.names)}) = 1
""",
}
"""Which rows of a day of a table stay, in SQL. `metrics_live` and `source_status` expire soon."""


@dataclass(frozen=True)
class Compacted:
    """What became of a table's day. Equal numbers: there was nothing to do."""

    table: str
    files: tuple[int, int]
    rows: tuple[int, int]


def compact(dataset: Path, day: date) -> list[Compacted]:
    """Reduce a day of each table, one after the other; those without files are left out.

    Raises OptionError, and changes nothing, where the day has no figures or is open: what a stream
    is still writing would be read and copied again and again. A backfill is kept
    out, and keeps this out.
    """
    _check_closed(dataset, day)
    done = []
    with exclusively(dataset), duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        add_view(connection, "late_events", dataset / LATE_EVENTS.name, LATE_EVENTS.schema)
        for table in KEPT:
            folder = dataset / table.name / f"day={day}"
            if files := sorted(folder.glob("*.parquet")):
                done.append(_compact(connection, table, folder, files))
    return done


def print_compacted(done: Sequence[Compacted]) -> None:
    for each in done:
        before, after = each.files, each.rows
        print(
            f"{each.table}: {before[0]:,} files to {before[1]:,}, {after[0]:,} rows to {after[1]:,}"
        )


def _check_closed(dataset: Path, day: date) -> None:
    place = dataset / "moment.duckdb"
    if not place.exists():
        raise OptionError(f"{dataset}: expected a dataset of `moment measure`, found no {place}")
    with duckdb.connect(str(place), read_only=True) as views:
        found = views.execute("SELECT status FROM partition_status WHERE day = ?", [day]).fetchall()
    if not found:
        raise OptionError(f"--day {day}: expected a day that {dataset} has figures of, found none")
    if found[0][0] == "open":
        raise OptionError(
            f"--day {day}: expected a closed day, found one whose figures are not final yet: wait"
            " until partition_status says closed"
        )


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
    listed = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    rows = (
        f"read_parquet([{listed}], filename = true, file_row_number = true,"
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
