"""What any stream says finally is what a recomputation says of it, but for what its ledger names.

Streams are drawn: copies that say other minutes, late and very late events, facts liked and unliked
and deleted by others, heartbeats of an hour, silences of half a day, nights in which the clock is
changed; shards that close apart, marks and deltas in any order, and kills after which all that was
read since a checkpoint comes again.
"""

from __future__ import annotations

import random
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.laws import examples
from tests.pipelines.verify.drawn_stream import DrawnStream, kept, minute_of, recomputed
from tests.transforms.observations import Said, unsuppressed
from transforms.progress import MOST_HELD

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
EVENINGS = [
    (zone, datetime.fromisoformat(f"2026-{at}").replace(tzinfo=timezone.utc))
    for zone, at in [
        ("Europe/Paris", "03-28T22:20"),
        ("Europe/Paris", "10-25T00:10"),
        ("Australia/Lord_Howe", "04-04T13:00"),
        ("Australia/Lord_Howe", "10-03T14:00"),
        ("America/Havana", "03-08T03:30"),
        ("Asia/Kathmandu", "03-02T17:30"),
        ("America/St_Johns", "03-02T18:00"),
        ("UTC", "03-02T22:30"),
    ]
]
PEOPLE = ("ana", "ben", "cléo", "dan", "")
SIGNALS = ("view", "click", "like", "comment", "rate:nps", "rate:csat", "send", "system")
STATED = ("like", "comment", "purchase", "rate:csat", "rate:boredom", "heartbeat")
SORTS = {
    # Whose facts: each its own actor's, a deletion anybody's, or anybody's where there is one shard.
    "in step": {"apart": False, "kills": 0, "whose": "own", "shards": (1, 2, 4)},
    "apart": {"apart": True, "kills": 0, "whose": "own", "shards": (2, 4)},
    "deleted by others": {"apart": True, "kills": 0, "whose": "deleted", "shards": (2, 4)},
    "killed": {"apart": True, "kills": 4, "whose": "own", "shards": (1, 2, 4)},
    "killed, of one shard": {"apart": True, "kills": 4, "whose": "anybody's", "shards": (1,)},
}


def _drawn(chance, begin, hot, whose, pauses):
    """Events in the order of their arrival, some more than once."""
    rows, now, owners = [], begin, {}
    for number in range(1, chance.choice((5, 12, 30, 50)) + 1):
        pause = chance.random()
        most = 2 if pause < 0.9 or not pauses else 45 if pause < 0.97 else 12 * 60
        now += chance.random() * most * MINUTE + timedelta(milliseconds=1)
        late = chance.choice((0, 0, 0, 1, 2, hot, hot + 1, hot + 1, hot + 2, -4, 60))
        at = now - late * MINUTE - chance.choice((0, 0, chance.random())) * MINUTE
        if chance.random() < 0.2:
            at = at.replace(second=0, microsecond=0) + timedelta(
                microseconds=chance.choice((-1, 0, 1))
            )
        row = Said(
            at,
            chance.choice(PEOPLE),
            content=chance.choice(("live", "film", "")),
            brand=chance.choice(("maison", "atelier", "")),
            channel=chance.choice(("app", "site", "mail")),
            id=number * 7919,
            valid=chance.random() < 0.85,
            value=chance.choice((0, 500_000, 1_000_000)),
            arrived=now,
        )
        kind = chance.random()
        if kind < 0.45:
            row = _statement(chance, row, owners, whose, int((now - begin) / (20 * MINUTE)))
        elif kind < 0.7:
            period = chance.choice((10_000, 30_000, 60_000, 200_000, 3_600_000))
            row = replace(row, signal="heartbeat", period=period, value=period)
        else:
            row = replace(row, signal=chance.choice(SIGNALS), retract=chance.random() < 0.05)
        rows.append(row)
        if chance.random() < 0.25:
            # A retry, which may say a time up to five minutes apart.
            later = chance.choice((0.01, 1, hot, 20)) * chance.random() * MINUTE
            apart = chance.choice((0, 0, 1, 2, -1, 3, 5, -5)) * MINUTE
            copy = replace(row, at=at + apart, arrived=now + later + timedelta(microseconds=7))
            rows.append(copy)
    return sorted(rows, key=lambda row: row.arrived)


