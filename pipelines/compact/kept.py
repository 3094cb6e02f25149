"""Which rows of a closed day stay: what views look at, and history; of files and of BigQuery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.sinks.tables import (
    BALANCES,
    EVENTS,
    FAILED_EVENTS,
    LATE_EVENTS,
    METRICS,
    PARTIALS,
)
from schemas.balance import BALANCE_KEY
from schemas.day_partial import DAY_PARTIAL_KEY
from schemas.late import standing_rows
from schemas.metric import KEY

_FIGURE = ", ".join(KEY)
_SAME = """value IS NOT DISTINCT FROM {0}(value) OVER told
  AND suppressed_reason IS NOT DISTINCT FROM {0}(suppressed_reason) OVER told"""

KEPT = {
    # Of what the late ledger names, every arrival: verify asks which of them were in time.
    EVENTS: f"""
FROM (
  SELECT *, event_id IN (SELECT event_id FROM ({standing_rows()})) AS is_named FROM {{rows}}
) QUALIFY row_number() OVER (
  PARTITION BY event_id, CASE WHEN is_named THEN ingested_time END
  ORDER BY ingested_time, event_time, collected_time
) = 1
""",
    # Of rows of an epoch that repeat one another, the first, which is the change, and the last,
    # which stands. No epoch loses a window: it would replace less than it did.
    METRICS: f"""
FROM (
  FROM {{rows}} QUALIFY
    row_number() OVER (PARTITION BY {_FIGURE}, epoch, published_time, revision) = 1
)
WINDOW told AS (PARTITION BY {_FIGURE} ORDER BY epoch, published_time, revision)
QUALIFY NOT coalesce(
  epoch = lead(epoch) OVER told AND {_SAME.format("lead")}
  AND (row_number() OVER told = 1 OR {_SAME.format("lag")}), FALSE)
""",
    FAILED_EVENTS: """
FROM {rows} QUALIFY row_number() OVER (PARTITION BY failure_id ORDER BY failed_time) = 1
""",
    BALANCES: f"""
FROM {{rows}} QUALIFY row_number() OVER (
  PARTITION BY {", ".join(BALANCE_KEY)} ORDER BY published_time DESC
) = 1
""",
    PARTIALS: f"""
FROM {{rows}} QUALIFY epoch = max(epoch) OVER () AND row_number() OVER (
  PARTITION BY {", ".join(DAY_PARTIAL_KEY)} ORDER BY epoch DESC, published_time DESC
) = 1
""",
    # Without what a restored shard voided; the rows that void may void others, of other days.
    LATE_EVENTS: f"""
FROM {{rows}} AS told WHERE (effect = 'reset' OR NOT EXISTS (
  SELECT 1 FROM late_events AS voiding
  WHERE voiding.effect = 'reset' AND voiding.shard = told.shard AND voiding.epoch = told.epoch
    AND voiding.number < told.number AND voiding.recorded_time > told.recorded_time
)) QUALIFY row_number() OVER (PARTITION BY {", ".join(LATE_EVENTS.schema.names)}) = 1
""",
}
"""What follows SELECT, in DuckDB's SQL: which `{rows}` of a day of a table stay; `late_events`
has all days. `metrics_live` and `source_status` expire soon."""


@dataclass(frozen=True)
class Compacted:
    """What became of a table's day. Equal numbers: there was nothing to do.

    `files` None: there are none, in BigQuery. `left`: why the table was not looked at, or nothing.
    """

    table: str
    files: tuple[int, int] | None = None
    rows: tuple[int, int] = (0, 0)
    left: str = ""


def print_compacted(done: Sequence[Compacted]) -> None:
    for each in done:
        files = f"{each.files[0]:,} files to {each.files[1]:,}, " if each.files else ""
        rows = f"{each.rows[0]:,} rows to {each.rows[1]:,}"
        print(f"{each.table}: {each.left or files + rows}")
