"""`moment report bigquery://PROJECT/DATASET` on BigQuery's emulator.

Runs where the emulator's packages can be had; with MOMENT_EVERYTHING set it must run.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from deploy.local.bigquery import PROJECT, Emulator
from pipelines.cli import main
from pipelines.errors import OptionError
from pipelines.report import source_of, write_report
from pipelines.report.bigquery import BigQuerySource
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.table import Table
from pipelines.sinks.tables import BALANCES, METRICS, RUNS
from tests.e2e.forbidding import forbidding
from tests.e2e.in_bigquery import copy_of
from tests.pipelines.report.reader import text_of_page

pytestmark = pytest.mark.timeout(900)


def page_of(place: Destination, tmp_path: Path, day: date | None = None) -> str:
    return write_report(source_of(str(place)), tmp_path / "page.html", day=day).read_text()


# The same page


def test_the_page_is_that_of_the_same_dataset_in_a_folder(dataset, empty, tmp_path):
    copy_of(dataset, empty)
    theirs = write_report(dataset, tmp_path / "folder.html").read_text()

    assert page_of(empty, tmp_path) == theirs
    # What it is made of is not nothing: audience, failures, an hour that does not balance.
    assert theirs.count("data-metric-key=") > 120
    assert theirs.count('data-balance-key="failed_events|') > 5
    assert "UNBALANCED" in theirs


@pytest.mark.parametrize("day", [None, date(2026, 3, 1), date(2026, 3, 3)], ids=str)
def test_of_several_days_it_is_about_the_same_one(batch, published, tmp_path, day):
    theirs = write_report(published.dataset, tmp_path / "folder.html", day=day).read_text()

    assert page_of(batch.to, tmp_path, day) == theirs
    assert "The dataset holds other days too" in theirs
    assert f'datetime="{day or "2026-03-02"}"' in theirs


def test_the_command_writes_it_here_unless_told_otherwise(batch, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    assert main(["report", str(batch.to), "--day", "2026-03-02"]) == 0
    assert main(["report", str(batch.to), "--html", "there/page.html"]) == 0

    assert capsys.readouterr().out == f"{batch.to.dataset}.html\nthere/page.html\n"
    here = (tmp_path / f"{batch.to.dataset}.html").read_text()
    assert here == (tmp_path / "there" / "page.html").read_text()


# What an account may not read


def test_whoever_may_not_read_failed_payloads_has_all_the_rest_and_is_told_the_right(
    dataset, empty, bigquery: Emulator, tmp_path
):
    copy_of(dataset, empty)
    whole = text_of_page(write_report(dataset, tmp_path / "folder.html").read_text())
    rest = bigquery.variables["BIGQUERY_EMULATOR_HOST"]
    with forbidding(rest, "failed_events") as address:
        source = BigQuerySource(replace(empty, rest_emulator=address))
        told = text_of_page(write_report(source, tmp_path / "page.html").read_text())

    before, _, after = told.partition("Which records failed, and why, is not on this page: ")
    told, _, after = after.partition(" How many did is in the balance.")
    assert told == (
        "whoever made this page may not read failed payloads (BigQuery Data Viewer on"
        f" {PROJECT}.{empty.restricted_dataset}.failed_events)."
    )
    assert whole.startswith(before)
    assert whole.endswith(after)
    assert len(before) > 2000
    assert len(after) > 2000


def test_a_right_that_is_missing_is_one_sentence_that_names_it(batch, bigquery: Emulator, tmp_path):
    rest = bigquery.variables["BIGQUERY_EMULATOR_HOST"]
    views = f"{PROJECT}.{batch.to.views_dataset}"
    for hidden, told in (
        (
            f"/datasets/{batch.to.views_dataset}",
            f"{batch.to}: expected the right to read {views}, found none: grant this account"
            " BigQuery Data Viewer on that dataset, and BigQuery Job User on the project",
        ),
        (
            f"{batch.to.dataset}.runs",
            f"{batch.to}: expected the right to read {batch.to.name(RUNS)}, which has the property's"
            " time zone and nothing of people, found none: grant this account BigQuery Data Viewer"
            " on that table",
        ),
    ):
        with forbidding(rest, hidden) as address:
            source = BigQuerySource(replace(batch.to, rest_emulator=address))
            with pytest.raises(OptionError) as refused:
                write_report(source, tmp_path / "page.html")
        assert str(refused.value) == told
    assert not (tmp_path / "page.html").exists()


# What there is no page of


def test_what_there_is_no_page_of_is_one_sentence(batch, tmp_path, capsys):
    def said(*arguments: str) -> str:
        assert main(["report", *arguments, "--html", str(tmp_path / "page.html")]) == 2
        assert not (tmp_path / "page.html").exists()
        return capsys.readouterr().err.removeprefix("moment: ").removesuffix("\n")

    to = batch.to
    assert said(f"bigquery://{PROJECT}/nowhere") == (
        f"bigquery://{PROJECT}/nowhere: expected the dataset {PROJECT}.nowhere_views, found none:"
        " make it and its views with `moment tables apply`, or correct the name"
    )
    assert said(str(to), "--day", "2026-04-01") == (
        f"--day 2026-04-01: expected a day that {to} has figures of (2026-03-01 to 2026-03-03),"
        " found none"
    )

    def empty(table: Table) -> None:
        batch.client.query_and_wait(f"DELETE FROM `{to.name(table)}` WHERE day > '1970-01-01'")

    empty(METRICS)
    assert main(["report", str(to), "--html", str(tmp_path / "few.html")]) == 0
    assert "This dataset has no metrics yet." in (tmp_path / "few.html").read_text()
    capsys.readouterr()
    empty(BALANCES)
    looked_at = " and ".join(
        f"{PROJECT}.{to.views_dataset}.{name}"
        for name in ("metrics_latest", "balance_latest", "partition_status")
    )
    assert said(str(to)) == (
        f"{to}: expected figures or a balance, found no row in {looked_at}: measure into it first,"
        " or correct the name"
    )
    empty(RUNS)
    assert said(str(to)) == (
        f"{to}: expected a run of `moment measure` that published here, found none in"
        f" {to.name(RUNS)}; measure into it first, or correct the name"
    )
    view = f"{PROJECT}.{to.views_dataset}.balance_latest"
    batch.client.query_and_wait(f"DROP VIEW `{view}`")
    assert said(str(to)) == (
        f"{to}: expected the view {view}, found none: make it with `moment tables apply`"
    )
