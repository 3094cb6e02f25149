"""Nothing twice: another run, order, cutting or number of shards changes no figure."""

from __future__ import annotations

from pipelines.simulator import BRAND
from schemas.metric import KEY
from tests.pipelines.dataset import ORDER, metrics, partials, table


def test_the_latest_views_have_one_row_an_event_and_one_a_figure(live):
    key = ", ".join(KEY)
    ((events, ids, latest),) = live.rows(
        "SELECT (SELECT count(*) FROM events), count(DISTINCT event_id), count(*) FROM events_latest"
    )
    twice = live.rows(f"SELECT {key} FROM metrics_latest GROUP BY ALL HAVING count(*) > 1")

    assert ids == latest == live.measured.balance["accepted"]
    assert events == latest + live.measured.balance["duplicate"]
    assert twice == []


def test_running_again_gives_identical_tables(live, measured, tmp_path):
    first = {
        name: table(live.dataset, name, without=("published_time", "failed_time")) for name in ORDER
    }
    again = tmp_path / "dataset"
    measured(live.files[:1], again, "--brand", BRAND)
    measured(live.files, again, "--brand", BRAND, "--replace")

    for name in ORDER:
        assert table(again, name, without=("published_time", "failed_time")).equals(first[name])


def test_the_order_and_the_names_of_the_files_and_of_their_lines_change_no_figure(
    live, measured, tmp_path
):
    for number, name in enumerate(live.simulation.records):
        lines = live.simulation.records[name][::-1]
        (tmp_path / f"{9 - number}.{'log' if name == 'access_log' else 'ndjson'}").write_bytes(
            b"\n".join(lines) + b"\n"
        )
    measured(sorted(tmp_path.iterdir()), tmp_path / "out", "--brand", BRAND)

    assert metrics(tmp_path / "out").equals(metrics(live.dataset))


def test_one_file_cut_into_five_changes_no_figure(live, measured, tmp_path):
    lines = live.simulation.records["segment"]
    for part in range(5):
        (tmp_path / f"segment-{part}.ndjson").write_bytes(b"\n".join(lines[part::5]) + b"\n")
    others = [f for f in live.files if f.name != "segment.ndjson"]
    measured([*sorted(tmp_path.iterdir()), *others], tmp_path / "out", "--brand", BRAND)

    assert metrics(tmp_path / "out").equals(metrics(live.dataset))
    assert partials(tmp_path / "out").equals(partials(live.dataset))


def test_one_shard_and_sixteen_give_equal_figures(live, measured, tmp_path):
    measured(live.files, tmp_path / "out", "--brand", BRAND, "--shards", "1")

    assert metrics(tmp_path / "out").equals(metrics(live.dataset))
    assert partials(tmp_path / "out").equals(partials(live.dataset))
