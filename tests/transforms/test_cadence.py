"""Cadence: which windows are published at a beat, and which rows their figures need; drawn."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest

from transforms.cadence import EVER, Cadence, Due
from transforms.calendar import NEVER
from transforms.coverage import LOOK_BACK_MINUTES
from transforms.derive_windows import DAY, HOUR, MINUTE

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)
TEN = 29_541_000
"""A minute number that begins an hour, and so a quarter of an hour."""
DAY_OF_TEN = TEN // 1440
ALL = {MINUTE, HOUR, DAY}
LATER = 2**31 - 1


def _deltas(*windows, events=1):
    """Deltas of (window, start), each of so many events; nothing else of them is read."""
    window, start = zip(*windows) if windows else ((), ())
    return pa.record_batch(
        {
            "window": pa.array(window, pa.int8()),
            "start": pa.array(start, pa.int32()),
            "events": pa.array([events] * len(window), pa.int64()),
        }
    )


def _word(minute):
    """Deltas of an event in a minute of the hour of TEN: all three windows are touched."""
    return _deltas((MINUTE, minute), (HOUR, TEN), (DAY, DAY_OF_TEN))


def _started(reached=TEN):
    """A cadence that has heard the first word of the hour and published everything at noon."""
    cadence = Cadence(always=False)
    cadence.change(_word(TEN))
    assert cadence.due(NOON, reached).windows == ALL
    return cadence


def _after(seconds):
    return NOON + timedelta(seconds=seconds)


# A word each beat of five seconds; ● is due, · is not; the stream stays within one quarter:
#
#   seconds     0    5   10  …  55   60   65  …  120  …  295  300
#   minutes     ●    ●    ●      ●    ●    ●       ●       ●    ●
#   hours       ●    ·    ·      ·    ●    ·       ●       ·    ●
#   days        ●    ·    ·      ·    ·    ·       ·       ·    ●


@pytest.mark.parametrize(
    ("windows", "times"),
    [
        (ALL, {0, 300, 600}),
        ({MINUTE, HOUR}, {60, 120, 180, 240, 360, 420, 480, 540}),
    ],
)
def test_minutes_are_due_at_every_beat_hours_each_minute_and_days_each_five(windows, times):
    cadence, due = Cadence(always=False), {}
    for seconds in range(0, 605, 5):
        cadence.change(_word(TEN))
        due[seconds] = cadence.due(_after(seconds), TEN).windows

    assert {seconds for seconds, several in due.items() if several == windows} == times
    assert all(MINUTE in several for several in due.values())


def test_a_window_that_nothing_touched_is_not_due():
    cadence = _started()
    cadence.change(_deltas((MINUTE, TEN), (HOUR, TEN)))

    assert cadence.due(_after(900), TEN).windows == {MINUTE, HOUR}
    assert cadence.due(_after(1800), TEN).windows == {MINUTE}


# The stream comes to another quarter of an hour: windows may be final, whatever touched them.
#
#   reached    10:00 … 10:14 | 10:15 … 10:29 | 10:30
#   due         all            all              all


@pytest.mark.parametrize(
    ("reached", "windows"), [(TEN + 14, {MINUTE}), (TEN + 15, ALL), (TEN + 29, ALL)]
)
def test_hours_and_days_are_due_when_the_stream_reaches_another_quarter(reached, windows):
    assert _started(TEN).due(_after(5), reached).windows == windows


def test_before_the_stream_has_reached_anything_no_quarter_has_begun():
    assert _started(NEVER).due(_after(5), NEVER).windows == {MINUTE}


def test_of_a_bounded_input_everything_is_due_each_time():
    for cadence, reached in ((Cadence(always=True), TEN), (Cadence(always=False), None)):
        assert [cadence.due(_after(n), reached) for n in (0, 1)] == [Due(frozenset(ALL), EVER)] * 2


# From which minute on: the earliest touched, or the one that was reached at the beat before, for
# what lies between the two beats has become final.
#
#   minute      10:00    10:03      10:05              10:08
#   beat 1      | reached 10:05 ----->|
#   beat 2               * touched                     | reached 10:08      from 10:03
#   beat 3                                             | nothing touched    from 10:08


def test_minutes_are_due_from_the_earliest_touched_or_the_one_reached_before():
    cadence = _started(TEN + 5)
    cadence.change(_deltas((MINUTE, TEN + 7), (MINUTE, TEN + 3)))

    assert cadence.due(_after(5), TEN + 8).from_minute == TEN + 3
    assert cadence.due(_after(10), TEN + 9).from_minute == TEN + 8


def test_minutes_touched_ahead_of_the_stream_take_nothing_from_what_becomes_final():
    cadence = _started(TEN + 5)
    cadence.change(_deltas((MINUTE, TEN + 12)))

    assert cadence.due(_after(5), TEN + 8).from_minute == TEN + 5


# The first word of an hour makes rows of zeros for the silent minutes of the hour before it.
#
#   minute      11:00 ······ silent ······ 11:10      11:11
#   reached                           11:09 |
#   words                                   *          *
#   from        11:00 with the first                  11:10 with the next


def test_the_first_word_of_an_hour_touches_the_hour_from_its_start():
    cadence = _started(TEN + 69)
    cadence.change(_deltas((MINUTE, TEN + 70), (HOUR, TEN + 60), (DAY, DAY_OF_TEN)))
    first = cadence.due(_after(5), TEN + 70)
    cadence.change(_deltas((MINUTE, TEN + 71), (HOUR, TEN + 60), (DAY, DAY_OF_TEN)))

    assert first.from_minute == TEN + 60
    assert cadence.due(_after(10), TEN + 71).from_minute == TEN + 70


def test_a_heartbeat_that_reaches_over_into_an_hour_is_not_its_first_word():
    """It says who watches in 11:00 to 11:05, and is an event of 10:50."""
    cadence = _started(TEN + 69)
    cadence.change(_deltas((MINUTE, TEN + 64), (HOUR, TEN + 60), (DAY, DAY_OF_TEN), events=0))
    cadence.due(_after(5), TEN + 70)
    cadence.change(_deltas((MINUTE, TEN + 70), (HOUR, TEN + 60), (DAY, DAY_OF_TEN)))

    assert cadence.due(_after(10), TEN + 71).from_minute == TEN + 60


def test_the_first_beat_and_one_after_everything_changed_are_from_ever():
    cadence = Cadence(always=False)
    for seconds in (0, 300):
        cadence.everything()
        cadence.change(_word(TEN))
        assert cadence.due(_after(seconds), TEN) == Due(frozenset(ALL), EVER)


def test_a_cadence_waits_while_a_touched_window_was_not_due():
    cadence = _started()
    assert not cadence.waiting
    cadence.change(_word(TEN))
    waiting = []
    for seconds in (5, 60, 300):
        cadence.due(_after(seconds), TEN)
        waiting.append(cadence.waiting)

    assert waiting == [True, True, False]


def test_when_only_minutes_are_due_they_need_the_hour_before_them():
    due = Due(frozenset([MINUTE]), TEN)
    totals = _deltas(
        (MINUTE, TEN - LOOK_BACK_MINUTES - 1),
        (MINUTE, TEN - LOOK_BACK_MINUTES),
        (MINUTE, TEN),
        (HOUR, TEN),
        (DAY, DAY_OF_TEN),
    )

    assert due.needed(totals).column("start").to_pylist() == [TEN - LOOK_BACK_MINUTES, TEN]


def test_hours_and_days_need_everything():
    totals = _deltas((MINUTE, TEN - 900), (HOUR, TEN), (DAY, DAY_OF_TEN))

    assert Due(frozenset([MINUTE, HOUR]), TEN).needed(totals).equals(totals)


@pytest.mark.parametrize(("from_minute", "needed"), [(EVER, 2), (LATER, 0)])
def test_from_ever_all_minutes_are_needed_and_from_later_none(from_minute, needed):
    totals = _deltas((MINUTE, 0), (MINUTE, TEN), (HOUR, TEN))

    assert Due(frozenset([MINUTE]), from_minute).needed(totals).num_rows == needed


def test_a_due_covers_its_windows_and_of_minutes_those_from_its_minute_on():
    figures = {
        "window": np.array([MINUTE, MINUTE, MINUTE, HOUR, DAY]),
        "start": np.array([TEN - 1, TEN, TEN + 1, TEN - 60, DAY_OF_TEN]),
    }

    for windows, covered in (
        ({MINUTE}, [False, True, True, False, False]),
        ({MINUTE, HOUR}, [False, True, True, True, False]),
        (ALL, [False, True, True, True, True]),
    ):
        assert Due(frozenset(windows), TEN).covers(figures).tolist() == covered
