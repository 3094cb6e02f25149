"""Deltas: few rows are counted in one pass, many grouping set by grouping set, with equal sums."""

from __future__ import annotations

from functools import cache
from random import Random

import pytest

from tests.transforms.observations import PARIS, observations, readable, said
from transforms.attend import Attend
from transforms.measures import together
from transforms.rules import AttendRules

SIGNALS = ("view", "heartbeat", "like", "comment", "share", "rate:csat", "rate:nps", "rate:boredom")


def _told(seed: int) -> list:
    """Five hundred things said by forty people over four hours and midnight, some by automata."""
    chance = Random(seed)
    rows = []
    for number in range(500):
        minute = chance.randrange(240)
        day, hour = ("02", 21 + minute // 60) if minute < 180 else ("03", minute // 60 - 3)
        signal = chance.choice(SIGNALS)
        rows.append(
            said(
                f"2026-03-{day}T{hour:02}:{minute % 60:02}",
                chance.choice(["", *(f"p{n}" for n in range(40))]),
                signal,
                id=number + 1,
                content=chance.choice(["", "live", "replay"]),
                brand=chance.choice(["", "ours"]),
                channel=chance.choice(["app", "site", "chat"]),
                valid=chance.random() > 0.1,
                value=chance.randrange(0, 1_000_001, 250_000) if "rate" in signal else 10_000,
                period=10_000 if signal == "heartbeat" else 0,
                fact=chance.choice([0, 0, 0, 1 + number % 50]),
                revision=number,
                update=chance.random() < 0.1,
                retract=chance.random() < 0.1,
            )
        )
    return rows


@cache
def _as_it_is(seed: int, cuts: int) -> list:
    return _emissions(_told(seed), cuts)


def _emissions(rows: list, cuts: int) -> list:
    machine = Attend(AttendRules(PARIS))
    partials = []
    for first in range(0, len(rows), len(rows) // cuts):
        machine.add(observations(rows[first : first + len(rows) // cuts]))
        partials.append(readable([machine.emit().partials]))
    return partials


@pytest.mark.parametrize(("seed", "cuts"), [(0, 1), (1, 4), (2, 20)])
@pytest.mark.parametrize("few", [0, 60], ids=["all apart", "some together"])
def test_counted_together_or_apart_every_delta_is_the_same(monkeypatch, cuts, seed, few):
    expected = _as_it_is(seed, cuts)

    monkeypatch.setattr(together, "FEW_ROWS", few)
    found = _emissions(_told(seed), cuts)

    assert found == expected
    assert all(len(sums) > 50 for sums in found)


def test_both_ways_are_taken(monkeypatch):
    taken = []
    passed = together.count_together
    monkeypatch.setattr(together, "count_together", lambda *a: taken.append(1) or passed(*a))

    _emissions(_told(0), 4)
    assert len(taken) == 4
    monkeypatch.setattr(together, "FEW_ROWS", 0)
    _emissions(_told(0), 4)
    assert len(taken) == 4
