"""The clock of one partition: what moves its watermark, what does not, and on what it rests."""

from __future__ import annotations

import numpy as np
import pytest
from apache_beam.utils.timestamp import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.watermark import (
    ClockEstimator,
    ClockProvider,
    ClockState,
    ClockStateCoder,
    PartitionClock,
)

SECOND = 1_000_000
NOW = 1_800_000_000 * SECOND
YEAR_2099 = 4_070_908_800 * SECOND
ALLOWANCE = 10
IDLE_AFTER = 60


def seconds(*of_now: float) -> np.ndarray:
    """Broker times, told as seconds from NOW."""
    return np.array([NOW + int(s * SECOND) for s in of_now], dtype=np.int64)


def clock(idle_after: float | None = IDLE_AFTER, since: int | None = None) -> PartitionClock:
    return PartitionClock.starting(ALLOWANCE, idle_after, NOW, since)


def of_now(clock: PartitionClock) -> float | None:
    """The watermark in seconds from NOW."""
    return None if clock.watermark is None else (clock.watermark - NOW) / SECOND


def test_nothing_is_known_before_the_first_message():
    new = clock()

    assert (new.watermark, new.basis) == (None, "held")


def test_a_partition_that_is_new_begins_where_it_was_not_yet_there():
    new = clock(since=NOW - 5 * SECOND)

    assert (of_now(new), new.basis) == (-15, "held")


def test_the_watermark_is_the_latest_broker_time_less_the_allowance():
    heard = clock()

    assert heard.hear(seconds(-7, -3, -5), NOW)

    assert (of_now(heard), heard.basis) == (-13, "messages")


def test_the_old_clock_of_a_producer_moves_nothing_back():
    heard = clock()
    heard.hear(seconds(-3), NOW)

    assert heard.hear(seconds(-86_400), NOW + SECOND)

    assert (of_now(heard), heard.basis) == (-13, "messages")


def test_a_message_from_2099_moves_nothing():
    heard = clock()
    heard.hear(seconds(-3600), NOW)

    assert not heard.hear(np.array([YEAR_2099]), NOW + SECOND)

    assert (of_now(heard), heard.basis) == (-3610, "ahead")


def test_a_message_from_2099_among_others_does_not_hide_them():
    heard = clock()

    assert heard.hear(np.array([NOW - 20 * SECOND, YEAR_2099]), NOW)

    assert of_now(heard) == -30


def test_a_producer_a_day_ahead_leaves_its_partition_as_if_silent_and_that_is_recorded():
    heard = clock()
    for second in range(61):
        now = NOW + second * SECOND
        heard.hear(np.array([now + 86_400 * SECOND]), now)
        heard.wait(now, caught_up=True)

    assert (of_now(heard), heard.basis) == (50, "ahead")


def test_once_the_wrong_clock_is_silent_it_is_silence_that_is_recorded():
    heard = clock()
    heard.hear(seconds(86_400), NOW)
    again = PartitionClock(ALLOWANCE, IDLE_AFTER, heard.state)

    again.wait(NOW + SECOND, caught_up=True)
    assert again.basis == "held"

    again.wait(NOW + 60 * SECOND, caught_up=True)
    assert (of_now(again), again.basis) == (50, "idle")


def test_a_clock_that_was_a_day_ahead_and_is_set_right_does_not_make_a_partition_wait_a_day():
    heard = clock()
    heard.hear(seconds(86_400), NOW + 86_400 * SECOND)
    set_right = PartitionClock(ALLOWANCE, IDLE_AFTER, heard.state)

    set_right.wait(NOW, caught_up=True)
    set_right.wait(NOW + 60 * SECOND, caught_up=True)

    assert set_right.basis == "idle"


def test_a_partition_never_quite_read_to_its_end_goes_by_the_end_it_had_and_has_reached():
    heard = clock()

    heard.wait(NOW + 61 * SECOND, caught_up=True, read_until=NOW + 60 * SECOND)

    assert (of_now(heard), heard.basis) == (50, "idle")


def test_a_broker_a_little_ahead_of_the_worker_is_believed_but_not_beyond_now():
    heard = clock()

    assert heard.hear(seconds(4), NOW)

    assert (of_now(heard), heard.basis) == (-10, "messages")


def test_messages_without_a_time_move_nothing():
    heard = clock()

    assert not heard.hear(np.array([-1, -1]), NOW)

    assert heard.watermark is None


