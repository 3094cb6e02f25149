"""Literal observations, and the machines run over them: what the tests of the core share."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from schemas.identity import label_key
from schemas.metric import KEY
from schemas.observation import CHANGE, ECHO, OBSERVATION, RETRACT, SIGNAL_CODE, SIGNALS, VALID
from schemas.partial import BOTH, COLUMN_NAMES, GROUPING_NAMES, TRAFFIC, WINDOWS
from transforms import publish
from transforms.accumulate import Accumulate
from transforms.attend import Attend
from transforms.partials import split_by_family
from transforms.rules import AttendRules, PublishRules
from transforms.shards import split_by_shard

PARIS = "Europe/Paris"
NOW = datetime(2026, 3, 3, 12, 0, tzinfo=timezone.utc)
NAMES = ("ana", "ben", "cléo", "dan", "live", "film", "maison", "atelier", "app", "site", "mail")
TEXTS = {label_key(name): name for name in NAMES}


@dataclass(frozen=True)
class Said:
    """One observation in words; times are UTC, names become label keys, "" is unknown."""

    at: datetime
    actor: str = "ana"
    signal: str = "view"
    content: str = "live"
    brand: str = "maison"
    channel: str = "app"
    id: int = 0
    fact: int = 0
    revision: int = 0
    retract: bool = False
    update: bool = False
    echo: bool = False
    valid: bool = True
    value: int = 0
    period: int = 0
    arrived: datetime | None = None
    """None: at once."""

    @property
    def micros(self) -> int:
        return round(self.at.timestamp() * 1_000_000)

    @property
    def arrived_micros(self) -> int:
        return self.micros if self.arrived is None else round(self.arrived.timestamp() * 1_000_000)


def said(at: str, actor: str = "ana", signal: str = "view", **others: Any) -> Said:
    """An observation at `HH:MM[:SS]` of 2 March 2026, or at a whole ISO time, UTC."""
    text = at if "T" in at else f"2026-03-02T{at}"
    return Said(datetime.fromisoformat(text).replace(tzinfo=timezone.utc), actor, signal, **others)


def numbered(rows: Iterable[Said]) -> list[Said]:
    """The rows with ids 1, 2, 3 … where they have none."""
    return [row if row.id else replace(row, id=n) for n, row in enumerate(rows, 1)]


def id_bytes(row: Said) -> bytes:
    """Sixteen bytes; ids share their first halves by threes, as hashes hardly ever do."""
    return struct.pack("<qq", row.id // 3, row.id)


def local_hour(row: Said, time_zone: str) -> int:
    """Minute number at which the row's local hour starts."""
    local = row.at.astimezone(ZoneInfo(time_zone))
    return row.micros // 60_000_000 - local.minute


def local_day(row: Said, time_zone: str) -> int:
    local = row.at.astimezone(ZoneInfo(time_zone))
    return (local.date() - datetime(1970, 1, 1).date()).days


def observations(rows: Iterable[Said], time_zone: str = PARIS) -> pa.RecordBatch:
    """OBSERVATION batch of rows, each with its own id already."""
    columns: dict[str, list[Any]] = {field.name: [] for field in OBSERVATION}
    for row in rows:
        change = CHANGE * (row.retract or row.update)
        flags = VALID * row.valid | RETRACT * row.retract | ECHO * row.echo | change
        literal = {
            "event_id": id_bytes(row),
            "fact": row.fact,
            "revision": row.revision,
            "actor": label_key(row.actor) if row.actor else 0,
            "content": label_key(row.content) if row.content else 0,
            "brand": label_key(row.brand) if row.brand else 0,
            "channel": label_key(row.channel),
            "input": label_key("input"),
            "event_time": row.micros,
            "day": local_day(row, time_zone),
            "hour": local_hour(row, time_zone),
            "arrived": row.arrived_micros,
            "signal": SIGNAL_CODE[row.signal],
            "flags": flags,
            "value": row.value,
            "period": row.period,
        }
        for name, value in literal.items():
            columns[name].append(value)
    return pa.record_batch(
        [pa.array(columns[f.name], f.type) for f in OBSERVATION], schema=OBSERVATION
    )


