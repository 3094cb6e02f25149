"""`moment compact archive=WHERE`: the files of each hour of arrival gathered into one.

A stream adds a file an hour and bundle, and so some hundred thousand a day. The new file is put
beside those that it is made of, and these are removed then. Who reads an archive takes each record
once, so whenever it is stopped the archive says the same, and to run it again completes it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timezone
from pathlib import Path

import pyarrow.parquet as pq

from pipelines.compact.kept import Compacted
from pipelines.errors import OptionError
from pipelines.sinks.parquet import day_file
from pipelines.sinks.tables import ARCHIVE
from pipelines.sinks.unfinished import remove_abandoned
from pipelines.sources.archive import ROWS_A_BATCH, Hour, hours_of, records_of
from pipelines.storage import (
    AT_ONCE,
    arrow_files,
    files_below,
    in_bucket,
    join,
    remove,
    storage_error,
)

_NAMES = ", ".join(ARCHIVE.schema.names)
_ONCE = f"""
SELECT DISTINCT {_NAMES} FROM archived ORDER BY input, channel, arrived_time, position
"""


def gather_archive(place: str, day: date, today: date | None = None) -> Compacted:
    """Gather what arrived in each hour of a day, in UTC, at a directory or a prefix of a bucket.

    What a job adds meanwhile stays beside. Raises OptionError, one sentence: the day has not ended,
    nothing of it is there, or files may not be written or removed.
    """
    today = today or datetime.now(timezone.utc).date()
    if day >= today:
        raise OptionError(
            f"--day {day}: expected a day that has ended, in UTC, found one in which records still"
            " arrive: wait until it is over"
        )
    if not in_bucket(place):
        remove_abandoned(Path(place, f"day={day.isoformat()}"))
    hours = hours_of(files_below(join(place, f"day={day.isoformat()}")))
    if not hours:
        raise OptionError(
            f"--day {day}: expected what arrived on that day in the archive {place}, found nothing"
        )
    files, rows = [0, 0], [0, 0]
    for hour in hours:
        before = _rows(hour.files)
        after = _gather(place, hour) if len(hour.files) > 1 else before
        files = [files[0] + len(hour.files), files[1] + 1]
        rows = [rows[0] + before, rows[1] + after]
    return Compacted(ARCHIVE.name, (files[0], files[1]), (rows[0], rows[1]))


def _gather(place: str, hour: Hour) -> int:
    """Put one file in the place of an hour's; its rows."""
    day, _, number = hour.name.partition("T")
    try:
        gathered = day_file(join(place, f"day={day}"), ARCHIVE.schema, f"hour-{number}")
        rows = 0
        for batch in records_of(hour.files, _ONCE, {}):
            gathered.gather(batch.cast(ARCHIVE.schema))
            if gathered.gathered >= ROWS_A_BATCH:
                rows += gathered.write_group()
        rows += gathered.commit()
        _remove(hour)
    except OSError as error:
        if not in_bucket(place):
            raise
        raise OptionError(
            f"{storage_error(place, error)}; to gather an archive, Storage Object User. What was"
            " gathered is read once beside what it is made of: run it again"
        ) from error
    return rows


def _remove(hour: Hour) -> None:
    if in_bucket(hour.files[0]):
        remove(hour.files)
        return
    for file in hour.files:
        Path(file).unlink(missing_ok=True)


def _rows(files: tuple[str, ...]) -> int:
    system, paths = arrow_files(files)

    def rows(path: str) -> int:
        return int(pq.read_metadata(path, filesystem=system).num_rows)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sum(pool.map(rows, paths))
