"""Partitions of events that a decoding gave anew: staged whole, compared, put in place at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from pipelines.duck import connect, listed
from pipelines.errors import OptionError
from pipelines.exchange import mend, put_in_place
from pipelines.local_day import LocalDay
from pipelines.place import Place
from pipelines.sinks.parquet import DayFile
from pipelines.sinks.tables import EVENTS
from pipelines.verify.dataset import add_view
from schemas.event import EVENT

ROWS_A_BATCH = 16_384

_NEWS = """
WITH told AS (
  SELECT event_id, channel, TRUE AS stands FROM events
  WHERE event_time >= $begin AND event_time < $finish
    AND channel IN (SELECT DISTINCT channel FROM decoded)
  UNION ALL
  SELECT event_id, channel, FALSE FROM decoded
  WHERE event_time >= $begin AND event_time < $finish
),
known AS (
  SELECT bool_or(stands) AS stands, bool_or(NOT stands) AS given, any_value(channel) AS channel
  FROM told GROUP BY event_id
)
SELECT count(*) FILTER (stands), count(*) FILTER (given), count(*) FILTER (NOT stands),
  count(*) FILTER (NOT given), list(DISTINCT channel ORDER BY channel) FILTER (NOT given)
FROM known
"""
"""One pass and one aggregation, which spills where ten million ids do not fit."""

_ANY = "SELECT 1 FROM decoded WHERE event_time >= $begin AND event_time < $finish LIMIT 1"

_OF_THE_DAY = """
event_time >= $begin AND event_time < $finish AND channel IN (SELECT DISTINCT channel FROM decoded)
"""

_WHOLE = f"""
SELECT * FROM standing WHERE NOT ({_OF_THE_DAY})
UNION ALL
SELECT * FROM decoded WHERE event_time >= $begin AND event_time < $finish
  AND event_time::DATE = $partition
"""
"""A partition is a day UTC: what is of other local days or of channels not decoded stays."""

_CONTENT = f"""
SELECT count(*), sum(hash(row)::HUGEINT), bit_xor(hash(row))
FROM (SELECT ({", ".join(EVENT.names)}) AS row FROM {{rows}})
"""
"""Of two tables with the same rows, in any order, the same three numbers; of others not, but for a
chance of hashes of 64 bits. Comparing rows themselves would hold two partitions in memory."""


@dataclass(frozen=True)
class News:
    """Distinct events of the days that stand, that were decoded, that are new, that are gone."""

    standing: int
    decoded: int
    new: int
    gone: int

    def sentence(self) -> str:
        return (
            f"decoded: {self.decoded:,} events where {self.standing:,} stand;"
            f" {self.new:,} are new, {self.gone:,} are gone"
        )


def news(place: Place, decoded: Path, days: Sequence[LocalDay], remove: bool) -> News:
    """What the events of the days would become. Raises OptionError where some would be gone and
    nobody said that they may.

    Looked at are the channels that were decoded; of others everything stays.
    """
    with connect() as connection:
        place.show(connection, EVENTS.name, EVENTS, ("event_id", "channel", "event_time"), days)
        add_view(connection, "decoded", decoded / EVENTS.name, EVENT)
        *counts, channels = connection.execute(
            _NEWS, {"begin": days[0].begin, "finish": days[-1].end}
        ).fetchall()[0]
        empty = [day.day for day in days if not connection.execute(_ANY, day.bounds).fetchall()]
    found = News(*counts)
    if empty:
        raise OptionError(
            f"--source: expected events of {empty[0]} in it, found none; leave that day out, or"
            " give its raw input"
        )
    if found.gone and not remove:
        raise OptionError(
            f"--source: expected every event that stands in these days, found {found.gone:,}"
            f" missing ({', '.join(channels)}); give all input of the days, or --remove where they"
            " should go"
        )
    return found


def replace_partition(
    dataset: Path, decoded: Path, day: LocalDay, partition: date, staging: Path
) -> bool:
    """Exchange a partition for one with the decoded events of a local day; False if it is the same.

    The new one is written whole beside it and put in place in one step. A file that a job wrote
    into the old one meanwhile goes over to the new one.
    """
    place = dataset / EVENTS.name / f"day={partition.isoformat()}"
    mend(place)
    known = sorted(file.name for file in place.glob("*.parquet"))
    shutil.rmtree(staging, ignore_errors=True)
    bounds = day.bounds | {"partition": partition}
    with connect() as connection:
        add_view(connection, "decoded", decoded / EVENTS.name, EVENT)
        _add(connection, "standing", [place / name for name in known])
        rows = connection.sql(_WHOLE, params=bounds).to_arrow_reader(ROWS_A_BATCH)
        file = DayFile(staging, EVENT)
        for batch in rows:
            file.gather(batch.cast(EVENT))
            if file.gathered >= ROWS_A_BATCH * 4:
                file.write_group()
        file.commit()
        _add(connection, "staged", sorted(staging.glob("*.parquet")))
        old_rows, new_rows = (
            connection.execute(_CONTENT.format(rows=rows)).fetchall()
            for rows in ("standing", "staged")
        )
    if old_rows == new_rows:
        shutil.rmtree(staging)
        return False
    old = put_in_place(staging, place)
    if old is not None:
        for late in old.glob("*.parquet"):
            if late.name not in known:
                os.rename(late, place / late.name)
        shutil.rmtree(old)
    return True


def has_other_days(decoded: Path, begin: datetime, finish: datetime) -> bool:
    """Did the decoding give events outside of these bounds too?"""
    with connect() as connection:
        add_view(connection, "decoded", decoded / EVENTS.name, EVENT)
        ((others,),) = connection.execute(
            "SELECT count(*) FROM decoded WHERE event_time < $begin OR event_time >= $finish",
            {"begin": begin, "finish": finish},
        ).fetchall()
    return bool(others)


def _add(connection: duckdb.DuckDBPyConnection, name: str, files: Sequence[Path]) -> None:
    """A view of the columns of an event over some files."""
    if not files:
        connection.register(name, EVENT.empty_table())
        return
    connection.execute(
        f"CREATE VIEW {name} AS SELECT {', '.join(EVENT.names)}"
        f" FROM read_parquet({listed(files)}, hive_partitioning = false)"
    )
