"""BigQuery sink over Storage Write: a stream is seen as it comes, a run when all is written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone

import apache_beam as beam
import pyarrow as pa
from apache_beam.utils.windowed_value import WindowedValue

from pipelines.sinks.bigquery.append import USUAL, Appender, Patience, Refused
from pipelines.sinks.bigquery.clients import connect, write_client
from pipelines.sinks.bigquery.days import days_taken, moved_to, split_by_day
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.faults import SinkError
from pipelines.sinks.bigquery.pool import POOL
from pipelines.sinks.bigquery.refused import refused_events, untaken_events, without_payload
from pipelines.sinks.bigquery.streams import Streams
from pipelines.sinks.table import Table
from pipelines.sinks.tables import FAILED_EVENTS
from schemas.bigquery import wire_batch, wire_schema
from transforms.gathering import timeless

STREAM = "stream"


class WriteBigQuery(beam.PTransform):
    """Batches of a table → its rows in BigQuery; out come FAILED_EVENT batches of rows that were
    refused, or are of days that the table does not take.

    Unbounded: a bundle ends when all its rows are acknowledged, so that whatever commits the bundle
    commits no more than was written; a retried bundle writes again, and `latest` views count each
    key once. Bounded: nothing is seen before every bundle has written, then all is, at once.
    """

    def __init__(self, table: Table, destination: Destination, patience: Patience = USUAL) -> None:
        super().__init__()
        self._table, self._destination, self._patience = table, destination, patience

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        to = (self._table, self._destination, self._patience)
        if not batches.is_bounded:
            return batches | "Append" >> beam.ParDo(AppendToDefault(*to)).with_output_types(
                pa.RecordBatch
            )
        written = batches | "AppendPending" >> beam.ParDo(_AppendToPending(*to)).with_outputs(
            STREAM, main="refused"
        )
        path = self._destination.path(self._table)
        (
            written[STREAM]
            | "KeyByTable" >> beam.Map(_keyed, path).with_output_types(tuple[str, str])
            | "Together" >> beam.GroupByKey()
            | "Commit" >> beam.ParDo(_Commit(self._destination, self._patience))
        )
        refused: beam.PCollection = written["refused"]
        refused.element_type = pa.RecordBatch
        return refused


class _Append(beam.DoFn, ABC):
    """Appends a bundle; a subclass says to which stream, and what is due at its end."""

    def __init__(self, table: Table, destination: Destination, patience: Patience) -> None:
        self._table, self._destination, self._patience = table, destination, patience
        self._schema = wire_schema(table.schema)
        self._appender: Appender | None = None
        self._untaken: list[pa.RecordBatch] = []
        self._rows = _counter(table, "rows")
        self._requests = _counter(table, "requests")
        self._bytes = _counter(table, "bytes")
        self._retries = _counter(table, "retries")
        self._refused = _counter(table, "refused")

    def start_bundle(self) -> None:
        # Of a bundle that failed half-way: its rows are given again, and its replies are nobody's.
        self._drop()
        self._untaken = []

    def process(self, batch: pa.RecordBatch) -> None:
        now = datetime.now(timezone.utc)
        days = days_taken(self._table, now, self._destination.expires)
        wired = wire_batch(batch, self._table.schema, self._table.day_column)
        rows, others = split_by_day(wired, days)
        if others.num_rows and self._table.name == FAILED_EVENTS.name:
            # No failed event is made of one: it is kept among today's.
            rows = pa.concat_batches([rows, moved_to(others, now.date())])
        elif others.num_rows:
            self._untaken.append(untaken_events(others, self._table, days, now))
        if rows.num_rows:
            if self._appender is None:
                self._appender = self._begin()
            self._appender.append(rows)

    def teardown(self) -> None:
        self._drop()

    @abstractmethod
    def _begin(self) -> Appender:
        """An appender to the stream of the bundle that has just begun."""

    def _new(self, stream: str, has_offsets: bool) -> Appender:
        columns = self._schema.names
        return Appender(
            stream,
            self._schema,
            lambda: connect(self._destination, stream, columns),
            self._patience,
            has_offsets,
        )

    def _flush(self, appender: Appender) -> list[Refused]:
        """Wait for every reply; rows of failed_events that are refused go without their payload."""
        refused = appender.flush()
        if refused and self._table.name == FAILED_EVENTS.name:
            appender.append(without_payload(refused))
            if appender.flush():
                name = self._destination.name(self._table)
                raise SinkError(
                    f"expected to append to the BigQuery table {name}, found"
                    f" {refused[0].code} even without the payload: compare its columns with those"
                    " of `moment tables`"
                )
            refused = []
        return refused

    def _count(self, appender: Appender) -> None:
        counts = appender.take_counts()
        self._rows.inc(counts.rows)
        self._requests.inc(counts.requests)
        self._bytes.inc(counts.bytes)
        self._retries.inc(counts.retries)

    def _drop(self) -> None:
        if self._appender is not None:
            self._appender.close()
            self._appender = None

    def _failed(self, refused: list[Refused]) -> Iterator[WindowedValue]:
        failed, self._untaken = self._untaken, []
        if refused:
            failed.append(refused_events(refused, self._table.name))
        for batch in failed:
            self._refused.inc(batch.num_rows)
            yield timeless(batch)


class AppendToDefault(_Append):
    """To the table's default stream, over a connection that the process keeps."""

    def finish_bundle(self) -> Iterator[WindowedValue]:
        refused: list[Refused] = []
        if (appender := self._appender) is not None:
            refused = self._flush(appender)
            self._appender = None
            self._count(appender)
            POOL.give_back(self._key(), appender)
        yield from self._failed(refused)

    def teardown(self) -> None:
        super().teardown()
        POOL.close(self._key())

    def _begin(self) -> Appender:
        stream = f"{self._destination.path(self._table)}/streams/_default"
        return POOL.take(self._key(), lambda: self._new(stream, has_offsets=False))

    def _key(self) -> tuple[str, Destination]:
        return self._table.name, self._destination


class _AppendToPending(_Append):
    """To a pending stream of the bundle's own; its name comes out when it is whole."""

    def finish_bundle(self) -> Iterator[WindowedValue | beam.pvalue.TaggedOutput]:
        refused: list[Refused] = []
        if (appender := self._appender) is not None:
            refused = self._flush(appender)
            rows = appender.acknowledged
            if rows:
                self._streams().finalize(self._stream, rows)
                yield beam.pvalue.TaggedOutput(STREAM, timeless(self._stream))
            self._count(appender)
            self._drop()
        yield from self._failed(refused)

    def _begin(self) -> Appender:
        self._stream = self._streams().create()
        return self._new(self._stream, has_offsets=True)

    def _streams(self) -> Streams:
        path = self._destination.path(self._table)
        return Streams(write_client(self._destination), path, self._patience)


class _Commit(beam.DoFn):
    """(table, names of streams) → their rows are seen."""

    def __init__(self, destination: Destination, patience: Patience) -> None:
        self._destination, self._patience = destination, patience

    def process(self, element: tuple[str, Iterable[str]]) -> None:
        table, names = element
        client = write_client(self._destination)
        Streams(client, table, self._patience).commit(list(names))


def _keyed(stream: str, table: str) -> tuple[str, str]:
    return table, stream


def _counter(table: Table, what: str) -> beam.metrics.metric.Metrics.DelegatingCounter:
    return beam.metrics.Metrics.counter("write", f"{table.name}_{what}")
