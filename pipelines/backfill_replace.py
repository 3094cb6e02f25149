"""Partitions of events in BigQuery: a local day's part replaced by decoded events, at once."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.duck import connect
from pipelines.local_day import LocalDay
from pipelines.place import StillAlone
from pipelines.sinks.bigquery_clients import rest_client
from pipelines.sinks.bigquery_destination import Destination
from pipelines.sinks.tables import EVENTS
from pipelines.sources.bigquery import asking, change, fetch_row
from pipelines.verify_dataset import add_view
from schemas.bigquery import bigquery_columns, wire_batch, wire_schema
from schemas.event import EVENT

ROWS_A_BATCH = 16_384
_KEPT = timedelta(days=1)
"""A table of decoded events that a killed backfill left is gone after that."""

_DECODED = """
SELECT * FROM decoded
WHERE event_time >= $begin AND event_time < $finish AND event_time::DATE = $partition
"""

_COLUMNS = ", ".join((*EVENT.names, "day"))

_OF_THE_DAY = """
{0}day = @partition AND {0}event_time >= @begin AND {0}event_time < @finish
AND {0}channel IN UNNEST(@channels)"""
"""Rows that are replaced. Other local days and channels of the partition stay as they are."""

_DIFFERENT = f"""
WITH standing AS (
  SELECT {_COLUMNS}, count(*) AS copies FROM `{{events}}` WHERE {_OF_THE_DAY.format("")}
  GROUP BY {_COLUMNS}
),
decoded AS (SELECT {_COLUMNS}, count(*) AS copies FROM `{{decoded}}` GROUP BY {_COLUMNS})
SELECT count(*) FROM (
  (SELECT * FROM standing EXCEPT DISTINCT SELECT * FROM decoded)
  UNION ALL
  (SELECT * FROM decoded EXCEPT DISTINCT SELECT * FROM standing)
)
"""

_REPLACE = f"""
MERGE `{{events}}` AS standing USING `{{decoded}}` AS decoded ON FALSE
WHEN NOT MATCHED BY SOURCE AND {_OF_THE_DAY.format("standing.")} THEN DELETE
WHEN NOT MATCHED BY TARGET THEN INSERT ({_COLUMNS}) VALUES ({_COLUMNS})
"""
"""One statement, so that all of it is done or none. Rows that a job appends meanwhile stay."""


def replace_in_bigquery(
    place: Destination, decoded: Path, day: LocalDay, partition: date, still_alone: StillAlone
) -> bool:
    """Replace a local day's part of a partition by what was decoded of it; False if it is the same.

    The decoded events are loaded into a table of their own first. Raises OptionError; then the old
    rows stand.
    """
    given: dict[str, Any] = day.bounds | {"partition": partition}
    with connect() as connection:
        add_view(connection, "decoded", decoded / EVENTS.name, EVENT)
        channels = connection.execute("SELECT DISTINCT channel FROM decoded ORDER BY 1").fetchall()
        rows = connection.sql(_DECODED, params=given).to_arrow_reader(ROWS_A_BATCH)
        file = decoded.with_name(f"{partition}.parquet")
        with pq.ParquetWriter(file, wire_schema(EVENT)) as writer:
            for batch in rows:
                wired = wire_batch(batch.cast(EVENT), EVENT, EVENTS.day_column)
                writer.write_table(pa.Table.from_batches([wired]))
    given["channels"] = [channel for (channel,) in channels]
    with _loaded(place, file) as table:
        names = {"events": place.name(EVENTS), "decoded": table}
        (different,) = fetch_row(place, _DIFFERENT.format(**names), given)
        if different:
            still_alone()
            change(place, _REPLACE.format(**names), given)
    return bool(different)


@contextmanager
def _loaded(place: Destination, file: Path) -> Iterator[str]:
    """The name of a table with the rows of a Parquet file, beside `events`, gone afterwards."""
    from google.cloud import bigquery

    client = rest_client(place)
    name = f"{place.name(EVENTS)}_decoded_{uuid.uuid4().hex}"
    columns = [bigquery.SchemaField.from_api_repr(dict(c)) for c in bigquery_columns(EVENT)]
    table = bigquery.Table(name, schema=columns)
    table.expires = datetime.now(timezone.utc) + _KEPT
    table.description = "events that a backfill has decoded, until it has put them in their place"
    config = bigquery.LoadJobConfig(
        source_format="PARQUET", write_disposition="WRITE_TRUNCATE", schema=columns
    )
    with asking(place):
        client.create_table(table)
    try:
        with asking(place), file.open("rb") as opened:
            client.load_table_from_file(opened, name, job_config=config).result()
        yield name
    finally:
        with asking(place):
            client.delete_table(name, not_found_ok=True)
