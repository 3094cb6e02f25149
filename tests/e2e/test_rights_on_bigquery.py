"""Terraform's rights are enough: each command as the account that runs it, on BigQuery's emulator.

Servers before the emulator refuse what the grants of `terraform/` do not allow, and tell what was
needed. Runs where the emulator's packages can be had; with MOMENT_EVERYTHING set it must run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipelines.cli import main
from pipelines.runs import Runs
from pipelines.sinks.bigquery.destination import Destination, parse_destination
from pipelines.sinks.tables import FAILED_EVENTS, REPLAYS, RUNS, TABLES
from pipelines.stream import _add_row, _begun_in_bigquery
from tests.bigquery_tables import one
from tests.e2e.in_bigquery import copy_of, copy_table
from tests.e2e.permitting import Asked, permitting
from tests.pipelines.refill import CHANNELS, rewrite
from tests.terraform.commands import FAILED, NEEDS

pytestmark = pytest.mark.timeout(900)

DAYS = ("--from", "2026-03-02", "--to", "2026-03-03")
Account = Callable[[str, Destination], Any]


@pytest.fixture
def as_account(monkeypatch: pytest.MonkeyPatch) -> Account:
    """Commands within meet BigQuery as this account."""

    @contextmanager
    def run(who: str, to: Destination) -> Iterator[Asked]:
        with permitting(to, who) as asked, monkeypatch.context() as patch:
            for name, value in asked.variables.items():
                patch.setenv(name, value)
            yield asked

    return run


def check(command: str, asked: Asked, refused: set[tuple[str, str]]) -> None:
    assert asked.refused == refused
    assert asked.by_permission() == NEEDS[command]


MAY_NOT_READ = {("bigquery.tables.getData", FAILED)}


def test_a_bounded_job_may_all_that_it_does(as_account, empty, published, capsys):
    given = (*published.inputs, "--channels", CHANNELS, "--brand", "b", "--output", str(empty))
    with as_account("writer", empty) as asked:
        assert main(["measure", *given]) == 0

    check("measure, bounded", asked, set())
    assert "89 payloads received = 89 decoded + 0 failed" in capsys.readouterr().out


def test_a_stream_may_begin_and_append_to_each_of_its_tables(as_account, empty, dataset):
    with as_account("writer", empty) as asked:
        place = parse_destination(str(empty), asked.variables)
        anew: Any = SimpleNamespace(stream=SimpleNamespace(append=False))
        assert _begun_in_bigquery(anew, place) is None
        _add_row(Runs(place, streaming=True), {"streaming": True})
        for table in TABLES:
            copy_table(table, dataset, place)

    check("measure, stream", asked, set())


def test_a_verification_may_read_what_it_compares(as_account, stream, capsys):
    with as_account("writer", stream.to) as asked:
        assert main(["verify", str(stream.to), *stream.inputs]) == 0

    check("verify", asked, set())
    assert capsys.readouterr().out.startswith("identical: ")


def test_a_backfill_of_events_may_all_that_it_does(as_account, stream, batch_of_everything, capsys):
    with as_account("writer", stream.to) as asked:
        assert main(["backfill", str(stream.to), *DAYS]) == 0

    check("backfill", asked, set())
    assert stream.standing() == batch_of_everything


def test_a_backfill_of_raw_input_adds_all_failed_events_unread_and_the_view_shows_each_once(
    as_account, batch, capsys
):
    """The writer may add to them and not read which are known."""
    chat = next(Path(each.partition("=")[2]) for each in batch.inputs if "chat" in each)
    rewrite(chat, chat.read_text() + "no chat at all\n")
    given = (str(batch.to), "--from", "2026-03-01", "--to", "2026-03-03", "--source", *batch.inputs)
    with as_account("writer", batch.to) as asked:
        assert main(["backfill", *given]) == 0
        said = capsys.readouterr().out
        assert main(["backfill", *given]) == 0

    check("backfill --source", asked, MAY_NOT_READ)
    assert (
        "failed events: 1, also those known before, for this account may not read which they are"
        in said
    )
    assert [row["payload"] for row in batch.rows(FAILED_EVENTS)] == [b"no chat at all"] * 2
    latest = f"`{batch.to.project}.{batch.to.restricted_dataset}.failed_events_latest`"
    assert one(batch.client, f"SELECT count(*) FROM {latest} WHERE day > '1970-01-01'") == 1


def test_a_compaction_may_all_but_failed_events_and_says_so(as_account, batch, capsys):
    with as_account("writer", batch.to) as asked:
        assert main(["compact", str(batch.to), "--day", "2026-03-02"]) == 0

    check("compact", asked, MAY_NOT_READ)
    assert "failed_events: left as it is, for this account may not read it" in (
        capsys.readouterr().out
    )


def test_a_replay_as_the_writer_is_refused_for_it_may_not_read_failed_payloads(
    as_account, batch, capsys
):
    with as_account("writer", batch.to) as asked:
        assert main(["replay", str(batch.to)]) == 2

    assert asked.refused == MAY_NOT_READ
    assert batch.count(REPLAYS) == 0
    assert "expected the right to do that, found none" in capsys.readouterr().err


def test_a_replay_by_an_owner_needs_to_read_failed_payloads(as_account, empty, failing, capsys):
    copy_of(failing.dataset, empty)
    with as_account("projectOwners", empty) as asked:
        assert main(["replay", str(empty)]) == 0

    check("replay", asked, set())
    assert "13 are decoded, 0 fail again; new events: 13" in capsys.readouterr().out


def test_a_report_as_the_reader_reads_views_and_runs_alone(as_account, batch, tmp_path, capsys):
    with as_account("reader", batch.to) as asked:
        assert main(["report", str(batch.to), "--html", str(tmp_path / "page.html")]) == 0

    check("report", asked, MAY_NOT_READ)
    assert "may not read failed payloads" in (tmp_path / "page.html").read_text()


def test_who_has_no_right_is_refused(as_account, batch, capsys):
    """Not because nothing is: the auditor may read the balance and nothing else."""
    with as_account("auditor", batch.to) as asked:
        assert main(["verify", str(batch.to), *batch.inputs]) == 2

    assert asked.refused == {("bigquery.tables.get", "data.runs")}
    assert f"to see the table {batch.to.name(RUNS)} (bigquery.tables.get)" in (
        capsys.readouterr().err
    )