def attend(*batches: pa.RecordBatch, time_zone: str = PARIS) -> pa.RecordBatch:
    """Partials of batches added one by one and emitted once."""
    machine = Attend(AttendRules(time_zone))
    for batch in batches:
        machine.add(batch)
    return machine.emit().partials


Place = tuple[str, str, str, str, str, str, int, str]


def readable(partials: Iterable[pa.RecordBatch]) -> dict[tuple[Place, str], int]:
    """Sums of every column that is not zero, by readable dimensions; both traffics are each."""
    sums: dict[tuple[Place, str], int] = {}
    rows = [row for batch in partials for row in batch.to_pylist()]
    for row in rows:
        for traffic in TRAFFIC if row["traffic"] == BOTH else [TRAFFIC[row["traffic"]]]:
            place = (
                GROUPING_NAMES[row["grouping"]],
                TEXTS.get(row["content"], ""),
                TEXTS.get(row["brand"], ""),
                TEXTS.get(row["channel"], ""),
                traffic,
                WINDOWS[row["window"]],
                row["start"],
                SIGNALS[row["item"]] if row["item"] else "",
            )
            for name in COLUMN_NAMES:
                sums[place, name] = sums.get((place, name), 0) + int(row[name])
    return {key: value for key, value in sums.items() if value}


def total(
    partials: Iterable[pa.RecordBatch] | pa.RecordBatch,
    column: str,
    window: str = "day",
    traffic: str = "gross",
    grouping: str = "total",
    item: str = "",
) -> Any:
    """A column over all people: one number, or one a start of the window where there are several."""
    given = [partials] if isinstance(partials, pa.RecordBatch) else list(partials)
    found = {
        place[6]: value
        for (place, name), value in sorted(readable(given).items(), key=lambda e: e[0][0][6])
        if name == column
        and (place[0], place[4], place[5], place[7]) == (grouping, traffic, window, item)
    }
    values = list(found.values())
    return values[0] if len(values) == 1 else values or 0


def unsuppressed() -> Any:
    """A context in which every measure publishes however few people stand behind it."""
    dictionary = tuple(replace(m, threshold=0) for m in publish.DICTIONARY)
    return mock.patch.object(publish, "DICTIONARY", dictionary)


def label_batch() -> pa.RecordBatch:
    return pa.record_batch(
        {"key": pa.array(list(TEXTS), pa.int64()), "text": pa.array(list(TEXTS.values()))}
    )


def measure(
    *batches: pa.RecordBatch,
    time_zone: str = PARIS,
    shards: int = 1,
    families: int = 2,
    registered: tuple[str, ...] = ("app", "site"),
) -> pa.Table:
    """METRIC rows of batches, as the pipeline makes them: shards, families, one publication."""
    machines = [Attend(AttendRules(time_zone)) for _ in range(shards)]
    for batch in batches:
        actor = batch.column("actor").to_numpy()
        ids = np.frombuffer(b"".join(batch.column("event_id").to_pylist()), np.int64)[::2]
        for shard, part in split_by_shard(batch, np.where(actor != 0, actor, ids), shards):
            machines[shard].add(part)
    rules = PublishRules(time_zone, registered)
    accumulators = [Accumulate(rules, totals_family=n == 0) for n in range(families + 1)]
    for machine in machines:
        for family, deltas in split_by_family(machine.emit().partials, families):
            accumulators[family].add(deltas)
    rows = []
    for accumulator in accumulators:
        accumulator.name(label_batch())
        rows.append(accumulator.publish(NOW))
    return pa.Table.from_batches(rows)


def comparable(metrics: pa.Table) -> pa.Table:
    """METRIC rows without the time of publication, in the order of their key."""
    order: list[tuple[str, Any]] = [(name, "ascending") for name in KEY]
    return metrics.drop_columns(["published_time"]).sort_by(order).combine_chunks()


def said_by(row: dict[str, Any]) -> tuple[Any, ...]:
    """What a METRIC row says of its figure, whenever and why it was published."""
    names = ("value", "numerator", "denominator", "interval_low", "interval_high", "n", "coverage")
    return tuple(row[name] for name in (*names, "suppressed_reason"))
