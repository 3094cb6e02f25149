"""Options of `moment backfill`, parsed and validated once into a frozen object."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from pipelines.errors import OptionError
from pipelines.local_day import LocalDay, local_day
from pipelines.place import Place, place_of
from pipelines.verify.run import Run, check_key

EVENTS, ARCHIVE, INPUT = "events", "archive", "input"
CAUSES = ("restatement", "definition")
MOST_DAYS = 3660
TEBIBYTE = 2**40


@dataclass(frozen=True)
class BackfillOptions:
    """`source`: EVENTS, ARCHIVE, or INPUT, whose `inputs` are as `moment measure` takes them.

    `price`: of reading a tebibyte; `budget`: the most that may cost. None: nobody asks.
    """

    dataset: Place
    run: Run
    days: tuple[LocalDay, ...]
    source: str
    inputs: tuple[str, ...]
    cause: str
    only_plan: bool
    price: float | None
    budget: float | None
    fence: bool
    remove: bool
    restart: bool
    now: datetime

    @property
    def decodes(self) -> bool:
        """Are events made anew, or read as they are?"""
        return self.source != EVENTS

    def record(self) -> dict[str, Any]:
        """What must be the same for an unfinished backfill to go on; plain values, as JSON has."""
        return {
            "from": self.days[0].day.isoformat(),
            "to": self.days[-1].day.isoformat(),
            "source": list(self.inputs) or self.source,
            "cause": self.cause,
        }


def add_backfill_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "dataset",
        metavar="DATASET",
        help="directory or bigquery://PROJECT/DATASET of published figures",
    )
    parser.add_argument(
        "--from", dest="first", required=True, metavar="DAY", help="first local day, as 2026-03-02"
    )
    parser.add_argument("--to", dest="last", metavar="DAY", help="last local day (default: --from)")
    parser.add_argument(
        "--source",
        nargs="+",
        default=[EVENTS],
        metavar="SOURCE",
        help="events (default): those of the dataset; archive: its raw payloads, decoded anew; else"
        " INPUT... as for `moment measure`, archive=WHERE among them, decoded anew",
    )
    parser.add_argument(
        "--cause",
        choices=CAUSES,
        default=CAUSES[0],
        help="why figures change, as their revisions say (default: restatement)",
    )
    parser.add_argument(
        "--plan", dest="only_plan", action="store_true", help="print the plan, do nothing"
    )
    parser.add_argument(
        "--price-per-tib", type=float, metavar="PRICE", help="what reading a tebibyte costs"
    )
    parser.add_argument(
        "--budget", type=float, metavar="AMOUNT", help="refuse a plan that costs more"
    )
    parser.add_argument(
        "--fence",
        action="store_true",
        help="restate days that are not closed too: what a live job publishes of the windows"
        " restated stands no more",
    )
    parser.add_argument(
        "--remove",
        action="store_true",
        help="events that the source does not give any more are removed from its days",
    )
    parser.add_argument(
        "--restart", action="store_true", help="give up a backfill that was not finished"
    )


def backfill_options(arguments: argparse.Namespace, now: datetime | None = None) -> BackfillOptions:
    """Validated options; nothing is computed. Raises OptionError, one clear sentence."""
    dataset = place_of(arguments.dataset)
    run = dataset.run()
    now = now or datetime.now(timezone.utc)
    today = now.astimezone(ZoneInfo(run.time_zone)).date()
    first = _day("--from", arguments.first, today)
    last = first if arguments.last is None else _day("--to", arguments.last, today)
    if last < first:
        raise OptionError(f"--to {last}: expected --from {first} or a later day")
    count = (last - first).days + 1
    if count > MOST_DAYS:
        raise OptionError(f"--to {last}: expected at most {MOST_DAYS:,} days, found {count:,}")
    price = _amount("--price-per-tib", arguments.price_per_tib)
    budget = _amount("--budget", arguments.budget)
    if budget is not None and price is None:
        raise OptionError("--budget: expected with --price-per-tib, for only that makes a cost")
    source, inputs = _source(arguments.source)
    if price and budget is not None:
        dataset = dataset.bounded(int(budget / price * TEBIBYTE))
    if source == EVENTS and arguments.remove:
        raise OptionError("--remove: expected where events are decoded anew; leave it out")
    if source != EVENTS:
        if arguments.fence:
            raise OptionError(
                "--fence: expected with --source events only: partitions cannot be replaced while a"
                " job writes into them; wait until the days are closed"
            )
        check_key(dataset, run)
    return BackfillOptions(
        dataset=dataset,
        run=run,
        days=tuple(local_day(first + timedelta(days=n), run.time_zone) for n in range(count)),
        source=source,
        inputs=inputs,
        cause=arguments.cause,
        only_plan=arguments.only_plan,
        price=price,
        budget=budget,
        fence=arguments.fence,
        remove=arguments.remove,
        restart=arguments.restart,
        now=now,
    )


def _source(given: list[str]) -> tuple[str, tuple[str, ...]]:
    named = [each for each in given if each in (EVENTS, ARCHIVE)]
    if named and len(given) > 1:
        raise OptionError(
            f"--source {named[0]}: expected nothing beside it, found {len(given) - 1} more;"
            " backfill from one source at a time"
        )
    return (named[0], ()) if named else (INPUT, tuple(given))


def _day(option: str, given: str, today: date) -> date:
    try:
        day = date.fromisoformat(given)
    except ValueError as error:
        raise OptionError(f"{option} {given}: expected a date such as 2026-03-02") from error
    if day > today:
        raise OptionError(f"{option} {given}: expected today ({today}) or an earlier day")
    return day


def _amount(option: str, given: float | None) -> float | None:
    if given is not None and not (0 <= given < math.inf):
        raise OptionError(f"{option} {given:g}: expected 0 or more")
    return given
