"""Lag: families publish when what the shards emitted at a beat is there."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from apache_beam.utils.timestamp import Timestamp

from schemas.coder import Packed
from tests.transforms.keyed_state import Bag, Timer
from tests.transforms.observations import PARIS, TEXTS, attend, observations, said
from transforms import accumulate_families, keyed_machine
from transforms.accumulate_families import _AccumulateKeyed
from transforms.keyed_machine import beat_after
from transforms.lag import FIRST, Lag
from transforms.observe import label_batch
from transforms.partials import split_by_family
from transforms.progress import sent_by
from transforms.rules import PublishRules

EVERY = 5.0


def _after(*rounds):
    """A lag that has heard of beats at 100, 105, 110 … so many seconds after each."""
    lag = Lag(EVERY)
    for number, seconds in enumerate(rounds):
        for second in seconds:
            lag.came(100.0 + EVERY * number + second)
    return lag


def test_while_nothing_is_known_two_fifths_of_the_cadence_are_waited():
    assert Lag(EVERY).seconds == FIRST * EVERY == 2.0


def test_what_comes_soon_is_published_sooner_from_beat_to_beat():
    waited = [_after(*[(0.3, 0.6)] * rounds).seconds for rounds in (1, 2, 3, 5)]

    assert waited == pytest.approx([2.0, 1.8, 1.62, 1.3122])


def test_in_the_end_a_tenth_of_a_second_is_waited_after_the_last():
    assert _after(*[(0.3, 0.6)] * 30).seconds == pytest.approx(0.7)


def test_what_comes_later_than_was_waited_is_waited_for_at_once():
    assert _after((0.3, 2.6)).seconds == pytest.approx(2.7)
    assert _after(*[(0.3, 0.6)] * 30, (1.4,)).seconds == pytest.approx(1.5)


def test_what_came_late_is_published_in_the_same_round_and_not_a_cadence_later():
    lag = _after(*[(0.3, 0.6)] * 30)
    late = 100.0 + EVERY * 30 + 1.4
    lag.came(late)

    assert beat_after(late, EVERY, lag.seconds) == pytest.approx(late + 0.1)


def test_what_comes_alike_at_each_beat_is_published_once_a_beat():
    lag = _after(*[(0.3, 0.6)] * 30)
    before = lag.seconds
    lag.came(100.0 + EVERY * 30 + 0.6)

    assert lag.seconds == before


def test_what_comes_shortly_before_the_next_beat_is_of_no_beat():
    assert _after((4.5,), (4.5,), (4.5,)).seconds == 2.0


def test_a_beat_of_which_nothing_comes_tells_nothing():
    assert _after((0.6,), (), (), (0.6,)).seconds == _after((0.6,), (0.6,)).seconds


def test_without_a_cadence_there_is_no_lag():
    lag = Lag(0.0)
    lag.came(100.0)

    assert lag.seconds == 0.0


def test_a_family_waits_for_deltas_that_come_late_and_learns_nothing_of_labels(monkeypatch):
    clock = SimpleNamespace(time=lambda: 102.6)
    monkeypatch.setattr(accumulate_families, "time", clock)
    monkeypatch.setattr(keyed_machine, "time", clock)
    family, publish = _AccumulateKeyed(PublishRules(PARIS, ("app",)), EVERY), Timer()
    family.setup()
    ((_, delta), *_) = split_by_family(attend(observations([said("10:00", id=1)])), 1)

    family.process((0, Packed.pack(label_batch(TEXTS))), Bag(), publish)
    assert publish.set_for[""] == Timestamp(seconds=107)
    family.process((0, Packed.pack(sent_by(delta, shard=0, sequence=1))), Bag(), publish)
    assert float(publish.set_for[""]) == pytest.approx(102.7)
