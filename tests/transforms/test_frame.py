"""Frames: groups, mixes and exact squares, against plain Python."""

from collections import defaultdict
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.frame import (
    Among,
    Frame,
    _bring_together,
    choose,
    decimals,
    frame_of,
    group,
    mix,
    rows_of,
    squares,
    stack,
)

MOST, LEAST = 2**63 - 1, -(2**63)
small = st.integers(-3, 3)
int64s = st.one_of(small, st.integers(LEAST, MOST), st.sampled_from((LEAST, MOST, 2**32, -(2**32))))


@given(
    st.lists(
        st.tuples(small, small, st.integers(-1000, 1000), st.integers(0, 2**60 - 1)), max_size=30
    )
)
def test_groups_are_those_of_a_dictionary(rows):
    a, b, values, masks = (np.array(c, np.int64) for c in (zip(*rows) if rows else [[]] * 4))
    groups = group({"a": a, "b": b}, ("a", "b"))
    expected = defaultdict(list)
    for x, y, value, mask in rows:
        expected[x, y].append((value, mask))

    keys = groups.first({"a": a, "b": b}, ("a", "b"))
    found = zip(
        zip(keys["a"].tolist(), keys["b"].tolist()),
        zip(
            groups.sum(values).tolist(),
            groups.maximum(values).tolist(),
            groups.minimum(values).tolist(),
            groups.union(masks).tolist(),
            groups.sizes().tolist(),
        ),
    )
    assert dict(found) == {
        key: (
            sum(v for v, _ in members),
            max(v for v, _ in members),
            min(v for v, _ in members),
            int(np.bitwise_or.reduce([m for _, m in members])),
            len(members),
        )
        for key, members in expected.items()
    }


@pytest.mark.parametrize("rows", [8, 2**15 + 8, 2**22 + 8])
@pytest.mark.parametrize("shared_bits", [0, 16, 32, 48])
def test_keys_that_agree_in_their_highest_bits_are_groups_of_their_own(rows, shared_bits):
    """However many bits a number of rows is sorted by: keys alternate and agree in the highest."""
    high = ((5 << 60) >> (64 - shared_bits)) << (64 - shared_bits) if shared_bits else 0
    two = np.array([high | 7, high | 3], dtype=np.uint64) << np.uint64(0 if shared_bits else 60)
    keys = two[np.arange(rows) % 2]
    order, arranged = _bring_together(keys)

    half = rows // 2
    assert np.count_nonzero(arranged[1:] != arranged[:-1]) == 1
    assert np.array_equal(keys[order], arranged)
    assert all((np.diff(part) == 2).all() for part in (order[:half], order[half:]))


@pytest.mark.parametrize("rows", [50, 2**15 + 50, 2**17, 2**22 + 50])
def test_groups_come_in_one_order_however_many_rows_have_them(rows):
    """Sums of a small frame are put beside those of a large one with the same groups."""
    keys = np.arange(50) * 977 + 13
    few, many = group({"a": keys}, ("a",)), group({"a": keys[np.arange(rows) % 50]}, ("a",))

    alone = few.first({"a": keys}, ("a",))["a"]
    assert alone.tolist() == many.first({"a": keys[np.arange(rows) % 50]}, ("a",))["a"].tolist()
    assert alone.tolist() == keys[np.argsort(mix([keys]))].tolist()


@given(st.lists(int64s, max_size=200), st.lists(int64s, max_size=200))
def test_among_knows_all_that_it_was_given_and_few_others(some, others):
    among = Among(np.array(some, np.int64))

    assert among(np.array(some, np.int64)).all()
    assert among(np.array(others, np.int64)).dtype == bool


def test_of_those_that_it_was_not_given_among_takes_one_in_ten_at_most():
    numbers = np.arange(-5_000, 5_000)

    assert Among(numbers[:1_000])(numbers[1_000:]).mean() < 0.1
    assert not Among(numbers[:0])(numbers).any()


def test_without_names_all_rows_are_one_group_and_no_rows_are_none():
    values = np.array([3, 4, 5])

    assert group({"a": values}, ()).sum(values).tolist() == [12]
    assert group({"a": values[:0]}, ()).sum(values[:0]).tolist() == []
    assert group({"a": values[:0]}, ("a",)).sizes().tolist() == []


@given(st.lists(st.tuples(int64s, int64s), min_size=2, max_size=20, unique=True))
def test_different_keys_have_different_mixes(rows):
    a, b = (np.array(column, dtype=np.int64) for column in zip(*rows))

    assert len(set(mix([a, b]).tolist())) == len(rows)


def test_a_mix_depends_on_the_order_of_columns_and_not_on_their_width():
    a, b = np.array([1, 2, 3]), np.array([3, 2, 1])

    assert mix([a, b])[0] != mix([b, a])[0]
    assert mix([a.astype(np.int16), b.astype(np.int8)]).tolist() == mix([a, b]).tolist()


@given(st.lists(int64s, max_size=20))
def test_squares_are_those_of_python_integers(values):
    assert squares(np.array(values, np.int64)).to_pylist() == [Decimal(v * v) for v in values]


def test_squares_of_the_extremes_do_not_wrap():
    assert squares(np.array([LEAST, MOST, 0, -1])).to_pylist() == [
        Decimal(85070591730234615865843651857942052864),
        Decimal(85070591730234615847396907784232501249),
        Decimal(0),
        Decimal(1),
    ]


@given(st.lists(st.integers(-(10**38) + 1, 10**38 - 1), max_size=10))
def test_decimals_are_the_integers_of_their_words(values):
    words = np.array(
        [[(v >> shift) & (2**64 - 1) for shift in (0, 64)] for v in values], np.uint64
    ).reshape(-1, 2)

    assert decimals(words).to_pylist() == [Decimal(v) for v in values]


def test_stacking_keeps_the_columns_of_like_where_there_are_no_rows():
    like: Frame = {"a": np.array([1], np.int32), "b": np.array([2], np.uint64)}
    empty = stack([], like)

    assert [(n, len(v), v.dtype) for n, v in empty.items()] == [
        ("a", 0, np.int32),
        ("b", 0, np.uint64),
    ]
    assert stack([empty, like, like], like)["a"].tolist() == [1, 1]
    assert rows_of({}) == 0


def test_rows_are_chosen_by_mask_and_by_place():
    frame = {"a": np.array([1, 2, 3])}

    assert choose(frame, np.array([True, False, True]))["a"].tolist() == [1, 3]
    assert choose(frame, np.array([2, 0]))["a"].tolist() == [3, 1]


@pytest.mark.parametrize("make", [pa.record_batch, pa.table])
def test_a_frame_of_a_batch_or_table_has_its_columns(make):
    assert frame_of(make({"a": pa.array([1, 2])}))["a"].tolist() == [1, 2]
