"""Attribute: what the property knows and the event does not say, such as its brand."""

from __future__ import annotations

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from transforms.screen import replace_columns


def attribute(batch: pa.RecordBatch, brand: str | None) -> pa.RecordBatch:
    """The NATIVE_EVENT batch with the property's brand where an event names none."""
    if brand is None:
        return batch
    return replace_columns(batch, {"brand_id": pc.fill_null(batch.column("brand_id"), brand)})


class Attribute(beam.PTransform):
    """NATIVE_EVENT batches → the same, attributed to the property."""

    def __init__(self, brand: str | None) -> None:
        super().__init__()
        self._brand = brand

    def expand(self, events: beam.PCollection) -> beam.PCollection:
        return events | "AttributeBatches" >> beam.Map(attribute, self._brand).with_output_types(
            pa.RecordBatch
        )
