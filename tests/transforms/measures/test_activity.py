"""Activity: events accepted, and silence told."""

from tests.transforms.measures.figures import figure, measure_of


def test_events_are_a_count_that_is_what_it_is():
    found = figure("events", events=7)

    assert (found["low"], found["value"], found["high"], found["n"]) == (7, 7, 7, 7)
    assert found["published"]


def test_a_silent_registered_channel_has_a_zero_and_an_unheard_of_one_no_row():
    assert figure("events", silent=1)["published"]
    assert figure("events", silent=1)["value"] == 0
    assert not figure("events")["published"]


def test_events_are_never_hidden_for_they_are_no_people():
    assert measure_of("events").threshold == 0
    assert "content" not in measure_of("events").groupings
