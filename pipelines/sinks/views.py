"""The views of a dataset: one SQL text each, for DuckDB over files and for BigQuery."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.sinks.wide_views import WIDE_VIEWS
from schemas.balance import BALANCE_KEY
from schemas.bigquery import DAY
from schemas.day_partial import HOLDING_PARTIALS
from schemas.late import STANDING_ROWS
from schemas.metric import KEY, NEWEST_FIRST, standing_epochs


@dataclass(frozen=True)
class View:
    """A SELECT in DuckDB's SQL over the tables and the views before it, and what a row is.

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


def views(by_day: bool) -> tuple[View, ...]:
    """Every view, each after those it reads.

    `by_day`: copies are looked for within a UTC day. BigQuery then reads the days a query asks for
    and no others; two copies on either side of midnight both stay. Else over all days.
    """
    day = f"{DAY}, " if by_day else ""
    return (
        View(
            "events_latest",
            "one row an event id; of copies the first to arrive, as figures count them",
            f"""
SELECT * FROM events
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
SELECT * FROM events_latest
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
SELECT * FROM ({standing_epochs("metrics", DAY)})
QUALIFY row_number() OVER (PARTITION BY {_FIGURE} ORDER BY {NEWEST_FIRST}) = 1
""",
        ),
        View(
            "metrics_now",
            "one row a figure: the one that stands, else the newest early one",
            f"""
SELECT * FROM (
  SELECT *, TRUE AS final FROM metrics_latest
  UNION ALL SELECT *, FALSE AS final FROM metrics_live
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
SELECT * FROM balance
QUALIFY row_number() OVER (
  PARTITION BY {DAY}, {", ".join(BALANCE_KEY)} ORDER BY published_time DESC
) = 1
""",
        ),
        View(
            "failed_events_latest",
            "one row a failed record: a stream that was restored may have written it twice",
            f"""
SELECT * FROM failed_events
QUALIFY row_number() OVER (PARTITION BY {day}failure_id ORDER BY failed_time) = 1
""",
            restricted=True,
        ),
        View(
            "late_events_latest",
            "the rows of the late ledger that hold",
            STANDING_ROWS,
            personal=True,
        ),
        View(
            "partials_latest",
            "what rolls up of each day, of its greatest epoch",
            HOLDING_PARTIALS,
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
            "one row a day of figures: open while windows may still come, closed, or restated",
            f"""
SELECT {DAY}, 'metrics' AS table_name,
  CASE WHEN max(epoch) > 0 THEN 'restated'
    WHEN max(CASE WHEN window_kind = 'day' THEN 1 ELSE 0 END) = 1 THEN 'closed'
    ELSE 'open' END AS status,
  max(window_end) AS watermark, count(*) AS row_count, max(epoch) AS epoch
FROM metrics GROUP BY {DAY}
""",
        ),
        *(View(name, meaning, select) for name, meaning, select in WIDE_VIEWS),
    )
