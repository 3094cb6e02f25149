"""Failed events that a replay takes: which they are, what became of them, their new events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.duck import connect, listed
from pipelines.local_day import LocalDay
from pipelines.place import Place
from pipelines.replay.options import ReplayOptions
from pipelines.sinks.parquet import DayFile
from pipelines.sinks.tables import EVENTS, FAILED_EVENTS, REPLAYS
from pipelines.verify.dataset import add_view
from schemas.event import EVENT
from schemas.failure import FAILED_EVENT
from schemas.replay import REPLAY
from schemas.version import VERSION

STAGES = ("recognise", "decode")
"""Stages whose failures hold a whole record. What could not be read is a piece of a file, and what
a sink refused is a row already, decoded and counted."""

WRITE = "write"

ROWS_A_BATCH = 16_384

_WAITING = """
CREATE TEMP VIEW waiting AS
SELECT * FROM (
  SELECT * FROM failed_events
  QUALIFY row_number() OVER (PARTITION BY failure_id ORDER BY failed_time) = 1
) WHERE failure_id NOT IN (SELECT failure_id FROM replays WHERE outcome = 'decoded')
"""

_COUNTS = f"""
SELECT count(*) FILTER ({{chosen}} AND arrived_time < $closed),
  count(*) FILTER ({{chosen}} AND arrived_time >= $closed),
  count(*) FILTER (stage NOT IN {STAGES} AND stage <> '{WRITE}'),
  count(*) FILTER (stage = '{WRITE}')
FROM waiting
"""

_CHOSEN = f"""
(stage IN {STAGES} AND ($reasons IS NULL OR reason IN $reasons)
 AND ($channels IS NULL OR channel IN $channels))
"""


_TOLD = ("failure_id", "failed_time", "arrived_time", "stage", "reason", "channel")
"""What of failed events is looked at to count them: no payload."""


@dataclass(frozen=True)
class Waiting:
    """Failed events that are taken, that arrived in open days, that hold no whole record, that are
    rows which a table did not take."""

    taken: int
    later: int
    unreadable: int
    unwritten: int


def take(options: ReplayOptions, closed: datetime, folder: Path | None) -> Waiting:
    """Count what is to be taken and, with a folder, write it there as FAILED_EVENT Parquet."""
    columns = _TOLD if folder is None else FAILED_EVENT.names
    with _connected(options.dataset, columns) as connection:
        named = {
            "reasons": list(options.reasons) or None,
            "channels": list(options.channels) or None,
            "closed": closed,
        }
        counts = connection.execute(_COUNTS.format(chosen=_CHOSEN), named).fetchall()[0]
        if folder is not None and counts[0]:
            select = f"SELECT * FROM waiting WHERE {_CHOSEN} AND arrived_time < $closed"
            rows = connection.sql(select, params=named).to_arrow_reader(ROWS_A_BATCH)
            file = DayFile(folder, FAILED_EVENT)
            for batch in rows:
                file.gather(batch.cast(FAILED_EVENT))
                file.write_group()
            file.commit()
    return Waiting(*counts)


_AGAIN = """
SELECT failure_id, EXISTS (
  SELECT 1 FROM failed_again AS f
  WHERE f.input = t.input AND f.position = t.position AND f.payload = t.payload
) AS again FROM taken AS t
"""
"""An item of a container is a record of its own now, so that its id may be another one."""


def outcomes(place: Place, taken: Sequence[Path], replayed: Path, now: datetime) -> pa.Table:
    """REPLAY rows of what was taken. What fails again is told once a version of Moment."""
    with connect() as connection:
        place.show(connection, REPLAYS.name, REPLAYS, REPLAY.names)
        _view(connection, "taken", taken)
        add_view(connection, "failed_again", replayed / FAILED_EVENTS.name, FAILED_EVENT)
        found = connection.sql(
            f"SELECT failure_id, CASE WHEN again THEN 'failed' ELSE 'decoded' END AS outcome,"
            f" $now AS replayed_time, $version AS pipeline_version FROM ({_AGAIN})"
            " WHERE NOT again OR failure_id NOT IN"
            " (SELECT failure_id FROM replays WHERE pipeline_version = $version)",
            params={"now": now, "version": VERSION},
        )
        return found.to_arrow_table().select(REPLAY.names).cast(REPLAY)


def new_failures(place: Place, taken: Sequence[Path], replayed: Path) -> pa.Table:
    """FAILED_EVENT rows of records that were inside of what was taken, and fail themselves."""
    with connect() as connection:
        place.show(connection, FAILED_EVENTS.name, FAILED_EVENTS, ["failure_id"])
        _view(connection, "taken", taken)
        add_view(connection, "failed_again", replayed / FAILED_EVENTS.name, FAILED_EVENT)
        found = connection.sql(
            "SELECT * FROM failed_again ANTI JOIN taken USING (input, position, payload)"
            " WHERE failure_id NOT IN (SELECT failure_id FROM failed_events)"
        )
        return found.to_arrow_table().select(FAILED_EVENT.names).cast(FAILED_EVENT)


def new_events(place: Place, replayed: Path, days: Sequence[LocalDay]) -> pa.Table:
    """EVENT rows of the replay, of these days and later, whose id the place does not have there."""
    if not days:
        return EVENT.empty_table()
    with connect() as connection:
        place.show(connection, EVENTS.name, EVENTS, ["event_id"], days)
        add_view(connection, "replayed", replayed / EVENTS.name, EVENT)
        found = connection.sql(
            "SELECT * FROM replayed WHERE event_time >= $begin"
            " AND event_id NOT IN (SELECT event_id FROM events)",
            params={"begin": days[0].begin},
        )
        return found.to_arrow_table().select(EVENT.names).cast(EVENT)


def local_days(replayed: Path, time_zone: str) -> list[date]:
    """The days of all events of the replay, also of those that the dataset has: a replay that was
    killed may have put them there without restating their days."""
    with connect() as connection:
        add_view(connection, "replayed", replayed / EVENTS.name, EVENT)
        rows = connection.execute(
            "SELECT DISTINCT (event_time AT TIME ZONE $zone)::DATE FROM replayed ORDER BY 1",
            {"zone": time_zone},
        ).fetchall()
    return [day for (day,) in rows]


def _connected(place: Place, columns: Sequence[str]) -> duckdb.DuckDBPyConnection:
    connection = connect()
    place.show(connection, FAILED_EVENTS.name, FAILED_EVENTS, columns)
    place.show(connection, REPLAYS.name, REPLAYS, REPLAY.names)
    connection.execute(_WAITING)
    return connection


def _view(connection: duckdb.DuckDBPyConnection, name: str, files: Sequence[Path]) -> None:
    connection.execute(
        f"CREATE VIEW {name} AS FROM read_parquet({listed(files)}, hive_partitioning = false)"
    )
