"""A bounded job: rows are seen at its end, each once."""

from __future__ import annotations

import pytest

from pipelines.sinks.bigquery.append import USUAL
from pipelines.sinks.bigquery.clients import write_client
from pipelines.sinks.bigquery.faults import SinkError
from pipelines.sinks.bigquery.streams import Streams
from schemas.bigquery import wire_schema
from tests.pipelines.bigquery_sink.notes import NOTES, PATIENCE, notes, seen, write
from tests.storage_write import Answer


def test_a_bounded_job_shows_every_row_once_and_only_at_its_end(server, place):
    batches = [notes(first, 100) for first in range(0, 1000, 100)]

    assert write(NOTES, place, batches) == []

    assert seen(server, place) == list(range(1000))
    assert server.calls.count("BatchCommitWriteStreams") == 1
    assert server.calls.count("CreateWriteStream") == len(server.streams)
    assert all(stream.state == "committed" for stream in server.streams.values())
    there = server.table(place.path(NOTES))
    assert there.schema.equals(wire_schema(NOTES.schema))


def test_a_bounded_job_that_fails_shows_nothing(server, place):
    server.plan = lambda request: Answer(code="PERMISSION_DENIED") if request.number == 4 else None

    with pytest.raises(Exception, match="found PERMISSION_DENIED: grant this account"):
        write(NOTES, place, [notes(first, 100) for first in range(0, 1000, 100)])

    assert seen(server, place) == []


def test_a_commit_whose_reply_was_lost_is_repeated_without_doubling(server, place):
    lost = iter(["after UNAVAILABLE"])
    server.unary = lambda name: next(lost, None) if name == "BatchCommitWriteStreams" else None

    write(NOTES, place, [notes(0, 100), notes(100, 100)])

    assert seen(server, place) == list(range(200))
    assert server.calls.count("BatchCommitWriteStreams") == 2


@pytest.mark.parametrize("name", ["CreateWriteStream", "FinalizeWriteStream"])
@pytest.mark.parametrize("told", ["UNAVAILABLE", "after DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"])
def test_a_call_that_fails_in_passing_is_repeated(server, place, name, told):
    planned = iter([told])
    server.unary = lambda called: next(planned, None) if called == name else None

    write(NOTES, place, [notes(0, 100)])

    assert seen(server, place) == list(range(100))


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("CreateWriteStream", r"a bundle needs a stream .* load them with --load-through, or give"),
        ("FinalizeWriteStream", r"ask for more append throughput, or write with fewer workers$"),
    ],
)
def test_a_quota_of_streams_that_stays_exhausted_is_told_from_one_of_bytes(
    server, place, name, advice
):
    clock = iter(range(0, 1_000_000, 200))
    streams = Streams(
        write_client(place), place.path(NOTES), USUAL, lambda: next(clock), lambda seconds: None
    )
    server.unary = lambda called: "RESOURCE_EXHAUSTED" if called == name else None

    with pytest.raises(SinkError, match=rf"notes, found RESOURCE_EXHAUSTED for 600 s: {advice}"):
        streams.finalize(streams.create(), 0)
    assert server.calls.count(name) == 3


def test_streams_partly_committed_are_committed_the_rest(server, place):
    """As when a retried step is given names that an earlier one had committed some of."""
    streams = Streams(write_client(place), place.path(NOTES), PATIENCE)
    names = [streams.create() for _ in range(3)]
    for name in names:
        streams.finalize(name, 0)
    streams.commit(names[:1])

    streams.commit([*names, *names])

    assert {server.streams[name].state for name in names} == {"committed"}


def test_a_stream_that_is_gone_commits_nothing(server, place):
    streams = Streams(write_client(place), place.path(NOTES), PATIENCE)
    name = streams.create()
    streams.finalize(name, 0)

    with pytest.raises(SinkError) as raised:
        streams.commit([name, f"{place.path(NOTES)}/streams/{'f' * 16}"])

    assert str(raised.value) == (
        "expected to append to the BigQuery table a-project.d.notes, found STREAM_NOT_FOUND: "
        "nothing was committed: run the job again"
    )
    assert server.streams[name].state == "finalized"


def test_a_stream_that_holds_another_number_of_rows_is_an_error(server, place):
    streams = Streams(write_client(place), place.path(NOTES), PATIENCE)

    with pytest.raises(SinkError, match=r"^expected 7 rows in a stream of .*notes, found 0"):
        streams.finalize(streams.create(), 7)
