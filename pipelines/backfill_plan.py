"""The plan of a backfill: which days, how much of it, in which epoch, and whether it may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Protocol

import duckdb

from pipelines.backfill_manifest import check_same, unfinished
from pipelines.backfill_options import ARCHIVE, EVENTS, BackfillOptions
from pipelines.errors import OptionError
from pipelines.local_day import LocalDay
from pipelines.verify_compare import latest_end
from pipelines.verify_dataset import add_view, open_published
from pipelines.verify_run import Run
from schemas.source_status import SOURCE_STATUS

TEBIBYTE = 2**40

_DAY = """
SELECT count(*), list(DISTINCT actor_key_id)
FROM events WHERE event_time >= $begin AND event_time < $finish
"""

_READ_THROUGH = """
SELECT min(watermark) FROM (
  SELECT input, max(watermark) AS watermark FROM source_status GROUP BY input
)
"""


@dataclass(frozen=True)
class PlannedDay:
    """A local day: copies of events, bytes of the partitions it has a part of, late rows, epoch.

    `late`: rows of the late ledger that hold, which its figures leave out as they stand. `epoch`:
    the greatest one of its figures; None: it has no figures.
    """

    day: LocalDay
    rows: int
    bytes: int
    late: int
    epoch: int | None
    closed: bool


@dataclass(frozen=True)
class Plan:
    """`elsewhere`: bytes of the other partitions, of which a part is read for each day."""

    days: tuple[PlannedDay, ...]
    epoch: int
    elsewhere: int
    input_bytes: int
    cost: float | None


def plan(options: BackfillOptions, input_bytes: int = 0) -> Plan:
    """What a backfill would read and publish; nothing is written.

    Raises OptionError, one sentence, where it may not be: a dataset without figures, a day without
    events, with people of two pseudonym keys or that is open, a budget exceeded, an unfinished
    backfill of other options.
    """
    dataset = options.dataset
    before = None if options.restart else unfinished(dataset)
    if before is not None:
        check_same(before, options.record())
    with open_published(dataset) as connection:
        closed_by = closed_through(connection, options)
        epochs: dict[date, int] = dict(
            connection.execute(
                "SELECT local_day, max(epoch) FROM metrics GROUP BY local_day"
            ).fetchall()
        )
        late: dict[date, int] = dict(
            connection.execute(
                "SELECT local_day, count(*) FROM ledger GROUP BY local_day"
            ).fetchall()
        )
        sizes = _sizes(dataset)
        days = []
        for day in options.days:
            rows, keys = connection.execute(_DAY, day.bounds).fetchall()[0]
            _check_events(options, day, rows, keys)
            size = sum(sizes.get(partition, 0) for partition in day.partitions)
            closed = day.end <= closed_by
            days.append(
                PlannedDay(day, rows, size, late.get(day.day, 0), epochs.get(day.day), closed)
            )
    _check_closed(options, days, closed_by)
    epoch = max(epochs.values()) + 1 if before is None else before.epoch
    elsewhere = max(sum(sizes.values()) - each.bytes for each in days)
    read = input_bytes + sum(each.bytes for each in days) + elsewhere * len(days)
    cost = None if options.price is None else read / TEBIBYTE * options.price
    if cost is not None and options.budget is not None and cost > options.budget:
        raise OptionError(
            f"--budget {options.budget:g}: expected to cost that at most, found {cost:.6g} for"
            f" {read:,} bytes; give fewer days, or a greater budget"
        )
    return Plan(tuple(days), epoch, elsewhere, input_bytes, cost)


class Standing(Protocol):
    """What of its options a backfill or a replay is asked for."""

    @property
    def dataset(self) -> Path: ...
    @property
    def run(self) -> Run: ...
    @property
    def now(self) -> datetime: ...


def closed_through(connection: duckdb.DuckDBPyConnection, options: Standing) -> datetime:
    """The instant up to which days are closed: no job changes them any more by itself.

    Of a batch, now. Of a stream, so far as its figures or all its sources have come, less the time
    in which a window is still corrected.
    """
    hot = options.run.hot_minutes
    if hot is None:
        return options.now
    add_view(connection, "source_status", options.dataset / "source_status", SOURCE_STATUS)
    ((read,),) = connection.execute(_READ_THROUGH).fetchall()
    reached = max(latest_end(connection), read) if read else latest_end(connection)
    return min(options.now, reached - timedelta(minutes=hot))


def _sizes(dataset: Path) -> dict[date, int]:
    """Bytes of each partition of events."""
    return {
        date.fromisoformat(folder.name.removeprefix("day=")): sum(
            file.stat().st_size for file in folder.glob("*.parquet")
        )
        for folder in (dataset / "events").glob("day=*")
    }


def _check_events(
    options: BackfillOptions, day: LocalDay, rows: int, keys: Sequence[str | None]
) -> None:
    if not rows and not options.decodes:
        raise OptionError(
            f"{options.dataset}: expected events of {day.day}, found none: they are kept for a"
            " year, or were never there; leave that day out, or give its raw input as --source"
        )
    known = sorted(key for key in keys if key is not None)
    if len(known) > 1:
        raise OptionError(
            f"{options.dataset}: expected people of {day.day} under one pseudonym key, found"
            f" {' and '.join(known)}: who is the same person under both cannot be told"
        )


def _check_closed(
    options: BackfillOptions, days: Sequence[PlannedDay], closed_by: datetime
) -> None:
    opened = [each.day.day for each in days if not each.closed]
    if not opened or options.fence:
        return
    many = f"{opened[0]}" if len(opened) == 1 else f"{opened[0]} to {opened[-1]}"
    way_on = (
        "wait until it is"
        if options.decodes
        else "wait until it is, or give --fence where the job has ended or its figures of that day"
        " should stand no more"
    )
    raise OptionError(
        f"{options.dataset}: expected days that are closed, found {many} open: a live job may"
        f" change what ends after {closed_by.isoformat(timespec='minutes')}; {way_on}"
    )


def describe(options: BackfillOptions, planned: Plan) -> str:
    """The plan in words, a line a day."""
    source = {EVENTS: "its events", ARCHIVE: "its archive"}.get(options.source, "raw input")
    lines = [
        f"backfill of {options.dataset} from {source}: epoch {planned.epoch}, cause {options.cause}"
    ]
    for each in planned.days:
        standing = "no figures" if each.epoch is None else f"figures of epoch {each.epoch}"
        late = f", {each.late:,} late ledger rows" if each.late else ""
        state = "" if each.closed else ", open: fenced"
        lines.append(
            f"  {each.day.day}: {each.rows:,} events, {each.bytes:,} bytes in partitions"
            f" {', '.join(map(str, each.day.partitions))}; {standing}{late}{state}"
        )
    if planned.input_bytes:
        lines.append(f"  raw input: {planned.input_bytes:,} bytes, decoded once")
    lines.append(
        f"  for each day a part of {planned.elsewhere:,} bytes of other days too: who was there"
        " before, and what changed later"
    )
    if planned.cost is not None:
        lines.append(f"  costs at most {planned.cost:.6g} at {options.price:g} a tebibyte")
    return "\n".join(lines)
