"""The rows that tell of a run."""

from __future__ import annotations

import pytest

from pipelines.runs import Runs
from pipelines.sinks.bigquery.faults import SinkError
from pipelines.sinks.tables import RUNS
from tests.storage_write import Answer


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
