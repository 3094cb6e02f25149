"""Progress: when a family believes what the shards say of how far the stream has come, drawn."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.calendar import NEVER
from transforms.progress import Mark, Progress, mark_batch, sent_by


def _delta(shard, sequence=None):
    """A delta of a shard; what is in it does not matter here."""
    return sent_by(pa.record_batch({"count": [1]}), shard, sequence)


def _told(progress, *elements):
    """The progress after deltas, given as (shard, sequence), and marks."""
    for element in elements:
        if isinstance(element, Mark):
            progress.mark(mark_batch(element))
        else:
            progress.receive(_delta(*element))
    return progress


# One shard of one. "1" and "2" are its deltas, ✓ is its word: "reached 100, two deltas before".
#
#   sent         1  2  ✓
#   received     1  2  ✓        believed with the word
#   received     ✓  1  2        believed with the second delta
#   received     1  ✓  3        not believed: the third is not the second


WORD = Mark(shard=0, sequence=2, reached=100, closed=85)


@pytest.mark.parametrize(
    ("received", "reached"),
    [
        ([(0, 1), (0, 2), WORD], 100),
        ([WORD, (0, 1), (0, 2)], 100),
        ([(0, 2), WORD, (0, 1)], 100),
        ([(0, 1), WORD], NEVER),
        ([WORD], NEVER),
        ([(0, 1), WORD, (0, 3)], NEVER),
        ([(0, 1), WORD, (0, 3), (0, 2)], 100),
        ([(0, 1), (0, 2)], NEVER),
        ([], NEVER),
    ],
)
def test_a_word_is_believed_when_the_deltas_before_it_have_come(received, reached):
    assert _told(Progress(1), *received).reached == reached


def test_a_word_before_any_delta_is_believed_at_once():
    assert _told(Progress(1), Mark(0, 0, 100, 85)).reached == 100


def test_what_is_sealed_is_the_minute_the_believed_word_says():
    assert _told(Progress(1), WORD).closed == NEVER
    assert _told(Progress(1), WORD, (0, 1), (0, 2)).closed == 85


#   sent         1  ✓ 100  2  ✓ 101
#   received     1  ✓ 100     ✓ 101       100: the second word waits for its delta
#   received     1  ✓ 101  2  ✓ 100       101: words that were overtaken take nothing back


def test_the_furthest_word_that_is_believed_counts():
    first, second = Mark(0, 1, 100, 85), Mark(0, 2, 101, 86)

    assert _told(Progress(1), (0, 1), first, second).reached == 100
    assert _told(Progress(1), (0, 1), second, (0, 2), first).reached == 101


#   shard 0      reached 100, closed 85        both: the lesser of each
#   shard 1      reached  90, closed 75
#   shard 2      says nothing yet              of three shards nothing is known


@pytest.mark.parametrize(("shards", "reached", "closed"), [(2, 90, 75), (3, NEVER, NEVER)])
def test_all_shards_must_have_spoken_and_the_one_furthest_behind_decides(shards, reached, closed):
    progress = _told(Progress(shards), Mark(0, 0, 100, 85), Mark(1, 0, 90, 75))

    assert (progress.reached, progress.closed) == (reached, closed)


def test_deltas_of_another_shard_do_not_count():
    assert _told(Progress(1), WORD, (1, 1), (1, 2)).reached == NEVER


def test_deltas_without_a_number_are_counted_in_the_order_in_which_they_come():
    progress = _told(Progress(1), WORD, (0, None))

    assert progress.reached == NEVER
    assert _told(progress, (0, None)).reached == 100


def test_a_delta_that_says_no_shard_is_of_a_bounded_input_and_counts_nowhere():
    progress = _told(Progress(1), WORD)
    progress.receive(pa.record_batch({"count": [1]}))

    assert progress.learnt() == []
    assert progress.reached == NEVER


def test_saying_its_shard_keeps_what_a_delta_says_already():
    delta = pa.record_batch({"count": [1]}).replace_schema_metadata({"name": "partial"})

    assert sent_by(delta, 3, 7).schema.metadata == {
        b"name": b"partial",
        b"shard": b"3",
        b"sequence": b"7",
    }


def test_what_was_learnt_is_told_once():
    progress = _told(Progress(1), (0, 1), (0, 2))

    assert [batch.num_rows for batch in progress.learnt()] == [2]
    assert progress.learnt() == []


def test_memory_keeps_of_a_shard_one_word_that_is_believed_and_those_ahead():
    marks = [Mark(0, n, 100 + n, 85 + n) for n in range(5)]
    memory = _told(Progress(1), (0, 1), (0, 2), *marks).memory()
    told = [
        row["reached"]
        for batch in memory
        if "reached" in batch.schema.names
        for row in batch.to_pylist()
    ]

    assert sorted(told) == [102, 103, 104]


# The laws, against the obvious: all deltas before a word are among those received.


@st.composite
def _streams(draw):
    """Deltas and words of two shards, delivered in any order; some not at all."""
    elements = []
    for shard in range(2):
        sequence, reached = 0, 100
        for is_delta in draw(st.lists(st.booleans(), max_size=8)):
            if is_delta:
                sequence += 1
                elements.append((shard, sequence))
            else:
                reached += draw(st.integers(0, 3))
                elements.append(Mark(shard, sequence, reached, reached - 15))
    delivered = draw(st.permutations(elements))
    return delivered[: draw(st.integers(0, len(delivered)))]


def _plainly(delivered):
    furthest = {}
    for mark in delivered:
        if isinstance(mark, Mark) and all(
            (mark.shard, n) in delivered for n in range(1, mark.sequence + 1)
        ):
            furthest[mark.shard] = max(furthest.get(mark.shard, NEVER), mark.reached)
    return min(furthest.values()) if len(furthest) == 2 else NEVER


@given(_streams())
def test_a_word_is_believed_in_any_order_of_delivery_exactly_when_its_deltas_have_come(delivered):
    progress = _told(Progress(2), *delivered)

    assert progress.reached == _plainly(delivered)
    assert progress.closed == (NEVER if progress.reached == NEVER else progress.reached - 15)


@given(_streams(), st.integers(0, 16), st.integers(0, 16))
def test_a_progress_recalled_from_one_memory_and_what_came_after_goes_on_alike(
    delivered, cut, again
):
    fragments, progress = [], Progress(2)
    for number, element in enumerate(delivered):
        _told(progress, element)
        if isinstance(element, Mark):
            fragments.append(mark_batch(element))
        fragments += progress.learnt()
        if number == cut:
            fragments = progress.memory()
        if number == again:
            progress = Progress.recall(2, fragments)

    assert progress.reached == _plainly(delivered)
    assert Progress.recall(2, fragments).reached == _plainly(delivered)
