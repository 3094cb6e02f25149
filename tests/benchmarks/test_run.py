"""The benchmark's run: no speed without exact figures, and every figure a line of five keys."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from benchmarks import exactness, run
from benchmarks.dataset import described, faults
from benchmarks.exactness import compare_figures
from benchmarks.goals import Goal
from benchmarks.inputs import Tracks, generate
from benchmarks.measurement import Cost
from benchmarks.race import FILE, OUT, Contender, Runs, race, ratio, speeds
from benchmarks.stages import Clock, shuffles_in_general_coder
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


def cost(cpu_seconds: float, output: str = "") -> Cost:
    return Cost(wall_seconds=9, cpu_seconds=cpu_seconds, peak_rss_bytes=1, output=output)


# ── exact before fast ───────────────────────────────────────────────────────────────────────────


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


# ── races and goals ─────────────────────────────────────────────────────────────────────────────


def test_contenders_run_in_turns_each_first_on_one_event(tmp_path):
    log = tmp_path / "log"
    one, many = generate(tmp_path, 1), generate(tmp_path, 30)
    script = f'echo "$0 $(wc -l < $1)" >> {log}; test ! -e $2 && touch $2'
    a, b = (Contender(n, ("bash", "-c", script, n, FILE, OUT), many) for n in ("a", "b"))

    race([a, b], 2, one, tmp_path)

    assert log.read_text().split("\n") == [*["a 1", "a 30", "b 1", "b 30"] * 2, ""]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        ["log", one.path.name, many.path.name]
    )


def test_a_contender_that_counts_other_events_has_not_done_the_work(tmp_path):
    many = generate(tmp_path, 30)
    lazy = Contender("lazy", ("echo", '{"events": 29}'), many, starts=False)

    with pytest.raises(RuntimeError, match="lazy: expected 30 events, found 29"):
        race([lazy], 1, many, tmp_path)


def test_the_ratio_is_the_median_of_the_turns_not_the_ratio_of_medians(tmp_path):
    tracks = Tracks(tmp_path / "none", events=1_000, people=1)
    ours = Runs(Contender("ours", (), tracks), [cost(2), cost(4), cost(10)], [1.0])
    theirs = Runs(Contender("theirs", (), tracks), [cost(8), cost(4), cost(20)], [2.0])

    assert ratio(ours, theirs) == 2.0
    assert ratio(ours, theirs, less_startup=True) == 2.0
    found = {
        (r.name, r.compared_to): (r.value, r.ratio)
        for r in speeds("case", {"ours": ours, "theirs": theirs})
    }
    whole = ("case / ours / whole process", "case / theirs / whole process")
    assert found[whole] == (250.0, 2.0)
    assert found["case / theirs / less start-up", None] == (1_000 / 6, None)


def test_a_goal_is_met_missed_or_a_promise_broken():
    fast = Goal("speed", 1.5, "times", least=1.2)
    slow = Goal("speed", 1.0, "times", least=1.2)
    great = Goal("memory", 700e6, "bytes", most=650e6, promise=True)

    assert fast.said() == "met     speed: 1.5 times, at least 1.2"
    assert slow.said() == "missed  speed: 1 times, at least 1.2"
    assert great.said() == "BROKEN  memory: 700,000,000 bytes, at most 650,000,000"
    assert great.result().ratio == pytest.approx(1.077, abs=1e-3)


# ── the inside of the job ───────────────────────────────────────────────────────────────────────


def test_time_within_an_inner_stage_is_not_the_outer_ones(monkeypatch):
    ticks = iter([0, 1, 3, 8, 10])
    monkeypatch.setattr("benchmarks.stages.time.process_time", lambda: next(ticks))
    clock = Clock()

    with clock.of("outer"), clock.of("inner"):
        pass

    assert clock.seconds == {"outer": 2 + 2, "inner": 5}


def test_a_generators_clock_stands_still_while_its_element_is_used(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("benchmarks.stages.time.process_time", lambda: now[0])
    clock = Clock()

    def elements():
        for _ in range(2):
            now[0] += 1
            yield "element"

    for _ in clock.clocked(elements, lambda: "stage")():
        now[0] += 100

    assert clock.seconds == {"stage": 2}


def test_a_shuffle_of_elements_beam_must_pickle_is_named():
    pipeline = beam.Pipeline()
    pickled = pipeline | "Objects" >> beam.Create([(1, object)])
    _ = pickled | "Keep" >> beam.Map(lambda pair: pair) | "Pickled" >> beam.GroupByKey()
    numbers = pipeline | "Numbers" >> beam.Create([(1, 2)])
    _ = numbers | "Coded" >> beam.GroupByKey()

    named = shuffles_in_general_coder(pipeline)

    assert [name for name in named if "Create" not in name] == ["Pickled"]
