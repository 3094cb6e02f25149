"""Deduplicate: which copy counts and which statement stands, whatever the order of arrival."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.observation import ECHO, HOME, RETRACT
from transforms.deduplicate import first_copies, standing
from transforms.frame import choose


def _frame(rows, names):
    columns = zip(*rows) if rows else [[] for _ in names]
    return {name: np.array(values, np.int64) for name, values in zip(names, columns)}


COPY = ("id_high", "id_low", "arrived", "event_time", "value")
few = st.integers(0, 2)
copies = st.tuples(few, few, few, few, few)

#                       id    arrived  says it happened at
#   copy of the app    (1, 1)   70          30
#   the same, resent   (1, 1)   90          10      its clock was set back: still the later copy
#   another event      (1, 2)   80          40      the ids share their first half only


def test_of_copies_the_one_that_arrived_first_counts_whatever_time_it_says():
    frame = _frame([(1, 1, 90, 10, 0), (1, 1, 70, 30, 5)], COPY)

    assert first_copies(frame).tolist() == [False, True]


def test_of_copies_the_earliest_counts_and_ids_that_share_a_half_are_two_events():
    rows = [(1, 1, 90, 30, 0), (1, 1, 90, 10, 5), (1, 2, 90, 40, 0), (2, 1, 90, 40, 0)]

    assert first_copies(_frame(rows, COPY)).tolist() == [False, True, True, True]


def test_of_copies_at_one_time_the_least_in_the_other_columns_counts():
    frame = _frame([(1, 1, 90, 10, 7), (1, 1, 90, 10, 5), (1, 1, 90, 10, 6)], COPY)

    assert first_copies(frame).tolist() == [False, True, False]


def test_of_copies_that_are_alike_exactly_one_counts():
    assert first_copies(_frame([(1, 1, 90, 10, 7)] * 3, COPY)).sum() == 1


def test_the_columns_count_in_the_order_of_their_names():
    names = ("id_high", "id_low", "arrived", "event_time", "value", "brand")

    assert first_copies(_frame([(1, 1, 0, 0, 5, 9), (1, 1, 0, 0, 6, 8)], names)).tolist() == [
        False,
        True,
    ]


def test_of_nothing_nothing_counts():
    assert first_copies(_frame([], COPY)).tolist() == []


@given(st.lists(copies, max_size=20), st.randoms())
def test_the_copy_that_counts_does_not_depend_on_the_order(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    chosen = []
    for order in (rows, shuffled):
        frame = _frame(order, COPY)
        kept = choose(frame, first_copies(frame))
        chosen.append(sorted(zip(*(kept[name].tolist() for name in COPY))))

    least: dict[tuple[int, int], tuple[int, int, int]] = {}
    for high, low, *rest in rows:
        least[high, low] = min(least.get((high, low), tuple(rest)), tuple(rest))
    assert chosen[0] == chosen[1] == sorted((*key, *rest) for key, rest in least.items())


@given(st.lists(copies, max_size=12), st.integers(0, 12))
def test_first_copies_of_the_first_copies_of_parts_are_those_of_the_whole(rows, cut):
    def kept(some):
        frame = _frame(some, COPY)
        chosen = choose(frame, first_copies(frame))
        return sorted(zip(*(chosen[name].tolist() for name in COPY)))

    assert kept(kept(rows[cut:]) + kept(rows[:cut])) == kept(rows)


FACT = ("fact", "revision", "flags", "id_high", "id_low")
statements = st.tuples(
    st.integers(1, 3),
    st.integers(0, 2),
    st.sampled_from((0, RETRACT, ECHO, RETRACT | ECHO)),
    st.just(0),
    st.integers(0, 9),
)


def _stands(*rows):
    frame = standing(_frame(rows, FACT))
    return list(zip(*(frame[name].tolist() for name in FACT)))


def test_the_statement_of_the_greatest_revision_stands():
    assert _stands((1, 5, 0, 0, 1), (1, 9, RETRACT, 0, 2), (1, 7, 0, 0, 3)) == [
        (1, 9, RETRACT | HOME, 0, 2)
    ]


def test_of_two_statements_of_one_revision_the_retraction_stands():
    assert _stands((1, 5, RETRACT, 0, 1), (1, 5, 0, 0, 9)) == [(1, 5, RETRACT | HOME, 0, 1)]


def test_of_two_alike_the_greater_id_stands():
    assert _stands((1, 5, 0, 0, 1), (1, 5, 0, 0, 2), (2, 5, 0, 0, 1)) == [
        (1, 5, HOME, 0, 2),
        (2, 5, HOME, 0, 1),
    ]


@pytest.mark.parametrize("order", [1, -1])
def test_of_a_statement_and_its_echo_the_statement_stands_in_any_order(order):
    both = [(1, 5, ECHO, 0, 1), (1, 5, 0, 0, 1)]

    assert _stands(*both[::order]) == [(1, 5, HOME, 0, 1)]


def test_a_fact_lives_where_it_was_stated_and_not_where_it_was_only_changed():
    assert _stands((1, 5, RETRACT, 0, 1), (2, 5, ECHO, 0, 2), (2, 6, RETRACT | ECHO, 0, 3)) == [
        (1, 5, RETRACT, 0, 1),
        (2, 6, RETRACT | ECHO, 0, 3),
    ]
    assert _stands((1, 5, 0, 0, 1), (1, 6, RETRACT | ECHO, 0, 2)) == [
        (1, 6, RETRACT | ECHO | HOME, 0, 2)
    ]


@example([(1, 0, RETRACT, 0, 0), (1, 0, RETRACT | ECHO, 0, 0)], 1)
@given(st.lists(statements, max_size=12), st.integers(0, 12))
def test_standing_statements_of_parts_merge_to_those_of_the_whole(rows, cut):
    cut = min(cut, len(rows))
    parts = [standing(_frame(part, FACT)) for part in (rows[cut:], rows[:cut])]
    merged = standing({n: np.concatenate([p[n] for p in parts]) for n in FACT})
    whole = standing(_frame(rows, FACT))

    assert {n: v.tolist() for n, v in merged.items()} == {n: v.tolist() for n, v in whole.items()}
