"""Figures that stand in a folder of Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from pipelines.verify_dataset import open_published
from pipelines.verify_run import Run, read_run


@dataclass(frozen=True)
class FolderPlace:
    """A dataset of `moment measure`; see pipelines.place."""

    folder: Path

    def __str__(self) -> str:
        return str(self.folder)

    def run(self) -> Run:
        return read_run(self.folder)

    def holds(self, file: Path) -> bool:
        return file.resolve().is_relative_to(self.folder.resolve())

    def published(self, days: Sequence[date] = ()) -> duckdb.DuckDBPyConnection:
        return open_published(self.folder)
