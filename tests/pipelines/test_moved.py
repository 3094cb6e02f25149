"""A dataset is the folder that is named: wherever it was before, and whatever the folders above it are called."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from pipelines.cli import main
from pipelines.sinks.duckdb_views import create_views
from tests.pipelines.cli.said import MAILJET, SURVEY
from tests.pipelines.dataset import contents, query

ROLLED_UP = ("--from", "2026-03-12", "--to", "2026-03-14")
FIGURES = "SELECT count(*) FROM metrics"
CHANNELS = "SELECT channel, count(*) FROM events GROUP BY channel ORDER BY channel"


def rolled_up(dataset: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["rollup", str(dataset), *ROLLED_UP]) == 0
    return capsys.readouterr().out


def test_a_dataset_that_was_moved_is_rolled_up_as_before(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = rolled_up(small, capsys)
    first = shutil.copytree(small, tmp_path / "first")
    create_views(first)
    moved = first.rename(tmp_path / "moved")

    assert rolled_up(moved, capsys) == before


def test_a_copy_has_figures_of_its_own_and_not_those_of_what_it_was_copied_from(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copytree(small, tmp_path / "copy")
    shutil.rmtree(copy / "partials" / "day=2026-03-14")

    assert rolled_up(copy, capsys) != rolled_up(small, capsys)


def test_a_day_that_only_the_original_has_figures_of_is_no_day_to_compact(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copytree(small, tmp_path / "copy")
    shutil.rmtree(copy / "metrics" / "day=2026-03-14")

    assert main(["compact", str(copy), "--day", "2026-03-14"]) == 2
    assert "found those of 2026-03-12 to 2026-03-13" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["report", "rollup", "compact"])
def test_the_next_command_makes_the_views_of_a_dataset_that_was_moved_anew(
    small: Path, tmp_path: Path, command: str
) -> None:
    moved = shutil.copytree(small, tmp_path / "it's moved")
    shutil.rmtree(moved / "metrics" / "day=2026-03-12")
    ((before,),), ((original,),) = query(moved, FIGURES), query(small, FIGURES)
    assert before == original

    arguments = {"rollup": ROLLED_UP, "compact": ("--day", "2026-03-14"), "report": ()}[command]
    assert main([command, str(moved), *arguments]) == 0

    ((after,),) = query(moved, FIGURES)
    assert 0 < after < original


def test_views_of_a_dataset_that_is_where_it_was_stay_as_they_are(
    small: Path, tmp_path: Path
) -> None:
    dataset = shutil.copytree(small, tmp_path / "figures")
    create_views(dataset)
    before = contents(dataset)

    assert main(["rollup", str(dataset), *ROLLED_UP]) == 0
    assert contents(dataset) == before


@pytest.mark.parametrize("above", ["channel=other", "day=2020-01-01", "action=x/metric=y"])
def test_a_folder_above_the_output_is_no_column_of_its_tables(
    measured: Callable, tmp_path: Path, above: str
) -> None:
    measured([MAILJET], tmp_path / "plain")
    measured([MAILJET], tmp_path / above / "out")

    for sql in (CHANNELS, "SELECT DISTINCT day, action FROM events ORDER BY ALL", FIGURES):
        assert query(tmp_path / above / "out", sql) == query(tmp_path / "plain", sql)
    assert query(tmp_path / above / "out", CHANNELS)[0][0] == "mailjet"


def test_days_that_are_not_asked_for_are_not_read(small: Path) -> None:
    with duckdb.connect(str(small / "moment.duckdb"), read_only=True) as connection:
        ((_, plan),) = connection.execute(
            "EXPLAIN ANALYZE SELECT * FROM metrics WHERE day = DATE '2026-03-14'"
        ).fetchall()

    assert "day=2026-03-14" in plan
    assert "day=2026-03-12" not in plan


@pytest.mark.parametrize("name", ["a*b", "a[1]", "[x", "it's [*]"])
def test_an_output_whose_name_is_a_pattern_holds_its_own_rows_alone(
    measured: Callable, tmp_path: Path, name: str
) -> None:
    other = measured([SURVEY], tmp_path / "axb").output
    for sibling in ("a1", "x", "it's x"):
        shutil.copytree(other, tmp_path / sibling)
    measured([MAILJET], tmp_path / name)
    measured([MAILJET], tmp_path / "plain")

    for sql in (CHANNELS, FIGURES):
        assert query(tmp_path / name, sql) == query(tmp_path / "plain", sql)
    ((day,),) = query(tmp_path / name, "SELECT max(day) FROM metrics")
    given = (str(tmp_path / name), "--day", str(day))
    assert main(["report", *given]) == 0
    assert main(["compact", *given]) == 0
    assert main(["verify", str(tmp_path / name), MAILJET]) == 0


@pytest.mark.parametrize("mark", ["?", "\\"])
def test_an_output_below_which_duckdb_finds_nothing_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mark: str
) -> None:
    assert main(["measure", MAILJET, "--output", str(tmp_path / f"a{mark}b" / "out")]) == 2

    assert f"expected a path without {mark}, for DuckDB" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
