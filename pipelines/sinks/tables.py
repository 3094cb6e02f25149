"""The tables of a dataset."""

from __future__ import annotations

from pipelines.sinks.parquet import Table
from schemas.balance import BALANCE
from schemas.event import EVENT
from schemas.failure import FAILED_EVENT
from schemas.late import LATE_EVENT
from schemas.metric import METRIC
from schemas.source_status import SOURCE_STATUS

EVENTS = Table("events", EVENT, "event_time")
METRICS = Table("metrics", METRIC, "local_day")
FAILED_EVENTS = Table("failed_events", FAILED_EVENT, "arrived_time")
BALANCES = Table("balance", BALANCE, "arrival_hour")
METRICS_LIVE = Table("metrics_live", METRIC, "local_day")
"""Early rows of a stream, of windows that have not ended."""
LATE_EVENTS = Table("late_events", LATE_EVENT, "local_day")
SOURCE_STATUSES = Table("source_status", SOURCE_STATUS, "observed_time")
TABLES = (
    EVENTS,
    METRICS,
    FAILED_EVENTS,
    BALANCES,
    METRICS_LIVE,
    LATE_EVENTS,
    SOURCE_STATUSES,
)
