"""BigQuery sink over load jobs: Parquet files in a bucket, and one job for those of a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apache_beam as beam
import pyarrow as pa
from apache_beam.utils.windowed_value import WindowedValue

from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.load import USUAL_LOAD, LoadPatience, load
from pipelines.sinks.parquet import ROWS_A_GROUP, DayObject
from pipelines.sinks.table import Table
from pipelines.storage import join
from schemas.bigquery import wire_batch, wire_schema
from transforms.gathering import timeless

BYTES_A_GROUP = 64 * 1024 * 1024
BYTES_A_FILE = 1024 * 1024 * 1024
"""As they are in memory, before they are compressed: what a worker's disk holds of a bundle."""


class LoadBigQuery(beam.PTransform):
    """Batches of a table → its rows in BigQuery, by one load job of files below `staging`. Bounded.

    Nothing is seen before every bundle has written, then all is, at once. A retried bundle writes
    files of its own, and those of the attempt that counts are loaded. A repeated load finds the job
    of the same run and table. Rows are refused all or none: SinkError.
    """

    def __init__(
        self,
        table: Table,
        destination: Destination,
        staging: str,
        run_id: str,
        patience: LoadPatience = USUAL_LOAD,
    ) -> None:
        super().__init__()
        self._table, self._destination, self._run_id = table, destination, run_id
        self._folder = join(staging, table.name)
        self._patience = patience

    def expand(self, batches: beam.PCollection) -> beam.pvalue.PDone:
        (
            batches
            | "StageParquet"
            >> beam.ParDo(_Stage(self._table, self._folder)).with_output_types(tuple[str, str])
            | "Together" >> beam.GroupByKey()
            | "Load"
            >> beam.ParDo(_Load(self._table, self._destination, self._run_id, self._patience))
        )
        return beam.pvalue.PDone(batches.pipeline)


class _Stage(beam.DoFn):
    """Writes a bundle as Parquet; (table, address) of each file comes out when it is whole."""

    def __init__(self, table: Table, folder: str) -> None:
        self._table, self._folder = table, folder
        self._rows = beam.metrics.Metrics.counter("write", f"{table.name}_rows")

    def start_bundle(self) -> None:
        self._file: DayObject | None = None

    def process(self, batch: pa.RecordBatch) -> Iterator[tuple[str, str]]:
        if self._file is None:
            self._file = DayObject(self._folder, wire_schema(self._table.schema))
            self._gathered = self._held = 0
        wired = wire_batch(batch, self._table.schema, self._table.day_column)
        self._file.gather(wired)
        self._held += wired.nbytes
        if self._file.gathered >= ROWS_A_GROUP or self._held >= BYTES_A_GROUP:
            self._file.write_group()
            self._gathered, self._held = self._gathered + self._held, 0
        self._rows.inc(batch.num_rows)
        if self._gathered >= BYTES_A_FILE:
            yield self._commit(self._file)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if self._file is not None:
            yield timeless(self._commit(self._file))

    def _commit(self, file: DayObject) -> tuple[str, str]:
        file.commit()
        self._file = None
        return self._table.name, file.path


class _Load(beam.DoFn):
    """(table, addresses of its files) → their rows are seen."""

    def __init__(
        self, table: Table, destination: Destination, run_id: str, patience: LoadPatience
    ) -> None:
        self._table, self._destination = table, destination
        self._run_id, self._patience = run_id, patience

    def process(self, element: tuple[str, Iterable[str]]) -> None:
        _, files = element
        load(self._destination, self._table, self._run_id, list(files), self._patience)
