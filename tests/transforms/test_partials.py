"""Partials: frames padded to one schema, sums that neither wrap nor depend on order."""

from decimal import Decimal
from itertools import permutations

import numpy as np
import pyarrow as pa
import pytest

from schemas.identity import label_key
from schemas.partial import BOTH, COLUMN_NAMES, GROUPING_NAMES, PARTIAL, SQUARES
from tests.transforms.observations import label_batch
from transforms.partials import (
    by_traffic,
    partial_batch,
    split_by_family,
    split_labels,
    sum_partials,
)

TOTAL, CHANNEL, BRAND, CONTENT = (
    GROUPING_NAMES.index(name) for name in ("total", "channel", "brand", "content")
)
GROSS, VALID, MINUTE, DAY = 0, 1, 0, 2


def _batch(grouping=TOTAL, traffic=GROSS, window=DAY, **columns):
    frame = {name: np.array(values) for name, values in columns.items()}
    return partial_batch([(grouping, traffic, window, frame)])


def test_a_part_is_padded_with_zeros_to_the_whole_schema():
    batch = _batch(start=[20_514], viewers=[7])

    assert batch.schema.equals(PARTIAL, check_metadata=True)
    (row,) = batch.to_pylist()
    assert {k: v for k, v in row.items() if v} == {"window": 2, "start": 20_514, "viewers": 7}


def test_a_dimension_the_grouping_lacks_is_zero():
    keys = {"channel": [5], "brand": [6], "content": [7], "start": [1], "events": [1]}
    (row,) = _batch(grouping=BRAND, **keys).to_pylist()

    assert (row["channel"], row["brand"], row["content"]) == (0, 6, 0)


def test_parts_of_all_kinds_stand_one_below_the_other():
    frame = {"start": np.array([1, 2]), "events": np.array([3, 4])}
    batch = partial_batch([(TOTAL, GROSS, MINUTE, frame), (CHANNEL, VALID, DAY, frame)])

    assert batch.column("grouping").to_pylist() == [0, 0, 1, 1]
    assert batch.column("traffic").to_pylist() == [0, 0, 1, 1]
    assert batch.column("window").to_pylist() == [0, 0, 2, 2]
    assert batch.column("events").to_pylist() == [3, 4, 3, 4]


def test_nothing_sums_to_an_empty_batch_of_the_schema():
    for nothing in ([], [partial_batch([])]):
        assert sum_partials(nothing).schema.equals(PARTIAL)
        assert sum_partials(nothing).num_rows == 0


def test_sums_do_not_depend_on_the_order_and_rows_that_cancel_are_gone():
    deltas = [
        _batch(start=[1, 2], viewers=[5, 1], action_squares=[9, 4]),
        _batch(start=[2, 1], viewers=[-1, 2], action_squares=[-4, 1]),
        _batch(start=[1], viewers=[-3]),
    ]

    for order in permutations(deltas):
        (row,) = sum_partials(order).to_pylist()
        assert (row["start"], row["viewers"], row["action_squares"]) == (1, 4, Decimal(10))


# The largest that is plausible of one person in one local day (of 25 hours).
A_DAY_MS = 25 * 3_600_000
LARGEST = {
    "events": 10**9,
    "heartbeat_events": 10**9,
    "watched_ms": 10 * A_DAY_MS,
    "heartbeat_ms": 3_600_000,
    "actions": 10**9,
    "action_squares": 10**18,
    "count": 10**9,
    "anonymous": 10**9,
    "positive": 10**9,
    "negative": 10**9,
}
TEN_MILLION = 10_000_000


@pytest.mark.parametrize("column", COLUMN_NAMES)
def test_ten_million_people_at_their_largest_do_not_overflow(column):
    million = TEN_MILLION // 10 * LARGEST.get(column, 1)
    deltas = [_batch(start=[1], **{column: np.array([million], dtype=object)})] * 10

    (row,) = sum_partials(deltas).to_pylist()
    assert int(row[column]) == TEN_MILLION * LARGEST.get(column, 1)
    (undone,) = sum_partials([*deltas, _batch(start=[1], viewers=[1])]).to_pylist()
    assert int(undone[column]) == TEN_MILLION * LARGEST.get(column, 1) + (column == "viewers")


def test_squares_are_exact_decimals_also_beyond_sixty_four_bits():
    for square in (0, 2**63 - 1, 2**63, 10**25, -(10**25)):
        batch = _batch(start=[1], viewers=[1], action_squares=np.array([square], dtype=object))

        assert batch.schema.field("action_squares").type == SQUARES
        assert batch.column("action_squares").to_pylist() == [Decimal(square)]


def test_a_family_has_all_siblings_of_its_content_or_brand_and_totals_have_their_own():
    live, maison = label_key("live"), label_key("maison")
    batch = pa.Table.from_batches(
        [
            _batch(start=[1], events=[1]),
            _batch(grouping=CHANNEL, channel=[5], start=[1], events=[1]),
            _batch(grouping=CONTENT, content=[live], start=[1], events=[1]),
            _batch(grouping=CONTENT + 1, content=[live], channel=[5], start=[1], events=[1]),
            _batch(grouping=BRAND, brand=[maison], start=[1], events=[1]),
            _batch(grouping=BRAND + 1, brand=[maison], channel=[5], start=[1], events=[1]),
        ]
    ).combine_chunks()
    split = dict(split_by_family(batch.to_batches()[0], 1000))

    names = {
        n: [GROUPING_NAMES[g] for g in b.column("grouping").to_pylist()] for n, b in split.items()
    }
    assert names.pop(0) == ["total", "channel"]
    assert sorted(names.values()) == [["brand", "brand_channel"], ["content", "content_channel"]]


def test_a_label_goes_to_the_family_of_its_key_and_not_to_the_totals():
    live = label_key("live")
    split = split_labels(label_batch(), 1000)
    homes = [number for number, batch in split if live in batch.column("key").to_pylist()]
    content = _batch(grouping=CONTENT, content=[live], start=[1], events=[1])

    assert homes == [split_by_family(content, 1000)[0][0]]


def _by_traffic(*batches):
    rows = by_traffic(sum_partials(batches)).to_pylist()
    return {(row["traffic"], row["start"]): row["viewers"] for row in rows}


def test_people_without_automata_travel_once_and_count_in_both_traffics():
    both = _batch(traffic=BOTH, start=[1, 2], viewers=[5, 6])

    assert _by_traffic(both) == {(0, 1): 5, (0, 2): 6, (1, 1): 5, (1, 2): 6}
    assert _by_traffic(both, _batch(traffic=GROSS, start=[1], viewers=[2])) == {
        (0, 1): 7,
        (0, 2): 6,
        (1, 1): 5,
        (1, 2): 6,
    }
    assert _by_traffic(_batch(traffic=VALID, start=[1], viewers=[3])) == {(1, 1): 3}
    assert _by_traffic() == {}


def test_somebody_who_turns_out_to_be_an_automaton_leaves_the_valid():
    before = [_batch(traffic=BOTH, start=[1], viewers=[1])]
    change = [
        _batch(traffic=BOTH, start=[1], viewers=[-1]),
        _batch(traffic=GROSS, start=[1], viewers=[1]),
    ]

    assert _by_traffic(*before, *change) == {(0, 1): 1}
