"""Figures that stand in BigQuery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from pipelines.errors import OptionError
from pipelines.published_bigquery import fetch_published
from pipelines.runs import standing_run
from pipelines.sinks.bigquery_check import check_tables
from pipelines.sinks.bigquery_destination import Destination
from pipelines.sinks.tables import EVENTS, LATE_EVENTS, METRICS, RUNS
from pipelines.verify_run import Run, run_of

READ = (RUNS, METRICS, EVENTS, LATE_EVENTS)
"""Tables that a comparison reads."""


@dataclass(frozen=True)
class BigQueryPlace:
    """Tables of `moment tables apply`; see pipelines.place."""

    destination: Destination

    def __str__(self) -> str:
        return str(self.destination)

    def run(self) -> Run:
        check_tables(self.destination, READ, option="")
        record = standing_run(self.destination)
        name = self.destination.name(RUNS)
        if record is None:
            raise OptionError(
                f"{self}: expected a run of `moment measure` that published here, found none in"
                f" {name}; measure into it first, or correct the name"
            )
        return run_of(record, name)

    def holds(self, file: Path) -> bool:
        return False

    def published(self, days: Sequence[date] = ()) -> duckdb.DuckDBPyConnection:
        return fetch_published(self.destination, days)
