"""`moment compact` of BigQuery: a closed day of a table reduced to the rows that its views look at.

One `MERGE` a table deletes the rows of the partition and inserts those of them that stay, both or
neither, so whenever it is stopped the views say the same, and to run it again completes it. What a
job appends meanwhile stays beside.
"""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any

from pipelines.backfill.lease import exclusively
from pipelines.backfill.sizes import read_through
from pipelines.compact.closed import STATUS, Status, check_closed
from pipelines.compact.kept import KEPT, Compacted
from pipelines.place import StillAlone
from pipelines.sinks.bigquery.check import check_bigquery
from pipelines.sinks.bigquery.clients import rest_client
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.sql import BIGQUERY_VIEWS, translated, view_sql
from pipelines.sinks.table import Table
from pipelines.sinks.tables import BACKFILLS, FAILED_EVENTS, LATE_EVENTS
from pipelines.sources.bigquery import asking, change, fetch_row, may_read
from pipelines.verify.run import Run

_ROWS = """
SELECT (SELECT count(*) FROM `{table}` WHERE day = @day), (SELECT count(*) FROM ({kept}))
"""

_REPLACE = """
MERGE `{table}` AS standing USING ({kept}) AS kept ON FALSE
WHEN NOT MATCHED BY SOURCE AND standing.day = @day THEN DELETE
WHEN NOT MATCHED BY TARGET THEN INSERT ({columns}) VALUES ({columns})
"""


def compact_in_bigquery(
    place: Destination, run: Run, day: date, now: datetime | None = None
) -> list[Compacted]:
    """Reduce a day of each table, one after the other; those without rows of it are left out.

    `run` published the dataset. Raises OptionError, and changes nothing, where the day has no
    figures or is open, where a live job may still write it, where tables may not be written, or
    where somebody else compacts or refills the dataset.
    """
    tables = [table for table in KEPT if table is not FAILED_EVENTS or may_read(place, table)]
    check_bigquery(place, (*tables, BACKFILLS), option="")
    read = None if run.hot_minutes is None else read_through(place)
    check_closed(place, run, day, _status(place, day), read, now or datetime.now(timezone.utc))
    with exclusively(place) as still_alone:
        done = [_compact(place, table, day, still_alone) for table in tables]
    if FAILED_EVENTS not in tables:
        done.append(Compacted(FAILED_EVENTS.name, left=_not_ours(place)))
    return [each for each in done if each.left or each.rows[0]]


def _status(place: Destination, day: date) -> Status:
    (view,) = (each for each in BIGQUERY_VIEWS if each.name == "partition_status")
    sql = STATUS.format(partition_status=f"({view_sql(view, place)})").replace("$day", "@day")
    return Status(*fetch_row(place, sql, {"day": day}))


def _compact(place: Destination, table: Table, day: date, still_alone: StillAlone) -> Compacted:
    columns = _columns(place, table)
    kept = kept_sql(place, table, columns)
    given: dict[str, Any] = {"day": day}
    before, after = fetch_row(place, _ROWS.format(table=place.name(table), kept=kept), given)
    if after < before:
        listed = ", ".join(f"`{name}`" for name in columns)
        still_alone()
        change(place, _REPLACE.format(table=place.name(table), kept=kept, columns=listed), given)
    return Compacted(table.name, rows=(before, after))


def kept_sql(place: Destination, table: Table, columns: list[str]) -> str:
    """The rows of the day `@day` that stay, in BigQuery's SQL: the text that files are read by."""
    rows = f"(SELECT * FROM {table.name} WHERE day = $day)"
    listed = ", ".join(f'"{name}"' for name in columns)
    paths = {each.name: place.name(each) for each in (table, LATE_EVENTS)}
    return translated(f"SELECT {listed} {KEPT[table].format(rows=rows)}", paths)


def _columns(place: Destination, table: Table) -> list[str]:
    """All that the table has: a column that somebody added is somebody's, and its values stay."""
    with asking(place):
        return [field.name for field in rest_client(place).get_table(place.name(table)).schema]


def _not_ours(place: Destination) -> str:
    return (
        "left as it is, for this account may not read it; grant it BigQuery Data Editor on"
        f" {place.project}.{place.restricted_dataset} to compact it too"
    )
