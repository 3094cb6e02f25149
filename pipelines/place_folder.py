"""Figures that stand in a folder of Parquet files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.backfill.manifest import FolderShelf
from pipelines.backfill.partitions import replace_partition
from pipelines.compact.folder import compact
from pipelines.compact.kept import Compacted
from pipelines.duck import connect
from pipelines.local_day import LocalDay
from pipelines.lock import exclusively
from pipelines.place import DayRows, Sizes, StillAlone
from pipelines.sinks.duckdb_views import create_views
from pipelines.sinks.parquet import DayFile, append
from pipelines.sinks.table import Table
from pipelines.sinks.tables import ARCHIVE, EVENTS, METRICS
from pipelines.sources.day_events import day_events
from pipelines.storage import is_within
from pipelines.verify.dataset import add_view, open_published, read_through
from pipelines.verify.run import Run, read_run
from schemas.event import EVENT

WORK = ".backfill"
"""The folder of a dataset in which all is staged: on the same disk, so that renames are whole."""

_DAY = """
SELECT count(*), list(DISTINCT actor_key_id ORDER BY actor_key_id)
  FILTER (actor_key_id IS NOT NULL)
FROM events WHERE event_time >= $begin AND event_time < $finish
"""


@dataclass(frozen=True)
class FolderPlace:
    """A dataset of `moment measure`; see pipelines.place."""

    folder: Path

    def __str__(self) -> str:
        return str(self.folder)

    def run(self) -> Run:
        return read_run(self.folder)

    def holds(self, file: str) -> bool:
        return is_within(file, self.folder.resolve())

    def archive(self) -> str | None:
        return str(self.folder / ARCHIVE.name)

    def published(self, days: Sequence[date] = ()) -> duckdb.DuckDBPyConnection:
        return open_published(self.folder)

    def standing(self) -> duckdb.DuckDBPyConnection:
        return open_published(self.folder)

    def figures(self, day: date) -> duckdb.DuckDBPyConnection:
        return open_published(self.folder)

    def read_through(self) -> datetime | None:
        return read_through(self.folder)

    def sizes(self, days: Sequence[LocalDay]) -> Sizes:
        partitions: dict[date, int | None] = {}
        total = 0
        for folder in (self.folder / EVENTS.name).glob("day=*"):
            size = sum(file.stat().st_size for file in folder.glob("*.parquet"))
            partitions[date.fromisoformat(folder.name.removeprefix("day="))] = size
            total += size
        return Sizes(partitions, dict.fromkeys((each.day for each in days), total), total)

    def billed(
        self, days: Sequence[LocalDay], time_zone: str, decodes: bool, input_bytes: int
    ) -> int | None:
        """As an object store would: all events for each day, and the input once."""
        return input_bytes + len(days) * self.sizes(()).parquet

    def bounded(self, most_bytes: int) -> FolderPlace:
        return self

    def kept_from(self, now: datetime) -> date:
        return date.min

    def day_rows(self, days: Sequence[LocalDay], time_zone: str) -> dict[date, DayRows]:
        found = {}
        with connect() as connection:
            add_view(connection, EVENTS.name, self.folder / EVENTS.name, EVENT)
            for day in days:
                rows, keys = connection.execute(_DAY, day.bounds).fetchall()[0]
                if rows:
                    found[day.day] = DayRows(rows, tuple(keys or ()))
        return found

    def day_events(self, day: LocalDay) -> Iterator[pa.RecordBatch]:
        return day_events(self.folder.resolve(), day)

    def check_writable(self, tables: Sequence[Table]) -> None:
        """The lock says it, which is a file of the folder."""

    @contextmanager
    def alone(self) -> Iterator[StillAlone]:
        with exclusively(self.folder):
            # The kernel takes the lock from nobody who lives.
            yield lambda: None

    def shelf(self) -> FolderShelf:
        return FolderShelf(self.folder)

    @contextmanager
    def work(self) -> Iterator[Path]:
        """What a run that was killed had staged is still there."""
        yield self.folder / WORK

    def may_read(self, table: Table) -> bool:
        return True

    def show(
        self,
        connection: duckdb.DuckDBPyConnection,
        name: str,
        table: Table,
        columns: Sequence[str],
        days: Sequence[LocalDay] = (),
    ) -> None:
        add_view(connection, name, self.folder / table.name, table.schema)

    def replace_partition(
        self, decoded: Path, day: LocalDay, partition: date, staging: Path, still_alone: StillAlone
    ) -> bool:
        return replace_partition(self.folder, decoded, day, partition, staging)

    def append(self, table: Table, rows: pa.Table, still_alone: StillAlone) -> None:
        append(self.folder, table, rows)

    def publish(
        self, day: date, batches: Iterable[pa.RecordBatch], still_alone: StillAlone
    ) -> None:
        file = DayFile(self.folder / METRICS.name / f"day={day.isoformat()}", METRICS.schema)
        for batch in batches:
            file.gather(batch)
            file.write_group()
        still_alone()
        file.commit()

    def finished(self) -> None:
        create_views(self.folder)

    def compact(self, day: date) -> list[Compacted]:
        return compact(self.folder, day)
