"""What a page asks of a dataset: one SQL text each, for DuckDB over files and for BigQuery.

They read views that BI reads, and `failed_events` of the restricted dataset. Rows come in no order.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from schemas.balance import BALANCE, EVENT_OUTCOMES, OUTCOMES
from schemas.event import INSTANT
from schemas.failure import FAILED_EVENT
from schemas.metric import METRIC

VIEWS = ("metrics_latest", "balance_latest", "partition_status")
"""The views that are read. All are views of figures."""

MINUTE_BY_MINUTE = (
    "reach",
    "concurrent_viewers",
    "engagement_rate_actions",
    "engagement_rate_engagers",
)
"""Measures that the page draws by minutes, of the property and of its live."""


@dataclass(frozen=True)
class Select:
    """A SELECT in DuckDB's SQL, its parameters written `$name`, and the columns it gives."""

    text: str
    columns: pa.Schema


# BigQuery's tables want their days named: a filter that all rows pass.
_ALL_DAYS = "day >= DATE '0001-01-01'"

# The day is the one asked for, and when each row was published is asked of all together.
_FIGURE = pa.schema([f for f in METRIC if f.name not in ("local_day", "published_time")])
_COLUMNS = ", ".join(_FIGURE.names)

DAYS = Select(
    "SELECT day, row_count FROM partition_status",
    pa.schema([("day", pa.date32()), ("row_count", pa.int64())]),
)
"""Local days that have figures, and how many rows are stored of each."""

EVENTS_OF_DAYS = Select(
    """
SELECT day, max(value) AS events FROM metrics_latest
WHERE metric = 'events' AND grouping_set = 'total' AND window_kind = 'day' GROUP BY day
""",
    pa.schema([("day", pa.date32()), ("events", pa.float64())]),
)
"""Events of each local day that has ended."""

OF_THE_DAY = Select(
    f"SELECT {_COLUMNS} FROM metrics_latest WHERE day = $day AND window_kind = 'day'", _FIGURE
)

OF_MINUTES = Select(
    f"""
SELECT {_COLUMNS} FROM metrics_latest
WHERE day = $day AND window_kind = 'minute' AND traffic = 'valid' AND (
  (metric = 'events' AND grouping_set IN ('total', 'channel'))
  OR (metric IN ({", ".join(f"'{name}'" for name in MINUTE_BY_MINUTE)})
    AND (grouping_set = 'total' OR (grouping_set = 'content' AND content_id = $live)))
)
""",
    _FIGURE,
)
"""Minutes that are drawn: of the property, of each channel, and of the content `$live`."""

COUNTS = Select(
    """
SELECT suppressed_reason, window_kind, cause, count(*) AS row_count,
  max(published_time) AS published_time
FROM metrics_latest WHERE day = $day GROUP BY suppressed_reason, window_kind, cause
""",
    pa.schema(
        [
            ("suppressed_reason", pa.string()),
            ("window_kind", pa.string()),
            ("cause", pa.string()),
            ("row_count", pa.int64()),
            ("published_time", INSTANT),
        ]
    ),
)
"""How many figures of the day stand, by why they are withheld and why they were written."""

_WRONG = f"""NOT (balanced AND received = decoded + failed
  AND events = {" + ".join(EVENT_OUTCOMES)})"""

BALANCE_OF_CHANNELS = Select(
    f"""
SELECT channel, input, min(arrival_hour) AS arrival_hour, max(arrival_hour) AS last_hour,
  {", ".join(f"CAST(sum({name}) AS BIGINT) AS {name}" for name in OUTCOMES)},
  min(CASE WHEN balanced THEN 1 ELSE 0 END) = 1 AS balanced
FROM (
  SELECT channel, CASE WHEN {_WRONG} THEN input END AS input,
    CASE WHEN {_WRONG} THEN arrival_hour END AS wrong_hour,
    arrival_hour, {", ".join(OUTCOMES)}, balanced
  FROM balance_latest WHERE {_ALL_DAYS}
)
GROUP BY channel, input, wrong_hour
""",
    pa.schema(
        [
            BALANCE.field("channel"),
            BALANCE.field("input").with_nullable(True),
            ("arrival_hour", INSTANT),
            ("last_hour", INSTANT),
            *(BALANCE.field(name) for name in OUTCOMES),
            BALANCE.field("balanced"),
        ]
    ),
)
"""A row a channel of all hours that balance, their input null, and a row each that does not."""

FAILURES = Select(
    f"""
SELECT coalesce(channel, 'unknown') AS channel, stage, reason,
  count(DISTINCT failure_id) AS records
FROM failed_events WHERE {_ALL_DAYS} GROUP BY coalesce(channel, 'unknown'), stage, reason
""",
    pa.schema(
        [
            ("channel", pa.string()),
            FAILED_EVENT.field("stage"),
            FAILED_EVENT.field("reason"),
            ("records", pa.int64()),
        ]
    ),
)
"""Counts alone: no payload is read."""
