"""Sides: people after and before an emission in one row a key."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.observation import SIGNAL_CODE
from tests.transforms.observations import PARIS, numbered, observations, said
from transforms.frame import frame_of, rows_of
from transforms.measures.people import merge, nobody, reduce_observations
from transforms.measures.sides import after_of, grown, net, side_by_side, sides, unlike


def _people(*rows):
    frame = frame_of(observations(rows).drop_columns(["event_id"]))
    return reduce_observations(frame, PARIS) if rows else nobody()


def _rows(frame):
    """Rows of a frame as sorted tuples of (name, value)."""
    names = sorted(frame)
    return sorted(zip(*([(name, int(v)) for v in frame[name]] for name in names)))


def _minutes(masks):
    """Which minutes of the hour are in each mask."""
    return [[bit for bit in range(60) if int(mask) >> bit & 1] for mask in masks]


def test_a_person_who_comes_again_in_the_hour_has_one_row_with_the_minutes_of_both_sides():
    before, arrived = (_people(*numbered([row])) for row in (said("10:03"), said("10:07")))
    presence = grown(before, arrived).presence

    assert _minutes(presence["seen"]) == [[3, 7]]
    assert _minutes(presence["seen_before"]) == [[3]]
    assert (presence["there"].tolist(), presence["there_before"].tolist()) == ([True], [True])


def test_who_comes_first_has_zeros_on_the_side_before():
    ben, ana = numbered([said("10:00", "ben", "like"), said("10:00", "ana", "like")])
    people = grown(_people(ben), _people(ana))

    assert sorted(_minutes(people.presence["seen_before"])) == [[], [0]]
    assert sorted(people.presence["there_before"].tolist()) == [False, True]
    assert people.actions["count"].tolist() == [1, 1]
    assert sorted(people.actions["count_before"].tolist()) == [0, 1]


def test_what_was_taken_back_has_zeros_on_the_side_after():
    like = _people(said("10:00", signal="like"))
    people = side_by_side(nobody(), like)

    assert people.actions["count"].tolist() == [0]
    assert people.actions["count_before"].tolist() == [1]
    assert people.actions["signal"].tolist() == [SIGNAL_CODE["like"]]
    assert people.presence["there"].tolist() == [False]


def test_where_nobody_was_before_there_is_one_side():
    people = _people(said("10:00", signal="like"))

    for found in (grown(nobody(), people), side_by_side(people, nobody())):
        assert found is people
        assert [suffix for suffix, _ in sides(found.presence)] == [""]
        assert net(found.actions, "count").tolist() == [1]
        assert rows_of(unlike(found.actions, "count")) == 1


def test_net_is_after_less_before_and_may_be_negative():
    counts = {"count": np.array([3, 0]), "count_before": np.array([1, 2])}

    assert net(counts, "count").tolist() == [2, -2]
    assert net({"seen": np.array([True]), "seen_before": np.array([True])}, "seen").tolist() == [0]


def test_rows_that_both_sides_say_alike_are_not_unlike():
    rows = {name: np.array([1, 2]) for name in ("count", "count_before", "period")}
    rows["period_before"] = np.array([1, 5])

    assert rows_of(unlike(rows, "count")) == 0
    assert unlike(rows, "count", "period")["period"].tolist() == [2]


_said = st.builds(
    said,
    st.sampled_from(["10:00", "10:01", "11:30"]),
    st.sampled_from(("ana", "ben", "")),
    st.sampled_from(("view", "heartbeat", "like")),
    channel=st.sampled_from(("app", "site")),
    period=st.sampled_from((0, 40_000)),
)


@given(st.lists(_said, max_size=6), st.lists(_said, max_size=6))
def test_grown_is_what_was_before_beside_what_merging_gives(old, new):
    old, new = numbered(old), numbered([*old, *new])[len(old) :]
    before, arrived = _people(*old), _people(*new)
    after = merge([before, arrived])
    people = grown(before, arrived)

    for found, expected in zip(after_of(people), after):
        assert _rows(found) == _rows(expected)
    for found, expected in zip(people, side_by_side(after, before)):
        assert _rows(found) == _rows(expected)
