"""The BigQuery sink in a graph, against a server of the same API."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.errors import OptionError
from pipelines.measure import IN_PROCESS
from pipelines.runs import Runs
from pipelines.sinks.bigquery.append import USUAL, Appender, Patience, Refused
from pipelines.sinks.bigquery.check import _check_rights, check_tables
from pipelines.sinks.bigquery.clients import write_client
from pipelines.sinks.bigquery.destination import Destination, parse_destination
from pipelines.sinks.bigquery.faults import SinkError
from pipelines.sinks.bigquery.pool import POOL, Pool
from pipelines.sinks.bigquery.refused import refused_events, without_payload
from pipelines.sinks.bigquery.sink import AppendToDefault, WriteBigQuery, _AppendToPending
from pipelines.sinks.bigquery.streams import Streams
from pipelines.sinks.table import Table
from pipelines.sinks.tables import BALANCES, EVENTS, FAILED_EVENTS, RUNS, TABLES
from schemas.bigquery import bigquery_columns, wire_batch, wire_schema
from schemas.failure import FAILED_EVENT, Reason
from tests.storage_write import Answer, Request, StorageWrite
from tests.web_server import QuietHandler, serving
from transforms.failures import Failure, failed_batch

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)
NOTES = Table(
    "notes",
    pa.schema(
        [
            pa.field("n", pa.int32(), False),
            pa.field("time", pa.timestamp("us", "UTC"), False),
            pa.field("text", pa.string()),
        ]
    ),
    "time",
    "one row a note",
    ("text",),
)
PATIENCE = Patience(most_bytes=4000, first_pause=0.001, reconnect_seconds=5, back_off_seconds=5)


@pytest.fixture
def place(server: StorageWrite) -> Destination:
    return Destination("a-project", "d", "d_restricted", "http://nowhere", server.address)


def notes(first: int, count: int) -> pa.RecordBatch:
    return pa.record_batch(
        [
            pa.array(range(first, first + count), pa.int32()),
            pa.array([NOON + timedelta(hours=n) for n in range(count)], pa.timestamp("us", "UTC")),
            ["what somebody wrote"] * count,
        ],
        schema=NOTES.schema,
    )


def failure(payload: bytes, position: int = 1) -> pa.RecordBatch:
    told = Failure(payload, position, NOON, "decode", Reason.SYNTAX, "$", "expected JSON")
    return failed_batch([told], "a-file", "app", NOON)


def write(table: Table, place: Destination, batches: list[pa.RecordBatch]) -> list[Any]:
    """Run a bounded graph; the failed events that come out, as rows."""
    _OUT.clear()
    with beam.Pipeline(options=PipelineOptions([f"--runner={IN_PROCESS}"])) as root:
        (
            root
            | beam.Create(batches).with_output_types(pa.RecordBatch)
            | beam.Reshuffle()
            | WriteBigQuery(table, place, PATIENCE)
            | beam.Map(_collect)
        )
    return list(_OUT)


_OUT: list[Any] = []


def _collect(batch: pa.RecordBatch) -> None:
    _OUT.extend(batch.to_pylist())


def seen(server: StorageWrite, place: Destination, table: Table = NOTES) -> list[int]:
    there = server.table(place.path(table))
    return sorted(there["n"].to_pylist()) if there.num_columns else []


# A bounded job


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


# An unbounded job: bundles by hand, for the in-process runner knows bounded ones only


def bundle(writer: Any, batches: list[pa.RecordBatch]) -> list[Any]:
    writer.start_bundle()
    for batch in batches:
        writer.process(batch)
    return list(writer.finish_bundle())


def test_a_bundle_ends_when_all_its_rows_are_acknowledged(server, place):
    writer = AppendToDefault(NOTES, place, PATIENCE)

    bundle(writer, [notes(0, 500)])

    assert seen(server, place) == list(range(500))
    writer.teardown()


def test_bundles_of_one_process_share_a_connection_whichever_instance_runs_them(server, place):
    """A runner keeps a DoFn whose finalizer is pending, and makes another."""
    writers = [pickle.loads(pickle.dumps(AppendToDefault(NOTES, place, PATIENCE))) for _ in "abc"]
    for first, writer in enumerate(writers):
        bundle(writer, [notes(first * 10, 10)])

    assert (seen(server, place), server.connections) == (list(range(30)), 1)
    writers[0].teardown()


def test_tables_have_a_connection_each_over_one_channel(server, place):
    other = replace(NOTES, name="others")
    bundle(AppendToDefault(NOTES, place, PATIENCE), [notes(0, 10)])
    bundle(AppendToDefault(other, place, PATIENCE), [notes(0, 10)])

    assert server.connections == 2
    for table in (NOTES, other):
        AppendToDefault(table, place, PATIENCE).teardown()


def test_teardown_ends_the_connections(server, place):
    writer = AppendToDefault(NOTES, place, PATIENCE)
    bundle(writer, [notes(0, 10)])

    writer.teardown()

    assert POOL.idle((NOTES.name, place)) == 0


def test_a_bundle_that_failed_leaves_nothing_to_the_next(server, place):
    writer = AppendToDefault(NOTES, place, PATIENCE)
    writer.start_bundle()
    writer.process(notes(0, 10))

    bundle(writer, [notes(100, 10)])

    assert seen(server, place) == list(range(100, 110))
    writer.teardown()


def test_an_empty_bundle_opens_nothing(server, place):
    assert bundle(AppendToDefault(NOTES, place, PATIENCE), []) == []
    assert bundle(_AppendToPending(NOTES, place, PATIENCE), []) == []
    assert (server.connections, server.calls) == (0, [])


def test_a_pool_gives_each_appender_to_one_bundle_at_a_time():
    pool, made = Pool(), []

    def make() -> Appender:
        made.append(Appender("a/stream", NOTES.schema, lambda: pytest.fail("no need")))
        return made[-1]

    first, second = pool.take("key", make), pool.take("key", make)
    pool.give_back("key", first)

    assert pool.take("key", make) is first
    assert (first is second, len(made)) == (False, 2)


# Refused rows


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


# The destination


def test_a_destination_names_a_project_and_a_dataset():
    found = parse_destination("bigquery://a-project/figures", {})

    assert found == Destination("a-project", "figures", "figures_restricted")
    assert str(found) == "bigquery://a-project/figures"


def test_a_destination_may_name_the_restricted_dataset():
    found = parse_destination("bigquery://example.com:a-project/figures?restricted=raw", {})

    assert (found.project, found.restricted_dataset) == ("example.com:a-project", "raw")


@pytest.mark.parametrize(
    "output",
    [
        "bigquery://",
        "bigquery://a-project",
        "bigquery://a-project/",
        "bigquery://a-project/figures/events",
        "bigquery://A Project/figures",
        "bigquery://a-project/figu-res",
        "bigquery://a-project/figures?restricted=",
        "bigquery://a-project/figures?raw=x",
        "bigquery://a-project/figures?restricted=a-b",
    ],
)
def test_a_destination_that_is_none_is_one_sentence(output):
    with pytest.raises(OptionError, match=r"expected bigquery://PROJECT/DATASET"):
        parse_destination(output, {})


def test_raw_payloads_are_never_beside_the_figures():
    with pytest.raises(OptionError, match="expected a restricted dataset of its own"):
        parse_destination("bigquery://a-project/figures?restricted=figures", {})


def test_an_emulator_has_two_addresses():
    both = {
        "BIGQUERY_EMULATOR_HOST": "localhost:9050",
        "MOMENT_BIGQUERY_WRITE_EMULATOR": "localhost:9060",
    }
    found = parse_destination("bigquery://a-project/figures", both)

    assert (found.rest_emulator, found.write_emulator) == (
        "http://localhost:9050",
        "localhost:9060",
    )
    for name in both:
        with pytest.raises(OptionError, match=f"^{name}: expected"):
            parse_destination("bigquery://a-project/figures", {name: both[name]})


# Before anything starts; the rest is tested on the emulator


def test_an_account_that_may_only_read_is_one_sentence(server, place):
    server.unary = lambda name: "PERMISSION_DENIED"

    with pytest.raises(OptionError) as refused:
        _check_rights(place, [EVENTS])

    assert str(refused.value) == (
        "--output bigquery://a-project/d: expected the right to write a-project.d.events, found"
        " that this account may only read: grant it BigQuery Data Editor on the dataset"
    )


@contextmanager
def answering(codes: dict[str, int], asked: list[str]) -> Iterator[Destination]:
    """A service that answers a table or dataset by its name, 200 where it is not in `codes`."""
    reference = {"projectId": "a-project", "datasetId": "d", "tableId": "events"}
    fields = {"fields": bigquery_columns(EVENTS.schema)}
    there = {"tableReference": reference, "schema": fields}

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            name = self.path.partition("?")[0].rpartition("/")[2]
            asked.append(name)
            code = codes.get(name, 200)
            self.answer(code, json.dumps(there if code == 200 else _refused(code)).encode())

    with serving(Handler) as address:
        yield Destination("a-project", "d", "d_restricted", f"http://{address}", "nowhere:1")


def _refused(code: int) -> dict[str, Any]:
    told = {"reason": {403: "accessDenied", 404: "notFound"}[code], "message": "as planned"}
    return {"error": {"code": code, "message": "as planned", "errors": [told]}}


def test_who_may_use_a_table_need_not_see_its_dataset():
    asked: list[str] = []
    with answering({"d": 403}, asked) as place:
        check_tables(place, [EVENTS], "--output ")

    assert asked == ["events"]


def test_a_table_that_may_not_be_seen_is_named_with_the_right_that_is_missing():
    with answering({"events": 403}, []) as place, pytest.raises(OptionError) as refused:
        check_tables(place, [EVENTS], "--output ")

    assert str(refused.value) == (
        "--output bigquery://a-project/d: expected the right to see the table a-project.d.events"
        " (bigquery.tables.get), found none, or no such table, which BigQuery does not tell apart"
        " without that right: grant this account BigQuery Data Editor on it, Data Viewer where"
        " nothing is to be written, or create it with `moment tables apply`"
    )


def test_of_a_missing_table_whose_dataset_may_not_be_seen_the_table_is_named():
    codes = {"events": 404, "d": 403}
    with answering(codes, []) as place, pytest.raises(OptionError) as refused:
        check_tables(place, [EVENTS], "--output ")

    assert str(refused.value) == (
        "--output bigquery://a-project/d: expected the table a-project.d.events, found none:"
        " create it with `moment tables apply`"
    )


def test_of_a_missing_dataset_the_dataset_is_named():
    codes = {"events": 404, "d": 404}
    with answering(codes, []) as place, pytest.raises(OptionError, match=r"dataset a-project\.d,"):
        check_tables(place, [EVENTS], "--output ")


def test_who_may_write_leaves_nothing_to_be_seen(server, place):
    _check_rights(place, [EVENTS, BALANCES])

    assert (len(server.streams), server.seen) == (2, {})


def test_an_unbounded_graph_appends_to_default_streams_and_commits_nothing(place):
    root = beam.Pipeline(options=PipelineOptions([f"--runner={IN_PROCESS}"]))
    batches = root | beam.Create([notes(0, 1)]).with_output_types(pa.RecordBatch)
    batches.is_bounded = False

    written = batches | WriteBigQuery(NOTES, place)

    assert written.element_type == pa.RecordBatch
    labels = [part.full_label for part in root.transforms_stack[0].parts]
    assert not any("Commit" in label for label in labels)
    assert not written.is_bounded


# A run


def test_a_row_of_runs_that_is_refused_is_said(server, place):
    told = {0: "column options: too long"}
    server.plan = lambda request: Answer(code="INVALID_ARGUMENT", row_errors=told)

    with pytest.raises(SinkError) as refused:
        Runs(place, streaming=False).write("started", {"brand": "acme"})

    assert str(refused.value) == (
        "expected the BigQuery table a-project.d.runs to take a row of this run (started), found"
        " FIELDS_ERROR of options: compare its columns with `moment tables plan`"
    )


def test_a_row_of_runs_says_what_a_run_was_asked_for(server, place):
    Runs(place, streaming=True).write("started", {"brand": "acme"})

    (row,) = server.table(place.path(RUNS)).to_pylist()
    assert (row["state"], row["streaming"], row["options"]) == (
        "started",
        True,
        '{"brand": "acme"}',
    )
