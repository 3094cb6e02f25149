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
from statistics import median

import pyarrow.parquet as pq

from benchmarks.bigquery_replace import TIMES, ZONE, multiplied
from benchmarks.cases import Plan, Reported, moment
from benchmarks.measurement import Cost, Result, measure
from benchmarks.race import note, run_into, said, scratch
from pipelines.backfill.partitions import replace_partition
from pipelines.local_day import local_day

CASE = "folder replace"


def folder_replace(plan: Plan) -> Reported:
    """Seconds, CPU-seconds and memory where the partition that stands lacks a tenth of its rows."""
    costs: list[Cost] = []
    seconds: list[float] = []
    with scratch(plan.folder) as out:
        tracks = plan.tracks()
        run_into(moment(tracks), tracks, out)
        day = multiplied(out / "events", out / "decoded" / "events", TIMES)
        for turn in range(plan.runs):
            note(f"{CASE}: {TIMES * plan.events:,} rows, run {turn + 1} of {plan.runs}")
            standing = out / f"standing-{turn}"
            multiplied(out / "events", standing / "events", TIMES - 1)
            command = [sys.executable, "-m", "benchmarks.folder_replace"]
            costs.append(measure([*command, str(standing), str(out / "decoded"), day.isoformat()]))
            seconds.append(said(costs[-1])["seconds"])
    rows, spent = said(costs[-1])["rows"], median(cost.cpu_seconds for cost in costs)
    return [
        Result(f"{CASE} / rows", rows, "rows"),
        Result(f"{CASE} / replaced in", median(seconds), "s"),
        Result(f"{CASE} / whole process", spent, "CPU-s"),
        Result(f"{CASE} / rows a CPU-second", rows / spent, "rows/CPU-s"),
        Result(f"{CASE} / peak memory", median(c.peak_rss_bytes for c in costs) / 1e6, "MB"),
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
