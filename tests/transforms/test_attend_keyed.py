"""AttendKeyed: how often a shard of a stream that catches up closes; its clock in the test's hand."""

from __future__ import annotations

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


def test_what_was_postponed_before_a_crash_is_closed_after_it(key):
    key.hear(said("10:00", id=1))
    key.reach("10:01")
    key.reach("10:05")
    key.begin()

    assert key.beat() == [minute_of("10:05")]


def test_a_shard_that_catches_up_emits_each_second_beat_and_one_that_has_each_beat(key):
    key.hear(said("10:00", id=1))
    assert key.emitting.set_for[""] == Timestamp(seconds=1_002.5)
    key.reach("10:01")
    key.now += BEAT
    key.reach("10:03")
    key.hear(said("10:03", id=2))
    assert key.emitting.set_for[""] == Timestamp(seconds=1_005)

    key.now = 1_130.0
    key.reach("10:04")
    key.hear(said("10:04", id=3))
    assert key.emitting.set_for[""] == Timestamp(seconds=1_132.5)


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
