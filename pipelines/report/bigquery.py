"""Figures of a page from views of BigQuery that BI reads; no table of people is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import OptionError
from pipelines.report.selects import VIEWS, Select
from pipelines.report.source import Ask, Row
from pipelines.runs import standing_run
from pipelines.sinks.bigquery.clients import rest_client
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.sql import BIGQUERY_VIEWS, translated
from pipelines.sinks.tables import FAILED_EVENTS, RUNS
from pipelines.sources.bigquery import asking, fetch, may_read

_VIEWS = tuple(view for view in BIGQUERY_VIEWS if view.name in VIEWS)


@dataclass(frozen=True)
class BigQuerySource:
    """Views that `moment tables apply` made; see pipelines.report.source.

    Each text is asked of BigQuery, translated: what it chooses travels, as Arrow.
    """

    destination: Destination

    def __str__(self) -> str:
        return str(self.destination)

    @property
    def page(self) -> Path:
        return Path(f"{self.destination.dataset}.html")

    def run(self) -> Mapping[str, Any]:
        """Options of the run that stands, from the table `runs`, which no view shows.

        Raises OptionError, one sentence, where views are missing, may not be read, or where no run
        has published.
        """
        self._check_views()
        name = self.destination.name(RUNS)
        if not may_read(self.destination, RUNS):
            raise OptionError(
                f"{self}: expected the right to read {name}, which has the property's time zone"
                " and nothing of people, found none: grant this account BigQuery Data Viewer on"
                " that table"
            )
        record = standing_run(self.destination)
        if record is None:
            raise OptionError(
                f"{self}: expected a run of `moment measure` that published here, found none in"
                f" {name}; measure into it first, or correct the name"
            )
        return record

    def why_no_failures(self) -> str | None:
        if may_read(self.destination, FAILED_EVENTS):
            return None
        return (
            "whoever made this page may not read failed payloads (BigQuery Data Viewer on"
            f" {self.destination.name(FAILED_EVENTS)})"
        )

    def found_nothing(self) -> None:
        raise OptionError(
            f"{self}: expected figures or a balance, found no row in"
            f" {' and '.join(self.destination.name(view) for view in _VIEWS)}: measure into it"
            " first, or correct the name"
        )

    @contextmanager
    def opened(self) -> Iterator[Ask]:
        paths = {view.name: self.destination.name(view) for view in _VIEWS}
        paths[FAILED_EVENTS.name] = self.destination.name(FAILED_EVENTS)

        def ask(select: Select, given: Mapping[str, Any]) -> list[Row]:
            sql = translated(select.text, paths)
            found: list[Row] = fetch(self.destination, sql, select.columns, given).to_pylist()
            return found

        yield ask

    def _check_views(self) -> None:
        from google.api_core.exceptions import Forbidden, NotFound

        client = rest_client(self.destination)
        dataset = f"{self.destination.project}.{self.destination.views_dataset}"
        with asking(self.destination):
            try:
                client.get_dataset(dataset, timeout=30)
                known = {found.table_id for found in client.list_tables(dataset, timeout=30)}
            except NotFound:
                raise OptionError(
                    f"{self}: expected the dataset {dataset}, found none: make it and its views"
                    " with `moment tables apply`, or correct the name"
                ) from None
            except Forbidden:
                raise OptionError(
                    f"{self}: expected the right to read {dataset}, found none: grant this account"
                    " BigQuery Data Viewer on that dataset, and BigQuery Job User on the project"
                ) from None
        missing = [self.destination.name(view) for view in _VIEWS if view.name not in known]
        if missing:
            raise OptionError(
                f"{self}: expected the view {' and '.join(missing)}, found none: make it with"
                " `moment tables apply`"
            )
