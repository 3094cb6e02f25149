"""A small table and its rows, written by a graph."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.measure import IN_PROCESS
from pipelines.sinks.bigquery.append import Patience
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.sink import WriteBigQuery
from pipelines.sinks.table import Table
from schemas.failure import Reason
from tests.storage_write import StorageWrite
from transforms.failures import Failure, failed_batch

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)
NOTES = Table(
    "notes",
    pa.schema(
        [
            pa.field("n", pa.int32(), False),
            pa.field("time", pa.timestamp("us", "UTC"), False),
            pa.field("text", pa.string()),
        ]
    ),
    "time",
    "one row a note",
    ("text",),
)
PATIENCE = Patience(most_bytes=4000, first_pause=0.001, reconnect_seconds=5, back_off_seconds=5)


def notes(first: int, count: int) -> pa.RecordBatch:
    return pa.record_batch(
        [
            pa.array(range(first, first + count), pa.int32()),
            pa.array([NOON + timedelta(hours=n) for n in range(count)], pa.timestamp("us", "UTC")),
            ["what somebody wrote"] * count,
        ],
        schema=NOTES.schema,
    )


def failure(payload: bytes, position: int = 1) -> pa.RecordBatch:
    told = Failure(payload, position, NOON, "decode", Reason.SYNTAX, "$", "expected JSON")
    return failed_batch([told], "a-file", "app", NOON)


def write(table: Table, place: Destination, batches: list[pa.RecordBatch]) -> list[Any]:
    """Run a bounded graph; the failed events that come out, as rows."""
    _OUT.clear()
    with beam.Pipeline(options=PipelineOptions([f"--runner={IN_PROCESS}"])) as root:
        (
            root
            | beam.Create(batches).with_output_types(pa.RecordBatch)
            | beam.Reshuffle()
            | WriteBigQuery(table, place, PATIENCE)
            | beam.Map(_collect)
        )
    return list(_OUT)


_OUT: list[Any] = []


def _collect(batch: pa.RecordBatch) -> None:
    _OUT.extend(batch.to_pylist())


def seen(server: StorageWrite, place: Destination, table: Table = NOTES) -> list[int]:
    there = server.table(place.path(table))
    return sorted(there["n"].to_pylist()) if there.num_columns else []
