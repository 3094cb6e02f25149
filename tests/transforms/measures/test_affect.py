"""Affect: boredom, and how it meets satisfaction in the same people."""

import pytest

from tests.transforms.measures.figures import figure


def test_bored_share_is_of_the_whole_audience():
    found = figure("bored_share", viewers=100, bored=48)

    assert (found["value"], found["numerator"], found["denominator"]) == (0.48, 48, 100)
    assert found["n"] == 100


def test_satisfied_people_were_sometimes_bored():
    # 67 satisfied of whom 20 were bored, 33 dissatisfied of whom 28 were.
    people = {
        "viewers": 100,
        "bored": 48,
        "satisfied": 67,
        "dissatisfied": 33,
        "satisfied_bored": 20,
        "dissatisfied_bored": 28,
    }
    satisfied = figure("bored_among_satisfied", **people)
    dissatisfied = figure("bored_among_dissatisfied", **people)

    assert (satisfied["value"], satisfied["n"]) == (pytest.approx(20 / 67), 67)
    assert (dissatisfied["value"], dissatisfied["n"]) == (pytest.approx(28 / 33), 33)
    assert satisfied["high"] < dissatisfied["low"]


def test_without_a_signal_nothing_is_said_of_boredom():
    # Silence is not interest: no row, rather than 0 % bored.
    assert not figure("bored_share", viewers=100)["published"]
    assert not figure("bored_among_satisfied", viewers=100, bored=10)["published"]
    assert not figure("bored_among_dissatisfied", viewers=100, bored=10)["published"]


@pytest.mark.parametrize("mood", ["satisfied", "dissatisfied"])
def test_without_any_signal_of_boredom_nothing_is_said_of_the_satisfied(mood):
    found = figure(f"bored_among_{mood}", viewers=100, **{mood: 60})

    assert found["unmeasurable"] or not found["published"]
