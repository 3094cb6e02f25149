"""When a message of Pub/Sub is acknowledged: once it is in a completed checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.pubsub.acknowledgements import Acknowledgements, Delivery
from tests.pipelines.deliveries import delivery, ids


def test_what_a_call_emits_is_acknowledged_by_the_word_on_a_call_that_began_after_its_own():
    held = Acknowledgements()
    first = held.begin()
    held.add(delivery("a", "b"))

    assert ids(held.final(first)) == []

    second = held.begin()
    held.add(delivery("c"))

    assert ids(held.final(second)) == ["a", "b"]
    assert held.outstanding == 1


def test_a_call_that_had_begun_before_the_word_on_another_proves_nothing_about_it():
    """Both may have ended between the snapshot and the word."""
    held = Acknowledgements()
    first = held.begin()
    held.add(delivery("a"))
    second = held.begin()
    held.add(delivery("b"))

    assert ids(held.final(first)) == []
    assert ids(held.final(second)) == []
    third = held.begin()
    assert ids(held.final(third)) == ["a", "b"]


def test_a_word_that_never_comes_is_made_good_by_the_words_on_later_calls():
    held = Acknowledgements()
    held.begin()
    held.add(delivery("a"))
    second = held.begin()
    assert ids(held.final(second)) == []
    third = held.begin()
    assert ids(held.final(third)) == ["a"]


def test_a_word_said_twice_or_about_no_known_call_acknowledges_nothing():
    held = Acknowledgements()
    first = held.begin()
    held.add(delivery("a"))

    assert [ids(held.final(first)), ids(held.final(first)), ids(held.final(0))] == [[], [], []]
    assert held.outstanding == 1


def test_the_oldest_is_of_what_is_not_yet_acknowledged():
    held = Acknowledgements()
    first = held.begin()
    held.add(delivery("a", oldest=100))
    held.final(first)
    second = held.begin()
    held.add(delivery("b", oldest=300))
    held.add(delivery("c", oldest=None))

    assert held.oldest() == 100
    held.final(second)
    assert held.oldest() == 300


def test_what_has_only_unbelievable_publish_times_has_no_oldest():
    held = Acknowledgements()
    held.begin()
    held.add(delivery("a", oldest=None))

    assert (held.oldest(), held.outstanding) == (None, 1)


@dataclass
class Runner:
    """A runner with one checkpoint at a time, its broker, and one crash after another."""

    broker: set[int] = field(default_factory=set)
    state: set[int] = field(default_factory=set)
    completed: set[int] = field(default_factory=set)
    snapshot: set[int] | None = None
    acknowledged: set[int] = field(default_factory=set)
    held: Acknowledgements = field(default_factory=Acknowledgements)
    call: int | None = None
    emitted: set[int] = field(default_factory=set)
    ended: list[int] = field(default_factory=list)
    published: int = 0

    def step(self, name: str) -> None:
        getattr(self, name)()
        assert self.acknowledged <= self.completed, "a crash now would lose a message"

    def begin(self) -> None:
        if self.call is None:
            self.call, self.emitted = self.held.begin(), set()

    def emit(self) -> None:
        if self.call is not None:
            self.published += 1
            self.emitted.add(self.published)
            self.held.add(delivery(str(self.published)))

    def end(self) -> None:
        if self.call is not None:
            self.state |= self.emitted
            self.ended.append(self.call)
            self.call = None

    def take_snapshot(self) -> None:
        if self.call is None and self.snapshot is None:
            self.snapshot = set(self.state)

    def complete(self) -> None:
        """The word on every call that has ended, also after the snapshot."""
        if self.snapshot is not None:
            self.completed, self.snapshot = self.snapshot, None
            for call in self.ended:
                self.acknowledged |= {int(one) for one in ids(self.held.final(call))}
            self.ended = []

    def lose_words(self) -> None:
        """The checkpoint completes, and nobody hears of it."""
        if self.snapshot is not None:
            self.completed, self.snapshot, self.ended = self.snapshot, None, []

    def abort(self) -> None:
        self.snapshot = None

    def crash(self) -> None:
        self.state, self.snapshot, self.call, self.ended = set(self.completed), None, None, []
        self.held = Acknowledgements()


STEPS = ["begin", "emit", "end", "take_snapshot", "complete", "lose_words", "abort", "crash"]


@given(st.lists(st.sampled_from(STEPS), max_size=80))
def test_whatever_is_acknowledged_is_in_a_completed_checkpoint_at_every_moment(steps):
    runner = Runner()
    for name in steps:
        runner.step(name)


@given(st.lists(st.sampled_from(STEPS), max_size=60))
def test_three_checkpoints_later_nothing_is_outstanding(steps):
    runner = Runner()
    for name in [*steps, "end", "abort"]:
        runner.step(name)
    for _ in range(3):
        for name in ("begin", "end", "take_snapshot", "complete"):
            runner.step(name)

    assert runner.held.outstanding == 0


def test_acknowledging_at_the_first_word_would_lose_a_message():
    """Why one word is not enough; the law above fails for such an object."""

    class AtTheFirstWord(Acknowledgements):
        def final(self, call: int) -> list[Delivery]:
            self._marked_at_begin[call] = call
            return super().final(call)

    runner = Runner(held=AtTheFirstWord())
    for name in ("take_snapshot", "begin", "emit", "end"):
        runner.step(name)

    with pytest.raises(AssertionError, match="would lose a message"):
        runner.step("complete")
