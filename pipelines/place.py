"""Where published figures stand: a folder of Parquet files, or datasets of BigQuery."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Protocol

import duckdb

from pipelines.sinks.bigquery_destination import is_bigquery, parse_destination
from pipelines.verify_run import Run


class Place(Protocol):
    """What `moment verify` and `moment backfill` ask of a place. As text, it is as it was given.

    Connections are DuckDB's, for comparisons run in this process wherever figures come from.
    """

    def run(self) -> Run:
        """Options of the run that published here. Raises OptionError where none is recorded."""

    def holds(self, file: Path) -> bool:
        """Is a file part of what stands here, so that it is no input?"""

    def published(self, days: Sequence[date] = ()) -> duckdb.DuckDBPyConnection:
        """`metrics` of these days at least (none: of all), and of all days `figures` (each day's
        greatest epoch and latest end), `late_events` and `ledger`; of `events` every copy of those
        that the ledger names. Raises OptionError where there is no figure."""


def place_of(given: str) -> Place:
    """The place that a command names. Raises OptionError where it is no address of ours."""
    # What reads it is imported when it is needed: no command line waits for Google's packages.
    if is_bigquery(given):
        from pipelines.place_bigquery import BigQueryPlace

        return BigQueryPlace(parse_destination(given, os.environ, option=""))
    from pipelines.place_folder import FolderPlace

    return FolderPlace(Path(given))
