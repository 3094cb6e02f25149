"""Options of `moment report`, `rollup` and `compact`, apart from what needs their libraries."""

from __future__ import annotations

import argparse
from datetime import date

from schemas.partial import TRAFFIC

PLACES: dict[str, tuple[str, ...]] = {
    "total": (),
    "channel": ("channel",),
    "content": ("content_id",),
    "brand": ("brand_id",),
}
"""Columns by which a roll-up tells rows apart."""


def add_rollup_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "dataset", metavar="DATASET", help="directory or bigquery://PROJECT/DATASET"
    )
    parser.add_argument(
        "--from", dest="first", type=_day, required=True, metavar="DAY", help="first local day"
    )
    parser.add_argument(
        "--to", dest="last", type=_day, required=True, metavar="DAY", help="last local day"
    )
    parser.add_argument("--by", choices=PLACES, default="total", help="a line each (total)")
    parser.add_argument(
        "--channel", action="append", metavar="NAME", help="only this one; may be repeated"
    )
    parser.add_argument("--traffic", choices=TRAFFIC, default="valid", help="(valid)")
    parser.add_argument(
        "--sql", action="store_true", help="print the text that BigQuery runs too, and nothing else"
    )
    parser.add_argument(
        "--functions",
        metavar="PROJECT.DATASET",
        help="where BigQuery has the functions of DataSketches (default: those that bqutil shares"
        " in the dataset's region)",
    )


def add_report_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "dataset", metavar="DATASET", help="directory or bigquery://PROJECT/DATASET"
    )
    parser.add_argument("--day", type=_day, help="local day (default: the one with most events)")
    parser.add_argument(
        "--html", metavar="FILE", help="default: report.html in the directory, or DATASET.html here"
    )


def add_compact_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "dataset",
        metavar="DATASET",
        help="directory or bigquery://PROJECT/DATASET; archive=WHERE: what --archive kept",
    )
    parser.add_argument(
        "--day", type=_day, required=True, help="a day whose windows are closed; in UTC of archives"
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"expected a day, as in 2026-03-14, found {text}"
        ) from error
