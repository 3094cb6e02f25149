"""Rows that BigQuery refuses become failed events."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pipelines.sinks.bigquery.append import Refused
from pipelines.sinks.bigquery.refused import refused_events, without_payload
from pipelines.sinks.tables import BALANCES, EVENTS, FAILED_EVENTS, TABLES
from schemas.bigquery import wire_batch
from schemas.failure import FAILED_EVENT
from tests.pipelines.bigquery_sink.notes import NOON, NOTES, failure, notes, seen, write
from tests.storage_write import Answer, Request


def test_refused_rows_come_out_as_failed_events_and_the_others_are_seen(server, place):
    def plan(request: Request) -> Answer | None:
        wrong = [i for i, n in enumerate(request.rows["n"].to_pylist()) if n in (13, 14, 77)]
        told = dict.fromkeys(wrong, "field text: 'a secret value'")
        return Answer(code="INVALID_ARGUMENT", row_errors=told) if wrong else None

    server.plan = plan

    failed = write(NOTES, place, [notes(0, 100)])

    assert seen(server, place) == [n for n in range(100) if n not in (13, 14, 77)]
    assert [(row["reason"], row["stage"], row["input"], row["path"]) for row in failed] == [
        ("refused_by_sink", "write", "table notes", "text")
    ] * 3
    assert {row["detail"] for row in failed} == {
        "expected a row that BigQuery takes, found FIELDS_ERROR"
    }
    assert failed[0]["payload"] == (
        b'{"n": 13, "time": "2026-03-03 01:00:00+00:00", "text": "what somebody wrote",'
        b' "day": "2026-03-03"}'
    )


def test_a_row_refused_again_has_the_same_failure_id():
    row = wire_batch(notes(5, 1), NOTES.schema, "time")
    refused = [Refused(row, "FIELDS_ERROR", None)]

    ids = {
        refused_events(refused, "notes", NOON + timedelta(hours=n)).to_pylist()[0]["failure_id"]
        for n in range(3)
    }

    assert len(ids) == 1


def test_a_failed_event_that_is_refused_is_written_without_its_payload(server, place):
    """No failed event is made of a failed event, and none is dropped."""
    batches = [failure(b"x" * 10, 1), failure(b"y" * 10_000, 2)]

    assert write(FAILED_EVENTS, place, batches) == []

    rows = server.table(place.path(FAILED_EVENTS)).sort_by("position").to_pylist()
    assert [(row["payload"], row["detail"]) for row in rows] == [
        (b"x" * 10, "expected JSON"),
        (b"", "expected JSON; payload left out: ROW_TOO_LARGE"),
    ]


def test_a_failed_event_refused_even_without_its_payload_is_an_error(server, place):
    server.plan = lambda request: Answer(
        code="INVALID_ARGUMENT", row_errors=dict.fromkeys(range(request.rows.num_rows), "no")
    )

    with pytest.raises(Exception, match="found FIELDS_ERROR even without the payload"):
        write(FAILED_EVENTS, place, [failure(b"x")])


def test_what_is_left_of_a_failed_event_has_the_columns_of_the_table():
    row = wire_batch(failure(b"x"), FAILED_EVENT, "arrived_time")

    assert without_payload([Refused(row, "FIELDS_ERROR", None)]).schema == row.schema


def test_failed_events_go_to_the_restricted_dataset(place):
    assert {table.name for table in TABLES if "restricted" in place.name(table)} == {
        "failed_events"
    }
    assert place.path(EVENTS) == "projects/a-project/datasets/d/tables/events"
    assert place.name(FAILED_EVENTS) == "a-project.d_restricted.failed_events"
    assert place.name(BALANCES) == "a-project.d.balance"
