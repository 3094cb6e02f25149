"""The views of a dataset: one SQL text each, for DuckDB over files and for BigQuery."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.sinks.table import Table
from pipelines.sinks.tables import BALANCES, EVENTS, FAILED_EVENTS, METRICS, PARTIALS
from pipelines.sinks.wide_views import WIDE_VIEWS
from schemas.balance import BALANCE_KEY
from schemas.bigquery import DAY
from schemas.day_partial import HOLDING_PARTIALS
from schemas.late import standing_rows
from schemas.metric import KEY, NEWEST_FIRST, standing_epochs


@dataclass(frozen=True)
class View:
    """A SELECT in DuckDB's SQL over the tables and the views before it, and what a row is.

    It names the columns of a table: BigQuery keeps those that it had when the view was made, so a
    column of a new version must change the text, and one that somebody adds must not break it.
    `personal`: of people, or of sketches of them. In BigQuery such a view is beside the tables,
    `restricted` ones beside theirs, and all others in the dataset that BI reads.
    """

    name: str
    meaning: str
    select: str
    restricted: bool = False
    personal: bool = False


_FIGURE = ", ".join((DAY, *KEY))
"""The day follows from the window: it is named so that BigQuery reads the days asked for only."""

_CHANGED_ON_NO_OTHER_DAY = f"""(
  SELECT told.* FROM events_latest AS told LEFT JOIN (
    SELECT fact_id, {DAY}, max(revision) AS revision FROM events
    WHERE fact_id IS NOT NULL AND {DAY} >= DATE '0001-01-01' GROUP BY fact_id, {DAY}
  ) AS elsewhere
  ON elsewhere.fact_id = told.fact_id AND elsewhere.{DAY} <> told.{DAY}
    AND elsewhere.revision > told.revision
  WHERE elsewhere.fact_id IS NULL
)"""
"""Events without those whose fact another day states anew. Three columns of all days tell: a filter
of days reaches `told` alone, and the table wants one of its own, which all days pass."""


def _columns(table: Table) -> str:
    """All of a table that are ours, the partition last."""
    return ", ".join((*table.schema.names, DAY))


def views(by_day: bool) -> tuple[View, ...]:
    """Every view, each after those it reads.

    `by_day`: copies of an event are looked for within a UTC day, so that BigQuery leaves out days a
    query does not ask for; two copies on either side of midnight both stay. Else over all days.
    """
    day = f"{DAY}, " if by_day else ""
    return (
        View(
            "events_latest",
            "one row an event id; of copies the first to arrive, as figures count them",
            f"""
SELECT {_columns(EVENTS)} FROM events
QUALIFY row_number() OVER (
  PARTITION BY {day}event_id ORDER BY ingested_time, event_time, collected_time
) = 1
""",
            personal=True,
        ),
        View(
            "events_standing",
            "one row a fact as it was last stated, and one an event that states none; no retracted",
            f"""
SELECT {_columns(EVENTS)} FROM {_CHANGED_ON_NO_OTHER_DAY if by_day else "events_latest"}
QUALIFY row_number() OVER (
  PARTITION BY {day}coalesce(fact_id, event_id)
  ORDER BY revision DESC, CASE WHEN op = 'retract' THEN 1 ELSE 0 END DESC, event_id DESC
) = 1 AND op <> 'retract'
""",
            personal=True,
        ),
        View(
            "metrics_latest",
            "one row a figure: the newest of the greatest epoch that computed its window",
            f"""
SELECT {_columns(METRICS)} FROM ({standing_epochs("metrics", DAY)})
QUALIFY row_number() OVER (PARTITION BY {_FIGURE} ORDER BY {NEWEST_FIRST}) = 1
""",
        ),
        View(
            "metrics_now",
            "one row a figure: the one that stands, else the newest early one",
            f"""
SELECT * FROM (
  SELECT *, TRUE AS final FROM metrics_latest
  UNION ALL SELECT {_columns(METRICS)}, FALSE AS final FROM metrics_live
)
QUALIFY row_number() OVER (PARTITION BY {_FIGURE} ORDER BY final DESC, {NEWEST_FIRST}) = 1
""",
        ),
        View(
            "metric_revisions",
            "one row a change of a published figure: what it was, what it became, and why",
            f"""
SELECT * FROM (
  SELECT {_FIGURE}, window_end, epoch, revision, cause, published_time,
    value, interval_low, interval_high, n, suppressed_reason,
    lag(value) OVER told AS previous_value,
    lag(suppressed_reason) OVER told AS previous_suppressed_reason,
    lag(published_time) OVER told AS previous_published_time
  FROM metrics
  WINDOW told AS (PARTITION BY {_FIGURE} ORDER BY epoch, published_time, revision)
)
WHERE previous_published_time IS NOT NULL
  AND (value IS DISTINCT FROM previous_value
    OR suppressed_reason IS DISTINCT FROM previous_suppressed_reason)
""",
        ),
        View(
            "balance_latest",
            "one row an input, arrival hour and channel: a stream counts on and writes it again",
            f"""
SELECT {_columns(BALANCES)} FROM balance
QUALIFY row_number() OVER (
  PARTITION BY {DAY}, {", ".join(BALANCE_KEY)} ORDER BY published_time DESC
) = 1
""",
        ),
        View(
            "failed_events_latest",
            "one row a failed record: a stream that was restored may have written it twice",
            f"""
SELECT {_columns(FAILED_EVENTS)} FROM failed_events
QUALIFY row_number() OVER (PARTITION BY {day}failure_id ORDER BY failed_time) = 1
""",
            restricted=True,
        ),
        View(
            "late_events_latest",
            "the rows of the late ledger that hold",
            standing_rows(DAY),
            personal=True,
        ),
        View(
            "partials_latest",
            "what rolls up of each day, of its greatest epoch",
            f"SELECT {_columns(PARTIALS)} FROM ({HOLDING_PARTIALS})",
            personal=True,
        ),
        View(
            "coverage",
            "one row a window, traffic and registered channel: its events, whether it was heard",
            f"""
SELECT {DAY}, window_kind, window_start, window_end, channel, traffic, value AS events, coverage
FROM metrics_latest WHERE metric = 'events' AND grouping_set = 'channel'
""",
        ),
        View(
            "partition_status",
            "one row a day of figures: open until its greatest epoch has all of it, then closed,"
            " or restated where there are older epochs",
            f"""
SELECT {DAY}, 'metrics' AS table_name,
  CASE WHEN max(CASE WHEN window_kind = 'day' THEN epoch END) = max(epoch)
    THEN CASE WHEN min(epoch) < max(epoch) THEN 'restated' ELSE 'closed' END
    ELSE 'open' END AS status,
  max(window_end) AS watermark, count(*) AS row_count, max(epoch) AS epoch
FROM metrics GROUP BY {DAY}
""",
        ),
        *(View(name, meaning, select) for name, meaning, select in WIDE_VIEWS),
    )