def _statement(chance, row, owners, whose, era):
    """A row that states a fact of its time, or takes one back."""
    fact = chance.choice((11, 12, 13, 14)) + 100 * era
    operation = chance.choice(("insert", "update", "retract", "insert", "retract"))
    owner = owners.setdefault(fact, row.actor)
    free = whose == "anybody's" or (whose == "deleted" and operation == "retract")
    return replace(
        row,
        actor=row.actor if free else owner,
        signal=chance.choice(STATED),
        fact=fact,
        revision=chance.choice((1, 2, 3, row.id)),
        retract=operation == "retract",
        update=operation == "update",
    )


def _run(chance, stream, rows, apart, kills):
    """The stream reads, beats, closes and is killed until all is read, and comes to its end."""
    often, checkpoint, checked, furthest = chance.choice((0.1, 0.5, 0.9)), None, None, None
    shards, families = range(len(stream.shards)), range(len(stream.families))
    while stream.read < len(rows):
        stream.hear(rows[stream.read : stream.read + chance.choice((1, 1, 2, 7))])
        read = rows[stream.read - 1].arrived
        furthest = max(furthest or read, read)
        reached = minute_of(read)
        if chance.random() < 0.4:
            stream.tick(reached)
        for shard in shards:
            if chance.random() < often:
                stream.emit(shard)
        together = chance.random() < often
        for shard in shards:
            if (chance.random() < often) if apart else together:
                stream.close(shard, reached - (chance.choice((0, 0, 1, 2)) if apart else 0))
        for family in families:
            if chance.random() < often:
                stream.publish(family)
        if kills and (checkpoint is None or chance.random() < 0.15):
            checkpoint, checked = stream.checkpoint(), read
        elif kills and chance.random() < 0.15 and read - checked < 50 * MINUTE:
            kills -= 1
            ended = furthest + timedelta(seconds=chance.choice((0, 30, 100)))
            stream.restore(checkpoint, ended.timestamp())
    end = minute_of(rows[-1].arrived) + 3 * 1440 + MOST_HELD
    for reached in (end, end + 500 * 1440):
        for shard in shards:
            stream.close(shard, reached)
        for family in (*families, *families):
            stream.publish(family, everything=True)


@pytest.mark.parametrize("sort", SORTS.values(), ids=SORTS)
@examples(6)
# Each has a place whose day has a peak in a minute of an hour that has no row of it.
@example(seed=1043232, hot=0, evening=EVENINGS[4])
@example(seed=214, hot=0, evening=EVENINGS[7])
@given(
    seed=st.integers(0, 2**32), hot=st.sampled_from((0, 5, 15)), evening=st.sampled_from(EVENINGS)
)
def test_what_a_drawn_stream_says_finally_is_what_a_recomputation_says(sort, seed, hot, evening):
    chance, (time_zone, begin) = random.Random(seed), evening
    shards = chance.choice(sort["shards"])
    rows = _drawn(chance, begin, hot, sort["whose"], pauses=not sort["kills"])
    with nullcontext() if chance.random() < 0.3 else unsuppressed():
        stream = DrawnStream(chance, shards, time_zone, hot)
        _run(chance, stream, rows, sort["apart"], sort["kills"])
        expected = recomputed(kept(stream, rows), time_zone, shards)

    found = {key: row for key, row in stream.final.items() if row[-1] != "withdrawn"}
    different = {
        key: (found.get(key), expected.get(key))
        for key in found.keys() | expected.keys()
        if found.get(key) != expected.get(key)
    }
    assert different == {}
