"""Raw input or the archive decoded anew beside a dataset, and what then goes into its tables."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa

from pipelines.backfill.day import NotBalancedError
from pipelines.backfill.options import ARCHIVE, BackfillOptions
from pipelines.backfill.partitions import has_other_days
from pipelines.duck import connect
from pipelines.errors import OptionError
from pipelines.measure import measure
from pipelines.options import MeasureOptions
from pipelines.place import Place, StillAlone
from pipelines.recompute import recomputation
from pipelines.sinks.table import Table
from pipelines.sinks.tables import BALANCES, FAILED_EVENTS
from pipelines.verify.dataset import add_view
from schemas.balance import BALANCE_KEY, OUTCOMES

EARLIER = timedelta(hours=1)
"""So long before a day its records may have arrived, for a clock may be minutes ahead."""


def source_of(options: BackfillOptions, folder: Path) -> MeasureOptions:
    """Options of the decoding into a folder. Raises OptionError or InputError."""
    # Options are checked for a folder that is not there; one that was begun may be gone on with.
    unmade = folder.with_name("unmade")
    since = options.days[0].begin - EARLIER
    inputs = options.inputs
    if options.source == ARCHIVE:
        inputs = (f"archive={_archive(options)}",)
    measuring = recomputation(options.dataset, inputs, options.run, unmade, archived_since=since)
    return replace(measuring, output=folder)


def _archive(options: BackfillOptions) -> str:
    """Where raw payloads are kept. Raises OptionError where nobody has said so."""
    place = options.run.archive or options.dataset.archive()
    if place is None:
        raise OptionError(
            f"--source archive: expected one that {options.dataset} knows of, found none: its last"
            " run kept none elsewhere (`moment measure --archive`); give --source archive=WHERE, or"
            " raw input"
        )
    return place


def decode_into(options: BackfillOptions, measuring: MeasureOptions, folder: Path) -> None:
    """Decode all of the source into a dataset of its own, and leave one that is there as it is.

    Its run.json is written last: where it is, a run that was killed had come so far. Raises
    NotBalancedError.
    """
    if (folder / "run.json").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    measured = measure(measuring)
    if measured.unbalanced:
        shutil.rmtree(folder)
        raise NotBalancedError(
            f"{options.dataset}: expected the balance of the decoding to close, found"
            f" {len(measured.unbalanced)} hours of arrival where it does not; nothing is published"
        )


_NEW_FAILURES = """
SELECT * FROM decoded WHERE failure_id NOT IN (SELECT failure_id FROM standing)
QUALIFY row_number() OVER (PARTITION BY failure_id ORDER BY failed_time) = 1
"""

_RECOUNTED = f"""
SELECT decoded.* FROM decoded LEFT JOIN (
  SELECT * FROM standing QUALIFY row_number() OVER (
    PARTITION BY {", ".join(BALANCE_KEY)} ORDER BY published_time DESC
  ) = 1
) AS standing USING ({", ".join(BALANCE_KEY)})
WHERE decoded.received >= coalesce(standing.received, 0)
  AND ({" OR ".join(f"decoded.{o} IS DISTINCT FROM standing.{o}" for o in OUTCOMES)})
"""
"""An hour of which less was received now than then is not known whole any more."""


def add_failures(place: Place, decoded: Path, still_alone: StillAlone) -> str:
    """Append what could not be decoded and was not known to fail; in words, how many rows.

    An account that may only add to failed events appends all: ids are the same each time, and
    `failed_events_latest` shows each once.
    """
    known = place.may_read(FAILED_EVENTS)
    select = _NEW_FAILURES if known else "SELECT * FROM decoded"
    rows = _chosen(place if known else None, decoded, FAILED_EVENTS, select, ["failure_id"])
    place.append(FAILED_EVENTS, rows, still_alone)
    if known:
        return f"new failed events: {len(rows):,}"
    return (
        f"failed events: {len(rows):,}, also those known before, for this account may not read"
        " which they are"
    )


def add_balance(options: BackfillOptions, decoded: Path, still_alone: StillAlone) -> bool:
    """Append the balance of the decoding where it differs; False where it would tell of other days.

    It counts whole inputs: where they have events of days that were not backfilled, what it says is
    accepted is in no table.
    """
    if has_other_days(decoded, options.days[0].begin, options.days[-1].end):
        return False
    rows = _chosen(options.dataset, decoded, BALANCES, _RECOUNTED, BALANCES.schema.names)
    options.dataset.append(BALANCES, rows, still_alone)
    return True


def _chosen(
    place: Place | None, decoded: Path, table: Table, select: str, columns: Sequence[str]
) -> pa.Table:
    with connect() as connection:
        if place is not None:
            place.show(connection, "standing", table, columns)
        add_view(connection, "decoded", decoded / table.name, table.schema)
        return connection.sql(select).to_arrow_table().select(table.schema.names).cast(table.schema)
