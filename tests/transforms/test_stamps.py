"""Stamps: what is told later is newer, whatever the clocks say."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from transforms.stamps import STEP, Stamps

NOON = datetime(2026, 3, 2, 12, tzinfo=timezone.utc)


def test_a_stamp_is_the_time_of_the_clock():
    stamps = Stamps()

    assert stamps.next(NOON) == NOON
    assert stamps.next(NOON + timedelta(seconds=5)) == NOON + timedelta(seconds=5)


def test_where_a_clock_was_set_back_stamps_wait_for_it_a_step_apart():
    stamps = Stamps()
    stamps.next(NOON)

    back = [stamps.next(NOON - timedelta(hours=1)) for _ in range(2)]

    assert back == [NOON + n * STEP * timedelta(microseconds=1) for n in (1, 2)]


@given(st.lists(st.datetimes(timezones=st.just(timezone.utc), min_value=datetime(1970, 1, 2))))
def test_law_stamps_grow_also_when_another_goes_on_from_the_last(clocks):
    found, last = [], 0
    for now in clocks:
        stamps = Stamps(last)
        found.append(stamps.next(now))
        last = stamps.last

    assert all(one < other for one, other in pairwise(found))
    assert all(stamp >= now for stamp, now in zip(found, clocks))
