"""People: what is remembered of persons, and that merging it is the same in any grouping."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.identity import words
from schemas.observation import SIGNALS
from tests.laws import examples
from tests.transforms.observations import PARIS, numbered, observations, said
from transforms.frame import Among, frame_of
from transforms.measures import people as people_module
from transforms.measures.people import (
    ACTIONS_KEY,
    PRESENCE_CLASSES,
    PRESENCE_KEY,
    beside,
    codes_of,
    merge,
    nobody,
    of_actors,
    parted,
    reduce_observations,
    without_actors,
)


def _people(*rows):
    batch = observations(numbered(rows))
    frame = frame_of(batch.drop_columns(["event_id"]))
    both = words(batch.column("event_id"))
    frame["id_high"], frame["id_low"] = both[:, 0], both[:, 1]
    return reduce_observations(frame, PARIS)


def _rows(frame, key):
    names = sorted(frame)
    return sorted(zip(*(frame[name].tolist() for name in names)), key=str) if key else names


def test_a_person_in_an_hour_is_one_row_with_a_bit_a_minute():
    people = _people(said("10:00"), said("10:00:30"), said("10:03"), said("10:59", signal="like"))

    assert people.presence["seen"].tolist() == [1 | 1 << 3 | 1 << 59]
    assert people.actions["count"].tolist() == [1]


def test_another_hour_place_or_traffic_is_another_row():
    people = _people(
        said("10:00"),
        said("11:00"),
        said("10:00", content="film"),
        said("10:00", channel="site"),
        said("10:00", valid=False),
        said("10:00", "ben"),
    )

    assert len(people.presence["seen"]) == 6


def test_the_same_action_in_the_same_minute_is_counted_in_one_row():
    people = _people(*[said("10:00", signal="like")] * 3, said("10:01", signal="like"))

    assert sorted(people.actions["count"].tolist()) == [1, 3]


def test_a_heartbeat_leaves_marks_of_who_is_alive_and_who_is_fresh():
    people = _people(said("10:00:30", signal="heartbeat", period=60_000))

    assert people.presence["seen"].tolist() == [0b1]
    assert people.presence["alive"].tolist() == [0b11]
    assert people.presence["fresh"].tolist() == [0b1]


def test_contact_and_control_leave_no_trace_of_a_person():
    people = _people(said("10:00", signal="send"), said("10:00", signal="moderate"))

    assert [len(frame["actor"]) for frame in people] == [0, 0]


def test_presence_needs_an_actor_and_actions_do_not():
    people = _people(said("10:00", "", "like"))

    assert [len(frame["actor"]) for frame in people] == [0, 1]


def test_ratings_belong_to_the_survey_class():
    names = {SIGNALS[code] for code in codes_of(PRESENCE_CLASSES)}

    assert {"rate", "answer", "rate:nps", "rate:boredom", "view", "purchase"} <= names
    assert {"none", "send", "moderate", "consent"} & names == set()


rows = st.builds(
    said,
    st.sampled_from(("10:00", "10:01", "10:59:50", "11:00", "23:00")),
    st.sampled_from(("ana", "ben", "")),
    st.sampled_from(("view", "like", "heartbeat", "rate:csat", "send")),
    period=st.sampled_from((0, 40_000)),
    valid=st.booleans(),
)


@examples(40)
@given(st.lists(rows, max_size=8), st.integers(0, 8))
def test_merging_parts_in_any_order_gives_the_people_of_the_whole(said_rows, cut):
    said_rows = numbered(said_rows)
    first, second = _people(*said_rows[:cut]), _people(*said_rows[cut:])
    whole = merge([_people(*said_rows)])

    for merged in (merge([first, second]), merge([second, nobody(), first])):
        for frame, expected, key in zip(merged, whole, (PRESENCE_KEY, ACTIONS_KEY)):
            assert _rows(frame, key) == _rows(expected, key)
            assert {n: v.dtype for n, v in frame.items()} == {
                n: v.dtype for n, v in expected.items()
            }


def test_some_people_and_all_others_are_everybody():
    people = _people(said("10:00"), said("10:00", "ben", "like"), said("10:00", "dan", "like"))
    some = np.unique(people.presence["actor"])[:2]

    for frame, chosen, others in zip(people, of_actors(people, some), without_actors(people, some)):
        assert len(chosen["actor"]) + len(others["actor"]) == len(frame["actor"])
        assert set(chosen["actor"]) & set(others["actor"]) == set()


def test_people_parted_and_put_beside_each_other_are_the_same_people():
    people = _people(said("10:00"), said("10:00", "ben", "like"), said("10:00", "dan", "like"))
    own, others = parted(people, Among(people.actions["actor"]))

    assert set(people.actions["actor"]) <= set(own.presence["actor"])
    assert set(own.presence["actor"]) & set(others.presence["actor"]) == set()
    for frame, expected, key in zip(beside(own, others), people, (PRESENCE_KEY, ACTIONS_KEY)):
        assert _rows(frame, key) == _rows(expected, key)


def test_a_person_hour_takes_no_more_bytes_than_its_docstring_says():
    claimed = re.search(r"at most (\d+) bytes a row", people_module.__doc__)

    taken = sum(column.dtype.itemsize for column in nobody().presence.values())
    assert claimed is None or taken <= int(claimed[1])
