"""A local day computed anew from its events, and published where its figures are not the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import apache_beam as beam
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.duck import connect
from pipelines.graph import Rules, recompute
from pipelines.local_day import LocalDay
from pipelines.measure import pipeline_options
from pipelines.place import Place, StillAlone
from pipelines.sinks.parquet import WriteParquet
from pipelines.sinks.tables import BALANCES, METRICS
from pipelines.sources.day_events import ReadDayEvents
from pipelines.verify.compare import MISSING_IN_RECOMPUTATION, WITHDRAWN, compare
from pipelines.verify.dataset import add_view
from pipelines.verify.run import Run
from schemas.metric import KEY, METRIC, NEWEST_FIRST, standing_epochs
from transforms.calendar import NEVER
from transforms.partials import concatenated

_BYTES_A_SHARD = 16 * 1024 * 1024
"""Parquet that a shard of people is made of: eight times as much as native events."""
_MOST_SHARDS = 1024

IDENTICAL, RESTATED = "identical", "restated"


class NotBalancedError(RuntimeError):
    """A recomputation lost or made events: it proves nothing, and nothing of it is published."""


@dataclass(frozen=True)
class Restated:
    """What became of a day: its figures, how many are not what they were, how many are gone."""

    outcome: str
    figures: int
    changed: int
    withdrawn: int

    def sentence(self, epoch: int) -> str:
        if self.outcome == IDENTICAL:
            return f"identical, {self.figures:,} figures; nothing is published"
        return (
            f"restated in epoch {epoch}: of {self.figures:,} figures {self.changed:,} are not what"
            f" they were, {self.withdrawn:,} of these withdrawn"
        )

    def record(self) -> dict[str, Any]:
        return {
            "outcome": self.outcome,
            "figures": self.figures,
            "changed": self.changed,
            "withdrawn": self.withdrawn,
        }


@dataclass(frozen=True)
class Computation:
    """How days are computed: epoch and cause of their rows, bytes of all events as Parquet."""

    run: Run
    epoch: int
    cause: str
    parquet: int


def restate(
    place: Place,
    day: LocalDay,
    computation: Computation,
    staging: Path,
    still_alone: StillAlone = lambda: None,
) -> Restated:
    """Compute a day from the standing events, compare to the bit, publish it where it differs.

    A day whose figures are all the same appends nothing. Else all its figures are appended, for a
    greater epoch replaces whole windows, and those that are no more are withdrawn, all in one step:
    readers see the old day or the new one. Raises NotBalancedError; OptionError or SinkError where
    the place does not take them, and then the old day stands.
    """
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        _compute(place, day, computation, staging)
        return _publish(place, day, computation, staging, still_alone)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _compute(place: Place, day: LocalDay, computation: Computation, staging: Path) -> None:
    run, epoch = computation.run, computation.epoch
    by_size = -(-computation.parquet // _BYTES_A_SHARD)
    shards = run.shards or min(max(4, by_size), _MOST_SHARDS)
    since = NEVER if run.since is None else -(-int(run.since.timestamp()) // 60)
    rules = Rules(run.time_zone, run.channels, shards=shards, epoch=epoch, since_minute=since)
    with beam.Pipeline(options=pipeline_options(())) as root:
        recompute(
            root,
            ReadDayEvents(place, day),
            lambda table: WriteParquet(table, str(staging / table.name)),
            rules,
        )
    with connect() as connection:
        add_view(connection, "balance", staging / BALANCES.name, BALANCES.schema)
        unbalanced = connection.execute("SELECT * FROM balance WHERE NOT balanced").fetchall()
    if unbalanced:
        raise NotBalancedError(
            f"{day.day}: expected each event read to be accepted or a copy, found"
            f" {len(unbalanced)} hours of arrival where it is not; nothing of it is published"
        )


def _publish(
    place: Place, day: LocalDay, computation: Computation, staging: Path, still_alone: StillAlone
) -> Restated:
    with place.figures(day.day) as connection:
        add_view(connection, "recomputed_metrics", staging / METRICS.name, METRIC)
        compared = compare(connection, day.end, [day.day], limit=0, since=computation.run.since)
        if not compared.differing:
            return Restated(IDENTICAL, compared.figures, 0, 0)
        gone = _withdrawals(connection, computation.epoch)
    parts = staging / METRICS.name / f"day={day.day.isoformat()}"
    place.publish(day.day, _rows(parts, gone, computation.cause), still_alone)
    return Restated(RESTATED, compared.figures, sum(compared.differing.values()), gone.num_rows)


def _rows(parts: Path, gone: pa.RecordBatch, cause: str) -> Iterator[pa.RecordBatch]:
    """METRIC batches of a day as it is published: what was computed, and what is withdrawn."""
    for part in sorted(parts.glob("*.parquet")):
        for batch in pq.ParquetFile(part).iter_batches():
            yield _with_cause(batch, cause)
    if gone.num_rows:
        yield _with_cause(gone, cause)


def _with_cause(rows: pa.RecordBatch, cause: str) -> pa.RecordBatch:
    """A computation of its own says `first`; here each row is the revision of what stood."""
    place = METRIC.get_field_index("cause")
    causes = pa.repeat(pa.scalar(cause, pa.string()), rows.num_rows)
    return rows.set_column(place, METRIC.field(place), causes).cast(METRIC)


_WITHDRAWALS = f"""
SELECT * REPLACE (
  NULL::DOUBLE AS value, NULL::DOUBLE AS numerator, NULL::DOUBLE AS denominator,
  NULL::DOUBLE AS interval_low, NULL::DOUBLE AS interval_high, 0::BIGINT AS n,
  '{WITHDRAWN}' AS suppressed_reason, $epoch::BIGINT AS epoch, 0::BIGINT AS revision,
  $now AS published_time
) FROM (
  SELECT told.* FROM ({standing_epochs("metrics")}) AS told
  SEMI JOIN (FROM differences WHERE kind = '{MISSING_IN_RECOMPUTATION}') AS gone
  ON {" AND ".join(f"told.{name} IS NOT DISTINCT FROM gone.{name}" for name in KEY)}
  QUALIFY row_number() OVER (
    PARTITION BY {", ".join(f"told.{name}" for name in KEY)} ORDER BY {NEWEST_FIRST}
  ) = 1
)
"""


def _withdrawals(connection: duckdb.DuckDBPyConnection, epoch: int) -> pa.RecordBatch:
    """METRIC rows that take back the figures of a day that the recomputation has none of."""
    now = datetime.now(timezone.utc)
    found = connection.sql(_WITHDRAWALS, params={"epoch": epoch, "now": now})
    rows = found.to_arrow_table().select(METRIC.names).cast(METRIC)
    return concatenated(rows.to_batches() or [pa.RecordBatch.from_pylist([], schema=METRIC)])
