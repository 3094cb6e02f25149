"""Counting: people to partial columns, also where numbers are as large as they get."""

import numpy as np
import pytest

from schemas.observation import SIGNAL_CODE
from schemas.partial import GROUPINGS, PARTIAL, WINDOWS
from tests.transforms.observations import PARIS, attend, numbered, observations, said, total
from transforms.frame import rows_of
from transforms.measures.acts import NEGATIVE, POSITIVE
from transforms.measures.changed import everybody
from transforms.measures.counting import count_people
from transforms.measures.people import People, nobody
from transforms.partials import partial_batch, sum_partials

DAY = 20_514
HOUR = DAY * 1440


def _frame(like, **columns):
    count = len(next(iter(columns.values())))
    return {
        name: np.array(columns.get(name, np.zeros(count)), dtype=values.dtype)
        for name, values in like.items()
    }


def _totals(people):
    parts = [(g, 0, w, frame) for g, w, frame in count_people(everybody(people), PARIS)]
    batch = sum_partials([partial_batch(parts)])
    assert batch.schema.equals(PARTIAL)
    return {
        (WINDOWS[row["window"]], row["item"]): row
        for row in batch.to_pylist()
        if row["grouping"] == 0
    }


def _actors_with(count_each, actors):
    actions = _frame(
        nobody().actions,
        actor=np.arange(1, actors + 1),
        content=np.ones(actors),
        brand=np.ones(actors),
        channel=np.ones(actors),
        valid=np.ones(actors),
        minute=np.full(actors, HOUR),
        hour=np.full(actors, HOUR),
        day=np.full(actors, DAY),
        signal=np.full(actors, SIGNAL_CODE["like"]),
        count=np.full(actors, count_each),
    )
    return People(nobody().presence, actions)


@pytest.mark.parametrize("actors", [1, 10, 3000])
def test_the_squares_of_a_thousand_million_actions_each_are_exact(actors):
    row = _totals(_actors_with(10**9, actors))["day", 0]

    assert row["action_squares"] == actors * 10**18
    assert row["actions"] == actors * 10**9
    assert row["engagers"] == actors


def test_one_actor_s_greatest_count_is_squared_without_wrapping():
    row = _totals(_actors_with(2**62, 1))["day", 0]

    assert row["action_squares"] == 2**124


def test_actions_of_one_person_are_squared_together_and_of_two_apart():
    rows = [
        said("10:00", "ana", "like"),
        said("11:00", "ana", "share"),
        said("10:00", "ben", "like"),
    ]
    partials = attend(observations(numbered(rows)))

    assert total(partials, "action_squares", window="day") == 4 + 1
    assert total(partials, "action_squares", window="hour") == [2, 1]


def test_every_grouping_and_window_is_counted():
    found = {(g, w) for g, w, _ in count_people(everybody(_actors_with(1, 1)), PARIS)}

    assert found == {(g, w) for g in range(len(GROUPINGS)) for w in range(len(WINDOWS))}


def test_nobody_counts_to_nothing():
    assert sum(rows_of(frame) for _, _, frame in count_people(everybody(nobody()), PARIS)) == 0


def test_sixty_minutes_of_a_hundred_thousand_people_are_counted_minute_by_minute():
    people = 300_001  # more than one pass over the bits
    presence = _frame(
        nobody().presence,
        actor=np.arange(1, people + 1),
        valid=np.ones(people),
        hour=np.full(people, HOUR),
        seen=np.full(people, 2**60 - 1, dtype=np.uint64),
        alive=np.full(people, 1, dtype=np.uint64),
        period=np.full(people, 3600),
    )
    minutes = next(
        f
        for g, w, f in count_people(everybody(People(presence, nobody().actions)), PARIS)
        if (g, w) == (0, 0)
    )

    assert minutes["start"].tolist() == [HOUR + n for n in range(60)]
    assert minutes["viewers"].tolist() == [people] * 60
    assert minutes["concurrent"].tolist() == [people] + [0] * 59
    assert minutes["heartbeat_ms"].tolist() == [people * 3_600_000] * 60


BOXES = [
    # scale, millionths, favourable, unfavourable
    ("rate:nps", 1_000_000, 1, 0),
    ("rate:nps", 900_000, 1, 0),
    ("rate:nps", 800_000, 0, 0),
    ("rate:nps", 700_000, 0, 0),
    ("rate:nps", 600_000, 0, 1),
    ("rate:nps", 0, 0, 1),
    ("rate:csat", 750_000, 1, 0),
    ("rate:csat", 500_000, 0, 0),
    ("rate:csat", 250_000, 0, 1),
    ("rate:ces", 666_667, 1, 0),
    ("rate:ces", 500_000, 0, 0),
    ("rate:ces", 333_333, 0, 1),
]


