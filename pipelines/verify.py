"""`moment verify`: a dataset recomputed in batch from the same input, and what then differs."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from pipelines.errors import OptionError
from pipelines.keys import KEY_VARIABLE, pseudonym_keys
from pipelines.measure import measure
from pipelines.options import MeasureOptions, add_measure_arguments, measure_options
from pipelines.verify_compare import compare, latest_end
from pipelines.verify_dataset import (
    LateEvent,
    Run,
    add_view,
    excluded_events,
    ids_of,
    open_published,
    read_run,
)
from pipelines.verify_report import report
from schemas.metric import METRIC

NOT_BALANCED = 3
NOT_IDENTICAL = 4


@dataclass(frozen=True)
class VerifyOptions:
    """`days` empty: every day of both sides. `through` None: as far as the dataset has figures."""

    dataset: Path
    inputs: tuple[str, ...]
    run: Run
    days: tuple[date, ...]
    through: datetime | None
    limit: int | None


def add_verify_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET", help="directory of published figures")
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="the raw input it was computed from, as for `moment measure`",
    )
    parser.add_argument(
        "--day",
        action="append",
        metavar="YYYY-MM-DD",
        help="local day to compare, again for more (default: every day that both sides have)",
    )
    parser.add_argument(
        "--through",
        metavar="INSTANT",
        help="compare windows that end by then, such as 2026-03-02T21:00+01:00"
        " (default: the end of the dataset's latest window)",
    )
    parser.add_argument(
        "--limit", type=int, default=20, help="figures and events to list (default 20, 0: all)"
    )


def verify_options(arguments: argparse.Namespace) -> VerifyOptions:
    """Validated options; nothing is computed. Raises OptionError, one clear sentence."""
    if arguments.limit < 0:
        raise OptionError(f"--limit {arguments.limit}: expected 0 (all) or more")
    dataset = Path(arguments.dataset)
    run = read_run(dataset)
    key_id = pseudonym_keys().key_id
    if key_id != run.key_id:
        raise OptionError(
            f"{dataset}: its ids were made with the pseudonym key {run.key_id}, found the key"
            f" {key_id} here; set {KEY_VARIABLE} to the key of the dataset"
        )
    return VerifyOptions(
        dataset=dataset,
        inputs=tuple(arguments.inputs),
        run=run,
        days=tuple(sorted({_day(day) for day in arguments.day or ()})),
        through=None if arguments.through is None else _instant(arguments.through),
        limit=arguments.limit or None,
    )


def _day(given: str) -> date:
    try:
        return date.fromisoformat(given)
    except ValueError as error:
        raise OptionError(f"--day {given}: expected a date such as 2026-03-02") from error


def _instant(given: str) -> datetime:
    try:
        # Python 3.10 reads no Z.
        instant = datetime.fromisoformat(given.removesuffix("Z") + "+00:00" * given.endswith("Z"))
    except ValueError as error:
        raise OptionError(
            f"--through {given}: expected an instant such as 2026-03-02T21:00+01:00"
        ) from error
    if instant.tzinfo is None:
        raise OptionError(f"--through {given}: expected an offset from UTC, as in {given}+01:00")
    return instant


def verify(options: VerifyOptions) -> int:
    """Recompute, compare, print. 0: identical; 4: not; 3: the recomputation lost or made events.

    Raises OptionError or InputError where the dataset or the input cannot be used.
    """
    with tempfile.TemporaryDirectory(prefix="moment-verify-") as folder:
        again = Path(folder, "recomputed")
        recomputation = _recomputation(options, again)
        with open_published(options.dataset) as connection:
            through = options.through or latest_end(connection)
            excluded = excluded_events(connection)
            measured = measure(_without(recomputation, excluded))
            add_view(connection, "recomputed_metrics", again / "metrics", METRIC)
            compared = compare(connection, through, options.days, options.limit)
    if not compared.figures:
        raise OptionError(
            f"{options.dataset}: expected a day that both it and the input have figures of by"
            f" {through.isoformat()}, found none; give the input that it was computed from"
        )
    print(report(compared, excluded, ZoneInfo(options.run.time_zone), options.limit))
    if measured.unbalanced:
        print("moment: the balance of the recomputation does not close", file=sys.stderr)
        return NOT_BALANCED
    return NOT_IDENTICAL if compared.differing else 0


def _recomputation(options: VerifyOptions, output: Path) -> MeasureOptions:
    """`moment measure` of the same input with the options of the dataset's run."""
    run = options.run
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_measure_arguments(parser)
    given = [f"--output={output}", f"--time-zone={run.time_zone}", f"--epoch={run.epoch}"]
    given.append(f"--channels={','.join(run.channels)}")
    given += [] if run.brand is None else [f"--brand={run.brand}"]
    measuring = measure_options(parser.parse_args([*given, "--", *options.inputs]), ())
    place = options.dataset.resolve()
    native = tuple(
        file
        for file in measuring.inputs.files
        if not Path(file.path).resolve().is_relative_to(place)
    )
    if not native:
        raise OptionError(f"{options.dataset}: expected raw input elsewhere, found all of it there")
    return replace(measuring, inputs=replace(measuring.inputs, files=native))


def _without(measuring: MeasureOptions, excluded: Sequence[LateEvent]) -> MeasureOptions:
    if not excluded:
        return measuring
    return replace(measuring, rules=replace(measuring.rules, excluded=ids_of(excluded)))
