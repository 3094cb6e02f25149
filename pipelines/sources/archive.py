"""ReadArchive: a bounded source of what an archive holds, each record as it was received."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa

from pipelines.duck import connect
from pipelines.errors import OptionError
from pipelines.storage import Found, arrow_files, files_below, in_bucket, join
from schemas.payload import PAYLOAD, payload_batch

ROWS_A_BATCH = 16_384

_RECORDS = """
SELECT DISTINCT input, channel, position, arrived_time, payload
FROM archived WHERE arrived_time >= $since ORDER BY input, channel, arrived_time, position
"""
"""A retried bundle wrote its records twice. The position alone would not tell: each partition of a
topic counts its own."""

_HOUR = re.compile(r"/day=(?P<day>\d{4}-\d\d-\d\d)/hour-(?P<hour>\d\d)-[^/]+\.parquet$")
_EVER = datetime(1, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Hour:
    """The files of one hour of arrival, such as `2026-03-14T19`."""

    name: str
    files: tuple[str, ...]
    size_bytes: int


@dataclass(frozen=True)
class Archive:
    """What is to be read of the archive at a place: what arrived at `since` or later; None: all."""

    place: str
    hours: tuple[Hour, ...]
    since: datetime | None = None

    @property
    def name(self) -> str:
        """As an INPUT argument says it."""
        return f"archive={self.place}"

    @property
    def size_bytes(self) -> int:
        return sum(hour.size_bytes for hour in self.hours)


def find_archive(place: str, since: datetime | None = None) -> Archive:
    """The archive at a directory or a prefix of a bucket.

    Raises OptionError where nothing of it is there, or it may not be read.
    """
    begin = "" if since is None else since.astimezone(timezone.utc).strftime("%Y-%m-%dT%H")
    hours = [hour for hour in hours_of(_files(place, since)) if hour.name >= begin]
    if not hours:
        when = "" if since is None else f" of what arrived since {since:%Y-%m-%d}"
        raise OptionError(
            f"{place}: expected an archive{when}, found none: `moment measure --archive` keeps one,"
            " for 30 days; give raw input instead"
        )
    return Archive(place, tuple(hours), since)


def hours_of(files: Iterable[Found]) -> list[Hour]:
    """Files of an archive by the hour that their names say, in order; others are left out."""
    found: dict[str, list[Found]] = {}
    for file in files:
        if named := _HOUR.search(file.path):
            found.setdefault(f"{named['day']}T{named['hour']}", []).append(file)
    return [
        Hour(name, tuple(file.path for file in own), sum(file.size_bytes for file in own))
        for name, own in sorted(found.items())
    ]


def _files(place: str, since: datetime | None) -> Iterator[Found]:
    if since is None or not in_bucket(place):
        yield from files_below(place if in_bucket(place) else str(Path(place).resolve()))
        return
    # A bucket may hold weeks of many small objects: only the days that are asked for are listed.
    day, last = since.astimezone(timezone.utc).date(), date.today() + timedelta(days=1)
    while day <= last:
        yield from files_below(join(place, f"day={day.isoformat()}"))
        day += timedelta(days=1)


def archived_payloads(
    files: Sequence[str], since: datetime | None = None
) -> Iterator[pa.RecordBatch]:
    """PAYLOAD batches of the files of one hour, each record once; input and channel as metadata."""
    for batch in records_of(files, _RECORDS, {"since": since or _EVER}):
        yield from by_origin(batch)


def records_of(files: Sequence[str], select: str, given: Mapping[str, Any]) -> Iterator[Any]:
    """Record batches of what a SELECT over `archived`, the rows of these files, gives."""
    from pyarrow import dataset

    system, paths = arrow_files(files)
    # As little ahead as can be: a row group may be many megabytes of payloads.
    ahead = {"batch_readahead": 1, "fragment_readahead": 1}
    archived = dataset.dataset(paths, filesystem=system, format="parquet").scanner(
        batch_size=ROWS_A_BATCH, **ahead
    )
    with connect() as connection:
        connection.register("archived", archived.to_reader())
        yield from connection.sql(select, params=dict(given)).to_arrow_reader(ROWS_A_BATCH)


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
    def process(self, element: tuple[Sequence[str], datetime | None]) -> Iterator[Any]:
        yield from archived_payloads(*element)


class ReadArchive(beam.PTransform):
    """Archives → `payloads` (PAYLOAD); `failed` and `counts` have no rows. Bounded.

    An hour a worker. A record that could not be read at all is not in the archive: it is a failed
    event.
    """

    def __init__(self, archives: Sequence[Archive]) -> None:
        super().__init__()
        self._hours = [(hour.files, each.since) for each in archives for hour in each.hours]

    def expand(self, root: beam.Pipeline) -> beam.pvalue.DoOutputsTuple:
        return (
            root
            | "ListHours" >> beam.Create(self._hours)
            | "ReadRecords"
            >> beam.ParDo(_ReadHour())
            .with_output_types(pa.RecordBatch, failed=pa.RecordBatch, counts=pa.RecordBatch)
            .with_outputs("failed", "counts", main="payloads")
        )
