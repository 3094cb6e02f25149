"""Theta sketches: exact below k, bounded above it, and the same bytes however they were made."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.laws import examples
from transforms.statistics.theta import EMPTY, people_in, sketch_of, union_of

K = 4096
WHOLE = 2**63 - 1
"""The bound below which hashes lie where nothing was left out."""


def members(count: int, first: int = 0) -> np.ndarray:
    return np.arange(first, first + count, dtype=np.int64)


def obvious(values: np.ndarray) -> tuple[int, list[int]]:
    """Bound and hashes by definition: all hashes in order, cut at the k-th.

    The hash of a member is read from the sketch of it alone, which has nothing else.
    """
    hashes = sorted(
        {struct.unpack("<Q", sketch_of(np.array([value]))[8:])[0] for value in values.tolist()}
    )
    return (hashes[K], hashes[:K]) if len(hashes) > K else (WHOLE, hashes)


def read(sketch: bytes) -> tuple[int, list[int]]:
    """Bound and hashes by the documented layout of a compact sketch of two members or more."""
    longs, version, family, _, _, flags = sketch[:6]
    (count,) = struct.unpack_from("<I", sketch, 8)
    assert (version, family) == (3, 3)
    assert flags & 16, "expected hashes in order"
    bound = struct.unpack_from("<Q", sketch, 16)[0] if longs == 3 else WHOLE
    return bound, list(struct.unpack_from(f"<{count}Q", sketch, 8 * longs))


# What is in a sketch


def test_the_bytes_of_three_members_are_these_for_ever():
    """Other bytes would be other people to whoever holds sketches of earlier days."""
    assert sketch_of(np.array([1, 2, 3])).hex() == (
        "02030300001acc93030000000000000015f97dcbbd86a105c397fc1281709d1eba40b3c1da06695d"
    )


@pytest.mark.parametrize("count", [2, 4095, 4096, 4097, 9000])
def test_a_sketch_has_the_least_hashes_and_the_next_one_for_its_bound(count):
    assert read(sketch_of(members(count))) == obvious(members(count))


def test_nobody_is_eight_bytes():
    assert EMPTY.hex() == "01030300001ecc93"
    assert people_in(EMPTY) == (0, 0, 0)
    assert union_of([]) == union_of([EMPTY, EMPTY]) == EMPTY


@pytest.mark.parametrize("count", [1, 2, 1000, 4096])
def test_up_to_k_members_the_count_is_exact_and_says_so(count):
    assert people_in(sketch_of(members(count))) == (count, count, count)


@pytest.mark.parametrize("count", [4097, 20_000, 300_000])
def test_above_k_members_the_count_is_within_its_bounds(count):
    told = people_in(sketch_of(members(count)))

    assert told.low <= count <= told.high
    assert 0 < told.high - told.low < 0.07 * count


def test_bounds_of_95_percent_hold_in_that_many_sets():
    """Of a hundred sets of 6,000 people, as many are inside as should be."""
    inside = 0
    for number in range(100):
        told = people_in(sketch_of(members(6_000, first=number * 6_000)))
        inside += told.low <= 6_000 <= told.high

    assert 90 <= inside <= 100


# The same bytes


@examples(30)
@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=60),
    st.randoms(use_true_random=False),
    st.integers(1, 5),
)
def test_any_order_any_copies_and_any_cutting_give_the_same_bytes(values, source, pieces):
    told = values + values[:3]
    source.shuffle(told)
    parts = np.array_split(np.array(told, dtype=np.int64), pieces)

    assert union_of(map(sketch_of, parts)) == sketch_of(np.array(values, dtype=np.int64))


@examples(15)
@given(st.integers(0, 20_000), st.integers(0, 20_000), st.integers(1, 30), st.integers(0, 99))
def test_large_sets_that_overlap_unite_to_the_bytes_of_all_at_once(one, other, pieces, seed):
    everybody = np.concatenate([members(one), members(other, first=one // 2)])
    shuffled = np.random.default_rng(seed).permutation(everybody)
    sketches = [sketch_of(part) for part in np.array_split(shuffled, pieces)]

    assert union_of(sketches) == sketch_of(everybody)
    assert union_of(reversed(sketches)) == union_of([union_of(sketches[:3]), *sketches])


# What is no sketch

OF_ANOTHER_SEED = sketch_of(members(1))[:6] + b"\0\0" + sketch_of(members(1))[8:]


@pytest.mark.parametrize("broken", [b"", b"x", b"no sketch at all", OF_ANOTHER_SEED])
def test_bytes_that_are_no_sketch_are_one_sentence(broken):
    with pytest.raises(ValueError, match=rf"expected a theta sketch .*, found {len(broken)} bytes"):
        people_in(broken)
