"""AttendKeyed: how often a shard of a stream that catches up closes; its clock in the test's hand."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from apache_beam.utils.timestamp import Timestamp

from tests.transforms.keyed_attend import BEAT, Key
from tests.transforms.live import minute_of
from tests.transforms.observations import said


@pytest.fixture
def key(monkeypatch):
    return Key(monkeypatch)


def test_a_shard_closes_when_the_stream_has_reached_a_minute(key):
    key.hear(said("10:00", id=1))

    assert key.reach("10:01") == [minute_of("10:01")]


def test_a_shard_that_closed_just_now_closes_again_with_the_next_beat_and_only_once(key):
    key.hear(said("10:00", id=1))
    key.reach("10:01")
    key.now += 0.1

    assert key.reach("10:02") == []
    assert key.reach("10:07") == []
    assert key.emitting.set_for
    key.now += BEAT
    assert key.beat() == [minute_of("10:07")]
    assert key.beat() == []


def test_a_minute_that_ends_less_than_a_beat_after_an_emission_closes_with_the_next_beat(key):
    key.hear(said("10:00", id=1))
    assert key.beat() == []
    key.now += BEAT - 0.1

    assert key.reach("10:01") == []
    assert key.emitting.set_for[""] == Timestamp(seconds=1_002.5)
    key.now += 0.1
    assert key.beat() == [minute_of("10:01")]


def test_after_a_beat_the_next_minute_closes_at_once(key):
    key.hear(said("10:00", id=1))
    key.reach("10:01")
    key.now += BEAT

    assert key.reach("10:16") == [minute_of("10:16")]


def test_a_shard_that_closed_with_a_beat_is_armed_for_what_follows(key):
    key.hear(said("10:00", id=1), said("10:20", id=2))
    key.reach("10:01")
    key.now += 0.1
    key.reach("10:02")
    key.beat()

    assert key.closing.set_for["next"] == Timestamp(seconds=minute_of("10:16") * 60)


@pytest.mark.parametrize("speed", [1, 11, 60])
def test_a_shard_closes_half_at_least_of_what_its_stream_came_on_between_two_beats(key, speed):
    """`speed`: minutes of stream in half a beat. A stream that catches up closes each second beat."""
    told, behind = [minute_of("10:00")], []
    for half_beat in range(120):
        minute = minute_of("10:00") + half_beat * speed
        key.hear(said(iso_of(minute), id=half_beat))
        key.now += BEAT / 2
        told += _pass(key, minute)
        if key.emitting.set_for[""] <= Timestamp(seconds=key.now):
            told += key.beat()
        behind.append((minute - told[-1]) / speed)

    assert max(behind) <= 5


def iso_of(minute):
    return datetime.fromtimestamp(minute * 60, timezone.utc).isoformat()[:19]


def _pass(key, minute):
    """The stream reaches a minute: timers that are due fire in their order, once each."""
    timers, told = key.closing.set_for, []
    while due := [(at, tag) for tag, at in timers.items() if at <= Timestamp(seconds=minute * 60)]:
        at, tag = min(due)
        del timers[tag]
        told += key.reach(int(at.micros // 60_000_000))
    return told


def test_what_was_postponed_before_a_crash_is_closed_after_it(key):
    key.hear(said("10:00", id=1))
    key.reach("10:01")
    key.reach("10:05")
    key.begin()

    assert key.beat() == [minute_of("10:05")]


PACES = [
    # came through, in ten seconds; the next emission is due at the multiple of
    ("10:00", BEAT),
    ("10:01", BEAT),  # a new minute, which may be the next second
    ("10:02", BEAT),  # a minute at least, 6 seconds in one
    ("10:03", 2 * BEAT),
    ("17:59", 2 * BEAT),
    ("18:00", BEAT),  # no pace: the first word after a silence
]


LATER = minute_of("19:00") * 60.0


@pytest.mark.parametrize(("heard", "every"), PACES)
def test_a_shard_that_catches_up_emits_each_second_beat(key, heard, every):
    _catch_up(key, heard)

    key.hear(said(heard, id=3))
    assert key.emitting.set_for[""] == Timestamp(seconds=LATER + every)


def test_a_shard_that_has_caught_up_emits_with_each_beat(key):
    _catch_up(key, "10:12")
    key.now += 60
    key.hear(said("10:13", id=3))
    key.beat()

    key.hear(said("10:13", id=4))
    assert key.emitting.set_for[""] == Timestamp(seconds=LATER + 60 + BEAT)


JUST_NOW = [
    # arrived so many seconds ago; the next emission is due at the multiple of
    (2 * BEAT - 0.1, BEAT),
    (2 * BEAT + 0.1, 2 * BEAT),
]


@pytest.mark.parametrize(("ago", "every"), JUST_NOW)
def test_what_arrived_just_now_is_emitted_with_the_next_beat_however_fast_the_stream_came(
    key, ago, every
):
    _catch_up(key, "10:12")

    key.hear(said("10:12", id=3), arrived=(LATER - ago) / 60)
    assert key.emitting.set_for[""] == Timestamp(seconds=LATER + every)


def _catch_up(key, heard):
    """Ten o'clock is emitted, and ten seconds later, at LATER, what is heard."""
    key.now = LATER - 10
    key.hear(said("10:00", id=1))
    key.beat()
    key.now = LATER
    key.hear(said(heard, id=2))
    key.beat()


def test_a_stream_at_its_own_pace_is_not_hurried_by_the_minute_that_begins_between_emissions(key):
    key.now += BEAT
    key.hear(said("10:00:59", id=1))
    key.beat()
    key.now += BEAT
    key.hear(said("10:01:01", id=2))
    key.beat()

    assert key.reach("10:01") == []
    assert key.emitting.set_for[""] == Timestamp(seconds=1_007.5)
    key.hear(said("10:01:02", id=3))
    key.now += BEAT
    assert key.beat() == [minute_of("10:01")]


def test_a_stream_that_ends_waits_for_no_beat(key):
    key.hear(said("10:00", id=1))
    key.reach("10:01")
    key.reach("10:02")

    assert key.reach("18:02") == [minute_of("18:02")]
    assert key.postponed.read() is None


def test_without_a_beat_each_minute_closes_at_once(monkeypatch):
    key = Key(monkeypatch, every=0)
    key.hear(said("10:00", id=1))

    assert [key.reach(at) for at in ("10:01", "10:02")] == [
        [minute_of("10:01")],
        [minute_of("10:02")],
    ]
