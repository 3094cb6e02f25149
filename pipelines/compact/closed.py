"""May a day be compacted? Asked of both places before anything is changed."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import NamedTuple

from pipelines.backfill.plan import sealed_through
from pipelines.errors import OptionError
from pipelines.local_day import local_day
from pipelines.verify.run import Run

STATUS = """
SELECT max(CASE WHEN day = $day THEN status END), max(watermark), min(day), max(day)
FROM {partition_status}
"""
"""What a `Status` is made of, in DuckDB's SQL and BigQuery's but for how `$day` is written."""


class Status(NamedTuple):
    """Of a day what `partition_status` says, None: nothing; of all days their latest window's end,
    the first day and the last, None: there is none."""

    status: str | None
    told: datetime | None
    first: date | None
    last: date | None


def check_closed(
    place: object, run: Run, day: date, found: Status, read: datetime | None, now: datetime
) -> None:
    """Return where no job changes a day any more: its figures are final, and it has ended in the
    property's time zone and in UTC, by which events are partitioned. Raises OptionError.

    `read`: how far all sources of a stream have been read; None: they have said nothing.
    """
    if found.status is None or found.told is None:
        some = found.first is not None
        known = f"those of {found.first} to {found.last}" if some else "none of any day"
        raise OptionError(f"--day {day}: expected a day that {place} has figures of, found {known}")
    if found.status == "open":
        raise OptionError(
            f"--day {day}: expected a closed day, found one whose figures are not final yet: wait"
            " until partition_status says closed or restated"
        )
    sealed = now
    if run.hot_minutes is not None:
        sealed = sealed_through(run.hot_minutes, found.told, read, now)
    midnight = datetime(day.year, day.month, day.day, tzinfo=timezone.utc) + timedelta(days=1)
    end = max(local_day(day, run.time_zone).end, midnight)
    if end > sealed:
        raise OptionError(
            f"--day {day}: expected a day that no live job writes any more, found one that ends at"
            f" {end.isoformat(timespec='minutes')}, and figures that are final up to"
            f" {sealed.isoformat(timespec='minutes')}: wait until they are beyond it"
        )
