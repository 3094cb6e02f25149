"""The watermark of Pub/Sub: publish times, silence, and clocks that are wrong."""

from __future__ import annotations

from datetime import datetime, timezone

from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.pubsub.watermark import PublishTimeWatermark, Watermark
from tests.pipelines.deliveries import SECOND


def watermark(idle_after: int | None = 60 * SECOND, now: int = 0) -> PublishTimeWatermark:
    return PublishTimeWatermark(10 * SECOND, idle_after, now)


def test_the_watermark_is_the_oldest_publish_time_not_acknowledged_less_the_allowance():
    found = watermark()
    found.heard(latest=50 * SECOND, now=51 * SECOND)

    assert found.report(oldest=40 * SECOND) == Watermark(30 * SECOND, "messages")


def test_when_all_is_acknowledged_it_rests_on_the_last_message():
    found = watermark()
    found.heard(latest=50 * SECOND, now=51 * SECOND)

    assert found.report(oldest=None) == Watermark(40 * SECOND, "held")


def test_before_the_first_message_there_is_none():
    found = watermark()
    found.silent(until=59 * SECOND)

    assert found.report(oldest=None) == Watermark(None, "held")


def test_after_a_minute_of_confirmed_silence_the_clock_takes_over():
    found = watermark()
    found.heard(latest=50 * SECOND, now=51 * SECOND)
    found.silent(until=110 * SECOND)
    assert found.report(oldest=None) == Watermark(40 * SECOND, "held")

    found.silent(until=111 * SECOND)
    assert found.report(oldest=None) == Watermark(101 * SECOND, "idle")


def test_silence_does_not_count_while_something_is_not_acknowledged():
    found = watermark()
    found.heard(latest=50 * SECOND, now=51 * SECOND)
    found.silent(until=500 * SECOND)

    assert found.report(oldest=50 * SECOND) == Watermark(40 * SECOND, "messages")


def test_without_a_limit_silence_holds_for_ever():
    found = watermark(idle_after=None)
    found.silent(until=10**15)

    assert found.report(oldest=None) == Watermark(None, "held")


def test_a_message_after_the_clock_took_over_does_not_take_the_watermark_back():
    found = watermark()
    found.silent(until=100 * SECOND)
    assert found.report(oldest=None) == Watermark(90 * SECOND, "idle")
    found.heard(latest=101 * SECOND, now=101 * SECOND)

    assert found.report(oldest=70 * SECOND) == Watermark(90 * SECOND, "messages")


def test_a_publish_time_in_2099_is_not_believed_and_moves_nothing():
    in_2099 = int(datetime(2099, 1, 1, tzinfo=timezone.utc).timestamp()) * SECOND
    found = watermark()
    found.heard(latest=50 * SECOND, now=51 * SECOND)

    assert not found.believed(in_2099, now=52 * SECOND)
    found.unbelieved(now=52 * SECOND)
    assert found.report(oldest=None) == Watermark(40 * SECOND, "ahead")


def test_a_machine_a_day_behind_the_service_goes_on_by_its_own_clock_and_says_so():
    """Every publish time is then in its future, and the messages never end."""
    found = watermark()
    found.heard(latest=50 * SECOND, now=50 * SECOND)
    for second in range(51, 111):
        assert not found.believed((second + 86_400) * SECOND, now=second * SECOND)
        found.unbelieved(now=second * SECOND)

    assert found.report(oldest=None) == Watermark(100 * SECOND, "ahead")

    found.silent(until=112 * SECOND)
    assert found.report(oldest=None) == Watermark(102 * SECOND, "idle")


def test_a_clock_that_was_a_day_ahead_and_is_set_right_is_not_silent_for_a_day():
    found = watermark(now=86_400 * SECOND)
    found.silent(until=86_500 * SECOND)
    assert found.report(oldest=None).basis == "idle"

    found.heard(latest=100 * SECOND, now=101 * SECOND)

    assert found.report(oldest=None) == Watermark(86_490 * SECOND, "held")


def test_a_clock_that_is_behind_by_less_than_the_allowance_is_believed():
    found = watermark()

    assert found.believed(60 * SECOND, now=50 * SECOND)
    assert not found.believed(60 * SECOND + 1, now=50 * SECOND)


def test_without_an_allowance_a_service_ahead_by_up_to_a_second_is_believed():
    """Its messages arrive when it says, as they do in an archive."""
    found = PublishTimeWatermark(0, 60 * SECOND, 0)

    assert found.believed(51 * SECOND, now=50 * SECOND)
    assert not found.believed(51 * SECOND + 1, now=50 * SECOND)


EVENTS = st.one_of(
    st.tuples(st.just("heard"), st.integers(0, 10**9)),
    st.tuples(st.just("silent"), st.integers(0, 10**9)),
    st.tuples(st.just("report"), st.one_of(st.none(), st.integers(0, 10**9))),
)


@given(st.lists(EVENTS))
def test_the_watermark_never_goes_back_and_never_passes_the_clock(events):
    found, now, before = watermark(), 0, None
    for name, value in events:
        if name == "heard":
            now = max(now, value)
            if found.believed(value, now):
                found.heard(value, now)
            else:
                found.unbelieved(now)
        elif name == "silent":
            now = max(now, value)
            found.silent(value)
        else:
            oldest = value if value is not None and found.believed(value, now) else None
            time = found.report(oldest).time
            if before is not None:
                assert time is not None
                assert time >= before
            assert time is None or time <= now
            before = time
