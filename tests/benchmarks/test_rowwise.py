"""The row by row rival does the same job as the oracle, so their costs can be compared."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

from benchmarks.oracle import oracle_metrics_only
from benchmarks.rowwise import run_decode, run_whole
from tests.benchmarks.test_oracle import crowd, write

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
ABOUT_PEOPLE = ("events", "watched_ms", "viewers", "engagers", "actions", "action_squares")
ABOUT_ITEMS = ("count", "authors")


def key_of(row: dict) -> tuple:
    return (
        row["grouping_set"],
        row["window_kind"],
        row["window_start"],
        row["channel"],
        row["content_id"],
        row.get("item"),
    )


def numbers_of(row: dict) -> tuple:
    return tuple(int(row[n]) for n in (ABOUT_ITEMS if row.get("item") else ABOUT_PEOPLE))


def test_the_whole_job_gives_the_oracle_s_metrics(tmp_path):
    path = write(tmp_path, crowd())

    run_whole(path, str(tmp_path / "out"))

    lines = [
        json.loads(line)
        for name in ("people", "items")
        for file in (tmp_path / "out").glob(f"{name}-*")
        for line in file.read_text().splitlines()
    ]
    found = {
        key_of(r | {"window_start": EPOCH + timedelta(minutes=r["window_start"])}): numbers_of(r)
        for r in lines
    }
    assert found == {key_of(r): numbers_of(r) for r in oracle_metrics_only(path).to_pylist()}


def test_decoding_counts_every_line(tmp_path):
    run_decode(write(tmp_path, crowd()), str(tmp_path / "count"))

    assert (tmp_path / "count").read_text() == "200\n"
