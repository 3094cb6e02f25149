"""A small live as a stream leaves it: each row written twice, and what a restored job said again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.measure import Measured
from pipelines.simulator import Options, simulate, write
from pipelines.sinks.duckdb_views import create_views
from schemas.late import LATE_EVENT

DAY = date(2026, 3, 14)
FOLDER = f"day={DAY}"
LATER = timedelta(minutes=7)
CHANNELS = ("segment", "youtube_chat", "survey", "cloudevents", "customerio")
"""Customers were made days before the live: there are other days."""
ARRIVED = datetime(2026, 3, 14, 22, tzinfo=timezone.utc)
"""When the files were last changed: failed events and balance are of the day of arrival."""


def measure_small(folder: Path, measured: Callable[..., Measured]) -> Path:
    """The dataset of sixty people and ten minutes, measured in one go: what five of its channels
    heard, for each that is registered has rows for each minute of the hour."""
    live = write(simulate(Options(seed=7, people=60, minutes=10)), folder / "live")
    heard = [path for path in live if path.name.partition(".")[0] in CHANNELS]
    for path in heard:
        os.utime(path, (ARRIVED.timestamp(), ARRIVED.timestamp()))
    measured(heard, folder / "figures", "--channels", ",".join(CHANNELS))
    return folder / "figures"


def retold(small: Path, made: Path) -> Path:
    """A copy of it in which rows are said again.

    Half of the events were sent again seven minutes later, every figure was repeated twice, some
    with another value in between, some minutes and the day are of two epochs, balances counted on,
    and there is an older epoch of partials.
    """
    shutil.copytree(small, made)
    for name in ("events", "failed_events", "balance", "metrics", "partials"):
        table = _only(made, name)
        _add(made, name, "retried", table)
    events, metrics = _only(small, "events"), _only(small, "metrics")
    _add(made, "events", "resent", _shifted(events.slice(0, len(events) // 2), "ingested_time"))
    for repeat in (1, 2, 3):
        again = _shifted(metrics, "published_time", repeat)
        again = _set(again, "revision", pa.scalar(repeat, pa.int64()))
        _add(made, "metrics", f"recovery-{repeat}", _set(again, "cause", "recovery"))
    for hour, change in ((4, 1.0), (5, 1.0), (6, 2.0)):
        moved = _shifted(metrics.slice(0, 500), "published_time", hour)
        value = pc.add(moved["value"], pa.scalar(change))
        moved = _set(_set(moved, "value", value), "revision", pa.scalar(hour, pa.int64()))
        _add(made, "metrics", f"changed-{hour}", _set(moved, "cause", "late_data"))
    minutes = metrics.filter(pc.equal(metrics["window_kind"], "minute")).slice(0, 900)
    days = metrics.filter(pc.equal(metrics["window_kind"], "day"))
    again = pa.concat_tables([minutes, days])
    _add(made, "metrics", "epoch-1", _set(again, "epoch", pa.scalar(1, pa.int64())))
    balance = _shifted(_only(small, "balance"), "published_time")
    _add(made, "balance", "counted-on", _set(balance, "received", pc.add(balance["received"], 5)))
    _add(made, "partials", "epoch-1", _set(_only(small, "partials"), "epoch", pa.scalar(1)))
    _ledger(made, events)
    create_views(made)
    return made


def _only(dataset: Path, name: str) -> pa.Table:
    (path,) = (dataset / name / FOLDER).glob("*.parquet")
    return pq.read_table(path, partitioning=None)


def _add(dataset: Path, name: str, part: str, table: pa.Table) -> None:
    folder = dataset / name / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / f"part-{part}.parquet")


def _set(table: pa.Table, name: str, values: Any) -> pa.Table:
    place = table.schema.get_field_index(name)
    if isinstance(values, str | pa.Scalar):
        values = pa.repeat(values, len(table))
    return table.set_column(place, table.schema.field(place), values)


def _shifted(table: pa.Table, name: str, times: int = 1) -> pa.Table:
    return _set(table, name, pc.add(table[name], pa.scalar(times * LATER, pa.duration("us"))))


def _ledger(dataset: Path, events: pa.Table) -> None:
    """An event that came in time and late again, one that came late twice, and a row that a
    restored shard voided."""
    ids, arrived = events["event_id"].to_pylist(), events["ingested_time"].to_pylist()
    at_first = timedelta(0)
    late = [(0, LATER, 1), (1, at_first, 2), (1, LATER, 3), (2, at_first, 4)]
    rows = [_late(ids[n], arrived[n] + shift, number, "event") for n, shift, number in late]
    reset = _late(ids[0], arrived[0], 3, "reset", recorded=timedelta(hours=1))
    _add(dataset, "late_events", "ledger", pa.Table.from_pylist([*rows, reset], LATE_EVENT))


def _late(
    event_id: bytes,
    arrived: datetime,
    number: int,
    effect: str,
    recorded: timedelta = timedelta(0),
) -> dict[str, Any]:
    at = datetime(2026, 3, 14, 22, tzinfo=timezone.utc)
    return {
        "event_id": event_id, "event_time": at, "arrived_time": arrived, "local_day": DAY,
        "effect": effect, "closed_through": at, "recorded_time": at + recorded, "epoch": 1,
        "shard": 3, "number": number,
    }  # fmt: skip
