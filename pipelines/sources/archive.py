"""ReadArchive: a bounded source of what the archive of a dataset holds, as it was received."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa

from pipelines.duck import connect
from schemas.payload import PAYLOAD, payload_batch

ROWS_A_BATCH = 16_384

_RECORDS = """
SELECT DISTINCT input, channel, position, arrived_time, payload
FROM read_parquet($files, hive_partitioning = false)
WHERE arrived_time >= $since ORDER BY input, channel, arrived_time, position
"""
"""A retried bundle wrote its records twice. The position alone would not tell: each partition of a
topic counts its own."""


def archived_hours(dataset: Path, since: datetime) -> list[list[str]]:
    """The files of each hour of arrival, from the hour of an instant on; restricted to who may."""
    hours: dict[tuple[str, str], list[str]] = {}
    for file in sorted((dataset / "archive").glob("day=*/hour-*.parquet")):
        day, hour = file.parent.name.removeprefix("day="), file.name[len("hour-") :][:2]
        if f"{day}T{hour}" >= since.strftime("%Y-%m-%dT%H"):
            hours.setdefault((day, hour), []).append(str(file.resolve()))
    return [hours[hour] for hour in sorted(hours)]


def archived_payloads(files: list[str], since: datetime) -> Iterator[pa.RecordBatch]:
    """PAYLOAD batches of the files of one hour, each record once; input and channel as metadata."""
    with connect() as connection:
        found = connection.sql(_RECORDS, params={"files": files, "since": since})
        for batch in found.to_arrow_reader(ROWS_A_BATCH):
            yield from by_origin(batch)


def by_origin(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The rows of each input and channel, which are next to each other."""
    origin = list(zip(batch.column("input").to_pylist(), batch.column("channel").to_pylist()))
    start = 0
    for end in range(1, len(origin) + 1):
        if end < len(origin) and origin[end] == origin[start]:
            continue
        part = batch.slice(start, end - start)
        input, channel = origin[start]
        position, arrived = (
            part.column(name).cast(PAYLOAD.field(name).type)
            for name in ("position", "arrived_time")
        )
        yield payload_batch(part.column("payload"), position, arrived, input, channel)
        start = end


class _ReadHour(beam.DoFn):
    def __init__(self, since: datetime) -> None:
        self._since = since

    def process(self, files: list[str]) -> Iterator[Any]:
        yield from archived_payloads(files, self._since)


class ReadArchive(beam.PTransform):
    """A dataset's archive → `payloads` (PAYLOAD); `failed` and `counts` have no rows. Bounded.

    What arrived at `since` or later, an hour a worker. A record that could not be read at all is
    not in the archive: it is a failed event.
    """

    def __init__(self, dataset: Path, since: datetime) -> None:
        super().__init__()
        self._hours, self._since = archived_hours(dataset, since), since

    def expand(self, root: beam.Pipeline) -> beam.pvalue.DoOutputsTuple:
        return (
            root
            | "ListHours" >> beam.Create(self._hours)
            | "ReadRecords"
            >> beam.ParDo(_ReadHour(self._since))
            .with_output_types(pa.RecordBatch, failed=pa.RecordBatch, counts=pa.RecordBatch)
            .with_outputs("failed", "counts", main="payloads")
        )
