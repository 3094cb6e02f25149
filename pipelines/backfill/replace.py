"""Partitions of events in BigQuery: a local day's part replaced by decoded events, at once."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.duck import connect
from pipelines.local_day import LocalDay
from pipelines.place import StillAlone
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.whole import append_whole
from pipelines.sinks.tables import DECODED_EVENTS, EVENTS
from pipelines.sources.bigquery import change, fetch_row
from pipelines.verify.dataset import add_view
from schemas.backfill import DECODED_EVENT
from schemas.event import EVENT

ROWS_A_BATCH = 16_384

_OF_THE_PLACE = """
SELECT $decoding AS decoding, $now::TIMESTAMPTZ AS decoded_time, * FROM decoded
WHERE event_time >= $begin AND event_time < $finish AND event_time::DATE = $partition
"""

_COLUMNS = ", ".join((*EVENT.names, "day"))

_DECODED = f"""
SELECT {", ".join(EVENT.names)}, CAST(event_time AS DATE) AS day FROM `{{decoded}}`
WHERE day >= CAST(@now AS DATE) AND decoding = @decoding
"""

_OF_THE_DAY = """
{0}day = @partition AND {0}event_time >= @begin AND {0}event_time < @finish
AND {0}channel IN UNNEST(@channels)"""
"""Rows that are replaced. Other local days and channels of the partition stay as they are."""

_DIFFERENT = f"""
WITH standing AS (
  SELECT {_COLUMNS}, count(*) AS copies FROM `{{events}}` WHERE {_OF_THE_DAY.format("")}
  GROUP BY {_COLUMNS}
),
decoded AS (SELECT {_COLUMNS}, count(*) AS copies FROM ({_DECODED}) GROUP BY {_COLUMNS})
SELECT count(*) FROM (
  (SELECT * FROM standing EXCEPT DISTINCT SELECT * FROM decoded)
  UNION ALL
  (SELECT * FROM decoded EXCEPT DISTINCT SELECT * FROM standing)
)
"""

_REPLACE = f"""
MERGE `{{events}}` AS standing USING ({_DECODED}) AS decoded ON FALSE
WHEN NOT MATCHED BY SOURCE AND {_OF_THE_DAY.format("standing.")} THEN DELETE
WHEN NOT MATCHED BY TARGET THEN INSERT ({_COLUMNS}) VALUES ({_COLUMNS})
"""
"""One statement, so that all of it is done or none. Rows that a job appends meanwhile stay."""


def replace_in_bigquery(
    place: Destination, decoded: Path, day: LocalDay, partition: date, still_alone: StillAlone
) -> bool:
    """Replace a local day's part of a partition by what was decoded of it; False if it is the same.

    The decoded events are appended to a table of their own first. Raises OptionError or SinkError;
    then the old rows stand.
    """
    given = stage(place, decoded, day, partition)
    differ, replace = replacing_sql(place)
    (different,) = fetch_row(place, differ, given)
    if different:
        still_alone()
        change(place, replace, given)
    return bool(different)


def replacing_sql(place: Destination) -> tuple[str, str]:
    """The comparison of a part of a partition with what was decoded, and what replaces it."""
    names = {"events": place.name(EVENTS), "decoded": place.name(DECODED_EVENTS)}
    return _DIFFERENT.format(**names), _REPLACE.format(**names)


def parameters(day: LocalDay, partition: date) -> dict[str, Any]:
    """Of both statements, for a decoding that is yet to be; `channels` is to be added."""
    given: dict[str, Any] = day.bounds | {"partition": partition}
    return given | {"decoding": str(uuid.uuid4()), "now": datetime.now(timezone.utc)}


def stage(place: Destination, decoded: Path, day: LocalDay, partition: date) -> dict[str, Any]:
    """Append what was decoded to DECODED_EVENTS; the parameters that say which rows that are.

    Raises SinkError where none of it is there.
    """
    given = parameters(day, partition)
    with connect() as connection:
        add_view(connection, "decoded", decoded / EVENTS.name, EVENT)
        channels = connection.execute("SELECT DISTINCT channel FROM decoded ORDER BY 1").fetchall()
        rows = connection.sql(_OF_THE_PLACE, params=given).to_arrow_reader(ROWS_A_BATCH)
        append_whole(place, DECODED_EVENTS, _batches(rows))
    return given | {"channels": [channel for (channel,) in channels]}


def _batches(rows: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    for batch in rows:
        if batch.num_rows:
            yield batch.cast(DECODED_EVENT)
