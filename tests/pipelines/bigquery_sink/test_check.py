"""What is looked at before anything starts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.errors import OptionError
from pipelines.measure import IN_PROCESS
from pipelines.sinks.bigquery.check import _check_rights, check_tables
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.sink import WriteBigQuery
from pipelines.sinks.tables import BALANCES, EVENTS
from schemas.bigquery import bigquery_columns
from tests.pipelines.bigquery_sink.notes import NOTES, notes
from tests.web_server import QuietHandler, serving


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
