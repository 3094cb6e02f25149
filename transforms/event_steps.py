"""Decode, Screen, Protect: the functions of these names as steps of a graph.

The functions are in files of their own, which know no Beam: to import it takes a second, and who
makes events of a file without a graph, as `moment check` does, needs none of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from schemas.channels import registered_channels
from schemas.payload import UNREGISTERED
from transforms.balance import arrival_hours, count_batch, count_events
from transforms.decode import decode, refuse
from transforms.garbage import seldom_look_for_garbage
from transforms.protect import PseudonymKeys, protect
from transforms.screen import screen


class Decode(beam.PTransform):
    """PAYLOAD batches → `events` (NATIVE_EVENT), `failed` (FAILED_EVENT) and `counts`."""

    def expand(self, payloads: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        return payloads | "DecodeBatches" >> beam.ParDo(_DecodeBatches()).with_output_types(
            pa.RecordBatch, failed=pa.RecordBatch, counts=pa.RecordBatch
        ).with_outputs("failed", "counts", main="events")


class _DecodeBatches(beam.DoFn):
    def setup(self) -> None:
        seldom_look_for_garbage()

    def process(self, batch: pa.RecordBatch) -> Iterator[Any]:
        hours = arrival_hours(batch.column("arrived_time"))
        for hour in np.unique(hours):
            whole = bool((hours == hour).all())
            yield from self._of_hour(
                batch if whole else batch.filter(pa.array(hours == hour)), int(hour)
            )

    def _of_hour(self, batch: pa.RecordBatch, hour: int) -> Iterator[Any]:
        metadata = batch.schema.metadata
        input = metadata[b"input"].decode()
        name = metadata.get(b"channel", b"").decode()
        channel = registered_channels().get(name)
        if name and channel is None:
            # Also what an archive of before holds: counts are read by all.
            name = UNREGISTERED
        decoded = decode(batch, channel) if channel else refuse(batch, name)
        counts = [
            ("received", decoded.received),
            ("decoded", decoded.decoded),
            ("failed", decoded.failed.num_rows),
            ("ignored", decoded.ignored.total()),
            ("events", decoded.ignored.total() + decoded.events.num_rows),
        ]
        yield beam.pvalue.TaggedOutput("counts", count_batch(input, hour, name, counts))
        if decoded.failed.num_rows:
            yield beam.pvalue.TaggedOutput("failed", decoded.failed)
        if decoded.events.num_rows:
            yield decoded.events.replace_schema_metadata({"name": "native_event", "input": input})


class Screen(beam.PTransform):
    """NATIVE_EVENT batches → the same, known automata flagged."""

    def expand(self, events: beam.PCollection) -> beam.PCollection:
        return events | "ScreenBatches" >> beam.Map(screen).with_output_types(pa.RecordBatch)


class Protect(beam.PTransform):
    """NATIVE_EVENT batches → `events` (PROTECTED_EVENT) and `counts` of what was withheld."""

    def __init__(self, keys: PseudonymKeys) -> None:
        super().__init__()
        self._keys = keys

    def expand(self, events: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        return events | "ProtectBatches" >> beam.ParDo(
            _ProtectBatches(self._keys)
        ).with_output_types(pa.RecordBatch, counts=pa.RecordBatch).with_outputs(
            "counts", main="events"
        )


class _ProtectBatches(beam.DoFn):
    def __init__(self, keys: PseudonymKeys) -> None:
        self._keys = keys

    def process(self, batch: pa.RecordBatch) -> Iterator[Any]:
        protected = protect(batch, self._keys)
        if protected.withheld.num_rows:
            input = batch.schema.metadata[b"input"].decode()
            counts = count_events(protected.withheld, input, "withheld")
            yield beam.pvalue.TaggedOutput("counts", counts)
        if protected.events.num_rows:
            yield protected.events
