"""`moment compact`: fewer rows and files, and not a word of the views changes."""

from __future__ import annotations

import os
import shutil
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from pipelines.compact.folder import compact
from pipelines.errors import OptionError
from pipelines.lock import exclusively
from pipelines.sinks.views import views
from pipelines.verify.dataset import late_events, open_published
from tests.pipelines.retold import DAY, FOLDER


def said(dataset: Path) -> dict[str, list[str]]:
    """Every row of every view; of partition_status without the number of rows stored."""
    with duckdb.connect(str(dataset / "moment.duckdb"), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return {
            view.name: sorted(
                map(
                    repr,
                    connection.execute(
                        f"SELECT * {'EXCLUDE row_count' * (view.name == 'partition_status')}"
                        f" FROM {view.name}"
                    ).fetchall(),
                )
            )
            for view in views(by_day=False)
        }


def stored(dataset: Path, name: str) -> tuple[int, int]:
    """Files and rows of the day."""
    files = list((dataset / name / FOLDER).glob("*.parquet"))
    return len(files), sum(pq.read_metadata(file).num_rows for file in files)


# What changes and what does not


def test_every_row_of_every_view_stays(dataset):
    before = said(dataset)

    compact(dataset, DAY)

    after = said(dataset)
    for name, rows in before.items():
        assert after[name] == rows, name
    assert [name for name, rows in before.items() if not rows] == []


def test_a_key_has_one_row_and_a_table_one_file(dataset, small):
    before = {name: stored(dataset, name) for name in ("events", "metrics", "balance", "partials")}

    done = {each.table: each for each in compact(dataset, DAY)}

    assert set(done) == {
        "events", "metrics", "failed_events", "balance", "partials", "late_events",
    }  # fmt: skip
    for name, (files, rows) in before.items():
        assert (done[name].files, done[name].rows[0]) == ((files, 1), rows)
        assert stored(dataset, name) == (1, done[name].rows[1])
    with duckdb.connect(str(small / "moment.duckdb"), read_only=True) as connection:
        ((distinct,),) = connection.execute(
            f"SELECT count(*) FROM events_latest WHERE day = '{DAY}'"
        ).fetchall()
    # Of the events that the ledger names each arrival is kept.
    assert done["events"].rows[1] == distinct + 2
    for name in ("failed_events", "balance", "partials"):
        assert done[name].rows[1] == stored(small, name)[1]
    assert done["late_events"].rows == (5, 4)


def test_of_figures_said_again_the_change_and_the_last_word_stay(dataset):
    compact(dataset, DAY)

    with duckdb.connect(str(dataset / "moment.duckdb"), read_only=True) as connection:
        told = connection.execute(
            "SELECT DISTINCT list(revision ORDER BY published_time) FROM metrics"
            f" WHERE day = '{DAY}' AND epoch = 0"
            " GROUP BY metric, definition_version, grouping_set, window_kind, window_start, channel,"
            " content_id, brand_id, item, traffic"
        ).fetchall()
    # Revisions 0 to 3 repeat the first value, 4 and 5 another; a null value is no more by adding.
    assert sorted(told) == [([3],), ([3, 4, 5, 6],), ([6],)]


def test_what_verify_reads_of_the_late_ledger_is_the_same(dataset):
    def left_out() -> list[Any]:
        with open_published(dataset) as connection:
            return late_events(connection)

    before = left_out()
    assert len(before) >= 1
    compact(dataset, DAY)

    assert left_out() == before


def test_other_days_are_not_touched(dataset):
    others = {
        path: path.stat().st_mtime_ns
        for path in dataset.rglob("*.parquet")
        if path.parent.name != FOLDER
    }
    compact(dataset, DAY)

    assert others
    assert {path: path.stat().st_mtime_ns for path in others} == others


# Again, and half way


def test_a_second_time_there_is_nothing_to_do(dataset):
    compact(dataset, DAY)
    files = sorted(dataset.rglob("*.parquet"))

    again = compact(dataset, DAY)

    assert [each.rows[0] - each.rows[1] for each in again] == [0] * 6
    assert sorted(dataset.rglob("*.parquet")) == files


def test_stopped_before_the_old_files_are_gone_the_views_say_the_same_and_a_rerun_completes(
    dataset, tmp_path
):
    """New files beside all the old ones, or some of them: what a kill leaves."""
    before, old = said(dataset), tmp_path / "old"
    shutil.copytree(dataset, old)
    compact(dataset, DAY)
    whole = {name: stored(dataset, name) for name in ("events", "metrics", "partials")}
    for number, path in enumerate(sorted(old.rglob(f"{FOLDER}/*.parquet"))):
        if number % 3:
            shutil.copy(path, dataset / path.relative_to(old))
    half = dataset / "events" / FOLDER / ".part-half.parquet.tmp"
    half.write_bytes(b"half a file")
    os.utime(half, (0, 0))

    halfway = said(dataset)
    for name, rows in before.items():
        assert halfway[name] == rows, name

    compact(dataset, DAY)
    assert {name: stored(dataset, name) for name in whole} == whole
    assert said(dataset) == before
    assert not half.exists()


# What is refused


def test_an_open_day_is_refused_and_nothing_is_changed(dataset, capsys):
    """Computed again in a greater epoch, of which there are minutes alone."""
    for path in (dataset / "metrics" / FOLDER).glob("*.parquet"):
        table = pq.read_table(path, partitioning=None)
        pq.write_table(table.filter(pc.not_equal(table["window_kind"], "day")), path)
    files = {path: path.stat().st_mtime_ns for path in dataset.rglob("*.parquet")}

    assert main(["compact", str(dataset), "--day", str(DAY)]) == 2

    assert capsys.readouterr().err == (
        f"moment: --day {DAY}: expected a closed day, found one whose figures are not final yet:"
        " wait until partition_status says closed or restated\n"
    )
    assert {path: path.stat().st_mtime_ns for path in dataset.rglob("*.parquet")} == files


def test_a_day_that_a_live_job_may_still_write_is_refused(streamed):
    """Its sources have been read up to midnight, and a window is corrected for fifteen minutes."""
    with pytest.raises(OptionError) as refused:
        compact(streamed.dataset, date(2026, 3, 3))

    assert str(refused.value) == (
        "--day 2026-03-03: expected a day that no live job writes any more, found one that ends at"
        " 2026-03-04T00:00+00:00, and figures that are final up to 2026-03-03T23:45+00:00: wait"
        " until they are beyond it"
    )
    assert compact(streamed.dataset, date(2026, 3, 2)) != []


def test_a_day_that_goes_on_is_refused_of_a_batch_too(dataset):
    with pytest.raises(OptionError, match="figures that are final up to 2026-03-14T22:30"):
        compact(dataset, DAY, datetime(2026, 3, 14, 22, 30, tzinfo=timezone.utc))


@pytest.mark.parametrize(
    ("day", "told"),
    [
        ("2026-03-20", "found those of 2026-03-12 to 2026-03-14"),
        (str(DAY), "expected a dataset of `moment measure`"),
    ],
    ids=["no such day", "no dataset"],
)
def test_what_cannot_be_compacted_is_one_sentence(small, tmp_path, capsys, day, told):
    place = tmp_path if day == str(DAY) else small

    assert main(["compact", str(place), "--day", day]) == 2
    assert told in capsys.readouterr().err


def test_the_command_says_what_became_of_each_table(dataset, capsys):
    assert main(["compact", str(dataset), "--day", str(DAY)]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "events", "metrics", "failed_events", "balance", "partials", "late_events",
    ]  # fmt: skip
    assert lines[-1] == "late_events: 1 files to 1, 5 rows to 4"


def test_a_dataset_that_is_being_backfilled_is_not_compacted(small: Path) -> None:
    with (
        exclusively(small),
        pytest.raises(OptionError, match="expected no other run that writes in it"),
    ):
        compact(small, DAY)
