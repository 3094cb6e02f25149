"""One sink given the same rows: `python -m benchmarks.bigquery_sinks SINK EVENTS ROWS WRITE REST`.

Prints as JSON the CPU-seconds of the client for the sink alone: those of a pipeline that makes the
rows and drops them are taken off. Beam's sinks are given what they ask for, Python dicts ready for
JSON, made before the clock starts.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.sinks.bigquery.append import USUAL
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.sink import AppendToDefault, WriteBigQuery
from pipelines.sinks.tables import EVENTS
from schemas.bigquery import bigquery_columns, wire_batch

TABLE = "a-project:d.events"
ROWS_A_BATCH = 5_000
GIVEN: list[Any] = []
"""The elements, where the pipeline's functions find them in this process."""


def given(_: Any) -> Iterator[Any]:
    yield from GIVEN


def dropped(_: Any) -> None:
    return None


def batches(folder: Path, rows: int) -> list[pa.RecordBatch]:
    """So many events of a dataset, repeated where it has fewer."""
    files = sorted(folder.rglob("*.parquet"))
    table = pa.concat_tables(pq.read_table(file, partitioning=None) for file in files)
    table = pa.concat_tables([table] * -(-rows // table.num_rows)).slice(0, rows)
    table = table.select(EVENTS.schema.names).cast(EVENTS.schema).combine_chunks()
    return table.to_batches(ROWS_A_BATCH)


def as_dicts(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    wired = wire_batch(batch, EVENTS.schema, EVENTS.day_column)
    return [{name: _plain(value) for name, value in row.items()} for row in wired.to_pylist()]


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


class LoadJobs:
    """The part of a client that loads files, and says that it is done."""

    @property
    def jobs(self) -> LoadJobs:
        return self

    def Insert(self, request: Any, upload: Any = None) -> Any:
        return request.job

    def Get(self, request: Any) -> Any:
        from apache_beam.io.gcp.internal.clients import bigquery

        return bigquery.Job(status=bigquery.JobStatus(state="DONE"))


def sink(name: str, write: str, rest: str, folder: str) -> beam.PTransform:
    if name.startswith("moment"):
        place = Destination("a-project", "d", "r", rest, write, expires=False)
        if name == "moment":
            return beam.ParDo(AppendToDefault(EVENTS, place, USUAL))
        return WriteBigQuery(EVENTS, place)
    from apache_beam.io.gcp.bigquery import BigQueryDisposition, WriteToBigQuery

    columns = [dict(column, description="") for column in bigquery_columns(EVENTS.schema)]
    usual: dict[str, Any] = {
        "schema": {"fields": columns},
        "create_disposition": BigQueryDisposition.CREATE_NEVER,
    }
    if name == "streaming inserts":
        _without_credentials()
        return WriteToBigQuery(TABLE, method="STREAMING_INSERTS", **usual)
    return WriteToBigQuery(
        TABLE,
        method="FILE_LOADS",
        custom_gcs_temp_location=folder,
        test_client=LoadJobs(),
        validate=False,
        **usual,
    )


def _without_credentials() -> None:
    from functools import partial

    from apache_beam.io.gcp import bigquery_tools
    from google.auth.credentials import AnonymousCredentials

    tools: Any = bigquery_tools
    tools.gcp_bigquery.Client = partial(
        tools.gcp_bigquery.Client, "a-project", credentials=AnonymousCredentials()
    )
    tools.BigQueryWrapper._bigquery_client = staticmethod(lambda options: None)


def cpu_seconds(last: beam.PTransform, temporary: str) -> float:
    began = time.process_time()
    runner = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
    options = PipelineOptions(
        [f"--runner={runner}", f"--temp_location={temporary}", "--project=a-project"]
    )
    with beam.Pipeline(options=options) as root:
        root | beam.Create([0]) | beam.FlatMap(given) | "Last" >> last
    return time.process_time() - began


def main(name: str, events: str, rows: int, write: str, rest: str) -> None:
    os.environ["BIGQUERY_EMULATOR_HOST"] = rest
    GIVEN.extend(batches(Path(events), rows))
    if not name.startswith("moment"):
        GIVEN[:] = [row for batch in GIVEN for row in as_dicts(batch)]
    with tempfile.TemporaryDirectory() as folder:
        cpu_seconds(beam.Map(dropped), folder)
        making = cpu_seconds(beam.Map(dropped), folder)
        spent = cpu_seconds(sink(name, write, rest, folder), folder)
        written = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
        files = sum(1 for file in Path(folder).rglob("*") if file.is_file())
    told = {"cpu_seconds": max(spent - making, 1e-3), "file_bytes": written, "files": files}
    print(json.dumps(told))


if __name__ == "__main__":
    # By name, so that what the pipeline pickles is found in this module, GIVEN with it.
    from benchmarks import bigquery_sinks

    bigquery_sinks.main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
