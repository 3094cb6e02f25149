"""Exclude: events named by id are left out and counted as late, whatever their order."""

from __future__ import annotations

import apache_beam as beam
import pyarrow as pa
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given
from hypothesis import strategies as st

from pipelines.measure import IN_PROCESS
from schemas.event import UUID
from schemas.identity import label_key
from tests.transforms.events import NOON, event, native
from transforms.balance import balance, count_batch, count_events
from transforms.exclude import Exclude, exclude, sorted_ids

HOUR = int(NOON.timestamp()) // 3600
FIRST, SECOND, THIRD = b"1" * 16, b"2" * 16, b"3" * 16
SAME_FIRST_WORD = b"11111111" + b"another!"
"""Its first eight bytes are those of FIRST."""


def _ids(*ids: bytes):
    return sorted_ids(pa.array(ids, UUID))


def _events(*ids: bytes) -> pa.RecordBatch:
    return native(*(event(event_id=id) for id in ids))


def _found(events: pa.RecordBatch, *ids: bytes) -> tuple[list[bytes], list[bytes]]:
    kept, excluded = exclude(events, _ids(*ids))
    return kept.column("event_id").to_pylist(), excluded.column("event_id").to_pylist()


def test_events_that_are_named_are_set_apart_and_the_others_keep_their_order():
    events = _events(THIRD, FIRST, SECOND)

    assert _found(events, FIRST) == ([THIRD, SECOND], [FIRST])


def test_every_copy_of_a_named_event_is_excluded():
    assert _found(_events(FIRST, SECOND, FIRST), FIRST) == ([SECOND], [FIRST, FIRST])


def test_two_ids_that_share_their_first_half_are_two_ids():
    events = _events(FIRST, SAME_FIRST_WORD, SECOND)

    assert _found(events, FIRST) == ([SAME_FIRST_WORD, SECOND], [FIRST])
    assert _found(events, SAME_FIRST_WORD) == ([FIRST, SECOND], [SAME_FIRST_WORD])
    assert _found(events, SAME_FIRST_WORD, FIRST) == ([SECOND], [FIRST, SAME_FIRST_WORD])


def test_nothing_named_or_nothing_there_excludes_nothing():
    assert _found(_events(FIRST, SECOND)) == ([FIRST, SECOND], [])
    assert _found(_events(), FIRST) == ([], [])
    assert exclude(_events(FIRST), _ids(SECOND)).kept.equals(_events(FIRST))


def test_ids_that_are_named_twice_are_one_and_their_order_does_not_matter():
    assert _ids(SECOND, FIRST, SECOND).tolist() == _ids(FIRST, SECOND).tolist()
    assert _ids().shape == (0, 2)


def test_both_sides_keep_the_columns_and_the_metadata_of_the_batch():
    events = _events(FIRST, SECOND)
    kept, excluded = exclude(events, _ids(FIRST))

    assert kept.schema.equals(events.schema, check_metadata=True)
    assert excluded.schema.equals(events.schema, check_metadata=True)


@given(
    present=st.lists(st.binary(min_size=16, max_size=16).map(lambda b: b"same...." + b[8:])),
    others=st.lists(st.binary(min_size=16, max_size=16)),
    data=st.data(),
)
def test_for_any_ids_membership_is_that_of_a_set(present, others, data):
    named = [*others, *data.draw(st.lists(st.sampled_from(present)) if present else st.just([]))]
    kept, excluded = _found(_events(*present), *named)

    assert kept == [id for id in present if id not in set(named)]
    assert excluded == [id for id in present if id in set(named)]


def test_in_a_pipeline_what_is_excluded_is_counted_late_by_input_hour_and_channel():
    late = {
        "input": label_key("file"),
        "arrival_hour": HOUR,
        "channel": label_key("app"),
        "outcome": "late",
        "count": 2,
    }
    with beam.Pipeline(IN_PROCESS) as root:
        batches = root | beam.Create([_events(FIRST, SECOND, FIRST), _events(FIRST)])
        found = batches | Exclude(_ids(FIRST))
        events = found.events | "Ids" >> beam.FlatMap(lambda b: b.column("event_id").to_pylist())
        counts = found.counts | "Rows" >> beam.FlatMap(lambda batch: batch.to_pylist())
        assert_that(events, equal_to([SECOND]), "events")
        assert_that(counts, equal_to([late, late | {"count": 1}]), "counts")


def test_the_balance_closes_over_what_was_excluded():
    decoded = [("received", 3), ("decoded", 3), ("events", 3)]
    kept, excluded = exclude(_events(FIRST, SECOND, FIRST), _ids(FIRST))
    counts = [
        count_batch("file", HOUR, "app", decoded),
        count_events(kept, "file", "accepted"),
        count_events(excluded, "file", "late"),
    ]
    (row,) = balance(counts).to_pylist()

    assert (row["accepted"], row["late"], row["balanced"]) == (1, 2, True)
