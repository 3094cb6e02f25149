"""Of two runs that write in one directory at once one is refused, and nobody's figures are mixed."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines import measure as job
from pipelines.cli import main
from pipelines.errors import IN_USE, InUseError
from pipelines.lock import LOCK, exclusively
from tests.pipelines.cli.said import MAILJET
from tests.pipelines.dataset import contents, query

IN_ITS_WAY = r"expected no other run that writes in it, found that of .+ \(process \d+\), since 20"


def test_a_measure_into_a_directory_that_another_writes_is_refused_with_owner_and_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    output.mkdir()
    (output / ".incoming").mkdir()
    (output / ".incoming" / "part").write_text("of the other")
    with exclusively(output):
        code = main(["measure", MAILJET, "--output", str(output)])

    assert code == IN_USE == 5
    told = capsys.readouterr().err
    assert re.fullmatch(rf"moment: {output}: {IN_ITS_WAY}.*; wait until it has ended, .*\n", told)
    assert contents(output).keys() == {".incoming/part"}


def test_a_measure_that_replaces_a_dataset_and_a_backfill_of_it_keep_each_other_out(
    moment_backfill: Callable, measured: Callable, published
) -> None:
    before = contents(published.dataset)
    with exclusively(published.dataset):
        with pytest.raises(InUseError, match=IN_ITS_WAY):
            measured(published.inputs, published.dataset, "--replace")
        with pytest.raises(InUseError, match=IN_ITS_WAY):
            moment_backfill(published.dataset, "--from", "2026-03-02")

    assert contents(published.dataset) == before


def test_a_stream_does_not_begin_in_a_directory_that_a_run_over_files_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    output.mkdir()
    with exclusively(output):
        code = main(
            ["measure", MAILJET, "--speed", "0", "--runner=PrismRunner", "--output", str(output)]
        )
        assert {path.name for path in output.iterdir()} == {LOCK}

    assert code == IN_USE
    assert re.search(IN_ITS_WAY, capsys.readouterr().err)


def test_one_that_was_checked_before_another_wrote_it_replaces_nothing(
    measured: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out"

    def first(options: object) -> None:
        monkeypatch.undo()
        measured([MAILJET], output)

    monkeypatch.setattr(job, "begin_archive", first)
    with pytest.raises(ValueError, match=f"--output {output}: not empty; give another directory"):
        measured([MAILJET], output)

    assert query(output, "SELECT count(*) > 0 FROM events") == [(True,)]


def test_what_a_killed_run_leaves_refuses_nobody_and_is_gone_after_the_next(
    tmp_path: Path, measured: Callable
) -> None:
    line = """
import os, sys, time
from pathlib import Path
from pipelines.lock import exclusively
with exclusively(Path(sys.argv[1])):
    os.makedirs(sys.argv[1] + "/.incoming/events/day=2026-03-02")
    print("begun", flush=True)
    time.sleep(60)
"""
    output = tmp_path / "out"
    output.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", line, str(output)], stdout=subprocess.PIPE, text=True
    ) as killed:
        assert killed.stdout is not None
        killed.stdout.readline()
        killed.send_signal(signal.SIGKILL)
    assert {path.name for path in output.iterdir()} == {".incoming", LOCK}

    measured([MAILJET], output)

    assert not {".incoming", LOCK} & {path.name for path in output.iterdir()}
    assert query(output, "SELECT count(*) > 0 FROM events") == [(True,)]


def test_of_many_who_take_the_lock_and_remove_it_never_two_have_it(tmp_path: Path) -> None:
    line = """
import sys, time
from pathlib import Path
from pipelines.errors import InUseError
from pipelines.lock import exclusively
folder, had = Path(sys.argv[1]), 0
while had < 50:
    try:
        with exclusively(folder):
            (folder / "one").mkdir()
            time.sleep(0.0002)
            (folder / "one").rmdir()
            had += 1
    except InUseError:
        pass
"""
    others = [subprocess.Popen([sys.executable, "-c", line, str(tmp_path)]) for _ in range(4)]

    assert [other.wait(60) for other in others] == [0, 0, 0, 0]
    assert list(tmp_path.iterdir()) == []
