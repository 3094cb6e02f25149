"""Figures that stand in BigQuery."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.backfill.cost import bytes_billed
from pipelines.backfill.lease import exclusively
from pipelines.backfill.replace import replace_in_bigquery
from pipelines.backfill.rows import RowShelf
from pipelines.backfill.sizes import day_rows, read_through, sizes
from pipelines.compact.bigquery import compact_in_bigquery
from pipelines.compact.kept import Compacted
from pipelines.errors import OptionError
from pipelines.local_day import LocalDay
from pipelines.place import DayRows, Sizes, StillAlone
from pipelines.published_bigquery import (
    fetch_figures,
    fetch_published,
    fetch_standing,
    fetch_table,
)
from pipelines.runs import standing_run
from pipelines.sinks.bigquery.check import check_bigquery, check_tables
from pipelines.sinks.bigquery.days import first_kept
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.whole import append_whole
from pipelines.sinks.table import Table
from pipelines.sinks.tables import (
    BACKFILLS,
    EVENTS,
    LATE_EVENTS,
    METRICS,
    RUNS,
    SOURCE_STATUSES,
)
from pipelines.sources.bigquery import may_read
from pipelines.sources.bigquery_day_events import fetch_day_events
from pipelines.verify.run import Run, run_of

READ = (RUNS, METRICS, EVENTS, LATE_EVENTS, SOURCE_STATUSES)
"""Tables that a comparison or a plan reads."""


@dataclass(frozen=True)
class BigQueryPlace:
    """Tables of `moment tables apply`; see pipelines.place."""

    destination: Destination

    def __str__(self) -> str:
        return str(self.destination)

    def run(self) -> Run:
        check_tables(self.destination, READ, option="")
        record = standing_run(self.destination)
        name = self.destination.name(RUNS)
        if record is None:
            raise OptionError(
                f"{self}: expected a run of `moment measure` that published here, found none in"
                f" {name}; measure into it first, or correct the name"
            )
        return run_of(record, name)

    def holds(self, file: str) -> bool:
        return False

    def archive(self) -> str | None:
        return None

    def published(self, days: Sequence[date] = ()) -> duckdb.DuckDBPyConnection:
        return fetch_published(self.destination, days)

    def standing(self) -> duckdb.DuckDBPyConnection:
        return fetch_standing(self.destination)

    def figures(self, day: date) -> duckdb.DuckDBPyConnection:
        return fetch_figures(self.destination, day)

    def read_through(self) -> datetime | None:
        return read_through(self.destination)

    def sizes(self, days: Sequence[LocalDay]) -> Sizes:
        return sizes(self.destination, days)

    def billed(
        self, days: Sequence[LocalDay], time_zone: str, decodes: bool, input_bytes: int
    ) -> int | None:
        """Input is read elsewhere, and not billed by BigQuery."""
        return bytes_billed(self.destination, days, time_zone, decodes)

    def bounded(self, most_bytes: int) -> BigQueryPlace:
        return BigQueryPlace(replace(self.destination, most_bytes=most_bytes))

    def kept_from(self, now: datetime) -> date:
        return first_kept(EVENTS, now) if self.destination.expires else date.min

    def day_rows(self, days: Sequence[LocalDay], time_zone: str) -> dict[date, DayRows]:
        return day_rows(self.destination, days, time_zone)

    def day_events(self, day: LocalDay) -> Iterator[pa.RecordBatch]:
        return fetch_day_events(self.destination, day)

    def check_writable(self, tables: Sequence[Table]) -> None:
        check_bigquery(self.destination, (METRICS, BACKFILLS, *tables), option="")

    def alone(self) -> AbstractContextManager[StillAlone]:
        return exclusively(self.destination)

    def shelf(self) -> RowShelf:
        return RowShelf(self.destination)

    @contextmanager
    def work(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="moment-backfill-") as folder:
            # Its owner's alone, for decoded payloads that failed come into it.
            yield Path(folder, "work")

    def may_read(self, table: Table) -> bool:
        return may_read(self.destination, table)

    def show(
        self,
        connection: duckdb.DuckDBPyConnection,
        name: str,
        table: Table,
        columns: Sequence[str],
        days: Sequence[LocalDay] = (),
    ) -> None:
        fetch_table(connection, self.destination, name, table, columns, days)

    def replace_partition(
        self, decoded: Path, day: LocalDay, partition: date, staging: Path, still_alone: StillAlone
    ) -> bool:
        return replace_in_bigquery(self.destination, decoded, day, partition, still_alone)

    def append(self, table: Table, rows: pa.Table, still_alone: StillAlone) -> None:
        append_whole(self.destination, table, rows.to_batches(), still_alone)

    def publish(
        self, day: date, batches: Iterable[pa.RecordBatch], still_alone: StillAlone
    ) -> None:
        append_whole(self.destination, METRICS, batches, still_alone)

    def finished(self) -> None:
        """Views are made by `moment tables apply`, and look at tables as they are."""

    def compact(self, day: date) -> list[Compacted]:
        return compact_in_bigquery(self.destination, self.run(), day)
