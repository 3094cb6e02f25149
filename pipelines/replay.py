"""`moment replay`: failed events taken again after a fix, and the days of their events restated."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from pipelines.backfill import NOT_BALANCED
from pipelines.backfill_day import Computation, NotBalancedError, restate
from pipelines.backfill_lock import exclusively
from pipelines.backfill_manifest import FolderShelf
from pipelines.backfill_plan import closed_through
from pipelines.errors import OptionError
from pipelines.local_day import LocalDay, local_day
from pipelines.measure import measure
from pipelines.place_folder import WORK, FolderPlace
from pipelines.recompute import as_run
from pipelines.replay_failures import (
    Waiting,
    local_days,
    new_events,
    new_failures,
    outcomes,
    take,
)
from pipelines.replay_options import ReplayOptions
from pipelines.sinks.duckdb_views import create_views
from pipelines.sinks.parquet import append
from pipelines.sinks.tables import EVENTS, FAILED_EVENTS, REPLAYS
from pipelines.sources.failures import ReadFailures
from pipelines.verify_dataset import open_published
from schemas.times import LATEST


def replay(options: ReplayOptions) -> int:
    """Take failed events again, print what became of them. 0: done; 3: a recomputation lost or made
    events.

    In this order, so that one that was killed is completed by the next: events are added, those
    that the dataset has left out; their days are restated, which appends nothing where nothing
    changed; then what was taken is marked. Raises OptionError before anything is written.
    """
    closed, epoch = _standing(options)
    if options.only_plan:
        print(_sentence(take(options, closed, None)))
        return 0
    with exclusively(options.dataset):
        before = FolderShelf(options.dataset).unfinished()
        if before is not None:
            raise OptionError(
                f"{before.shelf}: expected no backfill that was not finished, found the one that"
                f" began {before.started}; finish it first, or give it up with"
                " `moment backfill --restart`"
            )
        work = options.dataset / WORK
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(mode=0o700)
        try:
            return _replay(options, closed, epoch, work)
        except NotBalancedError as error:
            print(f"moment: {error}", file=sys.stderr)
            return NOT_BALANCED
        finally:
            # Failed payloads are in it.
            shutil.rmtree(work, ignore_errors=True)


def _standing(options: ReplayOptions) -> tuple[datetime, int]:
    """Up to which arrival failed events are taken, and the epoch in which days are restated."""
    with open_published(options.dataset) as connection:
        place = FolderPlace(options.dataset)
        closed = (
            LATEST if options.fence else closed_through(connection, place, options.run, options.now)
        )
        ((epoch,),) = connection.execute("SELECT max(epoch) + 1 FROM metrics").fetchall()
    return closed, epoch


def _replay(options: ReplayOptions, closed: datetime, epoch: int, work: Path) -> int:
    dataset, run = options.dataset, options.run
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
            f"{dataset}: expected the balance of the replay to close, found"
            f" {len(measured.unbalanced)} hours of arrival where it does not; nothing is added"
        )
    days = [local_day(day, run.time_zone) for day in local_days(replayed, run.time_zone)]
    _check_closed(options, days, closed)
    events = new_events(dataset, replayed)
    append(dataset, EVENTS, events)
    marks = outcomes(dataset, taken, replayed, options.now)
    failures = new_failures(dataset, taken, replayed)
    again = waiting.taken - marks["outcome"].to_pylist().count("decoded")
    print(
        f"{waiting.taken - again:,} are decoded, {again:,} fail again; new events: {len(events):,}",
        flush=True,
    )
    place = FolderPlace(dataset)
    computation = Computation(run, epoch, "restatement", place.sizes(days).parquet)
    for day in days:
        restated = restate(place, day, computation, work / day.day.isoformat())
        print(f"{day.day}: {restated.sentence(epoch)}", flush=True)
    append(dataset, FAILED_EVENTS, failures)
    append(dataset, REPLAYS, marks)
    create_views(dataset)
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
    return told
