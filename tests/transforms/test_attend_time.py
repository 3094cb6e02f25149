"""Attend's time: at which minutes a shard closes something, and when what is sealed; drawn.

The stream has reached a minute when nothing earlier is expected any more. A shard asks to be told
of the next minute that changes something (`next_boundary`), and then closes.
"""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.observation import tick_batch
from tests.laws import examples
from tests.transforms.live import Live, minute_of
from tests.transforms.observations import numbered, observations, said
from transforms.attend import SILENT_FOR_GOOD, recall
from transforms.fragments import kind_of

LORD_HOWE = "Australia/Lord_Howe"


def _at(minute):
    """A minute number as UTC text; None, which is no boundary, stays None."""
    return (
        minute
        if minute is None
        else datetime.fromtimestamp(minute * 60, timezone.utc).isoformat()[:16]
    )


def _next(live, reached):
    return _at(live.machine.next_boundary(minute_of(reached)))


def _boundaries(live, reached, until="23:15"):
    """Boundaries from a minute that the stream has reached on, each closed as it comes."""
    found, boundary = [], live.machine.next_boundary(minute_of(reached))
    while boundary <= minute_of(until):
        found.append(_at(boundary))
        live.machine.close(boundary)
        boundary = live.machine.next_boundary(boundary)
    return found


def _that_day(*times):
    return [f"2026-03-02T{time}" for time in times]


# A single word at 10:00 of a day of Paris that ends at 23:00 (UTC):
#
#   said       *
#   reached  10:00 | 10:01    10:16    11:00   11:15      23:00   23:15     23:00 of the next day
#                    minute   minute   hour    hour       day     day       and so on: days end
#                    ended    sealed   ended   sealed     ended   sealed    though nobody speaks


def test_a_word_is_followed_by_the_ends_of_its_minute_hour_and_day_and_by_their_sealing():
    live = Live().say(said("10:00", id=1))

    assert _boundaries(live, "10:00", until="2026-03-04T23:15") == [
        *_that_day("10:01", "10:16", "11:00", "11:15", "23:00", "23:15"),
        "2026-03-03T23:00",
        "2026-03-03T23:15",
        "2026-03-04T23:00",
        "2026-03-04T23:15",
    ]


# early     the word is ahead of the stream (another partition lags): its own minute is the next
#
#   reached   9:50 ----------------> 10:01
#   said                      * 10:00


def test_a_word_ahead_of_the_stream_waits_for_the_end_of_its_minute():
    assert _next(Live().say(said("10:00", id=1)), "10:00") == "2026-03-02T10:01"


def test_a_word_hours_ahead_of_the_stream_lets_the_hours_before_it_end():
    """Others may have been heard in them: their figures wait for this shard's word."""
    live = Live().say(said("11:40", id=1))

    assert _next(live, "09:50") == "2026-03-02T10:00"
    assert _next(live, "10:00") == "2026-03-02T11:00"
    assert _next(live, "11:00") == "2026-03-02T11:41"


def test_of_two_words_ahead_of_the_stream_the_earlier_comes_first():
    live = Live().say(said("10:00", id=1), said("09:55", id=2))

    assert _next(live, "09:50") == "2026-03-02T09:56"


# on time    minutes between in which nothing happened are passed over
#
#   said       * 10:00    * 10:07
#   reached                10:07 | 10:08   10:16   10:23   11:00
#                                  ended   sealed  sealed


def test_each_minute_in_which_something_was_said_ends_and_is_sealed():
    live = Live().say(said("10:00", id=1), said("10:07", id=2))

    assert _boundaries(live, "10:07", until="11:00") == _that_day(
        "10:08", "10:16", "10:23", "11:00"
    )


# late       a word of 10:05 comes when the stream is at 10:12
#
#   said              * 10:05  (arrives)
#   reached                        10:12 | 10:21   11:00
#                                          sealed


def test_a_late_word_that_still_counts_is_sealed_when_its_own_minute_is():
    live = Live().close("10:12").say(said("10:05", id=1))

    assert _boundaries(live, "10:12", until="11:00") == _that_day("10:21", "11:00")


