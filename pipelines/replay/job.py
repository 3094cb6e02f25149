"""`moment replay`: failed events taken again after a fix, and the days of their events restated."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from pipelines.backfill.day import Computation, NotBalancedError, restate
from pipelines.backfill.job import ended
from pipelines.backfill.plan import closed_through
from pipelines.errors import OptionError
from pipelines.local_day import LocalDay, local_day
from pipelines.measure import measure
from pipelines.place import StillAlone
from pipelines.recompute import as_run
from pipelines.replay.failures import (
    Waiting,
    local_days,
    new_events,
    new_failures,
    outcomes,
    take,
)
from pipelines.replay.options import ReplayOptions
from pipelines.sinks.tables import EVENTS, FAILED_EVENTS, REPLAYS
from pipelines.sources.failures import ReadFailures
from schemas.times import LATEST


def replay(options: ReplayOptions) -> int:
    """Take failed events again, print what became of them. 0: done; 3: a recomputation lost or made
    events.

    In this order, so that one that was killed is completed by the next: events are added, those
    that the dataset has left out; their days are restated, which appends nothing where nothing
    changed; then what was taken is marked. Raises OptionError before anything is written.
    """
    place = options.dataset
    closed, epoch = _standing(options)
    if options.only_plan:
        print(_sentence(take(options, closed, None)))
        return 0
    place.check_writable((EVENTS, FAILED_EVENTS, REPLAYS))
    with place.alone() as still_alone, place.work() as work:
        before = place.shelf().unfinished()
        if before is not None:
            raise OptionError(
                f"{before.shelf}: expected no backfill that was not finished, found the one that"
                f" began {before.started}; finish it first, or give it up with"
                " `moment backfill --restart`"
            )
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(mode=0o700)
        try:
            return ended(place, lambda: _replay(options, closed, epoch, work, still_alone))
        finally:
            # Failed payloads are in it.
            shutil.rmtree(work, ignore_errors=True)


def _standing(options: ReplayOptions) -> tuple[datetime, int]:
    """Up to which arrival failed events are taken, and the epoch in which days are restated."""
    place = options.dataset
    with place.standing() as connection:
        closed = (
            LATEST if options.fence else closed_through(connection, place, options.run, options.now)
        )
        ((epoch,),) = connection.execute("SELECT max(epoch) + 1 FROM figures").fetchall()
    return closed, epoch


def _replay(
    options: ReplayOptions, closed: datetime, epoch: int, work: Path, still_alone: StillAlone
) -> int:
    place, run = options.dataset, options.run
    waiting = take(options, closed, work / "taken")
    print(_sentence(waiting), flush=True)
    if not waiting.taken:
        return 0
    taken = sorted((work / "taken").glob("*.parquet"))
    files = [str(file.resolve()) for file in taken]
    replayed = work / "replayed"
    measuring = replace(as_run(run, files, work / "unmade"), output=replayed)
    measured = measure(measuring, ReadFailures(files))
    if measured.unbalanced:
        raise NotBalancedError(
            f"{place}: expected the balance of the replay to close, found"
            f" {len(measured.unbalanced)} hours of arrival where it does not; nothing is added"
        )
    days = [local_day(day, run.time_zone) for day in local_days(replayed, run.time_zone)]
    kept = place.kept_from(options.now)
    if gone := [day for day in days if day.partitions[0] < kept]:
        days = days[len(gone) :]
        print(
            f"{gone[0].day} to {gone[-1].day}: stay as they are, for events are kept from {kept} on"
        )
    _check_closed(options, days, closed)
    events = new_events(place, replayed, days)
    place.append(EVENTS, events, still_alone)
    marks = outcomes(place, taken, replayed, options.now)
    failures = new_failures(place, taken, replayed)
    again = waiting.taken - marks["outcome"].to_pylist().count("decoded")
    print(
        f"{waiting.taken - again:,} are decoded, {again:,} fail again; new events: {len(events):,}",
        flush=True,
    )
    computation = Computation(run, epoch, "restatement", place.sizes(days).parquet)
    for day in days:
        restated = restate(place, day, computation, work / day.day.isoformat(), still_alone)
        print(f"{day.day}: {restated.sentence(epoch)}", flush=True)
    place.append(FAILED_EVENTS, failures, still_alone)
    place.append(REPLAYS, marks, still_alone)
    place.finished()
    return 0


def _check_closed(options: ReplayOptions, days: list[LocalDay], closed: datetime) -> None:
    opened = [day.day for day in days if day.end > closed]
    if opened:
        raise OptionError(
            f"{options.dataset}: expected failed events of closed days, found some of"
            f" {opened[0]}, which is open; wait until it is closed, or give --fence where the job"
            " has ended or its figures of that day should stand no more"
        )


def _sentence(waiting: Waiting) -> str:
    told = f"failed events to take again: {waiting.taken:,}"
    if waiting.later:
        told += f"; {waiting.later:,} arrived in days that are not closed and wait"
    if waiting.unreadable:
        told += (
            f"; {waiting.unreadable:,} are no whole records: give their input to"
            " `moment backfill --source`"
        )
    if waiting.unwritten:
        told += (
            f"; {waiting.unwritten:,} are rows that a table did not take, decoded and counted"
            " already: their reason and path say why"
        )
    return told
