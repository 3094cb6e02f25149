"""The benchmark's run: no speed without exact figures, and every figure a line of five keys."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from benchmarks import exactness, run
from benchmarks.dataset import described, faults
from benchmarks.exactness import compare_figures
from benchmarks.inputs import Tracks, generate
from pipelines.measure import Measured


@pytest.fixture(scope="module")
def tracks(tmp_path_factory: pytest.TempPathFactory) -> Tracks:
    return generate(tmp_path_factory.mktemp("tracks"), 1_000)


@pytest.fixture(scope="module")
def clean(
    tracks: Tracks, tmp_path_factory: pytest.TempPathFactory, measured: Callable[..., Measured]
) -> Path:
    dataset = tmp_path_factory.mktemp("measured") / "dataset"
    measured([f"segment={tracks.path}"], dataset, "--channels", "segment")
    return dataset


@pytest.fixture
def dataset(clean: Path) -> Iterator[Path]:
    """The dataset as it was measured, put back afterwards: its views name its files."""
    kept = clean.with_name("kept")
    shutil.copytree(clean / "metrics", kept)
    yield clean
    shutil.rmtree(clean / "metrics")
    kept.rename(clean / "metrics")


def tamper(dataset: Path, change: Callable[[pa.Table, pa.Array], pa.Table]) -> None:
    """Change the day's total gross reach, given as a mask over the rows of the metrics."""
    changed = 0
    for file in (dataset / "metrics").rglob("*.parquet"):
        table = pq.read_table(file, partitioning=None)
        wanted = {
            "metric": "reach",
            "grouping_set": "total",
            "window_kind": "day",
            "traffic": "gross",
        }
        mask = pc.equal(table["metric"], "reach")
        for name, value in wanted.items():
            mask = pc.and_(mask, pc.equal(table[name], value))
        changed += pc.sum(mask).as_py()
        pq.write_table(change(table, mask), file)
    assert changed == 1


def put(name: str, value: object) -> Callable[[pa.Table, pa.Array], pa.Table]:
    """A change of one column of the row."""

    def change(table: pa.Table, mask: pa.Array) -> pa.Table:
        kind = table.schema.field(name).type
        values = pc.if_else(mask, pa.scalar(value, kind), table[name])
        return table.set_column(table.schema.get_field_index(name), name, values)

    return change


def remove(table: pa.Table, mask: pa.Array) -> pa.Table:
    return table.filter(pc.invert(mask))


def test_figures_of_a_thousand_events_are_the_oracles(tracks, dataset):
    compared = compare_figures(tracks.path, dataset)

    assert compared.differences == []
    assert compared.equal > 400


def test_a_tampered_figure_is_found_and_its_place_is_said(tracks, dataset, capsys):
    tamper(dataset, put("numerator", 51.0))

    code = exactness.main([str(tracks.path), str(dataset)])

    assert code == 1
    (line,) = [x for x in capsys.readouterr().out.splitlines() if x.startswith("NOT EXACT")]
    assert line.startswith("NOT EXACT: reach (grouping_set total, window_kind day, window_start ")
    assert "expected 50.0 / None = 50.0, found 51.0 / None = 50.0" in line


def test_a_value_that_is_not_its_quotient_is_found(tracks, dataset):
    tamper(dataset, put("value", 50.5))

    (difference,) = compare_figures(tracks.path, dataset).differences

    assert difference.endswith("expected 50.0 / None = 50.0, found 50.0 / None = 50.5")


def test_a_missing_figure_is_found(tracks, dataset):
    tamper(dataset, remove)

    (difference,) = compare_figures(tracks.path, dataset).differences

    assert difference.endswith("expected 50.0 / None = 50.0, found no row")


def test_a_figure_nobody_expects_is_found(tracks, dataset):
    tamper(dataset, put("content_id", "live-of-nobody"))

    differences = compare_figures(tracks.path, dataset).differences

    assert [d.rpartition("found ")[2] for d in differences] == [
        "50.0 / None = 50.0",
        "no row",
    ]


def test_a_suppressed_figure_says_nothing_and_cannot_differ(tracks, dataset):
    before = compare_figures(tracks.path, dataset)
    tamper(dataset, put("suppressed_reason", "fewer_than_10"))
    tamper(dataset, put("numerator", None))

    after = compare_figures(tracks.path, dataset)

    assert after.differences == []
    assert (after.equal, after.suppressed) == (before.equal - 1, before.suppressed + 1)


def test_figures_that_are_not_exact_end_the_run_without_a_speed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run, "exact", lambda plan: False)
    results = tmp_path / "bench.jsonl"

    code = run.main(["--quick", "--scale", "0.005", "--results", str(results)])

    assert code == 1
    assert not results.exists()
    assert "CPU-s" not in capsys.readouterr().out


def test_every_figure_is_a_line_of_five_keys_and_the_file_is_new(tmp_path):
    results = tmp_path / "bench.jsonl"
    results.write_text("a line of the run before\n")
    given = ["--quick", "--scale", "0.005", "--runs", "1", "--only", "state"]

    code = run.main([*given, "--results", str(results)])

    rows = [json.loads(line) for line in results.read_text().splitlines()]
    assert code == 0
    assert {tuple(row) for row in rows} == {("name", "value", "unit", "compared_to", "ratio")}
    assert {"state / a remembered id", "goal / state / a remembered id"} <= {
        row["name"] for row in rows
    }


def test_a_dataset_that_counts_an_event_too_few_has_faults(dataset):
    description = described(dataset)

    assert faults(description, 1_000) == []
    assert faults({**description, "rows": 999, "balanced": False}, 1_000) == [
        "expected 1,000 rows of events, found 999",
        "the balance does not close",
    ]


def test_a_folder_for_the_files_that_is_not_there_is_one_sentence(tmp_path, monkeypatch, capsys):
    missing = tmp_path / "missing"
    monkeypatch.setenv("MOMENT_BENCH_DIR", str(missing))

    with pytest.raises(SystemExit) as ended:
        run.main(["--quick", "--only", "stages"])

    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith(
        f"MOMENT_BENCH_DIR: expected a folder that is there, found {missing}\n"
    )
