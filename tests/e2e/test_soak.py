"""The soak's own rules: what it kills in which order, and what it calls a failure."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from tests.e2e.soak import KINDS, faults, kinds
from tests.e2e.soak_outage import summed

GONE = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)
BACK = GONE + timedelta(minutes=10)
FINE = {
    "verify": "identical: 3 figures",
    "unbalanced": 0,
    "received": 5,
    "records": 5,
    "repeated": 2,
    "kills": {},
}


def test_each_kind_is_killed_equally_often_in_an_order_of_the_seed():
    order = kinds(21, seed=7)

    assert sorted(order) == sorted(KINDS * 7)
    assert order == kinds(21, seed=7) != kinds(21, seed=8)


def test_a_soak_in_which_all_is_well_has_no_faults():
    assert faults(FINE) == []


def test_each_promise_that_is_broken_is_named():
    broken = {
        "verify": "code 4: 1 figure differs",
        "unbalanced": 1,
        "received": 4,
        "records": 5,
        "repeated": 0,
        "kills": {},
    }

    assert len(faults(broken)) == 4


def test_kills_before_any_figure_was_final_prove_too_little():
    (told,) = faults(FINE | {"kills after further figures were final": 0})

    assert "final before a kill, found none" in told


def test_an_outage_need_not_repeat_a_write():
    assert faults({name: FINE[name] for name in FINE if name != "kills"} | {"repeated": 0}) == []


def test_minutes_are_summed_by_when_they_were():
    def row(minute: int, first: float, last: float, told: float) -> tuple:
        begin = GONE + timedelta(minutes=minute)
        end = begin + timedelta(minutes=1)
        said = end + timedelta(seconds=told)
        return begin, end, first, last, said, said

    told = summed([row(-5, 8, 8, 20), row(4, 5, 10, 400), row(12, 7, 7, 15)], GONE, BACK)

    assert (told["before"]["minutes"], told["before"]["off"]) == (1, 0)
    assert (told["outage"]["off"], told["outage"]["greatest_error"]) == (1, 0.5)
    assert told["outage"]["right_after_broker_seconds"] == 100.0
    assert told["after"]["greatest_lag_seconds"] == 15.0
