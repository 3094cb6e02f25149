"""`--archive WHERE`: records as received, in a directory or bucket, written by the same job."""

from __future__ import annotations

import os
from pathlib import Path

from pipelines.errors import OptionError
from pipelines.graph import Sink
from pipelines.options import MeasureOptions
from pipelines.sinks.parquet import WriteParquet
from pipelines.sinks.tables import ARCHIVE
from pipelines.storage import in_bucket
from pipelines.storage_check import check_writable


def begin_archive(options: MeasureOptions) -> None:
    """Return where the archive may be written; a directory is made, for its owner alone.

    Raises OptionError, one sentence, before anything starts.
    """
    place = options.archive
    if place is None:
        return
    if in_bucket(place):
        check_writable(place, "--archive")
        return
    folder = Path(place)
    try:
        # Before anything is changed: the rights of a directory that is none of ours are another's.
        foreign = _foreign(folder)
        if not foreign:
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
    except OSError as error:
        raise OptionError(
            f"--archive {place}: expected a directory that this account may make and write, found:"
            f" {error.strerror}"
        ) from error
    if foreign:
        raise OptionError(
            f"--archive {place}: expected an archive or an empty directory, found {foreign[0]!r} in"
            " it; where it is an input, give it before --archive"
        )


def _foreign(folder: Path) -> list[str]:
    """Names of what a directory holds that is not of an archive; of one that is not there none."""
    names = os.listdir(folder) if folder.exists() else []
    return sorted(name for name in names if not name.startswith(("day=", ".")))


def archiving(sink: Sink, options: MeasureOptions) -> Sink:
    """The sink of a job, with the archive where it is asked for."""
    place = options.archive
    if place is None:
        return sink
    return lambda table: WriteParquet(table, place) if table is ARCHIVE else sink(table)
