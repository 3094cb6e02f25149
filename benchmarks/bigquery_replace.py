"""A partition of ten million rows replaced in BigQuery: what the client does of it.

`python -m benchmarks.bigquery_replace DECODED DAY WRITE REST` stages a day's decoded events, which
is read from Parquet, cast, sent, and committed. The statement that then compares and replaces is
BigQuery's own work, and a server that keeps nothing does none.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import date
from pathlib import Path
from statistics import median

import pyarrow.parquet as pq

from benchmarks.bigquery import servers
from benchmarks.cases import Plan, Reported, moment
from benchmarks.measurement import Cost, Result, measure
from benchmarks.race import note, run_into, said, scratch
from pipelines.backfill.replace import stage
from pipelines.local_day import local_day
from pipelines.sinks.bigquery.destination import Destination

CASE = "bigquery replace"
TIMES = 10
"""The plan's events so often: the rows of a partition repeat, which nothing here makes use of."""
ZONE = "Europe/Paris"


def bigquery_replace(plan: Plan) -> Reported:
    """Seconds, CPU-seconds and memory of the client; CPU-seconds of the server are not counted."""
    costs: list[Cost] = []
    seconds: list[float] = []
    with scratch(plan.folder) as out:
        tracks = plan.tracks()
        run_into(moment(tracks), tracks, out)
        day = multiplied(out / "events", out / "decoded" / "events", TIMES)
        for turn in range(plan.runs):
            note(f"{CASE}: {TIMES * plan.events:,} rows, run {turn + 1} of {plan.runs}")
            with servers() as (addresses, sent):
                command = [sys.executable, "-m", "benchmarks.bigquery_replace"]
                command += [str(out / "decoded"), day.isoformat()]
                costs.append(measure([*command, addresses["write"], addresses["rest"]]))
            seconds.append(said(costs[-1])["seconds"])
    # What the server counted: rows of the partition that are of another local day stay.
    rows = sent["rows"]
    spent = median(cost.cpu_seconds for cost in costs)
    return [
        Result(f"{CASE} / rows", rows, "rows"),
        Result(f"{CASE} / staged in", median(seconds), "s"),
        Result(f"{CASE} / client", spent, "CPU-s"),
        Result(f"{CASE} / rows a CPU-second", rows / spent, "rows/CPU-s"),
        Result(f"{CASE} / a request", sent["append_bytes"] / sent["appends"], "bytes"),
        Result(f"{CASE} / peak memory", median(c.peak_rss_bytes for c in costs) / 1e6, "MB"),
    ], []


def multiplied(events: Path, into: Path, times: int) -> date:
    """The day of most events, its files linked so often."""
    sizes = {
        folder: sum(pq.read_metadata(file).num_rows for file in folder.glob("*.parquet"))
        for folder in events.glob("day=*")
    }
    fullest = max(sizes, key=lambda folder: sizes[folder])
    target = into / fullest.name
    target.mkdir(parents=True)
    for file in fullest.glob("*.parquet"):
        for number in range(times):
            os.link(file, target / f"{number}-{file.name}")
    return date.fromisoformat(fullest.name.removeprefix("day="))


def main(decoded: str, day: str, write: str, rest: str) -> None:
    asked = date.fromisoformat(day)
    place = Destination("a-project", "d", "r", rest, write)
    began = time.perf_counter()
    stage(place, Path(decoded), local_day(asked, ZONE), asked)
    print(json.dumps({"seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    main(*sys.argv[1:])
