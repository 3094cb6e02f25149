"""Suppress: too few people are not published, nor what would give them away."""

import numpy as np
import pytest

from schemas.identity import label_key
from schemas.partial import GROUPING_NAMES
from tests.transforms.observations import measure, numbered, observations, said
from transforms.measures import DICTIONARY
from transforms.suppress import COMPLEMENTARY, PUBLISHED, TOO_FEW, UNMEASURABLE, suppress

NAMES = [measure.name for measure in DICTIONARY]


def _figures(rows):
    """Figures of (measure, grouping, channel, item, n[, suppressed]) rows of one place and day."""
    rows = [(*row, PUBLISHED) if len(row) == 5 else row for row in rows]
    count = len(rows)
    figures = {
        "measure": np.array([NAMES.index(row[0]) for row in rows], dtype=np.int16),
        "grouping": np.array([GROUPING_NAMES.index(row[1]) for row in rows]),
        "channel": np.array([label_key(row[2]) if row[2] else 0 for row in rows]),
        "item": np.array([row[3] for row in rows]),
        "n": np.array([row[4] for row in rows], dtype=np.int64),
        "suppressed": np.array([row[5] for row in rows], dtype=np.int8),
        "threshold": np.array([DICTIONARY[NAMES.index(row[0])].threshold for row in rows]),
        **{
            name: np.full(count, 1.0)
            for name in ("value", "numerator", "denominator", "low", "high")
        },
        **{name: np.zeros(count, dtype=np.int64) for name in ("content", "brand", "traffic")},
        **{name: np.zeros(count, dtype=np.int64) for name in ("window", "start")},
    }
    suppress(figures, figures["n"])
    return figures


def _reach(**channels):
    return _figures([("reach", "channel", name, 0, n) for name, n in channels.items()])


# Reach is published from 10 people. Channels and what becomes of them.
CASES = {
    "all large enough": ({"app": 10, "site": 99}, [PUBLISHED, PUBLISHED]),
    "two hide each other": ({"app": 9, "site": 3, "mail": 50}, [TOO_FEW, TOO_FEW, PUBLISHED]),
    "two of whom fewer than ten are behind both take the next smallest with them": (
        {"app": 1, "site": 1, "mail": 50, "tv": 60},
        [TOO_FEW, TOO_FEW, COMPLEMENTARY, PUBLISHED],
    ),
    "one hidden takes the next smallest with it": (
        {"app": 9, "site": 20, "mail": 50},
        [TOO_FEW, COMPLEMENTARY, PUBLISHED],
    ),
    "one hidden takes the only other with it": (
        {"app": 9, "site": 200},
        [TOO_FEW, COMPLEMENTARY],
    ),
    "of two alike both go": (
        {"app": 9, "site": 20, "mail": 20, "tv": 50},
        [TOO_FEW, COMPLEMENTARY, COMPLEMENTARY, PUBLISHED],
    ),
    "alone and too few": ({"app": 9}, [TOO_FEW]),
}


@pytest.mark.parametrize(("channels", "expected"), CASES.values(), ids=CASES)
def test_a_channel_with_too_few_people_is_hidden_and_cannot_be_subtracted(channels, expected):
    assert _reach(**channels)["suppressed"].tolist() == expected


def test_what_is_hidden_has_no_number_left():
    figures = _reach(app=9, site=20, mail=50)

    for name in ("value", "numerator", "denominator", "low", "high"):
        assert np.isnan(figures[name]).tolist() == [True, True, False]
    assert figures["n"].tolist() == [0, 0, 50]


def test_the_total_itself_is_hidden_only_by_its_own_number():
    figures = _figures([("reach", "total", "", 0, n) for n in (9, 10)])

    assert figures["suppressed"].tolist() == [TOO_FEW, PUBLISHED]


def test_rates_need_thirty_people_and_events_none():
    rows = [("engagement_rate_actions", "total", "", 0, n) for n in (29, 30)]
    rows += [("events", "channel", "app", 0, 1), ("events", "channel", "site", 0, 0)]

    assert _figures(rows)["suppressed"].tolist() == [TOO_FEW, PUBLISHED, PUBLISHED, PUBLISHED]


def test_unmeasurable_rows_stay_unmeasurable_and_hide_nobody():
    rows = [("reach", "channel", "app", 0, 0, UNMEASURABLE), ("reach", "channel", "site", 0, 99)]

    assert _figures(rows)["suppressed"].tolist() == [UNMEASURABLE, PUBLISHED]


def test_a_hidden_item_of_a_mix_cannot_be_subtracted():
    # Shares of a mix sum to one, and their denominator is published.
    rows = [("interaction_mix", "total", "", item, n) for item, n in ((1, 40), (2, 35), (3, 1))]

    assert _figures(rows)["suppressed"].tolist() == [PUBLISHED, COMPLEMENTARY, TOO_FEW]


