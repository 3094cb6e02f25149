"""`make bench`: are the figures exact, and then how fast, how large, and where the time goes.

Prints a table a section and writes every figure to a file of JSON lines, anew each run. Exit codes:
0; 1 if a figure differs from the oracle's or a promise (memory, shuffled elements, counting) is
broken. Missed goals of speed are shown, no more: they hang on the machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.bigquery import bigquery
from benchmarks.bigquery_replace import bigquery_replace
from benchmarks.cases import Plan, Section, events, measure, moment
from benchmarks.folder_replace import folder_replace
from benchmarks.goals import Goal
from benchmarks.growth import growth
from benchmarks.inside import stages, state
from benchmarks.large import large
from benchmarks.measurement import RESULTS, record
from benchmarks.race import note, run_into, scratch
from benchmarks.streaming import streaming
from benchmarks.streaming_latency import streaming_latency
from benchmarks.streaming_recovery import streaming_recovery
from benchmarks.streaming_state import streaming_state

EVENTS, QUICK_EVENTS = 1_000_000, 200_000
SECTIONS: dict[str, Section] = {
    "events": events,
    "measure": measure,
    "growth": growth,
    "stages": stages,
    "state": state,
    "streaming": streaming,
    "streaming-latency": streaming_latency,
    "streaming-recovery": streaming_recovery,
    "streaming-state": streaming_state,
    "bigquery": bigquery,
    "bigquery-replace": bigquery_replace,
    "folder-replace": folder_replace,
}
BENCH_KEY = "a key that benchmarks alone may use"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sections asked for. 0: exact and promises kept; 1: not."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.runs < 1 or given.scale <= 0:
        parser.error(
            f"expected --runs of 1 or more, found {given.runs}, and --scale above 0, "
            f"found {given.scale:g}"
        )
    sections = {name: SECTIONS[name] for name in given.only or SECTIONS}
    if given.large:
        sections["large"] = large
    # Nobody's key file is read or made.
    os.environ.setdefault("MOMENT_PSEUDONYM_KEY", BENCH_KEY)
    below = os.environ.get("MOMENT_BENCH_DIR") or None
    if below is not None and not Path(below).is_dir():
        parser.error(f"MOMENT_BENCH_DIR: expected a folder that is there, found {below}")
    with tempfile.TemporaryDirectory(prefix="moment-bench-", dir=below) as folder:
        size = round((QUICK_EVENTS if given.quick else EVENTS) * given.scale)
        plan = Plan(Path(folder), max(1, size), given.runs, given.quick, given.scale)
        print(f"{machine()}; {plan.events:,} events, {plan.runs} runs")
        if not exact(plan):
            print("No speed is told of figures that are not exact.")
            return 1
        return _report(plan, sections, given.results)


def exact(plan: Plan) -> bool:
    """Compare the figures of one run with the oracle's; where they differ is printed."""
    tracks = plan.tracks()
    note("are the figures exact?")
    with scratch(plan.folder) as out:
        run_into(moment(tracks), tracks, out)
        command = [sys.executable, "-m", "benchmarks.exactness", str(tracks.path), str(out)]
        # A process of its own: what a child's memory is said to be at least is its parent's.
        compared = subprocess.run(command, check=False, capture_output=True, text=True)
    print(compared.stdout + compared.stderr, end="")
    return compared.returncode == 0


def machine() -> str:
    """Cores, load and versions: what figures hang on."""
    packages = ("apache-beam", "pyarrow", "numpy", "msgspec", "duckdb", "orjson")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    cores = f"{os.cpu_count()} cores at load {os.getloadavg()[0]:.1f}"
    return f"{cores}, {platform.system()}, Python {platform.python_version()}, {versions}"


def _report(plan: Plan, sections: dict[str, Section], file: Path) -> int:
    file.unlink(missing_ok=True)
    goals: list[Goal] = []
    for name, section in sections.items():
        print(f"\n{name}")
        results, of_section = section(plan)
        record(results, file)
        goals += of_section
    print("\ngoals")
    record([goal.result() for goal in goals], file)
    print()
    for goal in goals:
        print(goal.said())
    return 1 if any(goal.promise and not goal.met for goal in goals) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run",
        description="Measure Moment's speed and memory beside other means, figures checked first.",
    )
    parser.add_argument(
        "--quick", action="store_true", help="200,000 events; without Flink and row by row `whole`"
    )
    parser.add_argument("--large", action="store_true", help="also ten million events and 10 GB")
    parser.add_argument("--runs", type=int, default=3, help="runs of each contender (default 3)")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="these sections only")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="multiply all numbers of events, to try it out"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help=f"default: {RESULTS}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
