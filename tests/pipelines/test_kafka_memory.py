"""Memory in which a batch lay is used again, and never while somebody holds the batch."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Message
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.kafka import memory as memories
from pipelines.sources.kafka.batches import MessageBuffer
from pipelines.sources.kafka.memory import MOST_KEPT, Memories

NOW = 1_800_000_000_000_000


def batch_of(values: Iterable[bytes], memory: Memories) -> pa.RecordBatch:
    stamp = (TIMESTAMP_LOG_APPEND_TIME, 1_000)
    buffer = MessageBuffer(memory)
    buffer.add(
        [Message(offset=at, value=value, timestamp=stamp) for at, value in enumerate(values)]
    )
    (batch,) = buffer.batches("in", "segment", NOW)
    return batch


def payloads(batch: pa.RecordBatch) -> list[bytes]:
    return batch.column("payload").to_pylist()


def address(batch: pa.RecordBatch) -> int:
    return batch.column("payload").buffers()[2].address


def test_the_memory_of_a_batch_that_has_gone_is_that_of_the_next():
    kept = Memories()
    batch = batch_of([b"a" * 1000, b"b" * 1000], kept)
    before = address(batch)
    del batch

    shorter = batch_of([b"c", b"d"], kept)

    assert address(shorter) == before
    assert payloads(shorter) == [b"c", b"d"]


def test_a_batch_that_is_still_held_is_not_written_over():
    kept = Memories()
    first = batch_of([b"a", b"b"], kept)

    second = batch_of([b"c", b"d"], kept)

    assert (payloads(first), payloads(second)) == ([b"a", b"b"], [b"c", b"d"])


def test_a_slice_holds_the_memory_of_its_batch():
    kept = Memories()
    held = batch_of([b"a", b"b"], kept).column("payload").slice(1)

    batch_of([b"c", b"d"], kept)

    assert held.to_pylist() == [b"b"]


def test_no_more_memories_are_kept_than_a_worker_reads_at_once():
    kept = Memories()
    held = [batch_of([b"a"], kept) for _ in range(2 * MOST_KEPT)]
    first, last = address(held[0]), address(held[-1])
    held.clear()

    again = [batch_of([b"b"], kept) for _ in range(MOST_KEPT)]

    assert last in map(address, again)
    assert len(kept._kept) == MOST_KEPT
    assert first != last


def test_partitions_that_have_nothing_take_no_memory():
    kept = Memories()
    held = [batch_of([b"a"], kept) for _ in range(MOST_KEPT)]
    held.clear()

    for _ in range(MOST_KEPT):
        assert MessageBuffer(kept).batches("in", "segment", NOW) == []

    assert len(kept._kept) == MOST_KEPT


def test_memory_that_one_large_message_has_made_large_is_not_kept(monkeypatch):
    monkeypatch.setattr(memories, "LARGEST_KEPT", 1000)
    kept = Memories()

    batch_of([b"a" * 1000], kept)
    assert len(kept._kept) == 1

    batch_of([b"a" * 1001], kept)
    assert kept._kept == []


_STEPS = st.lists(st.tuples(st.lists(st.binary(max_size=9), min_size=1), st.booleans()))


@given(_STEPS)
def test_whatever_is_held_stays_as_it_was(steps):
    kept = Memories()
    held: list[tuple[list[bytes], pa.RecordBatch]] = []
    for values, holds in steps:
        batch = batch_of(values, kept)
        assert payloads(batch) == values
        if holds:
            held.append((values, batch))

    assert [payloads(batch) for _, batch in held] == [values for values, _ in held]
