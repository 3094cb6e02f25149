"""The days that a table of BigQuery takes: rows of others are told apart before they are sent.

A request with such a row may be refused as a whole, without the row being named, and would be tried
again for ever. A row of a partition that has expired is taken, and gone.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sinks.table import Table
from pipelines.sinks.tables import EVENTS
from schemas.bigquery import DAY

MOST_DAYS_PAST = 1825
MOST_DAYS_AHEAD = 365
"""What streaming into partitions by a column takes: ten years back and one ahead, as Google says in
"Time-unit column partitioning". Its refusals have named 1,825 and 366 days, as in mozilla's
gcp-ingestion#2721; the nearer bounds hold here."""


class Days(NamedTuple):
    """The first and the last day of rows that are taken."""

    first: date
    last: date


def days_taken(table: Table, now: datetime, expires: bool = True) -> Days:
    """The days that a table takes at `now`; of `events` those that it keeps, where any `expires`.

    Rows of other tables that have expired are made of events or of records and go with them, as the
    table's setting says.
    """
    today = now.astimezone(timezone.utc).date()
    first = today - timedelta(days=MOST_DAYS_PAST)
    if expires and table.name == EVENTS.name:
        first = max(first, first_kept(table, now))
    return Days(first, today + timedelta(days=MOST_DAYS_AHEAD))


def first_kept(table: Table, now: datetime) -> date:
    """The oldest day whose partition has not expired; the first of all where none ever does."""
    if table.kept_days is None:
        return date.min
    # A partition expires so long after its day began.
    return now.astimezone(timezone.utc).date() - timedelta(days=table.kept_days - 1)


def split_by_day(rows: pa.RecordBatch, days: Days) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Rows of a wire batch that are of these days, and the others; neither is copied where all are
    of one kind."""
    told = rows.column(DAY)
    taken = pc.and_(
        pc.greater_equal(told, _date(days.first)), pc.less_equal(told, _date(days.last))
    )
    if pc.all(taken).as_py():
        return rows, rows.slice(0, 0)
    return rows.filter(taken), rows.filter(pc.invert(taken))


def moved_to(rows: pa.RecordBatch, day: date) -> pa.RecordBatch:
    """The rows of a wire batch in the partition of another day; nothing else of them changes."""
    place = rows.schema.get_field_index(DAY)
    days = pa.repeat(_date(day), rows.num_rows)
    return rows.set_column(place, rows.schema.field(place), days)


def _date(day: date) -> pa.Scalar:
    return pa.scalar(day, pa.date32())
