"""Files that Moment wrote itself, told by their names: what is no input and may be replaced."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from pipelines.sinks.duckdb_views import VIEWS
from pipelines.sinks.tables import FOLDER_TABLES

TRUTH = "truth.json"
TRUTH_BEGINS = b'{\n "content_id": '
_TABLES = {table.name for table in FOLDER_TABLES}
_BESIDE = {"run.json", VIEWS, "report.html", "backfill.json"}
_DAY = re.compile(r"day=\d{4}-\d\d-\d\d")
_FILE = re.compile(r"(part|hour-\d\d)-[0-9a-f]{32}\.parquet")
_ARCHIVED = re.compile(rf"(?P<place>.*)/{_DAY.pattern}/hour-\d\d-[0-9a-f]{{32}}\.parquet")


def is_dataset(folders: Collection[str], files: Collection[str]) -> bool:
    """Do these names say that their directory is a dataset, or what a run that was killed left?"""
    return not _TABLES.isdisjoint(folders) and not {"run.json", VIEWS}.isdisjoint(files)


def archive_around(path: str) -> str | None:
    """The directory or prefix of the archive that a file is of; None: of none."""
    found = _ARCHIVED.fullmatch(path)
    return found["place"] if found else None


def is_truth(path: str) -> bool:
    """Is a file of this machine what a simulation says of itself? Others may call theirs so."""
    try:
        with open(path, "rb") as file:
            return file.read(len(TRUTH_BEGINS)) == TRUTH_BEGINS
    except OSError:
        return False


def foreign_files(directory: Path) -> Iterator[str]:
    """What a directory holds that is not of a dataset, by its path in it, in order.

    Directories of tables are looked into, for others have folders called `events` too. Names with a
    dot are our temporary ones.
    """
    for entry in _shown(directory):
        if entry.name in _TABLES and entry.is_dir() and not entry.is_symlink():
            yield from _foreign_of_table(entry)
        elif entry.name not in _BESIDE:
            yield entry.name


def _foreign_of_table(table: Path) -> Iterator[str]:
    for day in _shown(table):
        if not (_DAY.fullmatch(day.name) and day.is_dir()):
            yield os.path.join(table.name, day.name)
            continue
        for file in _shown(day):
            if not (_FILE.fullmatch(file.name) and file.is_file()):
                yield os.path.join(table.name, day.name, file.name)


def _shown(directory: Path) -> list[Path]:
    return sorted(entry for entry in directory.iterdir() if not entry.name.startswith("."))
