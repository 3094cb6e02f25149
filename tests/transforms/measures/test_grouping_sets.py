"""Grouping sets: each has the counts of its own rows, however few of the sets were counted."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.partial import GROUPING_NAMES, GROUPINGS
from tests.laws import examples
from transforms.frame import group, rows_of
from transforms.measures.grouping_sets import for_each_grouping

EVERY = {"total", "channel", "brand", "brand_channel", "content", "content_channel"}


def rows_at(*places):
    """Rows of people at (content, brand, channel): their actors count from 1."""
    content, brand, channel = np.array(places, dtype=np.int64).reshape(-1, 3).T
    actor = np.arange(1, len(places) + 1)
    return {"content": content, "brand": brand, "channel": channel, "actor": actor}


def reduced(rows, dimensions):
    """One row an actor of each group."""
    key = (*dimensions, "actor")
    return group(rows, key).first(rows, key)


def sizes(rows, dimensions):
    groups = group(rows, dimensions)
    if rows_of(rows):
        yield 0, {**groups.first(rows, dimensions), "viewers": groups.sizes()}


def found(rows, count=sizes):
    """{grouping: {its dimensions: viewers}}."""
    told = {}
    for number, window, frame in for_each_grouping(rows, count, reduced):
        assert window == 0
        places = zip(*(frame[d].tolist() for d in GROUPINGS[number]))
        keys = list(places) or [()] * len(frame["viewers"])
        told[GROUPING_NAMES[number]] = dict(zip(keys, frame["viewers"].tolist()))
    return told


def one_by_one(places, actors):
    """The same, by hand."""
    told = {}
    for name, dimensions in zip(GROUPING_NAMES, GROUPINGS):
        seen = set()
        for (content, brand, channel), actor in zip(places, actors):
            place = {"content": content, "brand": brand, "channel": channel}
            if all(place[d] for d in dimensions if d != "channel"):
                seen.add((tuple(place[d] for d in dimensions), actor))
        counts = {}
        for key, _ in seen:
            counts[key] = counts.get(key, 0) + 1
        if counts:
            told[name] = counts
    return told


places = st.tuples(st.sampled_from((0, 7, 8)), st.sampled_from((0, 5)), st.sampled_from((1, 2)))


@examples(300)
@given(st.lists(st.tuples(places, st.sampled_from((1, 2, 3))), min_size=1, max_size=8))
def test_each_grouping_has_the_people_of_its_own_rows(drawn):
    at, actors = zip(*drawn)
    rows = {**rows_at(*at), "actor": np.array(actors)}

    assert found(rows) == one_by_one(at, actors)


def test_what_all_rows_say_alike_is_said_of_each_group():
    assert found(rows_at((7, 5, 1), (8, 5, 1))) == {
        "total": {(): 2},
        "channel": {(1,): 2},
        "brand": {(5,): 2},
        "brand_channel": {(5, 1): 2},
        "content": {(7,): 1, (8,): 1},
        "content_channel": {(7, 1): 1, (8, 1): 1},
    }


def test_sets_that_part_the_rows_alike_are_counted_once():
    counted = []

    def noted(rows, dimensions):
        counted.append(dimensions)
        return sizes(rows, dimensions)

    assert set(found(rows_at((7, 5, 1), (8, 5, 1)), noted)) == EVERY
    assert counted == [("content",), ()]


def test_a_brand_that_no_row_names_has_no_group_though_all_rows_say_the_same():
    assert set(found(rows_at((7, 0, 1)))) == EVERY - {"brand", "brand_channel"}


def test_fewer_dimensions_are_reduced_from_what_more_have_left():
    """A person at three contents, on two channels, of two brands: four rows, then two, then one."""
    rows = rows_at(*((c, b, channel) for c in (7, 8, 9) for b in (4, 5) for channel in (1, 2)))
    rows["actor"][:] = 1
    given = []

    def noted(source, dimensions):
        given.append((dimensions, rows_of(source)))
        return reduced(source, dimensions)

    list(for_each_grouping(rows, sizes, noted))
    assert given == [
        (("brand", "channel"), 12),
        (("channel",), 4),
        ((), 2),
        (("brand",), 4),
        (("content", "channel"), 12),
        (("content",), 6),
    ]


def test_of_no_rows_nothing_is_counted():
    assert found(rows_at()) == {}
