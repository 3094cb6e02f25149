"""ReadFailures: a bounded source of the original bytes of failed events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa

from pipelines.duck import connect
from pipelines.sources.archive import ROWS_A_BATCH, by_origin
from pipelines.sources.recognise import recognise_channel
from schemas.channels import registered_channels

_RECORDS = """
SELECT input, channel, position, arrived_time, payload
FROM read_parquet($files, hive_partitioning = false)
ORDER BY input, channel, position
"""


def failed_payloads(files: list[str]) -> Iterator[pa.RecordBatch]:
    """PAYLOAD batches of FAILED_EVENT files, of the input, position and arrival they had.

    A record that nobody recognised may be recognised now: it is looked at as a file's are.
    """
    with connect() as connection:
        found = connection.sql(_RECORDS, params={"files": files}).to_arrow_reader(ROWS_A_BATCH)
        for rows in found:
            for batch in by_origin(rows):
                yield _recognised(batch)


def _recognised(batch: pa.RecordBatch) -> pa.RecordBatch:
    metadata = batch.schema.metadata
    if metadata.get(b"channel"):
        return batch
    sample = batch.column("payload").slice(0, 50).to_pylist()
    channel = recognise_channel(sample, registered_channels()) or ""
    return batch.replace_schema_metadata({**metadata, b"channel": channel.encode()})


class _ReadFiles(beam.DoFn):
    def process(self, files: list[str]) -> Iterator[Any]:
        yield from failed_payloads(files)


class ReadFailures(beam.PTransform):
    """FAILED_EVENT files → `payloads` (PAYLOAD); `failed` and `counts` have no rows. Bounded."""

    def __init__(self, files: list[str]) -> None:
        super().__init__()
        self._files = files

    def expand(self, root: beam.Pipeline) -> beam.pvalue.DoOutputsTuple:
        return (
            root
            | "ListFiles" >> beam.Create([self._files], reshuffle=False)
            | "ReadRecords"
            >> beam.ParDo(_ReadFiles())
            .with_output_types(pa.RecordBatch, failed=pa.RecordBatch, counts=pa.RecordBatch)
            .with_outputs("failed", "counts", main="payloads")
        )
