"""Where published figures stand: a folder of Parquet files, or datasets of BigQuery."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa

from pipelines.backfill.manifest import Shelf
from pipelines.compact.kept import Compacted
from pipelines.local_day import LocalDay
from pipelines.sinks.bigquery.destination import is_bigquery, parse_destination
from pipelines.sinks.table import Table
from pipelines.verify.run import Run

StillAlone = Callable[[], None]
"""Raises OptionError where another may have begun, and nothing is to be published any more."""


@dataclass(frozen=True)
class Sizes:
    """Of the events: rows, bytes of each partition, and bytes read for a day. None: nobody knows.

    `parquet`: about how many bytes all of them are as Parquet.
    """

    partitions: Mapping[date, int | None]
    a_day: Mapping[date, int | None]
    parquet: int


@dataclass(frozen=True)
class DayRows:
    """How many copies of events a local day has, and the pseudonym keys of their people."""

    rows: int
    keys: tuple[str, ...]


class Place(Protocol):
    """What `moment verify`, `backfill`, `replay` and `compact` ask of a place. As text, it is as it
    was given.

    Connections are DuckDB's, for comparisons run in this process wherever figures come from. A
    place travels to workers.
    """

    def run(self) -> Run:
        """Options of the run that published here. Raises OptionError where none is recorded."""

    def holds(self, file: str) -> bool:
        """Is a file part of what stands here, so that it is no input?"""

    def archive(self) -> str | None:
        """Where raw payloads are kept, if a run kept them here; None: no place of ours for them."""

    def published(self, days: Sequence[date] = ()) -> duckdb.DuckDBPyConnection:
        """`metrics` of these days at least (none: of all), and of all days `figures` (each day's
        greatest epoch and latest end), `late_events` and `ledger`; of `events` every copy of those
        that the ledger names. Raises OptionError where there is no figure."""

    def standing(self) -> duckdb.DuckDBPyConnection:
        """Of `published` the tables `figures` and `ledger`. Raises OptionError likewise."""

    def figures(self, day: date) -> duckdb.DuckDBPyConnection:
        """`metrics` of this day at least, and nothing else that may be counted on."""

    def read_through(self) -> datetime | None:
        """How far all sources of a stream had been read; None: they have said nothing."""

    def sizes(self, days: Sequence[LocalDay]) -> Sizes: ...

    def billed(
        self, days: Sequence[LocalDay], time_zone: str, decodes: bool, input_bytes: int
    ) -> int | None:
        """About how many bytes a backfill of these days is billed for; None: nobody knows.
        `input_bytes`: of what is decoded anew."""

    def bounded(self, most_bytes: int) -> Place:
        """This place, where nothing is asked that is billed for more."""

    def kept_from(self, now: datetime) -> date:
        """The first day UTC whose events are kept; the first of all where they are for ever."""

    def day_rows(self, days: Sequence[LocalDay], time_zone: str) -> dict[date, DayRows]:
        """Of each day that has events."""

    def day_events(self, day: LocalDay) -> Iterator[pa.RecordBatch]:
        """PROTECTED_EVENT batches of all that its figures rest on; see sources.day_events."""

    def check_writable(self, tables: Sequence[Table]) -> None:
        """Return where figures and these tables may be written. Raises OptionError."""

    def alone(self) -> AbstractContextManager[StillAlone]:
        """Keeps other backfills out. Raises InUseError, with owner and time, where one goes on."""

    def shelf(self) -> Shelf:
        """Where the manifests of backfills are kept."""

    def work(self) -> AbstractContextManager[Path]:
        """A folder of this machine in which all is staged, near where it goes."""

    def may_read(self, table: Table) -> bool:
        """May we see what is in it?"""

    def show(
        self,
        connection: duckdb.DuckDBPyConnection,
        name: str,
        table: Table,
        columns: Sequence[str],
        days: Sequence[LocalDay] = (),
    ) -> None:
        """Add a view of these columns of a table, of the rows of these days at least."""

    def replace_partition(
        self, decoded: Path, day: LocalDay, partition: date, staging: Path, still_alone: StillAlone
    ) -> bool:
        """Put the decoded events of a local day into a partition in place of those that stand, of
        the channels that were decoded, in one step; False where they are the same."""

    def append(self, table: Table, rows: pa.Table, still_alone: StillAlone) -> None:
        """Append rows of a table's schema."""

    def publish(
        self, day: date, batches: Iterable[pa.RecordBatch], still_alone: StillAlone
    ) -> None:
        """Append METRIC batches of a day: readers see all of them or none."""

    def finished(self) -> None:
        """All is published: what follows of it may be made."""

    def compact(self, day: date) -> list[Compacted]:
        """Reduce a closed day of each table to what views look at. Raises OptionError."""


def place_of(given: str) -> Place:
    """The place that a command names. Raises OptionError where it is no address of ours."""
    # What reads it is imported when it is needed: no command line waits for Google's packages.
    if is_bigquery(given):
        from pipelines.place_bigquery import BigQueryPlace

        return BigQueryPlace(parse_destination(given, os.environ, option=""))
    from pipelines.place_folder import FolderPlace

    return FolderPlace(Path(given))