def test_a_word_that_comes_too_late_changes_no_boundary():
    live = Live().say(said("10:10", id=1)).close("10:30").say(said("10:05", id=2))

    assert live.outcomes[1] == {"late": 1}
    assert _next(live, "10:30") == "2026-03-02T11:00"


# idle       others may have been heard: the end of the day waits for the word of every shard


def test_a_shard_that_was_told_nothing_yet_not_even_the_time_has_no_boundary():
    for live in (Live(), Live().say()):
        assert _next(live, "10:00") is None


def test_a_shard_that_was_silent_for_good_has_no_boundary():
    live = Live().say(said("10:00", id=1))
    last_told = minute_of("10:00") + SILENT_FOR_GOOD

    assert live.machine.next_boundary(last_told) is not None
    assert live.machine.next_boundary(last_told + 1) is None


def test_an_idle_shard_that_knows_the_time_closes_the_hour_and_the_day_too():
    live = Live().hear(tick_batch(minute_of("10:00")))

    assert _boundaries(live, "10:00") == _that_day(
        "10:01", "10:16", "11:00", "11:15", "23:00", "23:15"
    )


def test_a_shard_that_was_idle_goes_on_when_somebody_speaks():
    live = Live().say(said("10:00", id=1))
    _boundaries(live, "10:00")
    live.say(said("2026-03-03T09:00", id=2))

    assert _next(live, "2026-03-03T09:00") == "2026-03-03T09:01"


# midnight   the hour and the day end together
#
#   Paris      23:59 | 0:00                0:15
#   said         *   | both ended          both sealed


def test_at_midnight_the_hour_and_the_day_end_together():
    live = Live().say(said("22:59", id=1))

    assert _boundaries(live, "22:59") == _that_day("23:00", "23:15")


# Nights in which the clock is moved. The day ends at its own midnight, 23 or 25 hours long; hours
# are sixty minutes, but those half an hour before and after the move of Lord Howe.
#
#   Paris, 29 March       1:59 | 3:00      word at 1:59: hour ends at 1:00 UTC, day at 22:00 UTC
#   Paris, 25 October     2:59 | 2:00      word at the first 2:59: ends at 1:00 UTC and 23:00 UTC
#   Lord Howe, 5 April    1:59 | 1:30      the first hour is whole, and so is the one after it
#   Lord Howe, 4 October  1:59 | 2:30      the hour of 2:30 has half an hour left


@pytest.mark.parametrize(
    ("time_zone", "word", "hour_end", "day_end"),
    [
        ("Europe/Paris", "2026-03-29T00:59", "2026-03-29T01:00", "2026-03-29T22:00"),
        ("Europe/Paris", "2026-03-29T01:00", "2026-03-29T02:00", "2026-03-29T22:00"),
        ("Europe/Paris", "2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T23:00"),
        ("Europe/Paris", "2026-10-25T01:30", "2026-10-25T02:00", "2026-10-25T23:00"),
        ("Asia/Kolkata", "2026-03-02T10:40", "2026-03-02T11:30", "2026-03-02T18:30"),
        (LORD_HOWE, "2026-04-04T14:59", "2026-04-04T15:00", "2026-04-05T13:30"),
        (LORD_HOWE, "2026-04-04T15:00", "2026-04-04T15:30", "2026-04-05T13:30"),
        (LORD_HOWE, "2026-10-03T15:30", "2026-10-03T16:00", "2026-10-04T13:00"),
    ],
)
def test_the_ends_of_hour_and_day_are_those_of_the_property_s_clock(
    time_zone, word, hour_end, day_end
):
    minute_end = minute_of(word) + 1
    ends = {minute_end, minute_of(hour_end), minute_of(day_end)}
    found = _boundaries(
        Live(time_zone).say(said(word, id=1)), word, until=_at(minute_of(day_end) + 15)
    )

    assert found == [_at(minute) for minute in sorted({e + hot for e in ends for hot in (0, 15)})]


@pytest.mark.parametrize(
    ("word", "last_open", "first_sealed"),
    [
        ("2026-03-29T21:59", "2026-03-29T22:14", "2026-03-29T22:15"),
        ("2026-10-25T22:59", "2026-10-25T23:14", "2026-10-25T23:15"),
    ],
)
def test_days_in_which_the_clock_is_moved_are_sealed_a_quarter_of_an_hour_after_their_own_end(
    word, last_open, first_sealed
):
    assert Live().close(last_open).say(said(word, id=1)).outcomes == [{"accepted": 1}]
    assert Live().close(first_sealed).say(said(word, id=1)).outcomes == [{"late": 1}]


