"""`moment verify bigquery://PROJECT/DATASET INPUT...` on BigQuery's emulator.

Runs where the emulator's packages can be had; with MOMENT_EVERYTHING set it must run.
"""

from __future__ import annotations

import json

import pytest

from deploy.local.bigquery import PROJECT
from pipelines.errors import OptionError
from pipelines.keys import KEY_VARIABLE
from pipelines.place_bigquery import BigQueryPlace
from pipelines.runs import Runs
from pipelines.sinks.tables import EVENTS, METRICS, RUNS

pytestmark = pytest.mark.timeout(900)


def test_what_a_batch_published_is_identical_to_its_input_as_from_a_folder(
    moment_verify, batch, published
):
    said = moment_verify(batch.to, *batch.inputs)

    assert said == moment_verify(published.dataset, *published.inputs)
    assert said.code == 0
    assert said.out.startswith("identical: 4,158 figures of 2026-03-01 and")


def test_what_a_stream_left_out_is_told_and_excluded_as_from_a_folder(
    moment_verify, stream, streamed
):
    said = moment_verify(stream.to, *stream.inputs)

    assert said == moment_verify(streamed.dataset, *streamed.inputs)
    assert said.code == 0
    assert "2026-03-03, 13 late events excluded" in said.out


def test_a_day_is_compared_with_what_the_ledger_of_all_days_leaves_out(moment_verify, stream):
    said = moment_verify(stream.to, *stream.inputs, "--day", "2026-03-03")

    assert (said.code, said.out.partition(":")[0]) == (0, "identical")
    assert "figures of 2026-03-03, 13 late events excluded" in said.out


def test_a_figure_that_is_another_is_found_to_the_bit(moment_verify, batch):
    batch.client.query_and_wait(
        f"UPDATE `{batch.to.name(METRICS)}` SET value = value + 1 WHERE metric = 'reach'"
        " AND window_kind = 'day' AND grouping_set = 'channel' AND channel = 'access_log'"
        " AND traffic = 'valid' AND day = DATE '2026-03-02'"
    )
    said = moment_verify(batch.to, *batch.inputs)

    assert said.code == 4
    assert said.out.startswith("NOT IDENTICAL: 1 of ")
    assert said.out.count("31.0       30.0") == 1


def test_what_cannot_be_compared_is_refused_in_one_sentence(moment_verify, batch, monkeypatch):
    with pytest.raises(OptionError) as nowhere:
        moment_verify(f"bigquery://{PROJECT}/nowhere", *batch.inputs)
    assert str(nowhere.value) == (
        f"bigquery://{PROJECT}/nowhere: expected the dataset {PROJECT}.nowhere, found none: create"
        " it and its tables with `moment tables apply`, or correct the name"
    )

    with pytest.raises(OptionError, match=r"^bigquery://x/y: expected bigquery://PROJECT/DATASET"):
        moment_verify("bigquery://x/y", *batch.inputs)

    monkeypatch.setenv(KEY_VARIABLE, "another key than the dataset's")
    with pytest.raises(OptionError, match=rf"^{batch.to}: its ids were made with the pseudonym"):
        moment_verify(batch.to, *batch.inputs)
    monkeypatch.undo()

    for table, told in (
        (METRICS, "expected published figures, found none in its metrics"),
        (RUNS, "expected a run of `moment measure` that published here, found none in"),
        (EVENTS, f"expected the table {batch.to.name(EVENTS)}, found none: create it with"),
    ):
        if table is EVENTS:
            batch.client.delete_table(batch.to.name(EVENTS))
        else:
            name = batch.to.name(table)
            batch.client.query_and_wait(f"DELETE FROM `{name}` WHERE day > '1970-01-01'")
        with pytest.raises(OptionError, match=told) as refused:
            moment_verify(batch.to, *batch.inputs)
        assert str(refused.value).startswith(f"{batch.to}: ")
        assert "\n" not in str(refused.value)


def test_options_are_those_of_the_stream_else_of_the_last_run_that_finished(empty, published):
    record = json.loads((published.dataset / "run.json").read_text())
    place = BigQueryPlace(empty)

    Runs(empty, streaming=False).write("finished", record | {"brand": "first"})
    Runs(empty, streaming=False).write("finished", record | {"brand": "second"})
    Runs(empty, streaming=False).write("started", record | {"brand": "killed"})
    assert place.run().brand == "second"

    told = {"streaming": True, "hot_minutes": 20, "brand": "streamed"}
    Runs(empty, streaming=True).write("started", record | told)
    Runs(empty, streaming=False).write("finished", record | {"brand": "third"})
    assert (place.run().brand, place.run().hot_minutes) == ("streamed", 20)
