"""The tables of a dataset."""

from __future__ import annotations

from pipelines.sinks.table import Table
from schemas.archive import ARCHIVED_PAYLOAD
from schemas.backfill import BACKFILL, DECODED_EVENT
from schemas.balance import BALANCE
from schemas.day_partial import DAY_PARTIAL
from schemas.event import EVENT
from schemas.failure import FAILED_EVENT
from schemas.late import LATE_EVENT
from schemas.metric import METRIC
from schemas.replay import REPLAY
from schemas.run import RUN
from schemas.source_status import SOURCE_STATUS

YEAR = 366
"""Events and what tells of them are kept for a year (schemas.conform.RETENTION_DAYS) and a day: a
partition is gone when its last row must be."""

EVENTS = Table(
    "events",
    EVENT,
    "event_time",
    "one row an accepted or repeated event; events_latest has each once",
    ("channel", "content_id", "action"),
    YEAR,
)
METRICS = Table(
    "metrics",
    METRIC,
    "local_day",
    "one row a published figure and revision; metrics_latest has the one that stands",
    ("metric", "window_kind", "grouping_set", "content_id"),
    # metrics_latest looks for a greater epoch of the same day, which BigQuery does not see to be
    # one of the days asked for.
    day_required=False,
)
FAILED_EVENTS = Table(
    "failed_events",
    FAILED_EVENT,
    "arrived_time",
    "one row a record that could not become events, with its original bytes",
    ("channel", "reason"),
    30,
    restricted=True,
)
BALANCES = Table(
    "balance",
    BALANCE,
    "arrival_hour",
    "one row an input, arrival hour and channel: what became of what was received",
    ("channel", "input"),
    YEAR,
)
METRICS_LIVE = Table(
    "metrics_live",
    METRIC,
    "local_day",
    "early rows of a stream, of windows that have not ended",
    ("metric", "window_kind", "grouping_set", "content_id"),
    3,
)
LATE_EVENTS = Table(
    "late_events",
    LATE_EVENT,
    "local_day",
    "the late ledger: copies of events that came after their window was sealed",
    ("effect", "shard"),
    YEAR,
    # A row may be voided by one of another day; the table is small.
    day_required=False,
)
PARTIALS = Table(
    "partials",
    DAY_PARTIAL,
    "local_day",
    "what rolls up of a local day and place: people as a sketch, and what adds",
    ("grouping_set", "channel", "content_id", "brand_id"),
    # A sketch is made of the keys of people: it goes when their events do.
    YEAR,
)
SOURCE_STATUSES = Table(
    "source_status",
    SOURCE_STATUS,
    "observed_time",
    "how far each source had read, and on what its watermark rested",
    ("input",),
    30,
)
TABLES = (
    EVENTS,
    METRICS,
    FAILED_EVENTS,
    BALANCES,
    METRICS_LIVE,
    LATE_EVENTS,
    PARTIALS,
    SOURCE_STATUSES,
)

RUNS = Table(
    "runs",
    RUN,
    "recorded_time",
    "a row when a run begins and one when it ends: its options, without secrets",
    ("state",),
)
BACKFILLS = Table(
    "backfills",
    BACKFILL,
    "recorded_time",
    "who refills the dataset: rows of a lease; and how far: a row a backfill begun, day done, end",
    ("state", "backfill_id"),
)
DECODED_EVENTS = Table(
    "decoded_events",
    DECODED_EVENT,
    "decoded_time",
    "one row an event that a backfill has decoded, until it is in its place among the events",
    ("decoding",),
    2,
)
REPLAYS = Table(
    "replays",
    REPLAY,
    "replayed_time",
    "one row a failed event that was taken again, and what became of it",
    ("outcome",),
    30,
)
BIGQUERY_TABLES = (*TABLES, RUNS, BACKFILLS, DECODED_EVENTS, REPLAYS)
"""Those of BigQuery: a folder has run.json, backfill.json and files beside for three of them."""

ARCHIVE = Table(
    "archive",
    ARCHIVED_PAYLOAD,
    "arrived_time",
    "one row a record as it was received, by hour of arrival, where --archive was given",
    ("input", "channel"),
    30,
    restricted=True,
    by_hour=True,
)
FOLDER_TABLES = (*TABLES, ARCHIVE, REPLAYS)
"""Those of a folder. BigQuery has no archive."""
