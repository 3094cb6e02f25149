"""Load jobs of BigQuery: what is asked for, and what each answer comes to."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import pytest

from pipelines.arguments import add_measure_arguments
from pipelines.errors import OptionError
from pipelines.options import measure_options
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.faults import SinkError
from pipelines.sinks.bigquery.load import LoadPatience, job_id, load
from pipelines.sinks.tables import EVENTS, METRICS
from tests.load_jobs import Jobs, Refusal, load_jobs

FIELDS = [
    {"name": "event_id", "type": "BYTES", "mode": "REQUIRED", "description": "who it is"},
    # Added to a table that had rows: it may be null whatever ours may.
    {"name": "action", "type": "STRING", "mode": "NULLABLE"},
    {"name": "theirs", "type": "INTEGER", "mode": "NULLABLE"},
]
FILES = ["gs://live/staged/run/events/part-2.parquet", "gs://live/staged/run/events/part-1.parquet"]
PATIENCE = LoadPatience(attempts=3, first_pause=0.001)


@pytest.fixture
def service() -> Iterator[Jobs]:
    with load_jobs(FIELDS) as running:
        yield running


@pytest.fixture
def place(service: Jobs) -> Destination:
    return Destination("a-project", "figures", "few", service.address, "127.0.0.1:1")


def test_a_job_is_asked_for_as_the_service_documents_it(service, place):
    assert load(place, EVENTS, "run", FILES, PATIENCE) == 12

    (asked,) = service.asked
    assert asked["jobReference"] == {
        "jobId": "moment-run-events-0",
        "projectId": "a-project",
        "location": "EU",
    }
    assert asked["configuration"]["load"] == {
        "sourceUris": sorted(FILES),
        "sourceFormat": "PARQUET",
        "destinationTable": {
            "projectId": "a-project",
            "datasetId": "figures",
            "tableId": "events",
        },
        "writeDisposition": "WRITE_APPEND",
        "createDisposition": "CREATE_NEVER",
        # All of the table's, each with the mode that it has there.
        "schema": {"fields": FIELDS},
    }


def test_who_asks_again_finds_the_job_and_nothing_is_loaded_twice(service, place):
    load(place, EVENTS, "run", FILES, PATIENCE)
    load(place, EVENTS, "run", ["gs://live/staged/run/events/part-3.parquet"], PATIENCE)
    assert service.loaded == sorted(FILES)

    load(place, EVENTS, "another run", FILES, PATIENCE)
    assert service.loaded == sorted(FILES) * 2


def test_a_job_whose_reply_was_lost_is_found(service, place):
    service.refusals = [Refusal(503, "backendError", takes=True)]

    assert load(place, EVENTS, "run", FILES, PATIENCE) == 12
    assert service.loaded == sorted(FILES)
    assert len(service.asked) == 2


def test_a_job_that_failed_for_a_passing_reason_is_asked_for_under_another_id(service, place):
    service.outcomes = ["backendError", "jobRateLimitExceeded"]

    load(place, EVENTS, "run", FILES, PATIENCE)

    assert list(service.jobs) == [job_id("run", EVENTS, attempt) for attempt in range(3)]
    assert service.loaded == sorted(FILES)


def test_who_asks_again_after_jobs_that_failed_finds_the_one_that_loaded(service, place):
    service.outcomes = ["backendError"]
    load(place, EVENTS, "run", FILES, PATIENCE)

    load(place, EVENTS, "run", FILES, PATIENCE)

    assert service.loaded == sorted(FILES)


def test_a_reason_that_does_not_pass_is_one_sentence_with_its_code_and_no_values(service, place):
    service.outcomes = ["invalid"]

    with pytest.raises(SinkError) as failed:
        load(place, EVENTS, "run", FILES, PATIENCE)

    assert str(failed.value) == (
        "expected to load the BigQuery table a-project.figures.events, found invalid: compare the"
        " table's columns with those of `moment tables plan`"
    )
    assert len(service.asked) == 1


def test_reasons_that_pass_and_do_not_end_are_one_sentence(service, place):
    service.outcomes = ["internalError"] * 3

    with pytest.raises(SinkError, match=r"found internalError: look at the job's history in BigQu"):
        load(place, EVENTS, "run", FILES, PATIENCE)

    assert (len(service.asked), service.loaded) == (3, [])


def test_a_job_that_may_not_be_begun_is_one_sentence(service, place):
    service.refusals = [Refusal(403, "accessDenied")]

    with pytest.raises(
        SinkError, match=r"found accessDenied: grant this account BigQuery Job User"
    ) as failed:
        load(place, EVENTS, "run", FILES, PATIENCE)

    assert "ada" not in str(failed.value)


def test_a_table_that_is_gone_is_one_sentence(service, place):
    with pytest.raises(SinkError, match=r"load the BigQuery table .*\.metrics, found notFound"):
        load(place, METRICS, "run", FILES, PATIENCE)


def test_more_files_than_a_job_takes_are_refused_before_any_is_asked_for(service, place):
    many = [f"gs://live/{number}.parquet" for number in range(10_001)]

    with pytest.raises(SinkError, match=r"found 10,001 files: measure the input in parts"):
        load(place, EVENTS, "run", many, PATIENCE)

    assert service.asked == []


@pytest.mark.parametrize(
    ("output", "given", "sentence"),
    [
        (
            "figures",
            ["gs://live/staged"],
            "--load-through gs://live/staged: expected with --output",
        ),
        ("bigquery://our-project/d", ["staged"], "--load-through staged: expected gs://BUCKET/PR"),
        ("bigquery://our-project/d", ["gs://No/a"], "gs://No/a: expected gs://BUCKET/PREFIX, with"),
        (
            "bigquery://our-project/d",
            ["gs://live/staged", "--speed", "1"],
            "--load-through gs://live/staged: expected with bounded input only: rows of a stream are"
            " appended as they come; leave it out",
        ),
    ],
)
def test_what_cannot_be_loaded_is_one_sentence(tmp_path, output, given, sentence):
    (tmp_path / "a.ndjson").write_text("{}\n")
    where = output if "://" in output else str(tmp_path / output)
    parser = argparse.ArgumentParser()
    add_measure_arguments(parser)
    line = [str(tmp_path / "a.ndjson"), "--output", where, "--load-through", *given]

    with pytest.raises(OptionError) as refused:
        measure_options(parser.parse_args(line), ())

    assert str(refused.value).startswith(sentence)


def test_a_job_that_is_only_written_can_neither_count_nor_remove_its_files(tmp_path):
    (tmp_path / "a.ndjson").write_text("{}\n")
    parser = argparse.ArgumentParser()
    add_measure_arguments(parser)
    line = [str(tmp_path / "a.ndjson"), "--output", "bigquery://our-project/d"]
    given = parser.parse_args([*line, "--load-through", "gs://live/staged"])

    with pytest.raises(OptionError, match=r"for a job that is only written, found bounded input"):
        measure_options(given, ("--runner=DirectRunner", "--output_executable_path=job.jar"))
