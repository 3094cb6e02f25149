"""Which events the figures of a dataset left out, as its late ledger says."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.verify.dataset import LateEvent, late_events, left_out, open_published, passed_over
from schemas.event import EVENT, UUID
from schemas.late import LATE_EVENT
from schemas.metric import METRIC
from tests.laws import examples
from tests.pipelines.verify.rows import HOUR, MINUTE, NOON, figure, late, write_rows
from tests.transforms.events import event

ANA, BEN = b"an event of ana.", b"an event of ben."
IN_TIME, LATE, LATER = NOON + MINUTE, NOON + 8 * HOUR, NOON + 9 * HOUR


def came(id: bytes, at: datetime) -> dict[str, Any]:
    """A row of the events table: a copy of an event and when it came."""
    row = event(event_id=id, ingested_time=at)
    return {name: row.get(name) for name in EVENT.names}


def change(id: bytes, at: datetime) -> dict[str, Any]:
    """A row of the ledger: the fact that the copy changes was sealed in a shard."""
    return late(id, at, effect="change")


def _left_out(
    dataset: Path, events: list[Any], ledger: list[Any], epoch: int = 0
) -> list[tuple[bytes, str]]:
    write_rows(dataset, "metrics", METRIC, [figure(), figure(epoch=epoch)])
    write_rows(dataset, "events", EVENT, events)
    write_rows(dataset, "late_events", LATE_EVENT, ledger)
    with open_published(dataset) as connection:
        return [(each.event_id, each.effect) for each in late_events(connection)]


LEDGERS = {
    "its only copy came late": ([came(ANA, LATE)], [late(ANA, LATE)], [ANA]),
    "both its copies came late": (
        [came(ANA, LATE), came(ANA, LATER)],
        [late(ANA, LATE), late(ANA, LATER)],
        [ANA],
    ),
    "a copy was in time, a further one late": (
        [came(ANA, IN_TIME), came(ANA, LATE)],
        [late(ANA, LATE)],
        [],
    ),
    "a retried bundle wrote its event twice": (
        [came(ANA, LATE), came(ANA, LATE)],
        [late(ANA, LATE)],
        [ANA],
    ),
    "a retried bundle wrote its ledger row twice": (
        [came(ANA, LATE)],
        [late(ANA, LATE), late(ANA, LATE)],
        [ANA],
    ),
    "a retried bundle wrote the copy in time twice": (
        [came(ANA, IN_TIME), came(ANA, IN_TIME), came(ANA, LATE)],
        [late(ANA, LATE), late(ANA, LATE)],
        [],
    ),
    "the ledger was written before its event": ([came(BEN, IN_TIME)], [late(ANA, LATE)], [ANA]),
    "another event was late": ([came(ANA, LATE), came(BEN, LATE)], [late(BEN, LATE)], [BEN]),
    "nothing was late": ([came(ANA, IN_TIME)], [], []),
}


@pytest.mark.parametrize(("events", "ledger", "ids"), LEDGERS.values(), ids=LEDGERS)
def test_an_event_is_excluded_when_every_copy_of_it_came_late(tmp_path, events, ledger, ids):
    assert _left_out(tmp_path, events, ledger) == [(id, "event") for id in ids]


CHANGES = {
    "its only copy came late": ([came(ANA, LATE)], [change(ANA, LATE)], [(ANA, "change")]),
    "two shards had sealed what it changes": (
        [came(ANA, LATE)],
        [change(ANA, LATE), change(ANA, LATE)],
        [(ANA, "change")],
    ),
    "its own shard had sealed it as well": (
        [came(ANA, LATE)],
        [change(ANA, LATE), late(ANA, LATE), change(ANA, LATE)],
        [(ANA, "event")],
    ),
    "a copy was in time, a further one late": (
        [came(ANA, IN_TIME), came(ANA, LATE)],
        [change(ANA, LATE)],
        [],
    ),
    "a further copy came when the change was sealed itself": (
        [came(ANA, LATE), came(ANA, LATER)],
        [change(ANA, LATE), late(ANA, LATER)],
        [(ANA, "change")],
    ),
    "all its copies came when the change was sealed itself": (
        [came(ANA, LATE), came(ANA, LATER)],
        [change(ANA, LATE), late(ANA, LATE), late(ANA, LATER)],
        [(ANA, "event")],
    ),
    "the ledger was written before its event": ([], [change(ANA, LATE)], [(ANA, "change")]),
    "another event did not count": (
        [came(ANA, LATE), came(BEN, LATER)],
        [change(ANA, LATE), late(BEN, LATER)],
        [(ANA, "change"), (BEN, "event")],
    ),
}


@pytest.mark.parametrize(("events", "ledger", "effects"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_left_out_when_every_copy_came_late_and_one_of_them_counted(
    tmp_path, events, ledger, effects
):
    assert _left_out(tmp_path, events, ledger) == effects


_COPY = st.tuples(st.sampled_from((ANA, BEN)), st.sampled_from((IN_TIME, LATE, LATER)))


@examples(25)
@given(
    copies=st.sets(_COPY),
    ledger=st.sets(st.tuples(_COPY, st.sampled_from(("event", "change", "copy")))),
)
def test_for_any_ledger_what_is_left_out_is_what_sets_say(copies, ledger):
    expected, passed = set(), set()
    for id in (ANA, BEN):
        own = {copy for copy in copies if copy[0] == id}
        not_counted = {c for c, effect in ledger if c[0] == id and effect == "event"}
        unheeded = {c for c, effect in ledger if c[0] == id and effect == "change"}
        others = {c for c, effect in ledger if c[0] == id and effect == "copy"}
        if not_counted and own <= not_counted and not others:
            expected.add((id, "event"))
            continue
        passed |= not_counted | others
        if unheeded and own <= not_counted | unheeded | others:
            expected.add((id, "change"))
    with tempfile.TemporaryDirectory() as folder:
        rows = [late(id, at, effect=effect) for (id, at), effect in ledger]
        found = _left_out(Path(folder), [came(*copy) for copy in copies], rows)
        with open_published(Path(folder)) as connection:
            over = passed_over(connection).to_pylist()

    assert len(found) == len(set(found))
    assert set(found) == expected
    assert sorted((row["event_id"], row["arrived_time"]) for row in over) == sorted(passed)
    assert {row["event_time"] for row in over} <= {NOON}


@pytest.mark.parametrize(
    ("written", "ids"), [(0, []), (1, [ANA]), (2, [])], ids=["older", "of the figures", "newer"]
)
def test_only_the_ledger_of_the_epoch_of_the_figures_excludes(tmp_path, written, ids):
    # Epoch 1 restated the day: what the stream had left out is in its figures.
    found = _left_out(tmp_path, [came(ANA, LATE)], [late(ANA, LATE, written)], epoch=1)
    assert found == [(id, "event") for id in ids]


def test_a_dataset_without_a_ledger_leaves_nothing_out(tmp_path):
    write_rows(tmp_path, "metrics", METRIC, [figure()])
    with open_published(tmp_path) as connection:
        assert late_events(connection) == []
        left = left_out([], passed_over(connection))
    assert (left.events.shape, left.changes.shape, left.copies.shape) == ((0, 2), (0, 2), (0, 4))


def test_ids_are_parted_by_their_effect():
    noon = (NOON, NOON, NOON)
    one, two = NOON, NOON - timedelta(minutes=1)
    copies = pa.table(
        {"event_id": pa.array([ANA], UUID), "arrived_time": [one], "event_time": [two]}
    )
    ids = left_out([LateEvent(ANA, "event", *noon), LateEvent(BEN, "change", *noon)], copies)

    assert ids.events.tobytes() == ANA
    assert ids.changes.tobytes() == BEN
    assert ids.copies.tobytes() == ANA + b"".join(
        (int(time.timestamp()) * 10**6).to_bytes(8, "little") for time in (one, two)
    )
