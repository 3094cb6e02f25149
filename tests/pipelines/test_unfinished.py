"""What is being written has no name, and nothing of it stays where its process does not finish."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from datetime import date, datetime, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.compact.archive import gather_archive
from pipelines.errors import OptionError
from pipelines.sinks import unfinished
from pipelines.sinks.parquet import ROWS_A_GROUP, DayFile, _WriteDays
from pipelines.sinks.tables import ARCHIVE
from pipelines.sinks.unfinished import Unfinished, remove_abandoned

SEVEN = datetime(2026, 3, 14, 19, 0, tzinfo=timezone.utc)
RECORD = {
    "input": "kafka:live/0",
    "position": 1,
    "channel": "segment",
    "arrived_time": SEVEN,
    "payload": b'{"email":"someone@example.com"}',
    "expires_on": date(2026, 4, 13),
}
RECORDS = pa.RecordBatch.from_pylist([RECORD] * 1000, ARCHIVE.schema)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file system knows no files without a name."""
    monkeypatch.setattr(unfinished, "_nameless", lambda folder: None)


def test_what_is_finished_is_there_whole_and_as_others_are(tmp_path):
    begun = Unfinished(tmp_path / "part.parquet")
    Path(begun.path).write_bytes(b"all of it")
    assert files(tmp_path) == []

    begun.finish()

    (tmp_path / "other").touch()
    assert (tmp_path / "part.parquet").read_bytes() == b"all of it"
    assert (tmp_path / "part.parquet").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_process_that_is_killed_leaves_nothing(tmp_path):
    writes = (
        "import os, signal, sys; from pathlib import Path;"
        "from pipelines.sinks.unfinished import Unfinished;"
        "begun = Unfinished(Path(sys.argv[1], 'part.parquet'));"
        "open(begun.path, 'wb', buffering=0).write(b'half of it');"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )

    ended = subprocess.run([sys.executable, "-c", writes, str(tmp_path)], check=False)

    assert ended.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_that_fails_leaves_nothing(tmp_path):
    writer = _WriteDays(ARCHIVE, str(tmp_path / "archive"))
    writer.setup()
    writer.start_bundle()
    for _ in range(ROWS_A_GROUP // 1000 + 1):
        writer.process(RECORDS)

    # Another step failed: the runner forgets this one.
    del writer
    gc.collect()

    assert files(tmp_path) == []


@pytest.mark.usefixtures("named")
def test_where_no_file_is_without_a_name_it_has_a_hidden_one_until_it_is_whole(tmp_path):
    file = DayFile(tmp_path, ARCHIVE.schema)
    file.gather(RECORDS)
    file.write_group()
    (hidden,) = files(tmp_path)
    assert hidden.name == f".{Path(file.path).name}.tmp"

    file.commit()

    (whole,) = files(tmp_path)
    assert (str(whole), pq.read_metadata(whole).num_rows) == (file.path, 1000)


def test_a_file_that_cannot_be_given_its_name_is_told_by_it(tmp_path):
    begun = Unfinished(tmp_path / "part.parquet")
    (tmp_path / "part.parquet").touch()

    with pytest.raises(FileExistsError) as refused:
        begun.finish()

    assert refused.value.filename == str(tmp_path / "part.parquet")


def test_what_a_killed_process_left_with_a_name_is_removed_after_a_day(tmp_path):
    old, new = tmp_path / ".part-1.parquet.tmp", tmp_path / ".part-2.parquet.tmp"
    others = [tmp_path / ".notes.tmp", tmp_path / "part-3.parquet"]
    for path in (old, new, *others):
        path.touch()
    for path in (old, *others):
        os.utime(path, (time.time() - 86_401,) * 2)

    remove_abandoned(tmp_path)

    assert sorted(files(tmp_path)) == sorted([new, *others])


def test_gathering_an_archive_removes_it_too(tmp_path):
    left = tmp_path / "day=2026-03-14" / ".hour-19-1.parquet.tmp"
    left.parent.mkdir()
    left.touch()
    os.utime(left, (time.time() - 86_401,) * 2)

    with pytest.raises(OptionError, match="found nothing"):
        gather_archive(str(tmp_path), date(2026, 3, 14))

    assert files(tmp_path) == []
