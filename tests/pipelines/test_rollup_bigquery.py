"""`moment rollup` of BigQuery, against a server of our own: what is asked, and what is printed.

The functions of DataSketches are the service's: that the text counts people is shown in DuckDB.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
import sqlglot

from pipelines.cli import main
from pipelines.rollup import RollUp, rollup_sql
from tests.query_jobs import Queries, query_jobs

FIRST, LAST = date(2026, 3, 9), date(2026, 3, 15)
COMMAND = [
    "rollup", "bigquery://our-project/live", "--from", "2026-03-09", "--to", "2026-03-15",
]  # fmt: skip
PARTIALS = "`our-project.live.partials_latest`"
COLUMNS = {
    "channel": "STRING", "days": "INTEGER", "reach": "INTEGER", "reach_low": "INTEGER",
    "reach_high": "INTEGER", "events": "INTEGER", "watched_hours": "FLOAT", "actions": "INTEGER",
}  # fmt: skip


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Queries]:
    with query_jobs() as running:
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", running.address)
        monkeypatch.setenv("MOMENT_BIGQUERY_WRITE_EMULATOR", "127.0.0.1:1")
        yield running


def test_the_text_is_asked_of_bigquery_and_its_rows_are_printed(service, capsys):
    rows = [
        ["mailjet", "2", "66", "66", "66", "326", "0.0", "17"],
        ["segment", "1", None, None, None, "3", None, None],
    ]
    service.answers = [("theta_sketch_agg_union", COLUMNS, rows)]

    assert main([*COMMAND, "--by", "channel", "--channel", "mailjet", "--channel", "segment"]) == 0

    asked = RollUp(FIRST, LAST, "channel", ("mailjet", "segment"))
    assert service.run == [rollup_sql(asked, "bqutil.datasketches_eu", PARTIALS)]
    assert capsys.readouterr().out == (
        "channel\tdays\treach\treach_low\treach_high\tevents\twatched_hours\tactions\n"
        "mailjet\t2\t66\t66\t66\t326\t0.0\t17\n"
        "segment\t1\t\t\t\t3\t\t\n"
    )


@pytest.mark.parametrize(
    ("location", "functions"),
    [
        ("US", "bqutil.datasketches."),
        ("EU", "bqutil.datasketches_eu."),
        ("europe-west1", "bqutil.datasketches_europe_west1."),
    ],
)
def test_functions_are_those_of_the_datasets_region(service, capsys, location, functions):
    service.location = location

    assert main([*COMMAND, "--sql"]) == 0

    told = capsys.readouterr().out
    assert told.count(functions) == 2
    assert f"FROM {PARTIALS}" in told
    assert service.run == []


def test_functions_may_be_named_and_are_quoted_where_they_must_be(service, capsys):
    assert main([*COMMAND, "--sql", "--functions", "our-project.sketches"]) == 0

    told = capsys.readouterr().out
    assert told.count("`our-project`.sketches.theta_sketch_") == 2
    sqlglot.parse_one(told, read="bigquery")


@pytest.mark.parametrize(
    ("code", "reason", "kind"), [(404, "notFound", "NotFound"), (400, "invalidQuery", "BadRequest")]
)
def test_functions_that_are_not_there_are_one_sentence(service, capsys, code, reason, kind):
    service.refused = {"theta_sketch_agg_union": (code, reason)}

    assert main([*COMMAND, "--functions", "bqutil.datasketches"]) == 2

    assert capsys.readouterr().err == (
        "moment: bigquery://our-project/live: expected the functions of DataSketches in"
        " bqutil.datasketches, in the region of the dataset, and the right to use them, found"
        f" {kind}: name another dataset of them with --functions, or install Apache's"
        " datasketches-bigquery\n"
    )


def test_days_without_partials_are_one_sentence(service, capsys):
    assert main(COMMAND) == 2

    assert capsys.readouterr().err.startswith(
        "moment: bigquery://our-project/live: expected partials between 2026-03-09 and 2026-03-15"
    )


def test_functions_that_are_none_are_one_sentence(service, capsys):
    assert main([*COMMAND, "--functions", "datasketches; DROP"]) == 2

    assert capsys.readouterr().err == (
        "moment: --functions datasketches; DROP: expected PROJECT.DATASET, as in"
        " bqutil.datasketches_eu\n"
    )


def test_a_directory_is_read_without_them(tmp_path, capsys):
    given = ["rollup", str(tmp_path), *COMMAND[2:], "--functions", "bqutil.datasketches_eu"]

    assert main(given) == 2
    assert "expected with bigquery://PROJECT/DATASET or --sql" in capsys.readouterr().err
    assert main([*given, "--sql"]) == 0
    assert "bqutil.datasketches_eu.theta_sketch_agg_union" in capsys.readouterr().out
