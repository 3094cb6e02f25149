"""Small batches wait for company of their key, and none is lost or merged with another key's."""

import pyarrow as pa

from transforms.gathering import Gathering


def _batch(*numbers):
    return pa.record_batch({"n": pa.array(numbers, pa.int64())})


def _joined(batches):
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]


def _numbers(elements):
    return [(key, batch.column("n").to_pylist()) for key, batch in elements]


def test_batches_of_a_key_leave_together_when_they_are_enough_rows():
    gathering = Gathering(3, _joined)

    assert _numbers(gathering.add("a", _batch(1, 2))) == []
    assert _numbers(gathering.add("b", _batch(7))) == []
    assert _numbers(gathering.add("a", _batch(3))) == [("a", [1, 2, 3])]


def test_the_rest_leaves_at_the_end_once():
    gathering = Gathering(3, _joined)
    list(gathering.add("a", _batch(1)))
    list(gathering.add("b", _batch(2)))

    assert sorted(_numbers(gathering.rest())) == [("a", [1]), ("b", [2])]
    assert _numbers(gathering.rest()) == []
