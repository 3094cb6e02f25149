"""The plan of a backfill: which days, how much of it, in which epoch, and whether it may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import duckdb

from pipelines.backfill.manifest import check_same
from pipelines.backfill.options import ARCHIVE, EVENTS, TEBIBYTE, BackfillOptions
from pipelines.errors import OptionError
from pipelines.local_day import LocalDay
from pipelines.place import DayRows, Place, Sizes
from pipelines.verify.compare import latest_end
from pipelines.verify.run import Run


@dataclass(frozen=True)
class PlannedDay:
    """A local day: copies of events, bytes of the partitions it has a part of, late rows, epoch.

    `bytes` None: nobody knows. `late`: rows of the late ledger that hold, which its figures leave
    out as they stand. `epoch`: the greatest one of its figures; None: it has no figures.
    """

    day: LocalDay
    rows: int
    bytes: int | None
    late: int
    epoch: int | None
    closed: bool


@dataclass(frozen=True)
class Plan:
    """`elsewhere`: bytes of the other partitions, of which a part is read for each day, or None."""

    days: tuple[PlannedDay, ...]
    epoch: int
    elsewhere: int | None
    input_bytes: int
    cost: float | None


def plan(options: BackfillOptions, input_bytes: int = 0) -> Plan:
    """What a backfill would read and publish; nothing is written.

    Raises OptionError, one sentence, where it may not be: a dataset without figures, a day without
    events, whose events are not kept, with people of two pseudonym keys or that is open, a budget
    exceeded, an unfinished backfill of other options.
    """
    place = options.dataset
    _check_kept(options)
    before = None if options.restart else place.shelf().unfinished()
    if before is not None:
        check_same(before, options.record())
    with place.standing() as connection:
        closed_by = closed_through(connection, place, options.run, options.now)
        epochs = _by_day(connection, "SELECT local_day, epoch FROM figures")
        late = _by_day(connection, "SELECT local_day, count(*) FROM ledger GROUP BY local_day")
    known = place.day_rows(options.days, options.run.time_zone)
    sizes = place.sizes(options.days)
    days = []
    for day in options.days:
        _check_since(options, day)
        found = known.get(day.day, DayRows(0, ()))
        _check_events(options, day, found)
        own = _total([sizes.partitions.get(partition, 0) for partition in day.partitions])
        closed = day.end <= closed_by
        days.append(
            PlannedDay(day, found.rows, own, late.get(day.day, 0), epochs.get(day.day), closed)
        )
    _check_closed(options, days, closed_by)
    epoch = max(epochs.values()) + 1 if before is None else before.epoch
    return Plan(
        tuple(days),
        epoch,
        _elsewhere(days, sizes),
        input_bytes,
        _cost(options, input_bytes),
    )


def _total(bytes: Sequence[int | None]) -> int | None:
    """Their sum; None where one of them is not known."""
    known = [each for each in bytes if each is not None]
    return sum(known) if len(known) == len(bytes) else None


def _elsewhere(days: Sequence[PlannedDay], sizes: Sizes) -> int | None:
    """The most that is read for a day of partitions that it has no part of."""
    each = [
        _total([sizes.a_day[day.day.day], None if day.bytes is None else -day.bytes])
        for day in days
    ]
    known = [bytes for bytes in each if bytes is not None]
    return max(0, *known) if len(known) == len(each) else None


def _cost(options: BackfillOptions, input_bytes: int) -> float | None:
    """About what reading costs; None: nobody asked. Raises OptionError above the budget."""
    if options.price is None:
        return None
    read = options.dataset.billed(options.days, options.run.time_zone, options.decodes, input_bytes)
    if read is None:
        raise OptionError(
            f"--price-per-tib {options.price:g}: expected {options.dataset} to tell the bytes that"
            " are read, found that it does not (an emulator tells none); leave price and budget out"
        )
    cost = read / TEBIBYTE * options.price
    if options.budget is not None and cost > options.budget:
        raise OptionError(
            f"--budget {options.budget:g}: expected to cost that at most, found about"
            f" {cost:.6g} for {read:,} bytes; give fewer days, or a greater budget"
        )
    return cost


def _by_day(connection: duckdb.DuckDBPyConnection, query: str) -> dict[date, int]:
    return dict(connection.execute(query).fetchall())


def closed_through(
    connection: duckdb.DuckDBPyConnection, place: Place, run: Run, now: datetime
) -> datetime:
    """The instant up to which days are closed: no job changes them any more by itself.

    Of a batch, now. Of a stream, so far as its figures or all its sources have come, less the time
    in which a window is still corrected.
    """
    if run.hot_minutes is None:
        return now
    return sealed_through(run.hot_minutes, latest_end(connection), place.read_through(), now)


def sealed_through(
    hot_minutes: int, told: datetime, read: datetime | None, now: datetime
) -> datetime:
    """How far a stream corrects no window any more, where its figures have come to `told`."""
    reached = max(told, read) if read else told
    return min(now, reached - timedelta(minutes=hot_minutes))


def _check_since(options: BackfillOptions, day: LocalDay) -> None:
    since = options.run.since
    if since is not None and day.end <= since:
        raise OptionError(
            f"{options.dataset}: expected days that its stream has published, from"
            f" {since.isoformat(timespec='minutes')} on, found {day.day}, which had ended; leave it"
            " out"
        )


def _check_kept(options: BackfillOptions) -> None:
    """What is put into a partition that has expired is gone at once, and figures with it."""
    first = options.dataset.kept_from(options.now)
    gone = [day.day for day in options.days if day.partitions[0] < first]
    if gone:
        raise OptionError(
            f"{options.dataset}: expected days whose partitions of events are kept, those from"
            f" {first} on, found {gone[0]}: without its events all its figures would be withdrawn;"
            " leave that day out, or measure its raw input into another dataset"
        )


def _check_events(options: BackfillOptions, day: LocalDay, found: DayRows) -> None:
    if not found.rows and not options.decodes:
        raise OptionError(
            f"{options.dataset}: expected events of {day.day}, found none: they are kept for a"
            " year, or were never there; leave that day out, or give its raw input as --source"
        )
    if len(found.keys) > 1:
        raise OptionError(
            f"{options.dataset}: expected people of {day.day} under one pseudonym key, found"
            f" {' and '.join(found.keys)}: who is the same person under both cannot be told"
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
            f"  {each.day.day}: {each.rows:,} events{_bytes(each.bytes)} in partitions"
            f" {', '.join(map(str, each.day.partitions))}; {standing}{late}{state}"
        )
    if planned.input_bytes:
        lines.append(f"  raw input: {planned.input_bytes:,} bytes, decoded once")
    elsewhere = (
        "other days too, bytes unknown here"
        if planned.elsewhere is None
        else f"{planned.elsewhere:,} bytes of other days too"
    )
    lines.append(
        f"  for each day a part of {elsewhere}: who was there before, and what changed later"
    )
    if planned.cost is not None:
        lines.append(f"  costs about {planned.cost:.6g} at {options.price:g} a tebibyte")
    return "\n".join(lines)


def _bytes(known: int | None) -> str:
    return ", bytes unknown here," if known is None else f", {known:,} bytes"
