"""Attend: who is the same person after a sealing, and who is there at a moment."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from tests.transforms.live import Live, minute_of
from tests.transforms.observations import PARIS, numbered, said
from transforms.calendar import day_of

# Somebody comes back after the hour is sealed, and is the same person in the day:
#
#            10:00      11:00   11:15                12:00
#   ana        *          |       | the hour sealed    *      hours 1 and 1, day 1


def test_somebody_of_a_sealed_hour_counts_once_in_the_day():
    live = Live().say(said("10:00", signal="click", id=1)).close("11:15")
    live.say(said("12:00", signal="click", id=2), said("12:01", signal="click", id=3))

    assert live.total("viewers", window="hour") == [1, 1]
    assert [live.total(c) for c in ("viewers", "engagers", "actions")] == [1, 1, 3]
    assert live.total("action_squares") == 9
    assert live.total("action_squares", window="hour") == [1, 4]


def test_somebody_of_a_sealed_minute_counts_once_in_its_hour():
    live = Live().say(said("10:00", signal="click", id=1)).close("10:16")
    live.say(said("10:20", signal="click", id=2))

    assert [live.total("viewers", window=w) for w in ("minute", "hour", "day")] == [[1, 1], 1, 1]
    assert [live.total("action_squares", window=w) for w in ("minute", "hour")] == [[1, 1], 4]


def test_a_fact_of_a_sealed_minute_stays_in_the_open_hour_and_day():
    live = Live().say(said("10:00", signal="like", id=1, fact=7, revision=1)).close("10:16")
    live.say(said("10:20", signal="click", id=2))

    assert [live.total("actions", window=w) for w in ("minute", "hour", "day")] == [[1, 1], 2, 2]
    assert live.total("count", item="like") == 1


def test_somebody_of_a_sealed_day_is_still_returning():
    live = Live().say(said("10:00", id=1)).close("2026-03-03T05:00")
    live.say(said("2026-03-03T12:00", id=2)).close("2026-03-04T05:00")
    live.say(said("2026-03-04T12:00", id=3), said("2026-03-04T12:00", "ben", id=4))

    assert live.total("new_people") == [1, 1]
    assert live.total("returning_people") == [1, 1]
    assert live.total("viewers") == [1, 1, 2]


def test_somebody_whose_only_trace_of_a_sealed_day_is_a_fact_is_still_returning():
    live = Live().say(said("10:00", signal="like", id=1, fact=7, revision=1))
    live.close("2026-03-03T05:00").say(said("2026-03-03T12:00", id=2))

    assert live.total("new_people") == 1
    assert live.total("returning_people") == 1


#   Paris      23:59:50      0:10          0:20         0:35
#   said       ana: beat     ana: click    ben: like    | closing: minutes before 0:20 are sealed
#   id is      forgotten     forgotten     kept         | ids of 0:15 and later are kept


def test_sealing_forgets_and_changes_no_figure_of_the_open_day():
    live = Live().say(
        *numbered(
            [
                said("22:59:50", signal="heartbeat", period=30_000),
                said("23:10", signal="click"),
                said("23:20", "ben", "like", fact=7, revision=1),
            ]
        )
    )
    figures = [live.total(c) for c in ("viewers", "actions", "events")]
    live.close("23:35").say(said("23:35", signal="view", id=9))

    assert [live.total(c) for c in ("viewers", "actions")] == figures[:2]
    assert live.machine.state.remembered["minute"].tolist() == [
        minute_of("23:20"),
        minute_of("23:35"),
    ]
    assert set(live.machine.state.people.actions["day"]) == {
        day_of(datetime(2026, 3, 3, 12, tzinfo=timezone.utc), PARIS)
    }


#   Paris       23:59:50                 0:00:10       1:00  1:15
#   ana         a beat each 200 seconds  a view          | the hour of 0:00 is sealed
#
# What the beat says of its period it says in its own hour, and so on its own day.


def test_a_period_of_the_day_before_is_not_one_of_the_next_day_folded_or_not():
    rows = [
        said("22:59:50", signal="heartbeat", content="film", period=200_000),
        said("23:00:10"),
        said("2026-03-03T00:30", signal="heartbeat", period=20_000),
    ]
    once, sealed = Live().say(*numbered(rows)), Live().say(*numbered(rows)[:2])
    sealed.close("2026-03-03T00:15").say(numbered(rows)[2])

    assert once.total("heartbeat_ms") == sealed.total("heartbeat_ms") == [200_000, 20_000]


# Concurrent at t, the minute's end: a heartbeat in (t − 2h, t), here h = 30 s.
#
#            10:00         10:01         10:02
#   ana        |.........*...|.............|       fresh and alive at 10:01, gone at 10:02
#   ben        |..*..........|.............|       alive at 10:01 by the second period only
#   cléo       *.............|.............|       60 s before 10:01: no longer


@pytest.mark.parametrize(
    ("beat", "alive", "fresh"),
    [
        ("10:00:45", [1], [1]),
        ("10:00:30.000001", [1], [1]),
        ("10:00:30", [1], 0),
        ("10:00:10", [1], 0),
        ("10:00:00.000001", [1], 0),
        ("10:00:00", 0, 0),
    ],
)
def test_a_viewer_is_concurrent_for_two_periods_and_surely_there_for_one(beat, alive, fresh):
    live = Live().say(said(beat, signal="heartbeat", id=1, period=30_000))

    assert live.total("concurrent", window="minute") == (alive and alive[0])
    assert live.total("concurrent_fresh", window="minute") == (fresh and fresh[0])


def test_a_long_period_keeps_a_viewer_over_the_hour_and_over_midnight():
    live = Live().say(said("22:58:30", signal="heartbeat", id=1, period=90_000))

    assert live.total("concurrent", window="minute") == [1, 1, 1]
    assert live.total("concurrent_fresh", window="minute") == 1
    assert live.total("viewers", window="minute") == 1
    assert live.total("viewers", window="day") == 1


def test_two_heartbeats_of_one_viewer_are_one_concurrent_viewer():
    beats = [said(f"10:00:{s}", signal="heartbeat", period=30_000) for s in (20, 50)]
    live = Live().say(*numbered([*beats, said("10:00:50", "ben", "heartbeat", period=30_000)]))

    assert live.total("concurrent", window="minute") == 2
    assert live.total("heartbeat_events", window="minute") == 3
