"""The whole job on Prism, Beam's local streaming runner: the graph is the same as in batch.

A small live is replayed at 1,800 times its pace, so that windows close while records come, and its
two hours take four seconds. Two days of stream time follow, which close the last of them.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import date, datetime, timezone
from pathlib import Path

import duckdb
import pytest

from deploy.local.prism import missing_prism
from deploy.local.services import ROOT
from pipelines.measure import measure
from pipelines.recompute import recomputation
from pipelines.rollup import RollUp, roll_up
from pipelines.runners import PRISM_LOSES
from pipelines.verify.dataset import late_events, left_out, passed_over
from pipelines.verify.options import add_verify_arguments, verify_options
from tests.e2e.dataset import Dataset, Verdict, balance_closes, events_are_once
from tests.e2e.needs import need
from tests.e2e.streams import arriving, make_live, oracle, run_on_prism

pytestmark = pytest.mark.timeout(1800)

BEGIN = datetime(2026, 3, 14, 18, 30, tzinfo=timezone.utc)
LAST_DAY_ENDS = datetime(2026, 3, 15, 23, 0, tzinfo=timezone.utc)
"""The end of the day on which the last record arrived, in Paris."""

DAYS = ("2026-03-14", "2026-03-15")


@dataclass(frozen=True)
class Replayed:
    """What a replay on Prism wrote and said, what the files give in batch, what verify said."""

    dataset: Dataset
    batch: Dataset
    verdict: Verdict
    live: Path
    said: str


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    need(missing_prism(), "tests on Prism")
    return _replay(tmp_path_factory.mktemp("prism"))


def _replay(folder: Path) -> Replayed:
    make_live(folder / "whole", events=12_000)
    live = arriving(folder / "whole", BEGIN, LAST_DAY_ENDS, folder / "live")
    dataset = Dataset(folder / "figures")
    arguments = [
        *("measure", str(live), "--output", str(dataset.folder)),
        *("--speed", "1800", "--run-on", "172800", "--publish-every", "1", "--archive"),
    ]
    with run_on_prism("pipelines", arguments, folder / "log") as job:
        job.wait_until(lambda: dataset.is_final_through(LAST_DAY_ENDS), seconds=300)
        job.wait_until(lambda: _days_told(dataset) == set(DAYS), seconds=120)
        job.wait_until(lambda: dataset.received() >= _records(live), seconds=60)
        job.wait_until(dataset.quiet, seconds=500)
    batch = Dataset(oracle(folder / "batch", [live]))
    said = (folder / "log").read_text(errors="replace")
    return Replayed(dataset, batch, dataset.verify(str(live)), live, said)


def _records(live: Path) -> int:
    ((records,),) = duckdb.execute(
        "SELECT count(*) FROM read_parquet($files)", {"files": [str(p) for p in live.iterdir()]}
    ).fetchall()
    return int(records)


def test_the_figures_that_stand_are_those_of_a_recomputation(replayed):
    replayed.verdict.holds()


def test_who_measures_on_prism_is_told_that_it_may_lose_what_it_splits(replayed):
    assert replayed.said.count(PRISM_LOSES) == 1


def _days_told(dataset: Dataset) -> set[str]:
    """Days of which it was told what rolls up."""
    if not any(dataset.folder.glob("partials/day=*/*.parquet")):
        return set()
    totals = "SELECT DISTINCT local_day FROM partials_latest WHERE grouping_set = 'total'"
    return {str(day) for (day,) in dataset.rows(totals)}


PARTIALS = "SELECT * EXCLUDE (published_time) FROM partials_latest ORDER BY ALL"


@pytest.fixture(scope="module")
def in_time(replayed: Replayed, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A batch of what was in time for the stream, as its late ledger says."""
    parser = argparse.ArgumentParser()
    add_verify_arguments(parser)
    asked = verify_options(parser.parse_args([str(replayed.dataset.folder), str(replayed.live)]))
    again = tmp_path_factory.mktemp("in-time") / "figures"
    measuring = recomputation(asked.dataset, asked.inputs, asked.run, again)
    with asked.dataset.published(asked.days) as connection:
        late = left_out(late_events(connection), passed_over(connection))
    measure(replace(measuring, rules=replace(measuring.rules, excluded=late)))
    return Dataset(again)


