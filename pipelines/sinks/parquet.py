"""Parquet sink: a table by day, each file seen when it is whole, in a directory or a bucket."""

from __future__ import annotations

import mmap
import os
import re
import tempfile
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.sinks.table import Table
from pipelines.sinks.unfinished import Unfinished
from pipelines.storage import in_bucket, join, put
from transforms.balance import arrival_hours

MAXIMUM_OPEN_FILES = 16
"""Days written at once; a file of years has few rows a day, and an open file costs a row group."""

ROWS_A_GROUP = 65_536
"""Rows gathered over all open files before the fullest writes a row group: groups of 5,000 events
took 2.2 µs an event and 75 bytes, groups of this size 1.3 µs and 66 bytes."""

_DISTINCT = {
    "event_id",
    "source_event_id",
    "fact_id",
    "actor_id",
    "session_id",
    "failure_id",
    "payload",
    "text",
    "people",
}
"""Columns that do not repeat within a row group: trying a dictionary for them (and for times) took
1.15 µs an event instead of 0.97."""

_LOOKED_UP = {"event_time", "window_start", "channel", "content_id", "metric", "window_kind"}
"""Columns whose minimum and maximum let a reader skip row groups."""

_EPOCH = date(1970, 1, 1)
_NAMED = re.compile(r"/day=(?P<day>[\d-]{10})/(?:hour-(?P<hour>\d\d)-|part-)[^/]+$")


class _WriteDays(beam.DoFn):
    def __init__(self, table: Table, folder: str) -> None:
        self._table = table
        self._folder = folder
        self._rows = beam.metrics.Metrics.counter("write", f"{table.name}_rows")

    def setup(self) -> None:
        # A worker may be the first to write here, and on another machine than who began the job.
        if self._table.restricted and not in_bucket(self._folder):
            folder = Path(self._folder)
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)

    def start_bundle(self) -> None:
        self._open: OrderedDict[int, DayFile] = OrderedDict()
        self._gathered = 0

    def process(self, batch: pa.RecordBatch) -> None:
        batch = batch.select(self._table.schema.names)
        self._rows.inc(batch.num_rows)
        column = batch.column(self._table.day_column)
        parts = arrival_hours(column) if self._table.by_hour else _days(column)
        for number in np.unique(parts):
            part = batch if (parts == number).all() else batch.filter(pa.array(parts == number))
            self._file(int(number)).gather(part)
        self._gathered += batch.num_rows
        while self._gathered >= ROWS_A_GROUP:
            self._gathered -= max(self._open.values(), key=lambda file: file.gathered).write_group()

    def finish_bundle(self) -> Iterator[None]:
        while self._open:
            self._open.popitem()[1].commit()
        yield from ()

    def _file(self, number: int) -> DayFile:
        """The open file of a day's number or, where the table is by hour, of an hour's."""
        file = self._open.pop(number, None)
        if file is None:
            if len(self._open) >= MAXIMUM_OPEN_FILES:
                self._gathered -= self._open.popitem(last=False)[1].commit()
            day, hour = divmod(number, 24) if self._table.by_hour else (number, None)
            name = (_EPOCH + timedelta(days=day)).isoformat()
            prefix = "part" if hour is None else f"hour-{hour:02}"
            file = day_file(join(self._folder, f"day={name}"), self._table.schema, prefix)
        self._open[number] = file
        return file


def day_file(folder: str, schema: pa.Schema, prefix: str = "part") -> DayFile:
    """A new file in a directory or below a prefix of a bucket."""
    return (DayObject if in_bucket(folder) else DayFile)(folder, schema, prefix)


