"""What calls of BigQuery need, and that the grants of `terraform/` give it to who asks."""

from __future__ import annotations

import re

import pytest

from deploy.local.services import ROOT
from pipelines.questions import QUESTIONS
from pipelines.sinks.bigquery.destination import Destination
from tests.terraform.commands import FAILED, NEEDS
from tests.terraform.configuration import MODULES
from tests.terraform.rights import needs_of_query, needs_of_request, needs_of_write, rights

TO = Destination("a-project", "moment", "moment_restricted")
JOB = ("bigquery.jobs.create", "project")


def needs(sql: str, dataset: str = "moment") -> set[tuple[str, str]]:
    default = {"projectId": "a-project", "datasetId": dataset}
    return needs_of_query({"query": sql, "defaultDataset": default}, TO)


@pytest.mark.parametrize(
    ("sql", "needed"),
    [
        ("SELECT 1", set()),
        (
            "WITH events AS (SELECT * FROM `a-project.moment.runs`) SELECT * FROM events"
            " JOIN `a-project.moment_restricted.failed_events` USING (day)",
            {("tables.getData", "data.runs"), ("tables.getData", "restricted.failed_events")},
        ),
        (
            "INSERT INTO `a-project.moment.backfills` (holder, day) SELECT @holder, @day",
            {("tables.updateData", "data.backfills")},
        ),
        (
            "MERGE `a-project.moment.events` AS e USING (SELECT * FROM `a-project.moment.late_events`)"
            " ON FALSE WHEN NOT MATCHED BY SOURCE THEN DELETE",
            {
                ("tables.getData", "data.events"),
                ("tables.updateData", "data.events"),
                ("tables.getData", "data.late_events"),
            },
        ),
        (
            "SELECT * FROM `a-project.moment.INFORMATION_SCHEMA.PARTITIONS`",
            {("tables.list", "data")},
        ),
        (
            "SELECT * FROM `a-project.moment_views.metrics_latest`",
            {("tables.getData", "views.metrics_latest")},
        ),
        # A view beside its tables is not authorised on them.
        (
            "SELECT * FROM events_standing",
            {
                ("tables.getData", "data.events_standing"),
                ("tables.getData", "data.events_latest"),
                ("tables.getData", "data.events"),
            },
        ),
    ],
    ids=["nothing", "select", "insert", "merge", "partitions", "view", "view of people"],
)
def test_a_query_needs_its_job_and_what_it_reads_and_changes(sql, needed):
    assert needs(sql) == {JOB, *((f"bigquery.{each}", what) for each, what in needed)}


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("datasets/moment?prettyPrint=false", {("datasets.get", "data")}),
        ("datasets/moment_views/tables", {("tables.list", "views")}),
        ("datasets/moment_restricted/tables/failed_events",
         {("tables.get", "restricted.failed_events")}),
        ("datasets/moment/tables/runs/data", {("tables.getData", "data.runs")}),
        ("datasets/_what_a_query_gave/tables/anon7/data", set()),
        ("queries/job-7?maxResults=0", set()),
        ("jobs/job-7", set()),
    ],
)  # fmt: skip
def test_a_look_needs_the_right_to_see_it(path, needed):
    found = needs_of_request("GET", f"/bigquery/v2/projects/a-project/{path}", b"", TO)

    assert found == {(f"bigquery.{each}", what) for each, what in needed}


def test_a_request_that_is_not_known_here_is_an_error():
    with pytest.raises(ValueError, match="DELETE /bigquery/v2/projects/a-project/datasets/moment"):
        needs_of_request("DELETE", "/bigquery/v2/projects/a-project/datasets/moment", b"", TO)


def test_a_stream_of_a_table_needs_the_right_to_change_its_rows():
    stream = "projects/a-project/datasets/moment_restricted/tables/failed_events/streams/_default"

    assert needs_of_write(stream, TO) == {
        ("bigquery.tables.updateData", "restricted.failed_events")
    }


def test_who_has_what():
    writer, reader, groups = rights("writer"), rights("reader"), rights("people_reader_groups")

    for table in ("data.events", "data.runs", "data.decoded_events"):
        assert {("bigquery.tables.getData", table), ("bigquery.tables.updateData", table)} < writer
    failed = {right for right in writer if right[1].startswith("restricted")}
    assert failed == {
        ("bigquery.tables.get", "restricted.failed_events"),
        ("bigquery.tables.updateData", "restricted.failed_events"),
    }
    assert not {right for right in writer if right[1] in ("data", "restricted", "views")}
    assert ("bigquery.tables.getData", "views.metrics_latest") in reader
    assert {what for _, what in reader if what.startswith("data.")} == {"data.runs"}
    assert {what for _, what in groups} == {
        *("data.events", "data.partials"),
        *("data.events_latest", "data.events_standing", "data.partials_latest"),
    }


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_groups_may_ask_the_questions_that_are_theirs(question):
    who, dataset = ("people_reader_groups", "moment") if question.of_people else (
        "reader_groups", "moment_views"
    )  # fmt: skip

    assert needs(question.bigquery, dataset) <= rights(who) | rights("groups")
    # And those of the others they may not.
    other = {"reader_groups": "people_reader_groups"}.get(who, "reader_groups")
    assert not needs(question.bigquery, dataset) <= rights(other) | rights("groups")


def test_groups_may_roll_up_sketches():
    sketches = needs("SELECT day, people FROM partials_latest")

    assert sketches <= rights("people_reader_groups") | rights("groups")


@pytest.mark.parametrize(
    "check", sorted((MODULES / "monitoring" / "checks").glob("*.sql")), ids=lambda check: check.stem
)
def test_the_auditor_may_ask_each_hourly_question(check):
    asked = check.read_text().replace("${balance}", "a-project.moment.balance")

    assert needs(asked.replace("${failed_share}", "0.1")) <= rights("auditor")


def test_the_launcher_may_ask_whether_a_day_is_closed():
    sensor = (ROOT / "deploy" / "schedule" / "moment_backfill.py").read_text()
    assert "views_dataset')}.partition_status`" in sensor

    assert needs("SELECT 1 FROM `a-project.moment_views.partition_status`") <= rights("launcher")


@pytest.mark.parametrize("command", sorted(set(NEEDS) - {"replay"}))
def test_the_account_of_a_command_has_what_it_needs(command):
    who = "reader" if command == "report" else "writer"
    needed = {(permission, what) for permission, on in NEEDS[command].items() for what in on}

    # Where it reads failed payloads it asks first whether it may, and goes on without.
    assert needed - rights(who) <= {("bigquery.tables.getData", FAILED)}


def test_the_page_says_what_each_command_reads_and_changes():
    page = (ROOT / "docs" / "bigquery.md").read_text()
    rows = re.findall(
        r"^\| `(.+) \| (.+) \| (.*)\|$", _between(page, "## Rights", "* A table"), re.M
    )
    told = {
        command.replace("`", ""): (_names(read), _names(changed)) for command, read, changed in rows
    }

    assert told == {
        command: (
            _tables(needs["bigquery.tables.getData"]),
            _tables(needs.get("bigquery.tables.updateData", set()))
            # The writer, as which it is run, may not read them.
            | ({"failed_events"} if command == "compact" else set()),
        )
        for command, needs in NEEDS.items()
    }


def _between(text: str, first: str, last: str) -> str:
    return text.partition(first)[2].partition(last)[0]


def _names(cell: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", cell))


def _tables(resources: set[str]) -> set[str]:
    return {each.partition(".")[2] for each in resources}
