"""Audience: reach, concurrent viewers, average-minute audience."""

from tests.transforms.measures.figures import figure


def test_reach_is_the_number_of_people_and_exact():
    assert figure("reach", viewers=1234) == {
        "value": 1234.0,
        "numerator": 1234.0,
        "denominator": None,
        "low": 1234.0,
        "high": 1234.0,
        "n": 1234,
        "published": True,
        "unmeasurable": False,
    }


def test_a_window_in_which_only_mail_was_sent_has_a_reach_of_zero():
    assert figure("reach", events=500)["value"] == 0
    assert figure("reach", events=500)["published"]


def test_a_silent_window_has_no_reach_at_all():
    assert not figure("reach")["published"]


def test_concurrent_viewers_lie_between_those_surely_there_and_those_perhaps_there():
    found = figure(
        "concurrent_viewers",
        viewers=300,
        concurrent_peak=120,
        concurrent_fresh_peak=95,
        on_air_minutes=60,
    )

    assert (found["low"], found["value"], found["high"], found["n"]) == (95, 120, 120, 120)


def test_without_heartbeats_concurrent_viewers_cannot_be_measured():
    found = figure("concurrent_viewers", viewers=300)

    assert (found["published"], found["unmeasurable"]) == (True, True)


def test_viewers_who_are_still_there_are_measured_in_a_minute_without_a_heartbeat():
    found = figure("concurrent_viewers", concurrent_peak=3)

    assert (found["value"], found["unmeasurable"]) == (3, False)


def test_the_average_minute_audience_is_watched_time_by_minutes_on_air():
    # 40 viewers watched 90 minutes each of a live of 120 minutes, heartbeats every 30 s.
    found = figure(
        "average_minute_audience",
        viewers=40,
        watched_ms=40 * 90 * 60_000,
        on_air_minutes=120,
        heartbeat_ms=40 * 30_000,
    )

    assert found["value"] == 30.0
    assert (found["low"], found["high"]) == (30 - 20 / 120, 30 + 20 / 120)
    assert (found["numerator"], found["denominator"]) == (216_000_000.0, 7_200_000.0)
    assert found["n"] == 40


def test_the_average_is_never_above_all_who_were_there():
    found = figure(
        "average_minute_audience",
        viewers=40,
        concurrent_peak=41,
        watched_ms=40 * 60_000,
        on_air_minutes=1,
        heartbeat_ms=40 * 60_000,
    )

    assert (found["low"], found["value"], found["high"]) == (0, 40, 41)


def test_the_average_is_never_below_zero():
    found = figure(
        "average_minute_audience", viewers=1, watched_ms=10, on_air_minutes=1, heartbeat_ms=60_000
    )

    assert found["low"] == 0


def test_without_a_minute_on_air_the_average_cannot_be_measured():
    found = figure("average_minute_audience", viewers=10)

    assert (found["published"], found["unmeasurable"], found["value"]) == (True, True, None)
