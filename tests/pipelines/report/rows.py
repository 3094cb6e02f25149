"""Rows of the tables that a page is made of, and datasets of them."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from hashlib import blake2b
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.balance import BALANCE
from schemas.failure import FAILED_EVENT
from schemas.metric import METRIC
from transforms.measures import DICTIONARY
from transforms.statistics import wilson_interval

DAY = date(2026, 3, 14)
PARIS = ZoneInfo("Europe/Paris")
MIDNIGHT = datetime(2026, 3, 13, 23, tzinfo=timezone.utc)
SHOW = datetime(2026, 3, 14, 19, 30, tzinfo=timezone.utc)
PUBLISHED = datetime(2026, 3, 15, 0, 12, tzinfo=timezone.utc)
MEASURES = {measure.name: measure for measure in DICTIONARY}


def metric(name: str, value: float | None, **given_values: Any) -> dict[str, Any]:
    """A METRIC row of the whole day and property unless said otherwise."""
    measure = MEASURES[name]
    hidden = {"interval_low": None, "interval_high": None, "numerator": None, "denominator": None}
    row: dict[str, Any] = {
        "metric": name,
        "definition_version": measure.definition_version,
        "grouping_set": "total",
        "window_kind": "day",
        "window_start": MIDNIGHT,
        "window_end": MIDNIGHT + timedelta(days=1),
        "local_day": DAY,
        "channel": None,
        "content_id": None,
        "brand_id": None,
        "item": None,
        "traffic": "valid",
        "value": value,
        "value_kind": measure.value_kind,
        "unit": measure.unit,
        "numerator": value,
        "denominator": None,
        "interval_low": value,
        "interval_high": value,
        "interval_method": measure.interval_method,
        "uncertainty_kind": measure.uncertainty_kind,
        "n": int(value or 0),
        "coverage": 1.0,
        "dedup_basis": "actor keys as the channels give them",
        "suppressed_reason": None,
        "epoch": 0,
        "revision": 0,
        "cause": "first",
        "published_time": PUBLISHED,
    }
    if value is None:
        row |= hidden | {"suppressed_reason": f"fewer_than_{measure.threshold}"}
    row |= given_values
    if row["window_kind"] == "minute":
        row["window_end"] = row["window_start"] + timedelta(minutes=1)
    return row


def share(name: str, part: float, whole: float, **given_values: Any) -> dict[str, Any]:
    interval = wilson_interval(part, whole)
    low, high = float(interval.low), float(interval.high)
    numbers = {"numerator": part, "denominator": whole, "interval_low": low, "interval_high": high}
    return metric(name, part / whole, **{"n": int(whole), **numbers, **given_values})


def write_metrics(dataset: Path, rows: list[dict[str, Any]]) -> None:
    folder = dataset / "metrics" / f"day={DAY}"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"part-{len(list(folder.iterdir()))}.parquet"
    pq.write_table(pa.Table.from_pylist(rows, METRIC), folder / name)


def write_balance(dataset: Path, rows: list[dict[str, Any]]) -> None:
    folder = dataset / "balance" / f"day={DAY}"
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, BALANCE), folder / "part-0.parquet")


def balance(channel: str, received: int, failed: int = 0, **given_values: Any) -> dict[str, Any]:
    events = received - failed
    row = {
        "input": f"{channel}.ndjson",
        "arrival_hour": SHOW.replace(minute=0),
        "channel": channel,
        "received": received,
        "decoded": events,
        "failed": failed,
        "events": events,
        "accepted": events - 6 if events > 6 else events,
        "duplicate": 3 if events > 6 else 0,
        "withheld": 2 if events > 6 else 0,
        "ignored": 0,
        "late": 1 if events > 6 else 0,
        "balanced": True,
        "published_time": PUBLISHED,
    }
    return row | given_values


def write_failed(dataset: Path, failures: dict[tuple[str | None, str, str], int]) -> None:
    rows = [
        {
            "failure_id": blake2b(repr((key, place)).encode(), digest_size=16).digest(),
            "input": "input.ndjson",
            "position": place,
            "channel": key[0],
            "stage": key[1],
            "reason": key[2],
            "path": None,
            "detail": None,
            "arrived_time": SHOW,
            "failed_time": SHOW,
            "payload": b'{"email": "someone@example.com"}',
            "expires_on": DAY + timedelta(days=30),
        }
        for key, times in failures.items()
        for place in range(1, times + 1)
    ]
    folder = dataset / "failed_events" / f"day={DAY}"
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, FAILED_EVENT), folder / "part-0.parquet")
