"""A partition of ten million rows replaced in a folder.

`python -m benchmarks.folder_replace DATASET DECODED DAY` writes the partition of decoded events
beside the one that stands, compares both, and exchanges the folders.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.cases import Plan, Reported
from benchmarks.measurement import Cost, Result, measure
from benchmarks.replacing import TIMES, ZONE, Day, multiplied, runs_of
from pipelines.backfill.partitions import replace_partition
from pipelines.local_day import local_day

CASE = "folder replace"


def folder_replace(plan: Plan) -> Reported:
    """Seconds, CPU-seconds and memory where the partition that stands lacks a tenth of its rows."""

    def replaced(day: Day, turn: int) -> Cost:
        standing = day.folder / f"standing-{turn}"
        multiplied(day.events, standing / "events", TIMES - 1)
        command = [sys.executable, "-m", "benchmarks.folder_replace"]
        return measure([*command, str(standing), str(day.decoded), day.day.isoformat()])

    runs = runs_of(plan, CASE, replaced)
    rows = runs.said["rows"]
    return [
        Result(f"{CASE} / rows", rows, "rows"),
        Result(f"{CASE} / replaced in", runs.seconds, "s"),
        Result(f"{CASE} / whole process", runs.cpu_seconds, "CPU-s"),
        Result(f"{CASE} / rows a CPU-second", rows / runs.cpu_seconds, "rows/CPU-s"),
        Result(f"{CASE} / peak memory", runs.peak_megabytes, "MB"),
    ], []


def main(dataset: str, decoded: str, day: str) -> None:
    asked, place = date.fromisoformat(day), Path(dataset)
    began = time.perf_counter()
    staging = place / "staging"
    replaced = replace_partition(place, Path(decoded), local_day(asked, ZONE), asked, staging)
    seconds = time.perf_counter() - began
    if not replaced:
        raise RuntimeError(f"partition {day}: expected another one in its place, found the same")
    files = (place / "events" / f"day={day}").glob("*.parquet")
    rows = sum(pq.read_metadata(file).num_rows for file in files)
    print(json.dumps({"seconds": seconds, "rows": rows}))


if __name__ == "__main__":
    main(*sys.argv[1:])
