"""An unbounded job: a bundle ends when its rows are acknowledged."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from pipelines.sinks.bigquery.append import Appender
from pipelines.sinks.bigquery.pool import POOL, Pool
from pipelines.sinks.bigquery.sink import AppendToDefault, _AppendToPending
from tests.pipelines.bigquery_sink.notes import NOTES, PATIENCE, notes, seen


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
