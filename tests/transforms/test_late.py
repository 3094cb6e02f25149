"""Late: what the ledger says of observations that came after their minute was sealed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timezone

import pyarrow as pa
import pytest

from schemas.late import LATE_EVENT
from tests.transforms.observations import PARIS, id_bytes, observations, said
from transforms.attend import Attend
from transforms.late import Ledger, late_batch, reset_batch
from transforms.rules import AttendRules

NOW = datetime(2026, 3, 2, 10, 20, 30, tzinfo=timezone.utc)

#   said at 10:00, sealed when the stream had reached 10:16, came when it had reached 10:20
#
#             10:00       10:05                       10:20 reached   10:20:30
#   event       *           | closed through (10:20 − 15)   | it comes     | the row is written


def _late(*rows, before=(), reached="10:20", time_zone=PARIS):
    """The ledger's rows of what comes late to a shard that has heard and closed."""
    machine = Attend(AttendRules(time_zone))
    if before:
        machine.add(observations(before, time_zone))
        machine.emit()
    machine.close(said(reached).micros // 60_000_000)
    machine.add(observations(rows, time_zone))
    return late_batch(machine.emit().late, machine.state.closed_through, Ledger(3, 5, 40), NOW)


def _utc(hour, minute, second=0):
    return datetime(2026, 3, 2, hour, minute, second, tzinfo=timezone.utc)


def test_a_late_event_is_a_row_with_its_id_its_times_and_what_was_closed():
    late = said("10:00:07", id=12)
    batch = _late(late)

    assert batch.schema.equals(LATE_EVENT, check_metadata=True)
    assert batch.to_pylist() == [
        {
            "event_id": id_bytes(late),
            "event_time": _utc(10, 0, 7),
            "arrived_time": _utc(10, 0, 7),
            "local_day": date(2026, 3, 2),
            "effect": "event",
            "closed_through": _utc(10, 5),
            "recorded_time": NOW,
            "epoch": 3,
            "shard": 5,
            "number": 41,
        }
    ]


def test_the_time_of_arrival_is_that_of_this_copy():
    batch = observations([said("10:00", id=1)])
    place = batch.schema.get_field_index("arrived")
    arrived = pa.array([said("10:19:59").micros])
    machine = Attend(AttendRules(PARIS))
    machine.close(said("10:20").micros // 60_000_000)
    machine.add(batch.set_column(place, batch.schema.field(place), arrived))
    (row,) = late_batch(machine.emit().late, 0, Ledger(0, 0, 0), NOW).to_pylist()

    assert (row["event_time"], row["arrived_time"]) == (_utc(10, 0), _utc(10, 19, 59))


@pytest.mark.parametrize(
    ("time_zone", "at", "reached", "day"),
    [
        (PARIS, "22:59", "23:30", date(2026, 3, 2)),
        (PARIS, "23:00", "23:30", date(2026, 3, 3)),
        ("Asia/Kolkata", "18:30", "19:00", date(2026, 3, 3)),
        ("America/New_York", "23:00", "23:30", date(2026, 3, 2)),
    ],
)
def test_the_day_is_the_one_of_the_property_s_clock(time_zone, at, reached, day):
    batch = _late(said(at, id=1), reached=reached, time_zone=time_zone)

    assert batch.column("local_day").to_pylist() == [day]


#   ben's comment, 10:00        sealed
#   ben's own edit, 10:20       his shard does not count it: effect "event"
#   dan's deletion, 10:20       dan's shard counts it; its echo here cannot: effect "change"


def test_what_counted_as_an_event_elsewhere_is_late_as_a_change():
    comment = said("10:00", "ben", "comment", id=1, fact=7, revision=1)
    edit = said("10:20", "ben", "comment", id=2, fact=7, revision=2, update=True)
    deletion = said("10:20", "dan", "moderate", id=3, fact=7, revision=3, retract=True)
    batch = _late(edit, replace(deletion, echo=True), before=[comment])

    effects = dict(zip(batch.column("event_id").to_pylist(), batch.column("effect").to_pylist()))
    assert effects == {id_bytes(edit): "event", id_bytes(deletion): "change"}


def test_each_late_copy_of_an_event_is_a_row_of_its_own():
    assert _late(*[said("10:00", id=1)] * 3).num_rows == 3


def test_what_is_in_time_has_no_row():
    batch = _late(said("10:05", id=1), said("10:04", id=2))

    assert batch.column("event_id").to_pylist() == [id_bytes(said("10:04", id=2))]


def test_a_restored_shard_says_which_of_its_rows_it_remembers():
    (row,) = reset_batch(Ledger(3, 5, 40), NOW).to_pylist()

    assert (row["effect"], row["epoch"], row["shard"], row["number"]) == ("reset", 3, 5, 40)
    assert row["recorded_time"] == NOW
