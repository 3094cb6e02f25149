"""Appending without a fault, and rows that BigQuery names as at fault."""

from __future__ import annotations

import pytest

from tests.pipelines.appending.rows import (
    DEFAULT,
    QUICK,
    held,
    own_stream,
    rows,
    seen,
)
from tests.storage_write import Answer, Request


def test_every_row_is_written_once_and_the_schema_sent_once(server, appender):
    writer = appender()

    for first in range(0, 1000, 100):
        writer.append(rows(first, 100))

    assert writer.flush() == []
    assert seen(server) == list(range(1000))
    assert [request.has_schema for request in server.requests] == [True] + [False] * (
        len(server.requests) - 1
    )
    assert {request.offset for request in server.requests} == {None}
    assert server.connections == 1


def test_a_second_flush_uses_the_same_connection(server, appender):
    writer = appender()
    for first in (0, 10, 20):
        writer.append(rows(first, 10))
        writer.flush()

    assert (seen(server), server.connections) == (list(range(30)), 1)


def test_several_requests_are_in_flight_and_no_more_than_allowed(server, appender):
    """Each takes 50 ms to answer; 12 pieces four at a time need no more than twice three turns."""
    most = 0

    def plan(request: Request) -> Answer:
        return Answer(seconds=0.01)

    server.plan = plan
    writer = appender()
    for first in range(0, 1000, 100):
        writer.append(rows(first, 100))
        most = max(most, len(writer._sent))
    writer.flush()

    assert most == QUICK.in_flight
    assert seen(server) == list(range(1000))


def test_offsets_count_the_rows_of_an_own_stream(server, appender):
    stream = own_stream(server)
    writer = appender(stream)
    writer.append(rows(0, 200))
    writer.flush()

    offsets = [request.offset for request in server.requests]
    counts = [request.rows.num_rows for request in server.requests]
    assert offsets == [sum(counts[:number]) for number in range(len(counts))]
    assert (held(server, stream), writer.acknowledged) == (list(range(200)), 200)


def test_a_row_larger_than_a_request_is_given_back_and_the_others_are_written(server, appender):
    writer = appender()
    writer.append(rows(0, 3))
    writer.append(rows(3, 1, "x" * 20_000))
    writer.append(rows(4, 3))

    (refused,) = writer.flush()

    assert (refused.code, refused.row["n"].to_pylist()) == ("ROW_TOO_LARGE", [3])
    assert seen(server) == [0, 1, 2, 4, 5, 6]


@pytest.mark.parametrize("kind", ["default", "own"])
def test_rows_at_fault_are_given_back_and_all_others_written(server, appender, kind):
    bad = {13, 14, 77, 140}

    def plan(request: Request) -> Answer | None:
        wrong = [i for i, n in enumerate(request.rows["n"].to_pylist()) if n in bad]
        told = dict.fromkeys(wrong, "Field text: 'a secret value' is wrong")
        return Answer(code="INVALID_ARGUMENT", row_errors=told) if wrong else None

    server.plan = plan
    stream = own_stream(server) if kind == "own" else DEFAULT
    writer = appender(stream)
    writer.append(rows(0, 200))

    refused = writer.flush()

    assert {n for each in refused for n in each.row["n"].to_pylist()} == bad
    assert {(each.code, each.path) for each in refused} == {("FIELDS_ERROR", "text")}
    there = held(server, stream) if kind == "own" else seen(server)
    assert sorted(there) == [n for n in range(200) if n not in bad]
    assert writer.flush() == []


def test_a_request_of_nothing_but_rows_at_fault_is_given_back_whole(server, appender):
    server.plan = lambda request: Answer(
        code="INVALID_ARGUMENT", row_errors=dict.fromkeys(range(request.rows.num_rows), "no")
    )
    writer = appender()
    writer.append(rows(0, 3))

    assert [each.row["n"].to_pylist() for each in writer.flush()] == [[0], [1], [2]]
    assert seen(server) == []
