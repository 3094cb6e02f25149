"""A published dataset as `moment verify` reads it: its tables, and what its late ledger says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.duck import connect, listed
from pipelines.errors import OptionError
from schemas.event import EVENT, UUID
from schemas.late import LATE_EVENT, standing_rows
from schemas.metric import METRIC
from schemas.source_status import READ_THROUGH, SOURCE_STATUS
from transforms.exclude import LeftOut, copies_of, sorted_ids

_TABLES = {"metrics": METRIC, "events": EVENT, "late_events": LATE_EVENT}

_LEDGER = f"""
CREATE TEMP TABLE ledger AS
SELECT standing.* FROM ({standing_rows()}) AS standing LEFT JOIN figures USING (local_day)
WHERE standing.epoch = coalesce(figures.epoch, standing.epoch)
"""
"""What the figures that stand left out. A restatement reads late events in the events table and
publishes their day in a greater epoch: its figures hold what an older epoch's ledger names."""

_LATE = """
WITH known AS (
    SELECT event_id, ingested_time AS arrived_time FROM events SEMI JOIN ledger USING (event_id)
),
copies AS (FROM ledger WHERE effect = 'copy'),
uncounted AS (FROM (FROM ledger WHERE effect = 'event') ANTI JOIN copies USING (event_id)),
counted AS (FROM known ANTI JOIN uncounted USING (event_id, arrived_time)),
heeded AS (FROM known ANTI JOIN ledger USING (event_id, arrived_time)),
late AS (
    FROM uncounted ANTI JOIN counted USING (event_id)
    UNION ALL
    FROM (FROM ledger WHERE effect = 'change')
    ANTI JOIN heeded USING (event_id)
    ANTI JOIN (FROM uncounted ANTI JOIN counted USING (event_id)) USING (event_id)
)
SELECT event_id, effect, min(event_time), min(arrived_time) AS arrived_time, max(closed_through)
FROM late GROUP BY event_id, effect ORDER BY arrived_time, event_id
"""
"""Events of which the ledger names every copy as not counted, and none that came after another had
counted. Then events of which it names every copy and one as a late change: they count, unlike what
they change. Rows that a retried bundle wrote twice are one copy: they agree in id and arrival."""

_PASSED_OVER = f"""
SELECT DISTINCT event_id, arrived_time, event_time
FROM (FROM ledger WHERE effect IN ('event', 'copy'))
ANTI JOIN (SELECT event_id FROM ({_LATE}) WHERE effect = 'event') USING (event_id)
"""
"""Copies that the ledger names as not counted, of events of which another copy counts."""


@dataclass(frozen=True)
class LateEvent:
    """An event that came late: its first late arrival, and how far windows were closed.

    Effect `event`: figures leave it out. Effect `change`: they leave out what it changes.
    """

    event_id: bytes
    effect: str
    event_time: datetime
    arrived_time: datetime
    closed_through: datetime


def open_published(dataset: Path) -> duckdb.DuckDBPyConnection:
    """A connection with the views `metrics`, `events`, `late_events` and what follows of them.

    The files are those that are there now; a table without files is empty. Raises OptionError where
    there is no figure, or where a file is not what the table should hold.
    """
    connection = duckdb.connect()
    try:
        connection.execute("SET TimeZone = 'UTC'")
        for name, schema in _TABLES.items():
            add_view(connection, name, dataset / name, schema)
        connection.execute(f"CREATE TEMP TABLE figures AS {figures_sql('metrics')}")
        add_ledger(connection, dataset)
    except OptionError:
        connection.close()
        raise
    except duckdb.Error as error:
        connection.close()
        raise OptionError(
            f"{dataset}: expected the Parquet tables of `moment measure`, found one that DuckDB"
            f" cannot read: {str(error).splitlines()[0]}"
        ) from error
    return connection


def figures_sql(metrics: str) -> str:
    """SQL: of each day that has figures their greatest epoch and the end of their latest window."""
    return (
        "SELECT local_day, max(epoch) AS epoch, max(window_end) AS latest_end"
        f" FROM {metrics} GROUP BY local_day"
    )


def add_ledger(connection: duckdb.DuckDBPyConnection, dataset: object) -> None:
    """Add the table `ledger` to `figures` and `late_events`. OptionError where no figure is."""
    if not connection.execute("SELECT count(*) FROM figures").fetchall()[0][0]:
        raise OptionError(f"{dataset}: expected published figures, found none in its metrics")
    connection.execute(_LEDGER)


def read_through(dataset: Path) -> datetime | None:
    """How far all sources of a stream had been read; None: they have said nothing."""
    with connect() as connection:
        add_view(connection, "source_status", dataset / "source_status", SOURCE_STATUS)
        query = READ_THROUGH.format(source_status="source_status")
        ((read,),) = connection.execute(query).fetchall()
    return read


def add_view(
    connection: duckdb.DuckDBPyConnection, name: str, folder: Path, schema: pa.Schema
) -> None:
    """A view of the columns of a schema over the Parquet files of a table's folder."""
    files = sorted(str(path) for path in folder.glob("day=*/*.parquet"))
    if files:
        columns = ", ".join(schema.names)
        connection.execute(
            f"CREATE VIEW {name} AS SELECT {columns}"
            f" FROM read_parquet({listed(files)}, hive_partitioning = false)"
        )
    else:
        connection.register(name, schema.empty_table())


def late_events(connection: duckdb.DuckDBPyConnection) -> list[LateEvent]:
    """What figures leave out, in order of arrival; each event once, with the greater effect."""
    return [LateEvent(*row) for row in connection.execute(_LATE).fetchall()]


def passed_over(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Copies of events that figures leave out, for another copy counts: event_id, arrived_time and
    event_time."""
    return connection.sql(_PASSED_OVER).to_arrow_table()


def left_out(late: Sequence[LateEvent], copies: pa.Table) -> LeftOut:
    """Ids of events, and copies of others, as transforms.exclude takes them."""

    def ids(effect: str) -> pa.Array:
        return pa.array([each.event_id for each in late if each.effect == effect], UUID)

    named = copies_of(
        copies["event_id"].combine_chunks().cast(UUID),
        *(copies[name].combine_chunks() for name in ("arrived_time", "event_time")),
    )
    return LeftOut(sorted_ids(ids("event")), sorted_ids(ids("change")), named)
