"""A restored shard closes nothing before the stream is as far as the life before may have been."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from apache_beam.utils.timestamp import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.keyed_attend import Key
from tests.transforms.live import minute_of
from tests.transforms.observations import id_bytes, said
from transforms.keyed_shard import MOST_HELD


@pytest.fixture
def key(monkeypatch):
    """A shard that closed 10:01, and a worker that begins with what it remembers at 10:30:20."""
    key = Key(monkeypatch)
    key.now = minute_of("10:01") * 60.0
    key.hear(said("10:00", id=1))
    assert key.reach("10:01") == [minute_of("10:01")]
    key.now = minute_of("10:30") * 60 + 20.0
    key.restore(key.checkpoint())
    return key


def test_a_restored_shard_closes_when_the_stream_has_come_to_the_minute_of_its_restoring(key):
    key.hear(said("10:02", id=2))

    assert [key.reach(at) for at in ("10:03", "10:17", "10:30")] == [[], [], []]
    assert key.reach("10:31") == [minute_of("10:31")]


@pytest.mark.parametrize("beats", [True, False])
def test_until_it_closes_a_fact_comes_before_what_takes_it_back_with_beat_or_without(key, beats):
    like = said("10:29", "ben", "like", id=2, fact=7, revision=1)
    key.hear(like, replace(like, id=3, revision=2, retract=True), arrived=minute_of("10:30"))
    if beats:
        key.beat()
    key.reach("10:31")
    told = [batch.column("viewers").to_pylist() for batch in key.deltas]

    assert any(people < 0 for column in told for people in column)


def test_from_then_on_it_closes_each_minute(key):
    key.hear(said("10:02", id=2))
    key.reach("10:31")
    key.now += 60

    assert key.reach("10:32") == [minute_of("10:32")]


def test_its_timer_is_set_for_the_minute_in_which_it_may_close(key):
    key.hear(said("10:02", id=2))
    key.reach("10:03")

    assert key.closing.set_for["next"] == Timestamp(seconds=minute_of("10:31") * 60)


def test_while_it_closes_nothing_its_figures_go_on(key):
    key.hear(said("10:02", id=2))
    key.reach("10:17")
    key.beat()
    key.hear(said("10:01", id=3), arrived=minute_of("10:17"))
    key.beat()

    assert key.late == []
    assert key.pending.read() == []


def test_what_was_put_off_before_the_end_of_a_life_is_put_off_further(monkeypatch):
    key = Key(monkeypatch)
    key.now = minute_of("10:01") * 60.0
    key.hear(said("10:00", id=1))
    key.reach("10:01")
    assert key.reach("10:05") == []
    key.now += 600
    key.restore(key.checkpoint())

    assert key.beat() == []
    assert key.closing.set_for["next"] == Timestamp(seconds=minute_of("10:12") * 60)
    key.now += 60
    assert key.reach("10:12") == [minute_of("10:12")]


def test_of_a_stream_far_behind_the_clock_an_hour_is_held_at_most(key):
    key.now += 86_400
    key.restore(key.checkpoint())
    key.hear(said("10:02", id=2))

    assert [key.reach(at) for at in ("10:03", "11:02")] == [[], []]
    assert key.reach(minute_of("10:03") + MOST_HELD) == [minute_of("11:03")]


def test_a_stream_that_ends_closes_at_once(key):
    assert key.reach("23:59") == [minute_of("23:59")]


def test_a_shard_that_is_new_closes_as_the_stream_comes(monkeypatch):
    key = Key(monkeypatch)
    key.now = minute_of("10:30") * 60.0
    key.hear(said("10:00", id=1))

    assert key.reach("10:01") == [minute_of("10:01")]


def test_a_shard_that_lives_on_closes_as_the_stream_comes(key):
    key.hear(said("10:02", id=2))
    key.reach("10:31")
    key.now += 3_600

    assert key.reach("10:33") == [minute_of("10:33")]


def test_a_shard_whose_worker_lives_and_whose_state_is_of_before_is_restored_too(monkeypatch):
    key = Key(monkeypatch)
    key.now = minute_of("10:01") * 60.0
    key.hear(said("10:00", id=1))
    key.reach("10:01")
    checkpoint = key.checkpoint()
    key.hear(said("10:01", id=2))
    key.beat()
    key.now = minute_of("10:30") * 60 + 20.0
    key.undo(checkpoint)
    key.hear(said("10:01", id=2))

    assert key.reach("10:30") == []
    assert key.reach("10:31") == [minute_of("10:31")]


def test_a_shard_that_another_worker_had_meanwhile_has_lost_nothing(monkeypatch):
    """A runner may give a key to any worker that lives, as often as it likes: what it had to wait
    for at each time would never come."""
    key = Key(monkeypatch)
    key.now = minute_of("10:00") * 60.0
    key.begin()
    one = key.step
    key.begin()
    other = key.step
    closed = []
    for minute in range(1, 5):
        key.step = one if minute % 2 else other
        key.now += 60
        key.hear(said(f"10:0{minute - 1}", id=minute))
        closed += key.reach(f"10:0{minute}")

    assert closed == [minute_of(f"10:0{minute}") for minute in range(1, 5)]


@given(
    ages=st.lists(st.sampled_from((0, *range(15, 22))), min_size=1, max_size=40),
    remembered=st.integers(1, 40),
    seed=st.integers(0, 999),
)
def test_what_a_life_had_in_time_after_its_checkpoint_the_next_has_in_time(ages, remembered, seed):
    """Events arrive minute by minute, each of some minutes ago; lives beat and close differently.

    Else a figure that was told of such an event would stand, for the next life knows nothing of it.
    """
    chance, begin = random.Random(seed), minute_of("12:00")
    events = [(begin + n, n + 1, age) for n, age in enumerate(ages)]
    ids = {id_bytes(said("12:00", id=number)) for _, number, _ in events}
    with pytest.MonkeyPatch.context() as monkeypatch:
        key = Key(monkeypatch)
        _live(key, chance, events[:remembered])
        key.beat()
        checkpoint, before = key.checkpoint(), set(key.late)
        _live(key, chance, events[remembered:])
        key.beat()
        in_time = ids - set(key.late)
        key.late = list(before)
        key.now += chance.randint(0, 100)
        key.restore(checkpoint)
        _live(key, chance, events[remembered:])
        key.beat()

    assert in_time <= ids - set(key.late)


def _live(key, chance, events):
    """A stream as a runner brings it: its watermark is never beyond what has arrived."""
    often = chance.choice((0.1, 0.5, 0.9))
    for arrived, number, age in events:
        key.now = max(key.now + 1, arrived * 60.0)
        if chance.random() < often:
            key.reach(arrived - 1)
        key.hear(_said(number, arrived - age), arrived=arrived)
        if chance.random() < often:
            key.beat()


def _said(number, minute):
    hour, of_hour = divmod(minute - minute_of("00:00"), 60)
    return said(f"{hour:02}:{of_hour:02}", id=number)
