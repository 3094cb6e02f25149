"""Rows of figures and of the late ledger, literal but for what a test says."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FAR = datetime(2030, 1, 1, tzinfo=timezone.utc)


def write_rows(dataset: Path, name: str, schema: pa.Schema, rows: Iterable[dict[str, Any]]) -> None:
    """One more Parquet file of a table."""
    folder = dataset / name / "day=2026-03-02"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"part-{len(list(folder.iterdir()))}.parquet"
    pq.write_table(pa.Table.from_pylist(list(rows), schema), file)


def figure(**columns: Any) -> dict[str, Any]:
    """A reach of 40 in the minute from noon on the app, and what the test says."""
    start = columns.get("window_start", NOON)
    return {
        "metric": "reach",
        "definition_version": "1.0.0",
        "grouping_set": "channel",
        "window_kind": "minute",
        "window_start": start,
        "window_end": start + MINUTE,
        "local_day": start.date(),
        "channel": "app",
        "traffic": "valid",
        "value": 40.0,
        "value_kind": "count",
        "unit": "people",
        "numerator": 40.0,
        "interval_low": 40.0,
        "interval_high": 40.0,
        "interval_method": "exact",
        "uncertainty_kind": "census",
        "n": 40,
        "coverage": 1.0,
        "dedup_basis": "keys",
        "epoch": 0,
        "revision": 0,
        "cause": "first",
        "published_time": NOON + HOUR,
    } | columns


def withdrawn(**columns: Any) -> dict[str, Any]:
    blank = dict.fromkeys(("value", "numerator", "interval_low", "interval_high"))
    return figure(suppressed_reason="withdrawn", n=0, **blank, **columns)


def late(
    id: bytes, at: datetime, epoch: int = 0, effect: str = "event", number: int = 1
) -> dict[str, Any]:
    """A row of the ledger: the copy that came at that instant came too late."""
    return {
        "event_id": id,
        "event_time": NOON,
        "arrived_time": at,
        "local_day": MONDAY,
        "effect": effect,
        "closed_through": NOON + 6 * HOUR,
        "recorded_time": at + MINUTE,
        "epoch": epoch,
        "shard": 0,
        "number": number,
    }
