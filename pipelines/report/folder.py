"""Figures of a page from a folder of Parquet files, asked by DuckDB."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipelines.duck import listed
from pipelines.errors import OptionError
from pipelines.report.selects import VIEWS, Select
from pipelines.report.source import Ask, Row
from pipelines.sinks.table import Table
from pipelines.sinks.tables import BALANCES, FAILED_EVENTS, METRICS
from pipelines.sinks.views import views


@dataclass(frozen=True)
class FolderSource:
    """A dataset of `moment measure`; see pipelines.report.source.

    Its files are read, not moment.duckdb, which names them by where they were when it was made.
    """

    folder: Path

    def __str__(self) -> str:
        return str(self.folder)

    @property
    def page(self) -> Path:
        return self.folder / "report.html"

    def run(self) -> Mapping[str, Any]:
        """As run.json has it. Raises FileNotFoundError where there is no directory, OptionError
        where run.json is not what a run writes."""
        if not self.folder.is_dir():
            raise FileNotFoundError(
                f"expected the directory of a dataset at {self.folder}, found none;"
                " give the --output of `moment measure`"
            )
        path = self.folder / "run.json"
        if not path.is_file():
            return {}
        try:
            run = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise OptionError(f"{path}: expected JSON as `moment measure` writes it") from error
        told = dict(run) if isinstance(run, dict) else {}
        if isinstance(options := told.get("options"), dict):
            told = {**options, **told}
        if "time_zone" not in told:
            raise OptionError(
                f"{path}: expected the options of a run, as `moment measure` writes them, found no"
                " time_zone"
            )
        return told

    def why_no_failures(self) -> str | None:
        return None

    def found_nothing(self) -> None:
        """The page says that there is nothing yet: whoever made the folder knows it."""

    @contextmanager
    def opened(self) -> Iterator[Ask]:
        selects = {view.name: view.select for view in views(by_day=False)}
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            for table in (METRICS, BALANCES, FAILED_EVENTS):
                self._show(connection, table)
            for name in VIEWS:
                connection.execute(f"CREATE VIEW {name} AS {selects[name]}")

            def ask(select: Select, given: Mapping[str, Any]) -> list[Row]:
                found = connection.execute(select.text, dict(given)).fetchall()
                return [dict(zip(select.columns.names, values)) for values in found]

            yield ask

    def _show(self, connection: duckdb.DuckDBPyConnection, table: Table) -> None:
        """A view of a table's files with their day; of none, an empty one."""
        files = sorted(str(path) for path in (self.folder / table.name).glob("**/*.parquet"))
        rows = f"no_{table.name}"
        if files:
            rows = f"read_parquet({listed(files)}, hive_partitioning = false, union_by_name = true)"
        else:
            connection.register(rows, table.schema.empty_table())
        columns = f"{', '.join(table.schema.names)}, CAST({table.day_column} AS DATE) AS day"
        connection.execute(f"CREATE VIEW {table.name} AS SELECT {columns} FROM {rows}")
