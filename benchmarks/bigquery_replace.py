"""A partition of ten million rows replaced in BigQuery: what the client does of it.

`python -m benchmarks.bigquery_replace DECODED DAY WRITE REST` stages a day's decoded events, which
is read from Parquet, cast, sent, and committed. The statement that then compares and replaces is
BigQuery's own work, and a server that keeps nothing does none.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import date
from pathlib import Path

from benchmarks.bigquery import servers
from benchmarks.cases import Plan, Reported
from benchmarks.measurement import Cost, Result, measure
from benchmarks.replacing import ZONE, Day, runs_of
from pipelines.backfill.replace import stage
from pipelines.local_day import local_day
from pipelines.sinks.bigquery.destination import Destination

CASE = "bigquery replace"


def bigquery_replace(plan: Plan) -> Reported:
    """Seconds, CPU-seconds and memory of the client; CPU-seconds of the server are not counted."""
    counted: list[dict[str, int]] = []

    def staged(day: Day, turn: int) -> Cost:
        with servers() as (addresses, sent):
            command = [sys.executable, "-m", "benchmarks.bigquery_replace", str(day.decoded)]
            command += [day.day.isoformat(), addresses["write"], addresses["rest"]]
            cost = measure(command)
        counted.append(sent)
        return cost

    runs = runs_of(plan, CASE, staged)
    # What the server counted: rows of the partition that are of another local day stay.
    sent = counted[-1]
    return [
        Result(f"{CASE} / rows", sent["rows"], "rows"),
        Result(f"{CASE} / staged in", runs.seconds, "s"),
        Result(f"{CASE} / client", runs.cpu_seconds, "CPU-s"),
        Result(f"{CASE} / rows a CPU-second", sent["rows"] / runs.cpu_seconds, "rows/CPU-s"),
        Result(f"{CASE} / a request", sent["append_bytes"] / sent["appends"], "bytes"),
        Result(f"{CASE} / peak memory", runs.peak_megabytes, "MB"),
    ], []


def main(decoded: str, day: str, write: str, rest: str) -> None:
    asked = date.fromisoformat(day)
    place = Destination("a-project", "d", "r", rest, write)
    began = time.perf_counter()
    stage(place, Path(decoded), local_day(asked, ZONE), asked)
    print(json.dumps({"seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    main(*sys.argv[1:])
