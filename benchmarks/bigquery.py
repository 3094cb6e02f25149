"""The BigQuery sink beside Beam's two: rows a CPU-second of the client, and bytes a request."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.cases import Plan, Reported, moment
from benchmarks.goals import Goal
from benchmarks.measurement import Result, measure
from benchmarks.race import note, run_into, said, scratch

ROWS = {"moment": 1.0, "streaming inserts": 0.05, "file loads": 0.05}
"""Of the plan's events, by sink: Beam's are given a twentieth, for they are that slow."""
LEAST = {"streaming inserts": 20, "file loads": 5}
UNIT = "rows/CPU-s"


def bigquery(plan: Plan) -> Reported:
    """Against servers that take everything and keep nothing; their own CPU is not counted."""
    rivals = list(LEAST)
    if find_spec("apitools") is None or find_spec("google.cloud.bigquery") is None:
        note("Beam's sinks are left out: apache-beam[gcp] is not installed")
        rivals = []
    names = ["moment", *rivals]
    speeds: dict[str, list[float]] = {name: [] for name in names}
    shapes: dict[str, float] = {}
    with scratch(plan.folder) as out:
        tracks = plan.tracks()
        run_into(moment(tracks), tracks, out)
        for turn in range(plan.runs):
            for name in names:
                note(f"BigQuery: {name}, run {turn + 1} of {plan.runs}")
                rows = max(1000, round(plan.events * ROWS[name]))
                told, sent = _run(name, out / "events", rows)
                speeds[name].append(rows / told["cpu_seconds"])
                shapes[name] = _bytes_a_request(name, told, sent)
    rates = {name: median(speeds[name]) for name in names}
    ours = Result("bigquery / moment", rates["moment"], UNIT)
    results = [ours]
    results += [
        Result(f"bigquery / {name}", rates[name], UNIT, ours.name, rates[name] / ours.value)
        for name in rivals
    ]
    results += [
        Result(
            f"bigquery / {name}, {'a file' if name == 'file loads' else 'a request'}", each, "bytes"
        )
        for name, each in shapes.items()
    ]
    goals = [
        Goal(f"bigquery / {name}", rates["moment"] / rates[name], "times", least=LEAST[name])
        for name in rivals
    ]
    return results, goals


def _run(name: str, events: Path, rows: int) -> tuple[dict[str, Any], dict[str, Any]]:
    with servers() as (addresses, ended):
        command = [sys.executable, "-m", "benchmarks.bigquery_sinks", name, str(events), str(rows)]
        told = said(measure([*command, addresses["write"], addresses["rest"]]))
    return told, ended


@contextmanager
def servers() -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """Their addresses; and, when left, what they were sent."""
    command = [sys.executable, "-m", "benchmarks.bigquery_null"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    ended: dict[str, Any] = {}
    try:
        yield json.loads(process.stdout.readline()), ended
    finally:
        out, _ = process.communicate("", timeout=60)
        ended.update(json.loads(out))


def _bytes_a_request(name: str, told: dict[str, Any], sent: dict[str, Any]) -> float:
    if name == "file loads":
        return float(told["file_bytes"] / max(1, told["files"]))
    kind = "append" if name == "moment" else "insert"
    return float(sent[f"{kind}_bytes"] / max(1, sent[f"{kind}s"]))
