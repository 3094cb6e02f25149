"""Measurement: what a whole process costs, from its start to its end, children included."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path("build/bench.jsonl")

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Linux counts ru_maxrss in kibibytes, macOS in bytes."""


@dataclass(frozen=True)
class Cost:
    """Seconds and bytes of one process tree, and what the process printed."""

    wall_seconds: float
    cpu_seconds: float
    """User and system time of the process and of every descendant that was waited for."""
    peak_rss_bytes: int
    """Greatest resident set of any one process of the tree, not of all of them together."""
    output: str


@dataclass(frozen=True)
class Result:
    """One figure of a benchmark, beside the figure it is compared to (`ratio` = value / that)."""

    name: str
    value: float
    unit: str
    compared_to: str | None = None
    ratio: float | None = None


def measure(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Cost of a command run to its end. Raises RuntimeError with its last words if it fails.

    The operating system's own account (`wait4`), so start-up, imports and JIT compilers count too.
    A descendant that outlives its parent is not counted.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **(environment or {})},
    )
    assert process.stdout is not None
    output = process.stdout.read().decode(errors="replace")
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(
            f"benchmark command {command[0]!r}: expected exit code 0, found {process.returncode};"
            f" its last words: {output[-2000:]}"
        )
    return Cost(
        wall_seconds=wall,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_rss_bytes=usage.ru_maxrss * _RSS_UNIT,
        output=output,
    )


def compare(name: str, value: float, unit: str, other: Result) -> Result:
    """The result with its ratio to another one of the same unit."""
    if unit != other.unit:
        raise ValueError(
            f"{name}: expected the unit {other.unit!r} of {other.name}, found {unit!r}"
        )
    return Result(name, value, unit, other.name, value / other.value if other.value else None)


def record(results: Sequence[Result], file: Path = RESULTS) -> None:
    """Append each result as a JSON line to the file, made if missing, and print them as a table."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        for result in results:
            lines.write(json.dumps(asdict(result)) + "\n")
    print(table(results))


def table(results: Sequence[Result]) -> str:
    """The results as aligned text, one line each under a line of titles."""
    rows = [("name", "value", "unit", "compared to", "ratio")]
    for result in results:
        ratio = "" if result.ratio is None else f"{result.ratio:.2f}"
        rows.append(
            (result.name, _number(result.value), result.unit, result.compared_to or "", ratio)
        )
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    right = (1, 4)
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in rows
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