def test_what_rolls_up_of_sealed_days_is_what_a_batch_of_what_was_in_time_gives(replayed, in_time):
    """Sketches byte by byte; what came late is in neither."""
    streamed = replayed.dataset.rows(PARTIALS)

    assert streamed == in_time.rows(PARTIALS)
    assert streamed != replayed.batch.rows(PARTIALS)


def test_the_days_of_a_stream_roll_up(replayed, in_time):
    asked = RollUp(*map(date.fromisoformat, DAYS))
    (rolled,) = roll_up(replayed.dataset.folder, asked)

    assert rolled[:1] == (len(DAYS),)
    assert rolled == roll_up(in_time.folder, asked)[0]


def test_windows_closed_while_records_came(replayed):
    """Final figures were told at many moments, the first before the last records were written.

    Whether one is told again is a matter of how far the stream comes between two beats.
    """
    asked = "SELECT count(DISTINCT published_time), min(published_time) FROM metrics"
    ((moments, first),) = replayed.dataset.rows(asked)
    written = [path.stat().st_mtime for path in replayed.dataset.folder.glob("events/*/*.parquet")]

    assert moments > 5
    assert first.timestamp() < max(written)


def test_every_event_is_once_in_the_latest_view(replayed):
    events_are_once(replayed.dataset)


def test_the_balance_counts_what_the_batch_counts(replayed):
    sums = "SELECT sum(received), sum(failed), sum(events), sum(withheld) FROM balance_latest"
    ((*streamed,),) = replayed.dataset.rows(sums)
    ((*batch,),) = replayed.batch.rows(sums)

    assert streamed == batch
    balance_closes(replayed.dataset)


def test_the_archive_of_a_stream_has_every_record_as_it_came(replayed):
    ((archived,),) = replayed.dataset.rows(
        "SELECT count(*) FROM (SELECT DISTINCT input, position, arrived_time, payload FROM archive)"
    )

    assert archived == _records(replayed.live)


@pytest.mark.parametrize("source", ["events", "archive"])
def test_days_that_a_stream_published_are_backfilled_to_what_a_batch_of_everything_gives(
    replayed, tmp_path, source
):
    """What came after its window was sealed counts then, and nothing else changes."""
    dataset = Dataset(tmp_path / "figures")
    shutil.copytree(replayed.dataset.folder, dataset.folder)
    backfill = [sys.executable, "-m", "pipelines", "backfill", str(dataset.folder)]
    backfill += ["--from", DAYS[0], "--to", DAYS[1], "--source", source]
    ended = subprocess.run(backfill, cwd=ROOT, capture_output=True, text=True, check=False)
    again = subprocess.run(backfill, cwd=ROOT, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stderr[-5000:]
    assert "restated in epoch 1" in ended.stdout
    if source == "archive":
        assert "; 0 are new, 0 are gone" in ended.stdout
    assert again.stdout.count(": identical, ") == len(DAYS), again.stdout + again.stderr
    assert _standing(dataset) == _standing(replayed.batch)
    assert _standing(replayed.dataset) != _standing(replayed.batch)
    dataset.verify(str(replayed.live)).holds()


def _standing(dataset: Dataset) -> list[tuple]:
    """The figures of the days that stand, without when and why they were published."""
    return dataset.rows(
        "SELECT * EXCLUDE (epoch, revision, cause, published_time, day) FROM metrics_latest"
        f" WHERE local_day IN {DAYS} AND suppressed_reason IS DISTINCT FROM 'withdrawn'"
        " ORDER BY ALL"
    )
