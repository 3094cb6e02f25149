"""Archive: records as received, each with where it came from and when it must be gone."""

from __future__ import annotations

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from schemas.archive import ARCHIVED_PAYLOAD
from transforms.failures import EXPIRY_DAYS


def archive(batch: pa.RecordBatch) -> pa.RecordBatch:
    """ARCHIVED_PAYLOAD batch of a PAYLOAD batch; input and channel are in its metadata.

    A channel that nobody named or recognised is null.
    """
    metadata = batch.schema.metadata
    arrived = batch.column("arrived_time")
    columns = {
        "input": pa.repeat(metadata[b"input"].decode(), batch.num_rows),
        "position": batch.column("position"),
        "channel": pa.repeat(
            pa.scalar(metadata.get(b"channel", b"").decode() or None, pa.string()), batch.num_rows
        ),
        "arrived_time": arrived,
        "payload": batch.column("payload").cast(pa.binary()),
        "expires_on": pc.add(
            arrived, pa.scalar(EXPIRY_DAYS * 86_400_000_000, pa.duration("us"))
        ).cast(pa.date32(), safe=False),
    }
    return pa.RecordBatch.from_arrays(
        [columns[name] for name in ARCHIVED_PAYLOAD.names], schema=ARCHIVED_PAYLOAD
    )


class Archive(beam.PTransform):
    """PAYLOAD batches → ARCHIVED_PAYLOAD batches, row by row the same."""

    def expand(self, payloads: beam.PCollection) -> beam.PCollection:
        return payloads | "ArchiveBatches" >> beam.Map(archive).with_output_types(pa.RecordBatch)
