"""ReadFiles: a bounded source of PAYLOAD batches, with what could not be read as failures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa

from pipelines.sources.files import InputFile
from pipelines.sources.read_payloads import read_payloads
from pipelines.sources.recognise import with_channel
from pipelines.storage import in_bucket
from transforms.balance import count_batch
from transforms.failures import Failure, failed_batch

ROWS_A_BATCH = 16_384


class _ReadFile(beam.DoFn):
    def process(self, file: InputFile) -> Iterator[Any]:
        for found, channel in with_channel(read_payloads(file, ROWS_A_BATCH), file.channel):
            if not isinstance(found, pa.RecordBatch):
                failure = Failure(
                    found.payload,
                    found.position,
                    file.arrived,
                    "read",
                    found.reason,
                    found.path,
                    found.detail,
                )
                yield beam.pvalue.TaggedOutput(
                    "failed", failed_batch([failure], file.path, channel)
                )
                hour = int(file.arrived.timestamp()) // 3600
                counts = [("received", 1), ("failed", 1)]
                yield beam.pvalue.TaggedOutput(
                    "counts", count_batch(file.path, hour, channel or "", counts)
                )
                continue
            metadata = {"name": "payload", "input": file.path, "channel": channel}
            yield found.replace_schema_metadata(metadata)


class ReadFiles(beam.PTransform):
    """Files → `payloads` (PAYLOAD), `failed` (FAILED_EVENT), `counts` of what was no record.

    Bounded. A file is read once, by one worker, in order; files of a bucket are shared among
    workers. A channel that is not given is recognised from the file's first records.
    """

    def __init__(self, files: Sequence[InputFile]) -> None:
        super().__init__()
        self._files = list(files)

    def expand(self, root: beam.Pipeline) -> beam.pvalue.DoOutputsTuple:
        # What only this machine has is read by it; objects by as many workers as there are.
        spread = any(in_bucket(file.path) for file in self._files)
        return (
            root
            | "ListFiles" >> beam.Create(self._files, reshuffle=spread)
            | "ReadRecords"
            >> beam.ParDo(_ReadFile())
            .with_output_types(pa.RecordBatch, failed=pa.RecordBatch, counts=pa.RecordBatch)
            .with_outputs("failed", "counts", main="payloads")
        )