@pytest.mark.parametrize(
    ("silence", "basis", "watermark"),
    [
        (0, "messages", -10),
        (9, "messages", -10),
        (10, "held", -10),
        (59, "held", -10),
        (60, "idle", 50),
        (600, "idle", 590),
    ],
)
def test_silence_holds_the_watermark_and_then_the_clock_takes_over(silence, basis, watermark):
    heard = clock()
    heard.hear(seconds(0), NOW)

    heard.wait(NOW + silence * SECOND, caught_up=True)

    assert (heard.basis, of_now(heard)) == (basis, watermark)


def test_a_partition_with_a_backlog_or_out_of_reach_never_becomes_idle():
    heard = clock()
    heard.hear(seconds(0), NOW)

    heard.wait(NOW + 86_400 * SECOND, caught_up=False)

    assert (heard.basis, of_now(heard)) == ("held", -10)


def test_an_idle_partition_that_can_no_longer_be_reached_is_held_where_it_was():
    heard = clock()
    heard.wait(NOW + 60 * SECOND, caught_up=True)

    heard.wait(NOW + 90 * SECOND, caught_up=False)

    assert (heard.basis, of_now(heard)) == ("held", 50)


def test_without_a_limit_a_silent_partition_holds_for_ever():
    heard = clock(idle_after=None)
    heard.hear(seconds(-86_400 * 90), NOW)

    heard.wait(NOW + 86_400 * SECOND, caught_up=True)

    assert (heard.basis, of_now(heard)) == ("held", -86_400 * 90 - 10)


def test_after_idleness_older_messages_are_stamped_with_the_watermark():
    heard = clock()
    heard.wait(NOW + 60 * SECOND, caught_up=True)

    assert heard.stamp(NOW + 20 * SECOND) == NOW + 50 * SECOND
    assert heard.stamp(NOW + 55 * SECOND) == NOW + 55 * SECOND


STEPS = st.lists(
    st.tuples(
        st.integers(-3 * SECOND, 100 * SECOND),  # how far now moves: clocks are set back, too
        st.lists(st.integers(-(10**6) * SECOND, 10**6 * SECOND), max_size=4),
        st.booleans(),
    ),
    max_size=30,
)


@given(STEPS, st.sampled_from([0, 1, 10]), st.sampled_from([None, 0, 5, 60]))
def test_laws_of_the_watermark(steps, allowance, idle_after):
    clock = PartitionClock.starting(allowance, idle_after, NOW)
    now = greatest_now = NOW
    latest = None
    for moved, times, caught_up in steps:
        now += moved
        greatest_now = max(greatest_now, now)
        before = clock.watermark
        if times:
            heard = np.array([now + t for t in times])
            latest = max([latest or 0, *(t for t in heard.tolist() if t <= now + 10 * SECOND)])
            clock.hear(heard, now)
        else:
            clock.wait(now, caught_up)
        if before is not None:
            assert clock.watermark >= before
        if clock.watermark is not None:
            assert clock.watermark <= greatest_now - allowance * SECOND
        if idle_after is None and clock.watermark is not None:
            assert clock.watermark <= latest - allowance * SECOND
        restored = ClockStateCoder().decode(ClockStateCoder().encode(clock.state))
        assert restored == clock.state
        clock = PartitionClock(allowance, idle_after, restored)


def test_only_a_caught_up_silence_makes_a_partition_idle():
    """The same as a law of the basis: drawn states are in the test above."""
    heard = clock(idle_after=0)
    heard.hear(seconds(-100), NOW)
    assert heard.basis == "messages"

    heard.wait(NOW, caught_up=False)
    assert (heard.basis, of_now(heard)) == ("messages", -110)

    heard.wait(NOW, caught_up=True)
    assert (heard.basis, of_now(heard)) == ("idle", -10)


def test_beam_sees_the_watermark_and_keeps_the_state():
    provider = ClockProvider()
    estimator = provider.create_watermark_estimator(provider.initial_estimator_state(None, None))
    assert estimator.current_watermark() is None

    estimator.follow(ClockState(NOW, NOW, "messages"))

    assert estimator.current_watermark() == Timestamp(micros=NOW)
    coder = provider.estimator_state_coder()
    restored = coder.decode(coder.encode(estimator.get_estimator_state()))
    assert ClockEstimator(restored).current_watermark() == Timestamp(micros=NOW)
    assert coder.decode(coder.encode(None)) is None
