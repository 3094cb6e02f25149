"""Engagement: two rates that are not the same, the mix, and comments per like."""

import pytest

from tests.transforms.measures.figures import figure, measure_of
from tests.transforms.observations import measure, numbered, observations, said


def test_the_rate_by_actions_may_exceed_one():
    # Three people act 4, 1 and 1 times: R = 2, V = Σ(a − R)²/(n(n − 1)) = (4 + 1 + 1)/6 = 1.
    found = figure("engagement_rate_actions", viewers=3, actions=6, action_squares=18)

    assert found["value"] == 2.0
    assert (found["low"], found["high"]) == pytest.approx((2 - 1.959964, 2 + 1.959964))
    assert (found["numerator"], found["denominator"], found["n"]) == (6, 3, 3)


def test_where_nobody_acted_the_rate_is_zero_and_its_interval_is_not():
    found = figure("engagement_rate_actions", viewers=100)

    assert (found["value"], found["low"]) == (0, 0)
    assert found["high"] == pytest.approx(0.0370, abs=1e-4)


def test_the_rate_by_engagers_is_a_share_with_wilson_s_interval():
    found = figure("engagement_rate_engagers", viewers=22, engagers=0)
    assert (found["value"], found["low"]) == (0, 0)
    assert found["high"] == pytest.approx(0.149, abs=5e-4)

    half = figure("engagement_rate_engagers", viewers=100, engagers=50)
    assert (half["value"], half["low"], half["high"]) == pytest.approx(
        (0.5, 0.4038, 0.5962), abs=1e-4
    )


def test_thirty_nine_likes_and_twenty_two_comments():
    # « pour 39 likes, on obtient 22 commentaires »: 0.564 a like, 36.1 % of the interactions.
    per_like = figure("comments_per_like", likes=39, comments=22, mix_authors=61)
    assert per_like["value"] == pytest.approx(0.564, abs=5e-4)
    assert (per_like["low"], per_like["high"]) == pytest.approx((0.337, 0.945), abs=2e-3)

    share = figure("interaction_mix", count=22, interactions=61, authors=22)
    assert share["value"] == pytest.approx(0.361, abs=5e-4)
    assert (share["low"], share["high"]) == pytest.approx((0.252, 0.486), abs=1e-3)
    assert share["n"] == 22


def test_comments_without_likes_cannot_be_put_per_like():
    found = figure("comments_per_like", comments=5, mix_authors=5)

    assert (found["published"], found["unmeasurable"], found["value"]) == (True, True, None)
    assert measure_of("comments_per_like").unmeasurable_reason == "no_likes"


def test_likes_without_comments_are_zero_comments_per_like():
    found = figure("comments_per_like", likes=40, mix_authors=40)

    assert (found["value"], found["low"], found["unmeasurable"]) == (0, 0, False)


def test_neither_likes_nor_comments_say_nothing():
    assert not figure("comments_per_like")["published"]


def test_the_mix_is_of_engagement_actions_only():
    items = measure_of("interaction_mix").items

    assert {"like", "comment", "share", "recommend", "purchase", "vote"} <= set(items)
    assert {"view", "heartbeat", "send", "rate", "rate:csat", "answer", "moderate"} & set(
        items
    ) == set()


@pytest.mark.parametrize(("people", "reason"), [(29, "fewer_than_30"), (30, None)])
def test_rates_on_fewer_than_thirty_people_are_hidden_with_the_reason(people, reason):
    rows = numbered([said("10:00", f"person {n}", "like") for n in range(people)])
    found = [
        (row["value"], row["n"], row["suppressed_reason"])
        for row in measure(observations(rows)).to_pylist()
        if (row["metric"], row["grouping_set"]) == ("engagement_rate_engagers", "total")
        and (row["window_kind"], row["traffic"]) == ("day", "gross")
    ]

    assert found == [(None, 0, reason) if reason else (1.0, people, None)]