# A live that overruns its hour: it was to end at 11:00.
#
#               10:58 10:59 | 11:00 … 11:07 | 11:08    11:14 11:15 … 11:23   12:00 12:15
#   said          *     *   |   *   …   *   | ended    sealed, minute by     hour of 11:00
#                                             minute, across the hour


def test_a_live_that_overruns_its_hour_is_closed_minute_by_minute_and_in_both_hours():
    live = Live()
    for number in range(10):
        minute = _at(minute_of("10:58") + number)
        live.close(minute).say(said(minute, id=number + 1))
    boundaries = _boundaries(live, "11:07")

    assert boundaries == [
        *_that_day("11:08", *(f"11:{minute}" for minute in range(14, 24))),
        *_that_day("12:00", "12:15", "23:00", "23:15"),
    ]
    assert [live.total("viewers", window=w) for w in ("hour", "day")] == [[1, 1], 1]
    assert live.total("viewers", window="minute") == [1] * 10


_WORDS = st.lists(st.integers(0, 300), min_size=1, max_size=6)


@examples(8)
@given(_WORDS, st.integers(0, 30))
def test_closing_at_boundaries_only_seals_all_that_closing_every_minute_seals(minutes, ahead):
    first = minute_of("20:00")
    words = numbered(said(_at(first + m), signal="click") for m in sorted(minutes))
    by_boundary, by_minute = Live().say(*words), Live().say(*words)
    start = _at(first + min(minutes) - ahead)
    *_, last = _boundaries(by_boundary, start, until="2026-03-03T23:15")
    for minute in range(minute_of(start), minute_of(last) + 1):
        by_minute.machine.close(minute)

    memories = [
        {kind_of(b): b.to_pylist() for b in live.machine.memory() if kind_of(b) != "ids"}
        for live in (by_boundary, by_minute)
    ]
    assert memories[0] == memories[1]


def test_a_machine_that_was_recalled_has_the_boundaries_of_the_one_that_lived_on():
    live = Live().say(said("10:00", id=1)).close("10:05").say(said("10:04", id=2))
    learnt = recall(live.machine.rules, live.machine.learnt())
    merged = recall(live.machine.rules, live.machine.memory())
    for reached in ("10:05", "10:19", "10:20", "11:00", "11:15", "23:00", "23:15"):
        expected = live.machine.next_boundary(minute_of(reached))
        for woken in (learnt, merged):
            assert woken.next_boundary(minute_of(reached)) == expected


def test_ids_that_closing_has_forgotten_are_not_learnt_and_whoever_is_recalled_goes_on_alike():
    """Of a stream that catches up most of a beat's events are closed with that beat."""
    live = Live().say(said("10:00", id=1), said("11:00", "ben", id=2)).close("11:10")
    learnt = live.machine.learnt()
    (ids,) = [fragment for fragment in learnt if kind_of(fragment) == "ids"]
    woken = recall(live.machine.rules, learnt)

    assert ids["minute"].to_pylist() == [minute_of("11:00")]
    assert woken.state.remembered["minute"].tolist() == [minute_of("11:00")]
    for machine in (live.machine, woken):
        machine.add(observations([said("10:00", id=1), said("11:00", "ben", id=2)]))
        outcomes = machine.emit().outcomes
        assert sorted(outcome for *_, outcome in outcomes) == ["duplicate", "late"]


def test_a_machine_all_of_whose_ids_are_forgotten_is_recalled_with_the_last_minute_heard_of():
    live = Live().say(said("10:00", id=1)).close("12:00")
    learnt = live.machine.learnt()
    woken = recall(live.machine.rules, learnt)

    assert [kind_of(fragment) for fragment in learnt].count("ids") == 0
    assert woken.state.last_minute == live.machine.state.last_minute == minute_of("10:00")
    assert woken.next_boundary(minute_of("12:00")) == live.machine.next_boundary(minute_of("12:00"))
