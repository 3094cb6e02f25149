"""Rows of days that BigQuery's tables do not take: told apart before they are sent."""

from __future__ import annotations

import json
import pickle
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pytest

from pipelines.sinks.bigquery.append import Patience
from pipelines.sinks.bigquery.days import Days, days_taken, first_kept, split_by_day
from pipelines.sinks.bigquery.destination import Destination, parse_destination
from pipelines.sinks.bigquery.sink import AppendToDefault, _AppendToPending
from pipelines.sinks.tables import EVENTS, FAILED_EVENTS, METRICS
from schemas.bigquery import wire_batch
from schemas.event import EVENT
from schemas.failure import Reason
from tests.storage_write import StorageWrite
from transforms.failures import Failure, failed_batch

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)
PATIENCE = Patience(first_pause=0.001, reconnect_seconds=5, back_off_seconds=5)


@pytest.fixture
def place(server: StorageWrite) -> Destination:
    return Destination("a-project", "d", "d_restricted", "http://nowhere", server.address)


def events(*times: datetime) -> pa.RecordBatch:
    """EVENT batch, an event a time; what else must not be null is empty."""
    columns = []
    for field in EVENT:
        if field.name == "event_time":
            columns.append(pa.array(times, field.type))
        elif field.nullable:
            columns.append(pa.nulls(len(times), field.type))
        elif pa.types.is_fixed_size_binary(field.type):
            columns.append(pa.array([bytes([n] * 16) for n in range(len(times))], field.type))
        elif pa.types.is_timestamp(field.type):
            columns.append(pa.array([NOON] * len(times), field.type))
        elif pa.types.is_string(field.type):
            columns.append(pa.array(["segment"] * len(times), field.type))
        else:
            columns.append(pa.array([0] * len(times), pa.int32()).cast(field.type))
    return pa.RecordBatch.from_arrays(columns, schema=EVENT)


# The rule


def test_events_are_taken_of_the_days_that_are_kept_and_a_year_ahead():
    assert days_taken(EVENTS, NOON) == Days(date(2025, 3, 2), date(2027, 3, 2))


def test_figures_are_kept_and_taken_of_five_years():
    assert days_taken(METRICS, NOON) == Days(date(2021, 3, 3), date(2027, 3, 2))


def test_an_emulator_keeps_events_of_all_days_that_may_be_streamed():
    assert days_taken(EVENTS, NOON, expires=False).first == date(2021, 3, 3)
    variables = {
        "BIGQUERY_EMULATOR_HOST": "localhost:9050",
        "MOMENT_BIGQUERY_WRITE_EMULATOR": "localhost:9060",
    }
    assert not parse_destination("bigquery://a-project/figures", variables).expires
    assert parse_destination("bigquery://a-project/figures", {}).expires


def test_a_partition_has_expired_when_all_its_days_have_passed_since_it_began():
    last_moment = datetime(2026, 3, 2, 23, 59, 59, tzinfo=timezone.utc)

    assert first_kept(FAILED_EVENTS, NOON) == date(2026, 2, 1)
    assert first_kept(FAILED_EVENTS, last_moment) == date(2026, 2, 1)
    assert first_kept(FAILED_EVENTS, last_moment + timedelta(seconds=1)) == date(2026, 2, 2)
    assert first_kept(METRICS, NOON) == date.min


def test_rows_of_the_first_and_last_day_are_taken_and_those_beyond_are_not():
    times = [NOON + timedelta(days=days) for days in (-366, -365, 0, 365, 366)]
    wired = wire_batch(events(*times), EVENT, "event_time")

    rows, others = split_by_day(wired, days_taken(EVENTS, NOON))

    assert rows["event_time"].to_pylist() == times[1:4]
    assert others["event_time"].to_pylist() == [times[0], times[4]]


# Through the sink


def bundle(writer: Any, batches: list[pa.RecordBatch]) -> list[dict[str, Any]]:
    """Rows of the failed events that come out of a bundle, of a writer as a worker has it."""
    writer = pickle.loads(pickle.dumps(writer))
    writer.start_bundle()
    for batch in batches:
        writer.process(batch)
    told = [each.value for each in writer.finish_bundle() if hasattr(each, "value")]
    writer.teardown()
    return [row for batch in told if isinstance(batch, pa.RecordBatch) for row in batch.to_pylist()]


@pytest.mark.parametrize("kind", [AppendToDefault, _AppendToPending])
def test_events_of_other_days_come_out_as_failed_events_and_are_not_sent(server, place, kind):
    now = datetime.now(timezone.utc)
    long_ago = datetime(1990, 1, 1, 12, 0, tzinfo=timezone.utc)
    batches = [events(long_ago, now), events(now + timedelta(days=400))]

    failed = bundle(kind(EVENTS, place, PATIENCE), batches)

    sent = [time for each in server.requests for time in each.rows["event_time"].to_pylist()]
    assert sent == [now]
    assert [(row["stage"], row["reason"], row["path"], row["input"]) for row in failed] == [
        ("write", "day_out_of_range", "event_time", "table events")
    ] * 2
    first, last = days_taken(EVENTS, now)
    assert [row["detail"] for row in failed] == [
        f"expected a day from {first} to {last}, found an earlier one",
        f"expected a day from {first} to {last}, found a later one",
    ]
    assert json.loads(failed[0]["payload"])["event_time"] == "1990-01-01 12:00:00+00:00"


def test_a_bundle_of_nothing_but_such_events_sends_nothing(server, place):
    long_ago = datetime(1990, 1, 1, 12, 0, tzinfo=timezone.utc)

    assert len(bundle(_AppendToPending(EVENTS, place, PATIENCE), [events(long_ago)])) == 1
    assert (server.calls, server.requests) == ([], [])


def test_such_an_event_has_the_same_failure_id_each_time(server, place):
    long_ago = datetime(1990, 1, 1, 12, 0, tzinfo=timezone.utc)
    writer = AppendToDefault(EVENTS, place, PATIENCE)

    ids = {bundle(writer, [events(long_ago)])[0]["failure_id"] for _ in range(2)}

    assert len(ids) == 1


def test_a_failed_event_of_such_a_day_is_kept_among_todays(server, place):
    """No failed event is made of a failed event, and none is dropped."""
    long_ago = datetime(1970, 1, 1, tzinfo=timezone.utc)
    told = Failure(b"{", 1, long_ago, "decode", Reason.SYNTAX, "$", "expected JSON")
    today = datetime.now(timezone.utc).date()

    assert (
        bundle(
            AppendToDefault(FAILED_EVENTS, place, PATIENCE), [failed_batch([told], "a-file", None)]
        )
        == []
    )

    there = server.table(place.path(FAILED_EVENTS)).to_pylist()
    assert [(row["arrived_time"], row["day"]) for row in there] == [(long_ago, today)]
