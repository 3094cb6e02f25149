"""Sealed days: what of a stream's day rolls up is told once, whole, as a bounded run tells it."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.day_partial import DAY_PARTIAL_KEY
from tests.laws import examples
from tests.transforms.live import minute_of
from tests.transforms.observations import (
    PARIS,
    Said,
    numbered,
    observations,
    said,
)
from tests.transforms.stream import Stream
from transforms import keyed_shard
from transforms.attend import Attend
from transforms.calendar import NEVER
from transforms.fragments import kind_of
from transforms.frame import rows_of
from transforms.rules import AttendRules
from transforms.sealed_days import SealedDays, last_sealed_day
from transforms.statistics.theta import people_in


def _key(row):
    return (row["local_day"], *(row[name] or "" for name in DAY_PARTIAL_KEY))


def _ordered(rows):
    return sorted(rows, key=_key)


def _people(rows, day="2026-03-02", **of):
    """The distinct people of a total of a day; None where it has no row."""
    wanted = {"grouping_set": "total", "traffic": "valid", "item": None} | of
    found = [
        people_in(row["people"]).value
        for row in rows
        if row["local_day"] == date.fromisoformat(day)
        and wanted.items() <= {name: row[name] for name in wanted}.items()
    ]
    assert len(found) < 2
    return found[0] if found else None


def _two():
    """Ana and Cléo, who are people of two shards."""
    stream = Stream().hear(*numbered([said("10:00", "ana"), said("11:00", "cléo", "like")]))
    assert all(rows_of(shard.machine.state.remembered) for shard in stream.shards)
    return stream


# One day of two shards, which end at 23:00 and are sealed a quarter of an hour later:
#
#   reached       22:59     23:00          23:14    23:15        0:15 of the next day
#   one shard       |    the day ends        |     sealed: its sketches, its mark
#   both                                           the rows      forgotten


def test_a_day_is_told_when_it_is_sealed_in_all_shards_and_not_before():
    stream = _two()

    assert stream.reach("23:14").beat() == []
    assert stream.reach("23:15", 0).beat() == []
    assert _people(stream.reach("23:15", 1).beat()) == 2
    assert stream.reach("2026-03-03T12:00").beat() == []
    assert _ordered(stream.told) == _ordered(stream.bounded())


def test_a_mark_that_overtook_its_sketches_is_not_believed():
    stream = _two().reach("23:15")
    coming = [[each for each in some if kind_of(each) == "sketch"] for some in stream.coming]
    stream.coming = [[e for e in some if kind_of(e) != "sketch"] for some in stream.coming]
    assert all(any(some) for some in (*coming, *stream.coming))

    assert stream.beat() == []
    stream.coming = coming
    assert _people(stream.beat()) == 2


def test_a_shard_that_heard_nothing_says_that_its_day_is_sealed():
    stream = Stream(shards=3).hear(said("10:00", id=1))

    assert _people(stream.reach("23:15").beat()) == 1


def test_who_comes_before_the_horizon_ends_is_in_it_and_who_comes_after_is_late():
    stream = _two().reach("23:14")
    stream.hear(said("22:59:59", "ben", id=8)).reach("23:15").hear(said("22:59", "dan", id=9))

    assert _people(stream.beat()) == 3
    assert [row.id for row in stream.in_time] == [1, 2, 8]


def test_who_takes_back_all_they_did_is_not_in_it():
    stream = _two().hear(said("12:00", "dan", "comment", fact=7, id=8))
    stream.hear(said("12:01", "dan", "comment", fact=7, revision=1, retract=True, id=9))

    assert _people(stream.reach("23:15").beat()) == 2


def test_what_is_taken_back_after_the_day_was_sealed_stays():
    stream = Stream().hear(said("12:00", "dan", "comment", fact=7, id=8)).reach("23:15")
    stream.beat()
    stream.hear(said("12:01", "dan", "comment", fact=7, revision=1, retract=True, id=9))

    assert stream.reach("2026-03-03T00:30").beat() == []
    assert _people(stream.told) == 1


def test_a_stream_that_jumps_over_days_tells_each():
    stream = _two().hear(said("2026-03-04T10:00", "ana", id=9)).reach("2026-03-07T10:00")
    told = stream.beat()

    assert [_people(told, f"2026-03-0{day}") for day in (2, 3, 4, 5)] == [2, None, 1, None]


def test_the_day_in_which_a_stream_stops_has_no_row():
    stream = _two().reach("23:15").hear(said("2026-03-03T10:00", id=9)).reach("2026-03-03T22:59")
    stream.beat()

    assert {row["local_day"] for row in stream.told} == {date(2026, 3, 2)}


def test_a_day_that_began_before_a_stream_knew_it_whole_has_no_row():
    stream = Stream(since_minute=minute_of("00:00"))
    stream.hear(said("10:00", id=1), said("2026-03-03T10:00", id=2)).reach("2026-03-04T00:00")
    stream.beat()

    assert {row["local_day"] for row in stream.told} == {date(2026, 3, 3)}


def test_a_row_has_the_epoch_of_its_job():
    stream = Stream(epoch=4).hear(said("10:00", id=1)).reach("23:15")

    assert {row["epoch"] for row in stream.beat()} == {4}


def test_a_day_waits_for_its_texts_and_is_not_forgotten():
    stream = Stream(named=False).hear(*numbered([said("10:00", "ana"), said("11:00", "ben")]))
    stream.reach("2026-03-03T12:00").beat()
    # The text of the channel is known: it is registered.
    assert {row["grouping_set"] for row in stream.told} == {"total", "channel"}

    stream.crash(merged=True)
    stream.name()
    stream.beat()
    assert _people(stream.told, grouping_set="content", content_id="live") == 2


@pytest.mark.parametrize("merged", [False, True])
def test_a_recalled_family_says_the_same_bytes_again_while_it_knows_the_day(merged):
    stream = _two().reach("23:15")
    first = stream.beat()
    stream.crash(merged)
    assert _ordered(stream.beat()) == _ordered(first)

    stream.reach("2026-03-03T00:15").beat()
    stream.crash(merged)
    assert stream.beat() == []


def test_a_recalled_shard_gives_its_sketches_once():
    stream = _two().reach("23:15", 0)
    stream.crash()
    stream.reach("23:16", 0)

    given = [batch for batch in stream.coming[0] if kind_of(batch) == "sketch"]
    assert len(given) == 1


def test_a_day_whose_last_hour_is_short_is_given_once():
    """At 23:30 of 4 May 2018 the clock of Pyongyang went on to midnight: the hour folds later."""
    machine = Attend(AttendRules("Asia/Pyongyang", 0))
    machine.add(observations([said("2018-05-04T14:40", id=1)], "Asia/Pyongyang"))
    machine.emit()
    closings = ("2018-05-04T14:59", "2018-05-04T15:00", "2018-05-04T15:10", "2018-05-04T15:30")

    assert [len(machine.close(minute_of(at))) for at in closings] == [0, 1, 0, 0]


def test_sketches_leave_shards_when_given_and_families_with_the_totals_of_their_day():
    stream = _two().reach("23:15")
    assert [shard.machine.sketches().num_rows for shard in stream.shards] == [0, 0]
    stream.beat()
    assert all(family.state.days.sketches for family in stream.families)

    stream.reach("2026-03-03T00:15").beat()
    assert [family.state.days.sketches for family in stream.families] == [[], [], []]
    assert [family.state.totals.num_rows for family in stream.families] == [0, 0, 0]


def test_a_memory_has_the_sketch_of_a_place_once_however_many_shards_gave_of_it():
    stream = Stream(shards=3)
    names = ("ana", "ben", "cléo", "dan")
    stream.hear(*numbered(said("10:00", name) for name in names)).reach("23:15").beat()
    days = stream.families[0].state.days
    given = [each["people"].to_pylist() for each in days.sketches]
    assert len(given) > 1

    recalled = SealedDays.recall(days.memory())
    (sketches,) = recalled.sketches
    assert sketches.num_rows == max(map(len, given))
    assert {people_in(text).value for text in sketches["people"].to_pylist()} == {4}
    assert recalled.told == days.told


def test_many_sketches_cross_in_several_elements(monkeypatch):
    monkeypatch.setattr(keyed_shard, "SKETCHES_AN_ELEMENT", 1)
    stream = _two().reach("23:15")

    assert [kind_of(batch) for batch in stream.coming[0]].count("sketch") == 4
    stream.beat()
    assert _ordered(stream.told) == _ordered(stream.bounded())


@pytest.mark.parametrize(
    ("closed", "day"),
    [
        # The day of 23 hours, the day of 25.
        ("2026-03-29T21:59", date(2026, 3, 28)),
        ("2026-03-29T22:00", date(2026, 3, 29)),
        ("2026-10-25T22:59", date(2026, 10, 24)),
        ("2026-10-25T23:00", date(2026, 10, 25)),
    ],
)
def test_a_day_is_sealed_when_the_clock_of_the_property_says_so(closed, day):
    assert last_sealed_day(minute_of(closed), PARIS) == (day - date(1970, 1, 1)).days


def test_of_silence_no_day_is_sealed():
    assert last_sealed_day(NEVER, PARIS) == NEVER


# The law: a stream, in any order, cut anywhere, recalled at any time, tells of the days that are
# sealed what a bounded run of the same observations tells, in the same bytes, and each row once.

_NIGHTS = {
    "a day of 23 hours": (datetime(2026, 3, 28, 21, tzinfo=timezone.utc), PARIS),
    "a day of 25 hours": (datetime(2026, 10, 24, 20, tzinfo=timezone.utc), PARIS),
    "a day of 23 and a half": (
        datetime(2026, 10, 3, 12, tzinfo=timezone.utc),
        "Australia/Lord_Howe",
    ),
}
_MINUTES = (0, 5, 59, 60, 119, 120, 121, 179, 180, 600, 1439, 1500, 1620, 2000, 2900)
_ACTORS = ("ana", "ben", "cléo", "dan")


@st.composite
def _words(draw):
    """(minutes from the first, minutes on the way, and the rest of a row) in order of arrival."""
    words = []
    for _ in range(draw(st.integers(1, 9))):
        actor = draw(st.sampled_from(_ACTORS))
        fact = draw(st.sampled_from((0, 0, 1, 2)))
        signal = draw(st.sampled_from(("view", "like", "heartbeat", "rate:csat", "send")))
        rest = {
            "actor": actor,
            "signal": "comment" if fact else signal,
            # A person's facts are theirs: a change of another's is echoed, which is not told here.
            "fact": fact and 10 * (1 + _ACTORS.index(actor)) + fact,
            "revision": draw(st.integers(0, 3)) if fact else 0,
            "retract": bool(fact) and draw(st.booleans()),
            "channel": draw(st.sampled_from(("app", "site"))),
            "content": draw(st.sampled_from(("live", "film", ""))),
            "valid": draw(st.booleans()),
            "period": 20_000 if signal == "heartbeat" and not fact else 0,
        }
        words.append((draw(st.sampled_from(_MINUTES)), draw(st.sampled_from((0, 0, 10, 40))), rest))
    return sorted(words, key=lambda word: word[0] + word[1])


@pytest.mark.parametrize("recalled", [False, True])
@pytest.mark.parametrize(("first", "time_zone"), _NIGHTS.values(), ids=_NIGHTS)
@examples(6)
@given(
    words=_words(), shards=st.integers(1, 3), hot=st.sampled_from((0, 15)), seed=st.integers(0, 99)
)
def test_a_stream_tells_of_sealed_days_what_a_bounded_run_tells(
    first, time_zone, recalled, words, shards, hot, seed
):
    chance = random.Random(seed)
    # Of a fact sealed longer ago than that, a stream takes a change for a fact of its own.
    stream = Stream(shards, time_zone, hot, fact_minutes=max(_MINUTES))
    rows = numbered(Said(first + timedelta(minutes=at), **rest) for at, _, rest in words)
    for row, (_, way, _) in zip(rows, words):
        stream.hear(row)
        come = row.micros // 60_000_000 + way
        stream.reach(come, *chance.sample(range(shards), chance.randint(1, shards)))
        if recalled:
            stream.crash(merged=chance.random() < 0.3)
        stream.beat(chance)
    for minutes in chance.sample(range(4_000), 2):
        stream.reach(int(first.timestamp()) // 60 + minutes)
        stream.beat(chance)
    stream.beat()

    sealed = last_sealed_day(min(s.machine.state.closed_through for s in stream.shards), time_zone)
    expected = [
        row for row in stream.bounded() if (row["local_day"] - date(1970, 1, 1)).days <= sealed
    ]
    distinct = {repr(row): row for row in stream.told}.values()
    assert _ordered(distinct) == _ordered(expected)
    assert recalled or len(stream.told) == len(expected)
