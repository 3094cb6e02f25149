"""Options of `moment tables`, apart from what needs Google's packages."""

from __future__ import annotations

import argparse


def add_tables_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("plan", "apply", "sql"))
    parser.add_argument("place", metavar="bigquery://PROJECT/DATASET")
    parser.add_argument("--location", default="EU", help="of datasets that are made (EU)")
