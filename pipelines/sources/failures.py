"""ReadFailures: a bounded source of the original bytes of failed events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa

from pipelines.duck import connect, pattern
from pipelines.sources.archive import ROWS_A_BATCH, by_origin
from pipelines.sources.by_channel import by_channel
from schemas.payload import UNREGISTERED

_RECORDS = """
SELECT input, channel, position, arrived_time, payload
FROM read_parquet($files, hive_partitioning = false)
ORDER BY input, channel, position
"""


def failed_payloads(files: list[str]) -> Iterator[pa.RecordBatch]:
    """PAYLOAD batches of FAILED_EVENT files, of the input, position and arrival they had.

    A record that nobody recognised, or whose channel was not registered, may be recognised now,
    each by itself: beside it may be what nobody ever will.
    """
    with connect() as connection:
        found = connection.sql(
            _RECORDS, params={"files": [pattern(file) for file in files]}
        ).to_arrow_reader(ROWS_A_BATCH)
        for rows in found:
            for batch in by_origin(rows):
                metadata = batch.schema.metadata
                if metadata.get(b"channel", b"") in (b"", UNREGISTERED.encode()):
                    payloads, positions, arrived = batch.columns
                    input, unknown = metadata[b"input"].decode(), [None] * batch.num_rows
                    yield from by_channel(payloads, positions, arrived, input, unknown)
                else:
                    yield batch


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
