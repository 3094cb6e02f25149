"""The lease of a backfill of BigQuery: never two have it, and none has it for ever.

      0 s        60        120       180       240       300       360
Ana   [claimed ──┴─ held ──┴─ held ── … renewed by the holder, each minute
Ben                 [ looks: Ana lives ] refused
Ana killed at 61:   her newest row is of 60 ─────────────────────────────) 360: Ben may begin
"""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import TypeVar

import pytest

from pipelines.backfill.lease import (
    CLAIMED,
    HELD,
    LEASE,
    MARGIN,
    RELEASED,
    Claim,
    Lease,
    Table,
    _obtain,
    check,
)
from pipelines.errors import OptionError

T = TypeVar("T")
SINCE = datetime(2026, 3, 6, 10, 0, tzinfo=timezone.utc)


class Rows:
    """The table, and the one clock of a service: rows live for LEASE seconds after the newest."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, float]] = []
        self.now = 0.0
        self.slow = 0.0
        """So many seconds pass before the next row is there."""

    def add(self, holder: str, state: str) -> None:
        self.now, self.slow = self.now + self.slow, 0.0
        self.rows.append((holder, state, self.now))

    def living(self) -> list[Claim]:
        newest = {holder: (state, at) for holder, state, at in self.rows}
        return [
            Claim(holder, holder, state, SINCE, int(at + LEASE - self.now))
            for holder, (state, at) in newest.items()
            if state != RELEASED and at + LEASE >= self.now
        ]

    def lease(self) -> Lease:
        return Lease(Table(self.add, self.living), lambda: self.now)


def test_who_claims_alone_has_it_and_who_comes_then_is_told_of_whom():
    rows = Rows()
    ana, ben = rows.lease(), rows.lease()

    assert ana.claim() == []
    rows.now = 60.0
    (claim,) = ben.claim()

    assert (claim.state, claim.seconds) == (HELD, 240)
    assert (ana.left, ben.left) == (240.0, float("-inf"))
    assert [state for _, state, _ in rows.rows] == [CLAIMED, HELD, CLAIMED, RELEASED]


class Turns:
    """Rows that two threads use in a definite order, a step each time; then as they like."""

    def __init__(self, order: Sequence[str]) -> None:
        self.rows, self._order, self._step = Rows(), order, 0
        self._changed = threading.Condition()

    def lease(self, who: str) -> Lease:
        def add(holder: str, state: str) -> None:
            self._in_turn(who, lambda: self.rows.add(holder, state))

        return Lease(
            Table(add, lambda: self._in_turn(who, self.rows.living)), lambda: self.rows.now
        )

    def _in_turn(self, who: str, step: Callable[[], T]) -> T:
        with self._changed:
            assert self._changed.wait_for(
                lambda: who in self._order[self._step :][:1] or self._step >= len(self._order), 10
            )
            done = step()
            self._step += 1
            self._changed.notify_all()
            return done


@pytest.mark.parametrize("order", sorted(set(itertools.permutations("aabb"))), ids="".join)
def test_however_two_begin_at_once_never_both_have_it(order):
    """A step is a row that is added, or a look at all rows."""
    turns = Turns(order)
    leases = [turns.lease(who) for who in "ab"]
    threads = [threading.Thread(target=lease.claim) for lease in leases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    held = sum(lease.left > 0 for lease in leases)
    assert held == (
        0 if order in (tuple("abab"), tuple("abba"), tuple("baab"), tuple("baba")) else 1
    )


def test_a_claim_that_was_taken_back_does_not_hide_the_next():
    rows = Rows()
    ana, ben = rows.lease(), rows.lease()
    ana.claim()
    ben.claim()
    ana.release()

    assert ben.claim() == []
    assert len(ana.claim()) == 1


def test_the_lease_of_one_who_was_killed_ends_by_itself():
    rows = Rows()
    ana, ben = rows.lease(), rows.lease()
    ana.claim()
    rows.now = 60.0
    ana.renew()

    rows.now = 359.0
    assert len(ben.claim()) == 1
    rows.now = 361.0
    assert ben.claim() == []
    assert ana.left < 0


def test_a_renewal_whose_answer_comes_too_late_is_in_vain():
    """Somebody may have begun in between, who found the old row dead and the new one not there."""
    rows = Rows()
    ana = rows.lease()
    ana.claim()
    rows.now, rows.slow = 299.0, 10.0
    ana.renew()

    assert ana.left == -9.0
    assert rows.rows[-1][1] == HELD
    ana.renew()
    assert len(rows.rows) == 3


def test_nothing_is_committed_any_more_when_little_is_left():
    rows = Rows()
    ana = rows.lease()
    ana.claim()
    rows.now = LEASE - MARGIN
    check(ana, "bigquery://ours/live")
    rows.now += 1.0

    with pytest.raises(OptionError) as lost:
        check(ana, "bigquery://our-project/live")
    assert str(lost.value) == (
        "bigquery://our-project/live: expected to have it alone, found that this could not be"
        " renewed for 210 s, and somebody else may have begun; what is done is done: look at the"
        " network, and run the same command again"
    )


def test_who_only_claims_is_waited_for_and_who_holds_is_not():
    rows = Rows()
    rows.add("somebody who was killed as he claimed", CLAIMED)
    paused: list[float] = []

    def pause(seconds: float) -> None:
        paused.append(seconds)
        rows.now += 100.0

    ana = rows.lease()
    _obtain(ana, "bigquery://our-project/live", pause)
    assert len(paused) == 4
    assert ana.left > 0

    with pytest.raises(OptionError) as refused:
        _obtain(rows.lease(), "bigquery://our-project/live", pause)
    assert len(paused) == 4
    assert re.fullmatch(
        r"bigquery://our-project/live: expected no other backfill, replay or compaction of it, found that of \S+, since"
        r" 2026-03-06T10:00:00\+00:00; wait until it has ended, or, where it was killed, 300 s until"
        " its lease has",
        str(refused.value),
    )
