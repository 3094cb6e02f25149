"""Rows appended to a table of BigQuery as a whole: all are seen at once, or none is."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pyarrow as pa

from pipelines.sinks.bigquery.append import USUAL, Appender, Patience
from pipelines.sinks.bigquery.clients import connect, write_client
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.faults import SinkError
from pipelines.sinks.bigquery.streams import Streams
from pipelines.sinks.table import Table
from schemas.bigquery import wire_batch, wire_schema


def append_whole(
    destination: Destination,
    table: Table,
    batches: Iterable[pa.RecordBatch],
    before_commit: Callable[[], None] = lambda: None,
    patience: Patience = USUAL,
) -> int:
    """Append batches of the table's schema over one pending stream; how many rows that were.

    `before_commit` is called when all is written and nothing is seen; what it raises leaves it so.
    Raises SinkError where a row is refused or a fault lasts: then nothing is seen either.
    """
    streams = Streams(write_client(destination), destination.path(table), patience)
    schema = wire_schema(table.schema)
    appender, name = None, ""
    try:
        for batch in batches:
            if appender is None:
                name = streams.create()
                appender = _appender(destination, name, schema, patience)
            appender.append(wire_batch(batch, table.schema, table.day_column))
        if appender is None:
            return 0
        refused = appender.flush()
    finally:
        if appender is not None:
            appender.close()
    if refused:
        raise SinkError(
            f"expected to append {appender.acknowledged + len(refused):,} rows to BigQuery's table"
            f" {destination.name(table)}, found {len(refused):,} refused ({refused[0].code}): none"
            " is published; compare its columns with those of `moment tables plan`"
        )
    streams.finalize(name, appender.acknowledged)
    before_commit()
    streams.commit([name])
    return appender.acknowledged


def _appender(
    destination: Destination, name: str, schema: pa.Schema, patience: Patience
) -> Appender:
    return Appender(
        name, schema, lambda: connect(destination, name, schema.names), patience, has_offsets=True
    )
