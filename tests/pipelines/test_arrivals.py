"""What is said of files that seem to have arrived before their events happened."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pytest

from pipelines.measure import Measured, print_summary

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)
PACKED = datetime(2020, 1, 1, tzinfo=timezone.utc)
"""The time that a reproducible archive gives to all that is in it."""

VIEW = '192.0.2.{0} - - [02/Mar/2026:11:{0:02}:00 +0000] "GET / HTTP/1.1" 200 9 "-" "Mozilla/5.0"\n'
TRACK = {
    "type": "track",
    "event": "Video Content Playing",
    "userId": "u1",
    "originalTimestamp": "2026-03-02T11:00:00.000Z",
    "sentAt": "2026-03-02T11:00:01.000Z",
    "receivedAt": "2026-03-02T11:00:02.000Z",
    "properties": {"content_asset_id": "live"},
}


def log(folder: Path, changed: datetime, name: str = "web.log") -> Path:
    file = folder / name
    file.write_text("".join(VIEW.format(number) for number in range(10, 20)))
    os.utime(file, (changed.timestamp(), changed.timestamp()))
    return file


def tracks(folder: Path, changed: datetime) -> Path:
    file = folder / "tracks.ndjson"
    calls = [TRACK | {"messageId": f"m{number}"} for number in range(4)]
    file.write_text("".join(json.dumps(call) + "\n" for call in calls))
    os.utime(file, (changed.timestamp(), changed.timestamp()))
    return file


def sentence(file: Path, events: str) -> str:
    return (
        f"{file}: {events} events say times after the last change of their file, which they have"
        " now instead; give it the time at which it was received, as touch -d does, and measure"
        " again"
    )


def test_a_log_that_is_older_than_its_lines_is_told_with_its_share(
    measured: Callable[..., Measured], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = log(tmp_path, PACKED)
    ran = measured([file], tmp_path / "out", "--shards", "1")
    print_summary(ran)

    assert ran.unbelieved == (sentence(file, "10 of 10"),)
    assert capsys.readouterr().err == f"TIMES NOT BELIEVED: {sentence(file, '10 of 10')}\n"
    with duckdb.connect(str(tmp_path / "out" / "moment.duckdb"), read_only=True) as connection:
        seen = connection.execute("SELECT DISTINCT epoch(event_time) FROM events").fetchall()
    assert seen == [(PACKED.timestamp(),)]


def test_calls_whose_vendor_says_when_it_received_them_are_told_too(
    measured: Callable[..., Measured], tmp_path: Path
) -> None:
    file = tracks(tmp_path, PACKED)

    assert measured([file], tmp_path / "out", "--shards", "1").unbelieved == (
        sentence(file, "4 of 4"),
    )


def test_only_the_file_that_is_too_old_is_told(
    measured: Callable[..., Measured], tmp_path: Path
) -> None:
    old, sound = log(tmp_path, PACKED), tracks(tmp_path, NOON)
    ran = measured([old, sound], tmp_path / "out", "--shards", "1")

    assert ran.unbelieved == (sentence(old, "10 of 10"),)


def test_files_of_one_time_of_change_are_told_together(
    measured: Callable[..., Measured], tmp_path: Path
) -> None:
    first, second = log(tmp_path, PACKED, "a.log"), tracks(tmp_path, PACKED)
    (told,) = measured([first, second], tmp_path / "out", "--shards", "1").unbelieved

    assert told.startswith(f"{first} and 1 more of that time: 14 of 14 events say times after")


def test_nothing_is_told_of_files_received_after_their_events(
    measured: Callable[..., Measured], tmp_path: Path
) -> None:
    inputs = [log(tmp_path, NOON), tracks(tmp_path, NOON)]

    assert measured(inputs, tmp_path / "out", "--shards", "1").unbelieved == ()
