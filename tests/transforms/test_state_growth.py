"""State of a steady live: what a shard and its families remember at minute 100, beside minute 40.

As it is written into keyed state, with what was appended since the last merge. What a runner keeps
beside it is measured on Flink (docs/benchmarks.md, State).
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import numpy as np
import pyarrow as pa

from schemas.event import UUID
from tests.transforms.keyed_state import Bag, Value
from tests.transforms.observations import PARIS, TEXTS, observations, said
from transforms.accumulate import Accumulate, recall
from transforms.accumulate_families import _add
from transforms.keyed_machine import KeyedMachine, new_step
from transforms.keyed_shard import Shard, recall_shard
from transforms.observe import label_batch
from transforms.rules import AttendRules, PublishRules

TEN = datetime(2026, 3, 2, 9, tzinfo=timezone.utc)
"""Ten o'clock in Paris."""
PEOPLE, HOT, FAMILIES = 1_200, 5, 1
RULES = AttendRules(PARIS, hot_minutes=HOT, fact_minutes=HOT)
PUBLISH = PublishRules(PARIS, ("app",), shards=1)


class Kept:
    """A machine under a key, its state in the test's hand, and the bytes of that state."""

    def __init__(self, machines, key):
        self.machines, self.key, self.bag, self.token = machines, key, Bag(), Value()

    def wake(self):
        return self.machines.wake(self.key, self.bag, self.token)

    def remember(self, machine):
        self.machines.remember(self.key, machine, self.bag, self.token)

    @property
    def bytes(self):
        return sum(len(packed.encoded) for packed in self.bag.held)


def _told(minute, actors, chance, signal="heartbeat", period=30_000):
    """The same of some people in a minute, with ids that are like nothing seen before."""
    at = (TEN + timedelta(minutes=minute, seconds=20)).isoformat()[:19]
    (one,) = [observations([said(at, "ana", signal, id=1, period=period)])]
    many = one.take(pa.array(np.zeros(len(actors), np.int64)))
    ids = pa.array([chance.bytes(16) for _ in actors], UUID)
    for name, column in (("actor", pa.array(actors)), ("event_id", ids)):
        place = many.schema.get_field_index(name)
        many = many.set_column(place, many.schema.field(place), column)
    return many


def test_state_at_minute_100_is_at_most_a_tenth_above_that_at_minute_40():
    shards = KeyedMachine[Shard](
        new_step(), lambda key, memory, _: recall_shard(key, FAMILIES, RULES, memory, 0.0)
    )
    totals = KeyedMachine[Accumulate](
        new_step(), lambda key, memory, _: recall(PUBLISH, key == 0, memory)
    )
    shard, families = Kept(shards, 0), [Kept(totals, key) for key in range(FAMILIES + 1)]
    chance, state = np.random.default_rng(7), []
    for minute in range(106):
        told = _one_minute(shard, [_told(minute, np.arange(1, PEOPLE + 1), chance)], minute)
        for kept in families:
            machine = kept.wake()
            if not minute:
                machine.name(label_batch(TEXTS))
            _add(machine, [packed for family, packed in told if family == kept.key])
            list(machine.rows(TEN + timedelta(minutes=minute + 1)))
            kept.remember(machine)
        state.append([kept.bytes for kept in (shard, *families)])

    then, now = (np.sum(state[at - 5 : at + 6]) / 11 for at in (40, 100))
    assert then > 60_000
    assert now <= 1.1 * then, f"{then:,.0f} bytes at minute 40, {now:,.0f} at minute 100"


def test_who_comes_again_in_the_next_hour_takes_hardly_more_than_who_came_once():
    shards = KeyedMachine[Shard](
        new_step(), lambda key, memory, _: recall_shard(key, FAMILIES, RULES, memory, 0.0)
    )
    shard, chance, state = Kept(shards, 0), np.random.default_rng(7), []
    people = chance.integers(-(2**63), 2**63, PEOPLE)
    for minute in range(106):
        watching, acting = (chance.choice(people, PEOPLE // n, replace=False) for n in (8, 24))
        heard = [_told(minute, watching, chance), _told(minute, acting, chance, "click", 0)]
        _one_minute(shard, heard, minute)
        state.append(shard.bytes)

    then, now = (np.mean(state[at - 5 : at + 6]) for at in (40, 100))
    assert now <= 1.1 * then, f"{then:,.0f} bytes at minute 40, {now:,.0f} at minute 100"


def _one_minute(kept, heard, minute):
    """What the shard tells the families of a minute that it hears and then closes."""
    shard = kept.wake()
    for batch in heard:
        shard.machine.add(batch)
    reached = int(TEN.timestamp()) // 60 + minute + 1
    _, deltas = shard.emit(reached * 60.0)
    told = [*deltas, *shard.close(reached)]
    kept.remember(shard)
    return told
