"""What every unbounded source is told, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass

import apache_beam as beam
import pyarrow as pa

OUTPUTS = ("payloads", "failed", "counts", "status")
"""`payloads` (PAYLOAD, with the Beam timestamp of its earliest arrival), `failed` (FAILED_EVENT)
and `counts` (BALANCE_COUNT) of what was no record, `status` (SOURCE_STATUS)."""


@dataclass(frozen=True)
class StreamSettings:
    """How an unbounded source reads.

    The watermark is the arrival time of the latest message less `allowance_seconds`. A partition
    from which nothing came for `idle_after_seconds` no longer holds the others back (None: it holds
    them for ever). A `process` call ends after `most_seconds`, because a checkpoint waits for it.
    """

    allowance_seconds: float = 10.0
    idle_after_seconds: float | None = 60.0
    rows_a_batch: int = 16_384
    most_seconds: float = 0.5
    status_every_seconds: float = 10.0


def with_outputs(read: beam.DoFn) -> beam.ParDo:
    """The step of a source's DoFn: payloads from `yield`, the others as tagged outputs."""
    return (
        beam.ParDo(read)
        .with_output_types(
            pa.RecordBatch, failed=pa.RecordBatch, counts=pa.RecordBatch, status=pa.RecordBatch
        )
        .with_outputs("failed", "counts", "status", main="payloads")
    )
