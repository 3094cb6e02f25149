"""A stream of several shards and families as chance has it, which is killed and goes on."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from pipelines.verify.dataset import (
    LateEvent,
    add_ledger,
    figures_sql,
    late_events,
    passed_over,
)
from schemas.coder import Packed
from schemas.event import INSTANT, UUID
from schemas.late import LATE_EVENT
from schemas.metric import KEY
from schemas.observation import tick_batch
from tests.transforms.observations import TEXTS, Said, id_bytes, observations, said_by
from transforms.accumulate import Accumulate, recall
from transforms.attend import Attend
from transforms.fragments import kind_of
from transforms.keyed_shard import recall_shard
from transforms.observe import label_batch
from transforms.partials import split_by_family
from transforms.rules import AttendRules, PublishRules
from transforms.shards import split_by_shard

FAMILIES = 2
CHANNELS = ("app", "site", "mail")
LATER = datetime(2026, 6, 1, tzinfo=timezone.utc)
_LABELS = label_batch(TEXTS)


class Checkpoint(NamedTuple):
    """What state and the runner remember: of machines, on its way to them, and how far was read."""

    known: list[list[Packed]]
    pending: list[list[pa.RecordBatch]]
    coming: list[list[pa.RecordBatch]]
    read: int


class DrawnStream:
    """Every callback of a machine comes when chance says; what is final is in `final`, as tables keep
    it, and nobody unsays it."""

    def __init__(self, chance: random.Random, shards: int, time_zone: str, hot: int) -> None:
        self.chance, self.time_zone = chance, time_zone
        self.publish_rules = PublishRules(time_zone, CHANNELS, shards=shards)
        self.attend_rules = AttendRules(time_zone, hot, streamed=True)
        self.final: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        self.ledger: list[pa.RecordBatch] = []
        self.read = 0
        self._now = datetime(2026, 5, 1, tzinfo=timezone.utc)
        self._known: list[list[Packed]] = [[] for _ in range(shards + FAMILIES + 1)]
        self._restore_machines(0.0)
        self._pending: list[list[pa.RecordBatch]] = [[] for _ in range(shards)]
        self._coming: list[list[pa.RecordBatch]] = [[_LABELS] for _ in self.families]

    def hear(self, rows: Sequence[Said]) -> None:
        self.read += len(rows)
        for shard, part in split(rows, self.time_zone, len(self.shards)):
            self._pending[shard].append(part)

    def tick(self, minute: int) -> None:
        for pending in self._pending:
            pending.append(tick_batch(minute))

    def emit(self, number: int) -> None:
        shard, pending = self.shards[number], self._pending[number]
        for part in pending:
            shard.machine.add(part)
        pending.clear()
        emissions, deltas = shard.emit(self._now.timestamp())
        for attended in emissions:
            self.ledger += shard.ledger(attended.late, 0, self._moment())
        self._send(deltas)

    def close(self, number: int, reached: int) -> None:
        """The event-time timer of a shard, which emits before it closes."""
        shard = self.shards[number]
        if reached > shard.reached and shard.held_until(reached) is None:
            self.emit(number)
            self._send(shard.close(reached))

    def publish(self, number: int, everything: bool = False) -> None:
        """A family takes what has come, or a part of it in another order, and publishes."""
        family, coming = self.families[number], self._coming[number]
        if not everything and self.chance.random() < 0.5:
            self.chance.shuffle(coming)
        cut = len(coming) if everything else self.chance.randint(0, len(coming))
        taken, self._coming[number] = coming[:cut], coming[cut:]
        take = {"label": family.name, "mark": family.mark, "sketch": family.sketch}
        for batch in taken:
            take.get(kind_of(batch), family.add)(batch)
        now = self._moment()
        family.sealed_partials(now)
        for rows in family.rows(now):
            if rows.final:
                self.final |= _by_key(rows.batch)

    def checkpoint(self) -> Checkpoint | None:
        """None while a machine remembers nothing: docs/spine.md, Limits."""
        for place, machine in enumerate((*self.shards, *self.families)):
            learnt = [Packed.keep(batch) for batch in machine.learnt()]
            if self.chance.random() < 0.3:
                self._known[place] = [Packed.keep(batch) for batch in machine.memory()]
            else:
                self._known[place] += learnt
        if not all(self._known):
            return None
        lists = (self._known, self._pending, self._coming)
        return Checkpoint(*([list(each) for each in every] for every in lists), self.read)

    def restore(self, checkpoint: Checkpoint, lost_before: float) -> None:
        lists = (checkpoint.known, checkpoint.pending, checkpoint.coming)
        self._known, self._pending, self._coming = (
            [list(each) for each in every] for every in lists
        )
        self.read = checkpoint.read
        self._restore_machines(lost_before)

    def _restore_machines(self, lost_before: float) -> None:
        known = [[packed.unpack() for packed in each] for each in self._known]
        shards = len(known) - FAMILIES - 1
        self.shards = [
            recall_shard(n, FAMILIES, self.attend_rules, known[n], lost_before)
            for n in range(shards)
        ]
        self.families = [
            recall(self.publish_rules, n == 0, known[shards + n], lost_before)
            for n in range(FAMILIES + 1)
        ]

    def _send(self, elements: Any) -> None:
        for family, packed in elements:
            self._coming[family].append(packed.unpack())

    def _moment(self) -> datetime:
        self._now += timedelta(seconds=self.chance.choice((1, 5, 61, 400)))
        return self._now


def split(rows: Sequence[Said], time_zone: str, shards: int) -> list[tuple[int, pa.RecordBatch]]:
    """Observations by the shard of who acts; of nobody, of the fact or of the event."""
    batch = observations(rows, time_zone)
    actor, fact = batch.column("actor").to_numpy(), batch.column("fact").to_numpy()
    ids = np.array([row.id for row in rows], dtype=np.int64)
    route = np.where(actor != 0, actor, np.where(fact != 0, fact, ids))
    return list(split_by_shard(batch, route, shards))


def recomputed(rows: Sequence[Said], time_zone: str, shards: int) -> dict[Any, Any]:
    """Figures of a bounded run over the rows."""
    families = [Accumulate(PublishRules(time_zone, CHANNELS), n == 0) for n in range(FAMILIES + 1)]
    for number in range(shards):
        machine = Attend(AttendRules(time_zone))
        for shard, part in split(rows, time_zone, shards) if rows else []:
            if shard == number:
                machine.add(part)
        for family, deltas in split_by_family(machine.emit().partials, FAMILIES):
            families[family].add(deltas)
    figures: dict[Any, Any] = {}
    for family in families:
        family.name(_LABELS)
        figures |= _by_key(family.publish(LATER))
    return figures


def kept(stream: DrawnStream, rows: Sequence[Said]) -> list[Said]:
    """The rows that a recomputation counts, as `moment verify` has it of the stream's ledger."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("late_events", pa.Table.from_batches(stream.ledger, LATE_EVENT))
        written = {
            "event_id": pa.array([id_bytes(row) for row in rows], UUID),
            "ingested_time": pa.array([row.arrived for row in rows], INSTANT),
        }
        connection.register("events", pa.table(written))
        connection.execute(
            "CREATE TABLE metrics AS SELECT DATE '2026-01-01' AS local_day, 0 AS epoch,"
            " now() AS window_end"
        )
        connection.execute(f"CREATE TEMP TABLE figures AS {figures_sql('metrics')}")
        add_ledger(connection, "drawn")
        late = late_events(connection)
        copies = {tuple(row.values()) for row in passed_over(connection).to_pylist()}
    unheeded = _ids(late, "change")
    return [
        # Another fact: that which was sealed stands.
        replace(row, fact=~row.fact) if row.fact and id_bytes(row) in unheeded else row
        for row in rows
        if id_bytes(row) not in _ids(late, "event")
        and (id_bytes(row), row.arrived, row.at) not in copies
    ]


def _ids(late: Sequence[LateEvent], effect: str) -> set[bytes]:
    return {each.event_id for each in late if each.effect == effect}


def _by_key(batch: pa.RecordBatch) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    return {tuple(row[name] for name in KEY): said_by(row) for row in batch.to_pylist()}


def minute_of(moment: datetime) -> int:
    return int(moment.timestamp()) // 60