def test_hidden_items_that_are_few_together_cannot_be_subtracted_either():
    # Of 80 actions 40 likes and 38 comments leave two, and there are two kinds more.
    rows = [("interaction_mix", "total", "", item, n) for item, n in enumerate((40, 38, 1, 1))]

    assert _figures(rows)["suppressed"].tolist() == [PUBLISHED, COMPLEMENTARY, TOO_FEW, TOO_FEW]


def test_channels_of_other_measures_windows_and_places_are_no_siblings():
    rows = [("reach", "channel", "app", 0, 9), ("new_people", "channel", "site", 0, 99)]

    assert _figures(rows)["suppressed"].tolist() == [TOO_FEW, PUBLISHED]


def test_hiding_an_item_does_not_leave_one_channel_of_it_hidden_alone():
    # Shares are too few in the app, and hidden in the mail so that they cannot be subtracted. Both
    # hide their next item, each another one: comments now are hidden in the app alone.
    rows = [
        ("interaction_mix", "channel", channel, item, n)
        for channel, counts in {
            "app": (40, 35, 1),
            "mail": (50, 60, 45),
            "site": (70, 70, 99),
            "tv": (80, 80, 99),
        }.items()
        for item, n in zip((1, 2, 3), counts)
    ]
    figures = _figures(rows)
    hidden = figures["suppressed"] != PUBLISHED
    for item in (1, 2, 3):
        assert hidden[figures["item"] == item].sum() != 1
    for channel in ("app", "mail", "site", "tv"):
        assert hidden[figures["channel"] == label_key(channel)].sum() != 1


def test_in_published_rows_nothing_but_the_reason_tells_of_the_few():
    rows = [said("10:00", f"person {n}", "like") for n in range(40)]
    rows += [said("10:00", f"person {n}", "comment") for n in range(35)]
    rows += [said("10:00", "person 0", "share")]
    mix = [
        (row["item"], row["numerator"], row["suppressed_reason"])
        for row in measure(observations(numbered(rows))).to_pylist()
        if (row["metric"], row["grouping_set"]) == ("interaction_mix", "total")
        and (row["window_kind"], row["traffic"]) == ("day", "gross")
    ]

    assert sorted(mix) == [
        ("comment", None, "complementary"),
        ("like", 40.0, None),
        ("share", None, "fewer_than_30"),
    ]


# A count is one count, whichever measure shows it: 8 people of the app are 108 of all, less 60 of
# the mail and 40 of the site.
def test_a_number_of_people_that_is_hidden_is_shown_by_no_other_measure():
    people = {"app": 8, "site": 40, "mail": 60}
    rows = [("reach", "channel", channel, 0, n) for channel, n in people.items()]
    rows += [
        (measure, "channel", channel, 0, people[channel])
        for measure in ("bored_share", "new_people", "average_minute_audience")
        for channel in ("site", "mail")
    ]

    assert _figures(rows)["suppressed"].tolist() == [
        *(TOO_FEW, COMPLEMENTARY, PUBLISHED),
        *(COMPLEMENTARY, COMPLEMENTARY) * 3,
    ]


def _day_of(rows, metric):
    """(item, numerator, reason) of the rows of a day's total."""
    return sorted(
        (row["item"] or "", row["numerator"], row["suppressed_reason"])
        for row in measure(observations(numbered(rows))).to_pylist()
        if (row["metric"], row["grouping_set"]) == (metric, "total")
        and (row["window_kind"], row["traffic"]) == ("day", "gross")
    )


def test_comments_by_likes_do_not_tell_what_the_mix_hides():
    rows = [said("10:00", f"person {n}", "like") for n in range(40)]
    rows += [said("10:00", f"person {n}", "share") for n in range(35)]
    few = [said("10:00", "person 0", "comment")] * 3

    assert _day_of([*rows, *few], "comments_per_like") == [("", None, "fewer_than_30")]
    # Comments are many here, and hidden lest the one share be subtracted.
    rows = [said("10:00", f"person {n}", "like") for n in range(40)]
    rows += [said("10:00", f"person {n}", "comment") for n in range(35)]
    rows += [said("10:00", "person 0", "share")]

    assert _day_of(rows, "interaction_mix")[0] == ("comment", None, "complementary")
    assert _day_of(rows, "comments_per_like") == [("", None, "complementary")]


def test_of_new_and_returning_people_neither_tells_of_the_few_others():
    rows = [said("10:00", f"person {n}") for n in range(2)]
    rows += [said("2026-03-03T10:00", f"person {n}") for n in range(40)]
    shown = {
        (row["metric"], row["numerator"], row["suppressed_reason"])
        for row in measure(observations(numbered(rows))).to_pylist()
        if row["metric"] in ("reach", "new_people", "returning_people")
        and (row["grouping_set"], row["window_kind"], row["traffic"]) == ("total", "day", "gross")
        and row["window_start"].day == 2
    }

    assert shown == {
        ("reach", 40.0, None),
        ("new_people", None, "fewer_than_10"),
        ("returning_people", None, "fewer_than_10"),
    }


def test_no_figures_are_no_problem():
    assert _figures([])["n"].tolist() == []
