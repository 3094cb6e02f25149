"""Where the figures of a page are: a folder of Parquet files, or views of BigQuery."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from pipelines.errors import OptionError
from pipelines.report.selects import Select
from pipelines.sinks.bigquery.destination import is_bigquery, parse_destination

Row = Mapping[str, Any]

Ask = Callable[[Select, Mapping[str, Any]], list[Row]]
"""Rows of a select with these parameters, in no order."""


class Source(Protocol):
    """What a page asks of a place; both run the same texts. As text, it is as it was given."""

    def run(self) -> Mapping[str, Any]:
        """Options of the run that published here; empty where none is recorded."""

    def opened(self) -> AbstractContextManager[Ask]:
        """Views and tables by the names that `selects` gives them; what is not there is empty."""

    def why_no_failures(self) -> str | None:
        """Why failed records cannot be counted here, as a clause with the right that is needed;
        None where they can."""

    def found_nothing(self) -> None:
        """There are neither figures nor a balance. Raises OptionError where that makes no page."""

    @property
    def page(self) -> Path:
        """Where its page goes unless another file is named."""


def source_of(given: str) -> Source:
    """The source that a command names. Raises OptionError, one sentence, where there is none."""
    # Imported when it is needed: a page of a folder needs none of Google's packages.
    if is_bigquery(given):
        from pipelines.report.bigquery import BigQuerySource

        return BigQuerySource(parse_destination(given, os.environ, option=""))
    from pipelines.report.folder import FolderSource

    if not Path(given, "run.json").exists():
        raise OptionError(f"{given}: expected a dataset of `moment measure` (no run.json in it)")
    return FolderSource(Path(given))
