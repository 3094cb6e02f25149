"""Nothing half done: a dataset is written whole or not at all, and says what was done."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.cli import main
from tests.conftest import KEY as SECRET
from tests.pipelines.dataset import ORDER, contents


def test_nothing_is_left_of_staging_and_failed_payloads_are_the_owners_alone(live):
    assert {path.name for path in live.dataset.iterdir()} == {*ORDER, "run.json", "moment.duckdb"}
    assert [
        p for p in live.dataset.rglob("*") if p.name.startswith(".") or p.suffix == ".tmp"
    ] == []
    assert (live.dataset / "failed_events").stat().st_mode & 0o777 == 0o700


def test_the_record_of_the_run_says_what_was_done_and_holds_no_key(live):
    record = json.loads((live.dataset / "run.json").read_text())

    assert record["balance"] == live.measured.balance
    assert record["balanced"] is True
    assert record["metrics"] == live.rows("SELECT count(*) FROM metrics")[0][0]
    assert record["time_zone"] == "Europe/Paris"
    assert SECRET not in json.dumps(record)


@pytest.mark.parametrize("table_name", ["events", "metrics"])
def test_a_run_that_dies_midway_leaves_the_old_dataset_as_it_was(
    live, measured, tmp_path, monkeypatch, table_name
):
    survey = [f for f in live.files if f.name == "survey.ndjson"]
    measured(survey, tmp_path / "out")
    before = contents(tmp_path / "out")
    commit = _commit_until(table_name)
    monkeypatch.setattr("pipelines.sinks.parquet.DayFile.commit", commit)
    with pytest.raises(RuntimeError, match="No space left on device"):
        measured(live.files[1:], tmp_path / "out", "--replace")

    assert contents(tmp_path / "out") == before


def test_a_first_run_that_dies_leaves_no_dataset(live, measured, tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.sinks.parquet.DayFile.commit", _commit_until("metrics"))
    survey = [f for f in live.files if f.name == "survey.ndjson"]
    with pytest.raises(RuntimeError, match="No space left on device"):
        measured(survey, tmp_path / "out")

    assert contents(tmp_path / "out") == {}


def test_a_run_that_dies_once_its_tables_are_there_leaves_a_dataset(
    live, measured, tmp_path, monkeypatch
):
    def die(dataset: Path) -> None:
        raise RuntimeError("killed")

    survey = [f for f in live.files if f.name == "survey.ndjson"]
    measured(live.files[1:2], tmp_path / "out")
    with monkeypatch.context() as patched:
        patched.setattr("pipelines.measure.create_views", die)
        with pytest.raises(RuntimeError, match="killed"):
            measured(survey, tmp_path / "out", "--replace")

    assert json.loads((tmp_path / "out" / "run.json").read_text())["inputs"] == [str(survey[0])]
    assert main(["report", str(tmp_path / "out")]) == 0


def test_views_that_a_killed_run_left_half_made_are_gone_after_the_next(live, measured, tmp_path):
    output = tmp_path / "out"
    output.mkdir()
    for name in (".moment.duckdb.5f2c.tmp", ".moment.duckdb.5f2c.tmp.wal"):
        (output / name).write_bytes(b"half")
    measured([f for f in live.files if f.name == "survey.ndjson"], output, "--replace")

    assert [path.name for path in output.iterdir() if path.name.startswith(".")] == []


def test_what_a_pattern_meets_of_the_output_is_left_out_and_told(live, measured, tmp_path, caplog):
    (tmp_path / "survey.ndjson").write_bytes(
        next(f for f in live.files if f.name == "survey.ndjson").read_bytes()
    )
    output = tmp_path / "out"
    first = measured([tmp_path / "survey.ndjson"], output)
    again = measured([f"{tmp_path}/**/*[nt]"], output, "--replace")

    assert again.balance == first.balance
    (told,) = [message for message in caplog.messages if "left out" in message]
    assert re.fullmatch(rf"{output}: left out \d+ files in it, such as {output}/.*", told)


def _commit_until(table_name: str) -> Callable[[Any], None]:
    """The sink's commit on a disk that is full once it comes to a table."""
    from pipelines.sinks.parquet import DayFile

    whole = DayFile.commit

    def commit(self: Any) -> None:
        if f"/{table_name}/" in str(self.path):
            raise OSError(28, "No space left on device")
        whole(self)

    return commit
