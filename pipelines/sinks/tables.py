"""The tables of a dataset."""

from __future__ import annotations

from pipelines.sinks.parquet import Table
from schemas.balance import BALANCE
from schemas.event import EVENT
from schemas.failure import FAILED_EVENT
from schemas.metric import METRIC

EVENTS = Table("events", EVENT, "event_time")
METRICS = Table("metrics", METRIC, "local_day")
FAILED_EVENTS = Table("failed_events", FAILED_EVENT, "arrived_time")
BALANCES = Table("balance", BALANCE, "arrival_hour")
TABLES = (EVENTS, METRICS, FAILED_EVENTS, BALANCES)
