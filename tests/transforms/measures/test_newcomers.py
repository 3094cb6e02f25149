"""Newcomers: new and returning people, with bounds for what was never read."""

from tests.transforms.measures.figures import figure, measure_of


def test_at_most_the_people_without_an_earlier_day_are_new():
    found = figure("new_people", viewers=100, new_people=60, returning_people=40)

    assert (found["low"], found["value"], found["high"]) == (0, 60, 60)
    assert (found["denominator"], found["n"]) == (100, 100)


def test_at_least_the_people_with_an_earlier_day_return():
    found = figure("returning_people", viewers=100, new_people=60, returning_people=40)

    assert (found["low"], found["value"], found["high"]) == (40, 40, 100)


def test_they_are_counted_by_day_only_and_not_where_nobody_came():
    assert measure_of("new_people").windows == measure_of("returning_people").windows == ("day",)
    assert not figure("new_people")["published"]
