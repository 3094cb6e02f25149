"""Exclude: what a late ledger names by id leaves the figures, as the stream left it out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given
from hypothesis import strategies as st

from pipelines.measure import IN_PROCESS
from schemas.event import INSTANT, UUID
from schemas.identity import label_key
from tests.laws import examples
from tests.transforms.events import NOON, event, native
from tests.transforms.observations import PARIS, readable, total
from transforms.attend import Attend
from transforms.balance import balance, count_batch, count_events
from transforms.exclude import Exclude, LeftOut, copies_of, exclude, set_apart, sorted_ids
from transforms.frame import rows_of
from transforms.late import Ledger, late_batch
from transforms.observe import observe
from transforms.protect import PseudonymKeys, protect
from transforms.rules import AttendRules
from transforms.shards import split_by_shard

HOUR = int(NOON.timestamp()) // 3600
FIRST, SECOND, THIRD = b"1" * 16, b"2" * 16, b"3" * 16
SAME_FIRST_WORD = b"11111111" + b"another!"
"""Its first eight bytes are those of FIRST."""


def _ids(*ids: bytes):
    return sorted_ids(pa.array(ids, UUID))


def _left_out(
    *events: bytes,
    changes: Iterable[bytes] = (),
    copies: Iterable[tuple[bytes, datetime, datetime]] = (),
) -> LeftOut:
    """`copies` by id, arrival and event time."""
    ids, *times = zip(*copies) if copies else ((), (), ())
    named = copies_of(pa.array(ids, UUID), *(pa.array(each, INSTANT) for each in times))
    return LeftOut(_ids(*events), _ids(*changes), named)


def _events(*ids: bytes) -> pa.RecordBatch:
    return native(*(event(event_id=id) for id in ids))


def _found(events: pa.RecordBatch, *ids: bytes) -> tuple[list[bytes], list[bytes]]:
    kept, excluded, _ = exclude(events, _left_out(*ids))
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
    assert exclude(_events(FIRST), _left_out(SECOND)).kept.equals(_events(FIRST))


def test_ids_that_are_named_twice_are_one_and_their_order_does_not_matter():
    assert _ids(SECOND, FIRST, SECOND).tolist() == _ids(FIRST, SECOND).tolist()
    assert _ids().shape == (0, 2)


def test_both_sides_keep_the_columns_and_the_metadata_of_the_batch():
    events = _events(FIRST, SECOND)
    kept, excluded, _ = exclude(events, _left_out(FIRST))

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
        found = batches | Exclude(_left_out(FIRST))
        events = found.events | "Ids" >> beam.FlatMap(lambda b: b.column("event_id").to_pylist())
        counts = found.counts | "Rows" >> beam.FlatMap(lambda batch: batch.to_pylist())
        assert_that(events, equal_to([SECOND]), "events")
        assert_that(counts, equal_to([late, late | {"count": 1}]), "counts")


def test_the_balance_closes_over_what_was_excluded():
    decoded = [("received", 3), ("decoded", 3), ("events", 3)]
    kept, excluded, _ = exclude(_events(FIRST, SECOND, FIRST), _left_out(FIRST))
    counts = [
        count_batch("file", HOUR, "app", decoded),
        count_events(kept, "file", "accepted"),
        count_events(excluded, "file", "late"),
    ]
    (row,) = balance(counts, NOON).to_pylist()

    assert (row["accepted"], row["late"], row["balanced"]) == (1, 2, True)


# ── copies ──────────────────────────────────────────────────────────────────────────────────────


LATER = NOON + timedelta(seconds=1)


def _came(id: bytes, seconds: int) -> dict[str, Any]:
    return event(event_id=id, ingested_time=NOON + timedelta(seconds=seconds))


def test_of_copies_those_that_are_named_by_id_and_arrival_are_passed_over():
    events = native(_came(FIRST, 0), _came(FIRST, 1), _came(SECOND, 1), _came(FIRST, 1))
    left_out = _left_out(copies=[(FIRST, LATER, NOON), (THIRD, NOON, NOON)])
    kept, excluded, copies = exclude(events, left_out)

    assert kept.equals(native(_came(FIRST, 0), _came(SECOND, 1)))
    assert copies.equals(native(_came(FIRST, 1), _came(FIRST, 1)))
    assert excluded.num_rows == 0
    assert kept.schema.equals(events.schema, check_metadata=True)


def test_of_copies_that_arrived_at_once_the_one_that_says_the_named_time_is_passed_over():
    said = [event(event_id=FIRST, event_time=at) for at in (NOON, NOON - timedelta(minutes=1))]
    kept, _, copies = exclude(native(*said), _left_out(copies=[(FIRST, NOON, NOON)]))

    assert kept.equals(native(said[1]))
    assert copies.equals(native(said[0]))


def test_in_a_pipeline_a_copy_is_counted_as_one():
    copy = {
        "input": label_key("file"),
        "arrival_hour": HOUR,
        "channel": label_key("app"),
        "outcome": "duplicate",
        "count": 1,
    }
    with beam.Pipeline(IN_PROCESS) as root:
        batches = root | beam.Create([native(_came(FIRST, 0), _came(FIRST, 1))])
        found = batches | Exclude(_left_out(copies=[(FIRST, LATER, NOON)]))
        counts = found.counts | "Rows" >> beam.FlatMap(lambda batch: batch.to_pylist())
        assert_that(counts, equal_to([copy]), "counts")


# ── late changes of facts ───────────────────────────────────────────────────────────────────────

FACT = b"a fact of 16 ...".ljust(16)
COMPLEMENT = bytes(255 - byte for byte in FACT)


def _facts(events: pa.RecordBatch) -> list[bytes | None]:
    return events.column("fact_id").to_pylist()


def test_the_fact_of_a_late_change_is_set_apart_and_everything_else_stays():
    events = native(
        event("comment", event_id=FIRST, fact_id=FACT, revision=1),
        event("comment", event_id=SECOND, fact_id=FACT, revision=2, op="update"),
        event("view", event_id=THIRD),
    )
    kept, excluded, _ = exclude(events, _left_out(changes=[SECOND, THIRD]))

    assert _facts(kept) == [FACT, COMPLEMENT, None]
    assert kept.drop_columns("fact_id").equals(events.drop_columns("fact_id"))
    assert kept.schema.equals(events.schema, check_metadata=True)
    assert excluded.num_rows == 0


def test_late_changes_of_one_fact_are_of_one_fact_still_and_no_name_moves_none():
    events = native(*(event(event_id=id, fact_id=FACT) for id in (FIRST, SECOND, THIRD)))

    assert _facts(set_apart(events, _ids(FIRST, THIRD))) == [COMPLEMENT, FACT, COMPLEMENT]
    assert set_apart(events, _ids()) is events
    assert set_apart(_events(), _ids(FIRST)).num_rows == 0


def test_an_event_that_does_not_count_is_left_out_though_its_change_was_late_too():
    kept, excluded, _ = exclude(_events(FIRST, SECOND), _left_out(FIRST, changes=[FIRST]))

    assert kept.column("event_id").to_pylist() == [SECOND]
    assert excluded.equals(_events(FIRST))


KEYS = PseudonymKeys(b"actor key, sixteen", b"routing key, sixteen", "2026-03")
HOT_MINUTES = 15
AUTHOR, OTHERS = "ida", ("ana", "ben", "cléo", "dan")
"""Of three shards and of two, the author is alone in the first."""


def _comment(number: int, actor: str, minute: int, revision: int, op: str) -> dict[str, Any]:
    """A statement about the one fact there is, `minute` minutes after noon."""
    return event(
        "comment",
        event_id=bytes([number] * 16),
        raw_actor=actor,
        fact_id=FACT,
        revision=revision,
        op=op,
        event_time=NOON + timedelta(minutes=minute),
    )


class Job:
    """Shards of people told step by step; figures are sums of what they emitted."""

    def __init__(self, shards: int, streamed: bool = False) -> None:
        rules = AttendRules(PARIS, HOT_MINUTES, streamed=streamed)
        self.machines = [Attend(rules) for _ in range(shards)]
        self.deltas: list[pa.RecordBatch] = []
        self.ledger: list[dict[str, Any]] = []

    def hear(self, *rows: dict[str, Any], left_out: LeftOut | None = None) -> Job:
        events = protect(native(*rows), KEYS).events
        if left_out:
            events = exclude(events, left_out).kept
        route = events.column("route").to_numpy()
        observations, _ = observe(events, PARIS, "file")
        for shard, part in split_by_shard(observations, route, len(self.machines)):
            machine = self.machines[shard]
            machine.add(part)
            emitted = machine.emit()
            self.deltas.append(emitted.partials)
            if rows_of(emitted.late):
                closed = machine.state.closed_through
                self.ledger += late_batch(emitted.late, closed, Ledger(0, 0, 0), NOON).to_pylist()
        return self

    def reach(self, minute: int, *shards: int) -> Job:
        """The stream has come `minute` minutes after noon: all shards, or some, know it."""
        for shard in shards or range(len(self.machines)):
            self.machines[shard].close(int(NOON.timestamp()) // 60 + minute)
        return self

    def left_out(self) -> LeftOut:
        """What the ledger names: an event that has copies here has none that is late."""
        named = {
            effect: {row["event_id"] for row in self.ledger if row["effect"] == effect}
            for effect in ("event", "change")
        }
        copies = [
            (row["event_id"], row["arrived_time"], row["event_time"])
            for row in self.ledger
            if row["effect"] == "copy"
        ]
        return _left_out(*named["event"], changes=named["change"] - named["event"], copies=copies)


WRITTEN = _comment(1, AUTHOR, 0, 1, "insert")


@pytest.mark.parametrize("name", [AUTHOR, *OTHERS])
@pytest.mark.parametrize("shards", [2, 3])
def test_the_author_of_these_tests_has_a_shard_alone(name, shards):
    route = protect(native(event(raw_actor=name)), KEYS).events.column("route").to_numpy()

    assert (int(route.astype(np.uint64)[0]) % shards == 0) == (name == AUTHOR)


#   author's shard   12:00 ida writes      | sealed at 12:16 |   the echo is late: `change`
#   other shard                                                  12:30 dan changes it: counts


@pytest.mark.parametrize(
    ("op", "comments", "unheeded"),
    [
        # Ida's is sealed; what dan says in its place is a comment of his shard as well.
        ("update", 2, 1),
        ("retract", 1, 0),
    ],
)
def test_a_late_change_of_somebody_else_counts_as_an_event_and_leaves_what_was_sealed(
    op, comments, unheeded
):
    changed = _comment(2, "dan", 30, 2, op)
    stream = Job(shards=2).hear(WRITTEN).reach(20).hear(changed)
    again = Job(shards=2).hear(WRITTEN, changed, left_out=stream.left_out())

    assert [(row["event_id"], row["effect"]) for row in stream.ledger] == [
        (changed["event_id"], "change")
    ]
    assert readable(again.deltas) == readable(stream.deltas)
    assert total(again.deltas, "events") == 2
    assert total(again.deltas, "count", item="comment") == comments
    # That is what the ledger is read for.
    heeded = Job(shards=2).hear(WRITTEN, changed)
    assert total(heeded.deltas, "count", item="comment") == unheeded


#   dan's shard      | closed, idle | 12:01 he deletes, which arrives at 12:17: late, `event`
#   author's shard   12:01 ida writes                    its echo        | closed with its beat


@pytest.mark.parametrize("op", ["update", "retract"])
def test_a_change_that_is_late_by_its_arrival_is_heeded_in_no_shard_though_one_has_not_closed(op):
    written = _comment(1, AUTHOR, 1, 1, "insert")
    changed = _comment(2, "dan", 1, 2, op) | {"ingested_time": NOON + timedelta(minutes=17)}
    stream = Job(shards=2, streamed=True).hear(written).reach(10).reach(17, 1)
    stream.hear(changed).reach(17, 0)
    again = Job(shards=2).hear(written, changed, left_out=stream.left_out())

    assert {row["event_id"] for row in stream.ledger} == {changed["event_id"]}
    assert readable(again.deltas) == readable(stream.deltas)
    assert total(again.deltas, "count", item="comment") == 1


@pytest.mark.parametrize(("seconds", "late"), [(16 * 60, True), (16 * 60 - 1, False)])
def test_a_change_is_late_by_its_arrival_when_its_minute_and_the_horizon_after_it_are_over(
    seconds, late
):
    edit = _comment(2, AUTHOR, 0, 2, "update")
    edit["ingested_time"] = NOON + timedelta(seconds=seconds)
    view = event(event_id=THIRD, raw_actor=AUTHOR, ingested_time=NOON + timedelta(hours=5))
    stream = Job(shards=1, streamed=True).hear(WRITTEN, edit, view)

    assert [row["event_id"] for row in stream.ledger] == [edit["event_id"]] * late


def test_of_two_late_changes_in_time_for_each_other_the_last_one_stands():
    edited, deleted = _comment(2, "dan", 30, 2, "update"), _comment(3, "ben", 31, 3, "retract")
    stream = Job(shards=3).hear(WRITTEN).reach(20).hear(edited).hear(deleted)
    again = Job(shards=1).hear(WRITTEN, edited, deleted, left_out=stream.left_out())

    assert {row["effect"] for row in stream.ledger} == {"change"}
    assert readable(again.deltas) == readable(stream.deltas)
    assert total(again.deltas, "count", item="comment") == 1


def test_a_change_of_a_late_change_that_is_sealed_itself_is_no_event_anywhere():
    edited, deleted = _comment(2, "dan", 30, 2, "update"), _comment(3, "ben", 50, 3, "retract")
    stream = Job(shards=3).hear(WRITTEN).reach(20).hear(edited).reach(46).hear(deleted)
    again = Job(shards=1).hear(WRITTEN, edited, deleted, left_out=stream.left_out())

    assert {(row["event_id"], row["effect"]) for row in stream.ledger} == {
        (edited["event_id"], "change"),
        (deleted["event_id"], "change"),
        (deleted["event_id"], "event"),
    }
    assert readable(again.deltas) == readable(stream.deltas)
    assert total(again.deltas, "events") == 2


@examples(40)
@given(
    changes=st.lists(
        st.tuples(
            st.sampled_from(OTHERS),
            st.integers(0, 60),
            st.integers(2, 5),
            st.sampled_from(("update", "retract")),
            st.integers(0, 30),
        ),
        max_size=8,
    ),
    shards=st.integers(1, 3),
)
def test_whatever_others_say_of_a_fact_and_when_it_is_sealed_figures_agree(changes, shards):
    stream, rows, reached = Job(shards=3).hear(WRITTEN), [WRITTEN], 0
    for number, (actor, minute, revision, op, on) in enumerate(changes, 2):
        rows.append(_comment(number, actor, minute, revision, op))
        stream.reach(reached := reached + on).hear(rows[-1])
    again = Job(shards).hear(*rows, left_out=stream.left_out())

    assert readable(again.deltas) == readable(stream.deltas)


# ── copies in time that say other minutes ───────────────────────────────────────────────────────

#   arrived   12:00:01  of 11:59      12:00:02  of 12:00
#   read      second: `copy`          first: counts


def _copy(minute: int, seconds: int, actor: str = "ana") -> dict[str, Any]:
    return event(
        event_id=FIRST,
        raw_actor=actor,
        event_time=NOON + timedelta(minutes=minute),
        ingested_time=NOON + timedelta(seconds=seconds),
    )


def test_a_copy_that_arrived_before_the_one_that_counted_and_says_another_minute_is_of_the_ledger():
    counted, copy = _copy(0, 2), _copy(-1, 1)
    stream = Job(shards=1).hear(counted).hear(copy)

    assert [(row["effect"], row["arrived_time"]) for row in stream.ledger] == [
        ("copy", copy["ingested_time"])
    ]
    again = Job(shards=1).hear(copy, counted, left_out=stream.left_out())
    assert readable(again.deltas) == readable(stream.deltas)
    # That is what the ledger is read for: of all copies the first to arrive counts.
    assert readable(Job(shards=1).hear(copy, counted).deltas) != readable(stream.deltas)


def test_a_late_copy_that_arrived_before_the_one_that_counted_is_passed_over_as_it_was():
    counted, late = _copy(20, 1202), _copy(0, 1201)
    stream = Job(shards=1).reach(17).hear(counted).hear(late)
    passed_over = _left_out(copies=[(FIRST, late["ingested_time"], late["event_time"])])

    assert [row["effect"] for row in stream.ledger] == ["event"]
    again = Job(shards=1).hear(late, counted, left_out=passed_over)
    assert readable(again.deltas) == readable(stream.deltas)


def test_a_copy_of_the_same_minute_and_one_that_is_read_together_with_the_first_are_not():
    assert Job(shards=1).hear(_copy(0, 2)).hear(_copy(0, 1)).ledger == []
    assert Job(shards=1).hear(_copy(0, 2), _copy(-1, 1)).ledger == []


@examples(40)
@given(
    copies=st.lists(
        st.tuples(st.integers(-3, 3), st.integers(0, 9), st.booleans()), min_size=1, max_size=6
    ).filter(lambda copies: len({seconds for _, seconds, _ in copies}) == len(copies))
)
def test_in_whatever_order_copies_are_read_figures_agree(copies):
    stream, told = Job(shards=1), []
    for minute, seconds, together in copies:
        told.append(_copy(minute, seconds))
        if not together:
            stream.hear(*told)
            told = []
    stream.hear(*told)
    rows = [_copy(minute, seconds) for minute, seconds, _ in sorted(copies)]
    again = Job(shards=1).hear(*rows, left_out=stream.left_out())

    assert readable(again.deltas) == readable(stream.deltas)
