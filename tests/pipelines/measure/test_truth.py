"""Figures are true: those of a simulated live against what is known of it."""

from __future__ import annotations

import pytest

from pipelines.simulator import CONTENT


@pytest.mark.parametrize("traffic", ["gross", "valid"])
def test_reach_of_the_live_is_true_per_channel_and_in_total(live, traffic):
    truth = getattr(live.simulation.truth, f"reach_{traffic}")
    total = live.day("reach", traffic=traffic)["value"]
    found = {c: live.day("reach", c, traffic=traffic)["value"] for c in truth if c != "total"}

    assert {**found, "total": total} == truth
    assert total < sum(found.values())


@pytest.mark.parametrize(
    ("traffic", "truth"),
    [("gross", "viewers_by_minute_gross"), ("valid", "viewers_by_minute")],
)
def test_viewers_of_every_minute_are_true(live, traffic, truth):
    flags = "TRUE" if traffic == "gross" else "ivt_class IN ('valid', 'unknown')"
    found = live.rows(
        "SELECT count(DISTINCT actor_id) FROM events_latest"
        f" WHERE action = 'heartbeat' AND content_id = '{CONTENT}' AND {flags}"
        " GROUP BY date_trunc('minute', event_time) ORDER BY date_trunc('minute', event_time)"
    )

    assert [count for (count,) in found] == getattr(live.simulation.truth, truth)


def test_concurrent_viewers_are_those_heard_within_two_periods_of_each_minutes_end(live):
    found = live.rows(
        "WITH minutes AS (SELECT window_end, value FROM metrics_latest WHERE content_id ="
        f" '{CONTENT}' AND metric = 'concurrent_viewers' AND window_kind = 'minute'"
        " AND grouping_set = 'content' AND traffic = 'valid' AND value IS NOT NULL),"
        " beats AS (SELECT actor_id, event_time, heartbeat_ms FROM events_latest"
        f" WHERE action = 'heartbeat' AND content_id = '{CONTENT}'"
        " AND ivt_class IN ('valid', 'unknown'))"
        " SELECT value, count(DISTINCT actor_id) FROM minutes JOIN beats"
        " ON event_time < window_end"
        " AND event_time > window_end - to_milliseconds(2 * heartbeat_ms)"
        " GROUP BY window_end, value ORDER BY window_end"
    )

    assert [value for value, _ in found] == [count for _, count in found]
    assert len(found) >= 58


def test_time_watched_is_true(live):
    truth = live.simulation.truth

    assert (
        live.day("average_minute_audience", traffic="gross")["numerator"] == truth.watched_ms_gross
    )
    assert live.day("average_minute_audience")["numerator"] == truth.watched_ms
    assert live.day("average_minute_audience")["denominator"] == 60 * 60_000


def test_likes_left_standing_are_true(live):
    assert live.day("comments_per_like")["denominator"] == live.simulation.truth.likes


def test_comments_of_few_people_in_the_app_are_told_by_no_figure(live):
    """Though those who liked there are many."""
    found = live.day("comments_per_like", "cloudevents")

    assert (found["numerator"], found["suppressed_reason"]) == (None, "fewer_than_30")


def test_comments_left_standing_everywhere_are_true(live):
    found = live.day("comments_per_like")["numerator"]

    assert found == live.simulation.truth.comments_standing["total"]


def test_votes_left_standing_are_true(live):
    found = live.rows(
        "SELECT DISTINCT numerator FROM metrics_latest WHERE metric = 'interaction_mix'"
        " AND item = 'vote' AND window_kind = 'day' AND grouping_set = 'total' AND traffic = 'valid'"
    )

    assert found == [(sum(live.simulation.truth.votes_standing.values()),)]


def test_satisfaction_counts_the_last_answer_of_each_respondent(live):
    truth = live.simulation.truth
    csat, nps, ces = (
        {int(answer): count for answer, count in counts.items()}
        for counts in (truth.csat, truth.nps, truth.ces)
    )
    respondents = sum(csat.values())
    found = {name: live.day(name, item=name) for name in ("csat", "nps", "ces")}

    assert found["csat"]["numerator"] == csat[4] + csat[5] == truth.satisfied_people
    assert found["nps"]["numerator"] == nps[9] + nps[10] - sum(nps[i] for i in range(7))
    assert found["ces"]["numerator"] == ces[5] + ces[6] + ces[7]
    assert {f["denominator"] for f in found.values()} == {respondents}
    assert {f["n"] for f in found.values()} == {respondents}


def test_bored_and_satisfied_people_are_counted_by_person_across_channels(live):
    truth = live.simulation.truth
    joint = live.day("bored_among_satisfied")

    assert live.day("bored_share")["numerator"] == truth.bored_people
    assert live.day("bored_share")["denominator"] == truth.reach_valid["total"]
    assert joint["denominator"] == truth.satisfied_people
    assert joint["numerator"] == truth.satisfied_and_bored_people
    # Some of the bored said so in the app and were satisfied in the survey: one channel is too few.
    assert live.day("bored_among_satisfied", "survey")["numerator"] < joint["numerator"]
