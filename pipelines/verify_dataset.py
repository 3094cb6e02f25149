"""A published dataset as `moment verify` reads it: options of its run, tables, late ledger."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import duckdb
import numpy as np
import pyarrow as pa

from pipelines.errors import OptionError
from schemas.channels import registered_channels
from schemas.event import EVENT, UUID
from schemas.late import LATE_EVENT
from schemas.metric import METRIC
from transforms.exclude import sorted_ids

_TABLES = {"metrics": METRIC, "events": EVENT, "late_events": LATE_EVENT}

_LEDGER = """
CREATE TEMP TABLE ledger AS
WITH figures AS (SELECT local_day, max(epoch) AS epoch FROM metrics GROUP BY local_day)
SELECT late_events.* FROM late_events LEFT JOIN figures USING (local_day)
WHERE late_events.epoch = coalesce(figures.epoch, late_events.epoch)
"""
"""What the figures that stand left out. A restatement reads late events in the events table and
publishes their day in a greater epoch: its figures hold what an older epoch's ledger names."""

_EXCLUDED = """
WITH copies AS (SELECT event_id, ingested_time AS arrived_time FROM events),
known AS (SELECT event_id, arrived_time FROM copies SEMI JOIN ledger USING (event_id)),
counted AS (SELECT event_id FROM known ANTI JOIN ledger USING (event_id, arrived_time))
SELECT event_id, min(event_time) AS event_time, min(arrived_time) AS arrived_time,
    max(closed_through) AS closed_through
FROM ledger ANTI JOIN counted USING (event_id)
GROUP BY event_id ORDER BY arrived_time, event_id
"""
"""Events of which the ledger names every copy: a copy it does not name came in time and counted.
Rows that a retried bundle wrote twice are one copy, for they agree in id and arrival."""


@dataclass(frozen=True)
class Run:
    """What run.json says that a recomputation needs."""

    time_zone: str
    channels: tuple[str, ...]
    brand: str | None
    epoch: int
    key_id: str


@dataclass(frozen=True)
class LateEvent:
    """An event that figures leave out, its first late arrival, and how far windows were closed."""

    event_id: bytes
    event_time: datetime
    arrived_time: datetime
    closed_through: datetime


def read_run(dataset: Path) -> Run:
    """Options of the run that wrote a dataset. OptionError where run.json does not give them."""
    path = dataset / "run.json"
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OptionError(
            f"{dataset}: expected a dataset of `moment measure` (no run.json to read in it)"
        ) from error
    except ValueError as error:
        raise OptionError(f"{path}: expected JSON as `moment measure` writes it") from error
    if not isinstance(run, dict):
        raise OptionError(f"{path}: expected a JSON object, found {type(run).__name__}")
    channels = _value(path, run, "channels", list)
    for name in channels:
        if name not in registered_channels():
            raise OptionError(
                f"{path}: its channel {name!r} is not registered here; install what registers it"
            )
    time_zone = _value(path, run, "time_zone", str)
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise OptionError(f"{path}: expected an IANA time zone, found {time_zone!r}") from error
    return Run(
        time_zone=time_zone,
        channels=tuple(channels),
        brand=None if run.get("brand") is None else _value(path, run, "brand", str),
        epoch=_value(path, run, "epoch", int),
        key_id=_value(path, run, "pseudonym_key_id", str),
    )


def _value(path: Path, run: Mapping[str, Any], name: str, kind: type) -> Any:
    if not isinstance(value := run.get(name), kind):
        raise OptionError(
            f"{path}: expected {name!r} ({kind.__name__}) as `moment measure` writes it,"
            f" found {'none' if value is None else type(value).__name__}"
        )
    return value


def open_published(dataset: Path) -> duckdb.DuckDBPyConnection:
    """A connection with the views `metrics`, `events`, `late_events` and the table `ledger`.

    The files are those that are there now; a table without files is empty. Raises OptionError where
    there is no figure, or where a file is not what the table should hold.
    """
    connection = duckdb.connect()
    try:
        connection.execute("SET TimeZone = 'UTC'")
        for name, schema in _TABLES.items():
            add_view(connection, name, dataset / name, schema)
        connection.execute(_LEDGER)
        (figures,) = connection.execute("SELECT count(*) FROM metrics").fetchone() or (0,)
    except duckdb.Error as error:
        connection.close()
        raise OptionError(
            f"{dataset}: expected the Parquet tables of `moment measure`, found one that DuckDB"
            f" cannot read: {str(error).splitlines()[0]}"
        ) from error
    if not figures:
        connection.close()
        raise OptionError(f"{dataset}: expected published figures, found none in its metrics")
    return connection


def add_view(
    connection: duckdb.DuckDBPyConnection, name: str, folder: Path, schema: pa.Schema
) -> None:
    """A view of the columns of a schema over the Parquet files of a table's folder."""
    files = sorted(str(path) for path in folder.glob("day=*/*.parquet"))
    if files:
        listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
        columns = ", ".join(schema.names)
        connection.execute(
            f"CREATE VIEW {name} AS SELECT {columns}"
            f" FROM read_parquet([{listed}], hive_partitioning = false)"
        )
    else:
        connection.register(name, schema.empty_table())


def excluded_events(connection: duckdb.DuckDBPyConnection) -> list[LateEvent]:
    """Events of which the ledger names every copy, in order of arrival."""
    return [LateEvent(*row) for row in connection.execute(_EXCLUDED).fetchall()]


def ids_of(events: Sequence[LateEvent]) -> np.ndarray:
    """Their ids as transforms.exclude takes them."""
    return sorted_ids(pa.array([event.event_id for event in events], UUID))
