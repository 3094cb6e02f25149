"""The BigQuery sink beside Beam's two: rows a CPU-second of the client, and bytes a request."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.cases import Plan, Reported, moment
from benchmarks.goals import Goal
from benchmarks.measurement import Result, measure
from benchmarks.race import note, run_into, said, scratch

PENDING = "moment, pending stream"
ROWS = {"moment": 1.0, PENDING: 1.0, "streaming inserts": 0.05, "file loads": 0.05}
"""Of the plan's events, by sink: Beam's are given a twentieth, for they are that slow."""
SMALLER = 4
"""Beam's sinks are given a fourth of that as well: what a run costs before its first row, the
twentieth would pay for twenty times as dearly."""
LEAST = {"streaming inserts": 20, "file loads": 5}
UNIT = "rows/CPU-s"


def bigquery(plan: Plan) -> Reported:
    """Against servers that take everything and keep nothing; their own CPU is not counted."""
    rivals = list(LEAST)
    if find_spec("apitools") is None or find_spec("google.cloud.bigquery") is None:
        note("Beam's sinks are left out: apache-beam[gcp] is not installed")
        rivals = []
    ours = ["moment", PENDING]
    sizes = {name: _sizes(plan, name, smaller=name in rivals) for name in [*ours, *rivals]}
    runs = [(name, rows) for name in sizes for rows in sizes[name]]
    seconds: dict[tuple[str, int], list[float]] = defaultdict(list)
    shapes: dict[str, float] = {}
    with scratch(plan.folder) as out:
        tracks = plan.tracks()
        run_into(moment(tracks), tracks, out)
        for turn in range(plan.runs):
            for name, rows in runs:
                note(f"BigQuery: {name}, {rows:,} rows, run {turn + 1} of {plan.runs}")
                told, sent = _run(name, out / "events", rows)
                seconds[name, rows].append(told["cpu_seconds"])
                shapes[name] = _bytes_a_request(name, told, sent)
    spent = {name: {rows: median(seconds[name, rows]) for rows in sizes[name]} for name in sizes}
    return _reported(spent, rivals, shapes)


def less_fixed(cpu_seconds: Mapping[int, float]) -> float:
    """Rows a CPU-second by what more rows cost more; `cpu_seconds` by rows, of two sizes."""
    (few, less), (many, more) = sorted(cpu_seconds.items())
    return (many - few) / max(more - less, 1e-3)


def _sizes(plan: Plan, name: str, smaller: bool) -> list[int]:
    rows = max(1000, round(plan.events * ROWS[name]))
    return [rows // SMALLER, rows] if smaller else [rows]


def _reported(
    spent: dict[str, dict[int, float]], rivals: list[str], shapes: dict[str, float]
) -> Reported:
    """Beam's beside ours, whole and less what is fixed. Goals are of ours whole, of theirs less."""
    whole = {name: max(of) / of[max(of)] for name, of in spent.items()}
    less = {name: less_fixed(spent[name]) for name in rivals}
    ours = Result("bigquery / moment", whole["moment"], UNIT)

    def beside(name: str, rate: float) -> Result:
        return Result(f"bigquery / {name}", rate, UNIT, ours.name, rate / ours.value)

    results = [ours, beside(PENDING, whole[PENDING])]
    for name in rivals:
        results += [
            beside(f"{name} / whole", whole[name]),
            beside(f"{name} / less what is fixed", less[name]),
        ]
    results += [
        Result(
            f"bigquery / {name}, {'a file' if name == 'file loads' else 'a request'}", each, "bytes"
        )
        for name, each in shapes.items()
    ]
    goals = [
        Goal(f"bigquery / {name}", ours.value / less[name], "times", least=LEAST[name])
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
    kind = "append" if name in ("moment", PENDING) else "insert"
    return float(sent[f"{kind}_bytes"] / max(1, sent[f"{kind}s"]))