@pytest.mark.parametrize(("scale", "value", "favourable", "unfavourable"), BOXES)
def test_answers_fall_into_the_boxes_of_their_scale(scale, value, favourable, unfavourable):
    partials = attend(observations(numbered([said("10:00", signal=scale, value=value)])))

    assert total(partials, "count", item=scale) == 1
    assert total(partials, "positive", item=scale) == favourable
    assert total(partials, "negative", item=scale) == unfavourable


def test_answers_without_an_actor_are_told_from_those_of_people():
    rows = [
        said("10:00", "ana", "rate:csat", value=1_000_000),
        said("10:01", "ana", "rate:csat", value=750_000),
        said("10:02", "", "rate:csat", value=0),
        said("11:00", "", "rate:csat", value=0),
        said("11:00", "", "rate:nps", value=0),
    ]
    partials = attend(observations(numbered(rows)))

    assert total(partials, "count", item="rate:csat") == 4
    assert total(partials, "authors", item="rate:csat") == 1
    assert total(partials, "anonymous", item="rate:csat") == 2
    assert total(partials, "anonymous", item="rate:csat", window="hour") == [1, 1]
    assert total(partials, "anonymous", item="rate:nps") == 1


def test_an_answer_taken_back_was_of_nobody_too():
    rows = [
        said("10:00", "", "rate:csat", id=1, fact=7, revision=1),
        said("10:05", "", "rate:csat", id=2, fact=7, revision=2, retract=True),
        said("10:06", "", "rate:csat", id=3),
    ]
    partials = attend(observations(rows[:1] + rows[2:]), observations(rows[1:2]))

    assert total(partials, "count", item="rate:csat") == 1
    assert total(partials, "anonymous", item="rate:csat") == 1


def test_boredom_meets_satisfaction_in_the_same_person_of_the_same_window():
    rows = [
        said("10:00", "ana", "rate:boredom", value=500_000),
        said("10:00", "ana", "rate:csat", value=1_000_000),
        said("10:00", "ben", "rate:boredom", value=499_999),
        said("10:00", "ben", "rate:csat", value=500_000),
        said("10:00", "dan", "rate:boredom", value=1_000_000),
        said("11:00", "dan", "rate:csat", value=0),
    ]
    partials = attend(observations(numbered(rows)))

    assert total(partials, "bored") == 2
    assert (total(partials, "satisfied"), total(partials, "dissatisfied")) == (1, 2)
    assert total(partials, "satisfied_bored") == 1
    assert total(partials, "dissatisfied_bored") == 1
    assert total(partials, "dissatisfied_bored", window="hour") == 0


def test_thresholds_of_opposite_boxes_do_not_overlap():
    assert {name for name in POSITIVE if POSITIVE[name] <= NEGATIVE[name]} == set()


def test_people_behind_an_item_stand_in_their_own_hour_however_many_rows_they_have():
    """Thirty-six thousand rows of six hundred people: counts of both are put beside each other."""
    people_of = {HOUR: 100, HOUR + 60: 200, HOUR + 120: 300}
    hours = np.repeat([*people_of], [60 * people for people in people_of.values()])
    actors = np.concatenate([np.repeat(np.arange(1, n + 1), 60) for n in people_of.values()])
    actions = _frame(
        nobody().actions,
        actor=actors,
        content=np.ones(len(hours)),
        brand=np.ones(len(hours)),
        channel=np.ones(len(hours)),
        valid=np.ones(len(hours)),
        minute=hours + np.tile(np.arange(60), len(hours) // 60),
        hour=hours,
        day=np.full(len(hours), DAY),
        signal=np.full(len(hours), SIGNAL_CODE["comment"]),
        count=np.ones(len(hours)),
    )
    people = everybody(People(nobody().presence, actions))
    found = {}
    for grouping, window, frame in count_people(people, PARIS):
        if "authors" in frame and WINDOWS[window] == "hour":
            found[grouping] = dict(zip(frame["start"].tolist(), frame["authors"].tolist()))

    assert found == dict.fromkeys(range(len(GROUPINGS)), people_of)
