"""Options of `moment verify`, parsed and validated once into a frozen object."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import date, datetime

from pipelines.errors import OptionError
from pipelines.place import Place, place_of
from pipelines.verify.run import Run, check_key, parse_instant


@dataclass(frozen=True)
class VerifyOptions:
    """`days` empty: every day of both sides. `through` None: as far as the dataset has figures."""

    dataset: Place
    inputs: tuple[str, ...]
    run: Run
    days: tuple[date, ...]
    through: datetime | None
    limit: int | None
    kafka_properties: str | None = None


def add_verify_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "dataset",
        metavar="DATASET",
        help="directory or bigquery://PROJECT/DATASET of published figures",
    )
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="the raw input it was computed from, as for `moment measure`: files, or the topics of"
        " a stream, for arrival times are the broker's",
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
    parser.add_argument(
        "--kafka-properties", metavar="FILE", help="name=value lines for the Kafka client"
    )


def verify_options(arguments: argparse.Namespace) -> VerifyOptions:
    """Validated options; nothing is computed. Raises OptionError, one clear sentence."""
    if arguments.limit < 0:
        raise OptionError(f"--limit {arguments.limit}: expected 0 (all) or more")
    dataset = place_of(arguments.dataset)
    run = dataset.run()
    check_key(dataset, run)
    return VerifyOptions(
        dataset=dataset,
        inputs=tuple(arguments.inputs),
        run=run,
        days=tuple(sorted({_day(day) for day in arguments.day or ()})),
        through=None if arguments.through is None else _through(arguments.through),
        limit=arguments.limit or None,
        kafka_properties=arguments.kafka_properties,
    )


def _day(given: str) -> date:
    try:
        return date.fromisoformat(given)
    except ValueError as error:
        raise OptionError(f"--day {given}: expected a date such as 2026-03-02") from error


def _through(given: str) -> datetime:
    try:
        return parse_instant(given)
    except ValueError as error:
        raise OptionError(
            f"--through {given}: expected an instant with its offset from UTC, such as"
            " 2026-03-02T21:00+01:00"
        ) from error