class DayFile:
    """One Parquet file of one day; nobody sees it before `commit`."""

    def __init__(self, folder: Path | str, schema: pa.Schema, prefix: str = "part") -> None:
        name = f"{prefix}-{uuid.uuid4().hex}.parquet"
        self._schema = schema
        self._writer = pq.ParquetWriter(
            self._begin(str(folder), name),
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=[
                f.name
                for f in schema
                if f.name not in _DISTINCT and not pa.types.is_timestamp(f.type)
            ],
            write_statistics=[name for name in schema.names if name in _LOOKED_UP],
        )
        self._pending: list[pa.RecordBatch] = []
        self.gathered = 0

    def gather(self, batch: pa.RecordBatch) -> None:
        self._pending.append(batch)
        self.gathered += batch.num_rows

    def write_group(self) -> int:
        """Write what was gathered as one row group; how many rows that were."""
        rows, self.gathered = self.gathered, 0
        if rows:
            table = pa.Table.from_batches(self._pending).cast(self._schema)
            with self._named():
                self._writer.write_table(table, row_group_size=rows)
        self._pending = []
        return rows

    def commit(self) -> int:
        rows = self.write_group()
        with self._named():
            self._writer.close()
        self._finish()
        return rows

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Arrow does not say which file a disk refuses."""
        try:
            yield
        except OSError as error:
            if error.errno is None:
                raise
            raise OSError(error.errno, os.strerror(error.errno), self.path) from error

    def _begin(self, folder: str, name: str) -> Any:
        """What to write into until the file is whole."""
        self.path = join(folder, name)
        Path(folder).mkdir(parents=True, exist_ok=True)
        self._unfinished = Unfinished(Path(folder, name))
        return self._unfinished.path

    def _finish(self) -> None:
        self._unfinished.finish()


class DayObject(DayFile):
    """One Parquet object of one day: a file without a name on this machine until it is whole.

    A stream into a bucket that is given up is closed, and what it has would stay, under its name.
    """

    def _begin(self, folder: str, name: str) -> Any:
        self._spool = tempfile.TemporaryFile()  # noqa: SIM115
        self.path = join(folder, name)
        return self._spool

    def _finish(self) -> None:
        self._spool.flush()
        with mmap.mmap(self._spool.fileno(), 0, access=mmap.ACCESS_READ) as content:
            put(content, self.path, self._time())
        self._spool.close()

    def _time(self) -> datetime | None:
        """The hour or day that the object's name says, for the rule by which it expires."""
        found = _NAMED.search(self.path)
        if found is None:
            return None
        return datetime.fromisoformat(f"{found['day']}T{found['hour'] or '00'}:00:00+00:00")


def append(dataset: Path, table: Table, rows: pa.Table) -> None:
    """Write rows into the days that they are of, a file each."""
    if not len(rows):
        return
    folder = dataset / table.name
    folder.mkdir(exist_ok=True)
    if table.restricted:
        folder.chmod(0o700)
    days = rows.column(table.day_column).cast(pa.date32(), safe=False)
    for day in sorted(pc.unique(days).to_pylist()):
        file = DayFile(folder / f"day={day.isoformat()}", table.schema)
        for batch in rows.filter(pc.equal(days, pa.scalar(day))).to_batches():
            file.gather(batch)
        file.commit()


class WriteParquet(beam.PTransform):
    """Batches of a table → files FOLDER/day=YYYY-MM-DD/part-*.parquet, or hour-HH-*.parquet.

    `folder` is a directory or a prefix of a bucket. A retried bundle writes files of its own; the
    `latest` views count each event and figure once.
    """

    def __init__(self, table: Table, folder: str) -> None:
        super().__init__()
        self._table, self._folder = table, folder

    def expand(self, batches: beam.PCollection) -> beam.pvalue.PDone:
        batches | "WriteDays" >> beam.ParDo(_WriteDays(self._table, self._folder))
        return beam.pvalue.PDone(batches.pipeline)


def _days(column: pa.Array) -> np.ndarray:
    """Day numbers of a date or timestamp column."""
    return pc.cast(column, pa.date32(), safe=False).cast(pa.int32()).to_numpy()
