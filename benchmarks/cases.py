"""The two races: payload bytes to event batches, and the whole `measure` job."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.goals import Goal
from benchmarks.inputs import Tracks, generate
from benchmarks.measurement import Cost, Result
from benchmarks.measurement import measure as run_cost
from benchmarks.race import FILE, OUT, Contender, Runs, note, race, ratio, said, speeds, startups

FLINK = Path(__file__).with_name("flink_sql") / "run.sh"
WARM_RUNS = "3"
SAME = "row by row, the same"
ALIKE_EVENTS = 20_000


@dataclass(frozen=True)
class Plan:
    """How much is run: events of the files, runs of each contender, and whether `quick`."""

    folder: Path
    events: int
    runs: int
    quick: bool
    scale: float = 1.0
    measured: dict[str, float] = field(default_factory=dict)
    """What a section has found that a later one needs."""

    def tracks(self, events: int | None = None) -> Tracks:
        return generate(self.folder, events or self.events)

    @property
    def events_race(self) -> int:
        """The race to events is given twice as many, so that start-up is a small part of it."""
        return self.events if self.quick else 2 * self.events

    @property
    def one_event(self) -> Tracks:
        return generate(self.folder, 1)

    @property
    def row_by_row_events(self) -> int:
        """The row by row rival's whole job is given a twentieth: it is that slow."""
        return max(1, self.events // 20)


Reported = tuple[list[Result], list[Goal]]
Section = Callable[[Plan], Reported]


def moment(tracks: Tracks) -> Contender:
    """`moment measure` in one process, as its user runs it."""
    given = ("measure", f"segment={FILE}", "--channels", "segment", "--output", OUT)
    return Contender("moment", _python("pipelines", *given), tracks)


def events(plan: Plan) -> Reported:
    """Payload bytes to unified event batches, one core each, once both give the same events."""
    expect_alike(plan.tracks(min(ALIKE_EVENTS, plan.events)))
    tracks = plan.tracks(plan.events_race)
    raced = race(
        [
            Contender("moment", _python("benchmarks.ours", FILE), tracks),
            Contender(SAME, _python("benchmarks.rowwise_same", FILE, OUT), tracks),
            Contender("row by row, lean", _row_by_row("decode"), tracks),
            Contender("DuckDB to Arrow", _duckdb("events-arrow"), tracks),
            Contender("DuckDB to Parquet", _duckdb("events"), tracks),
        ],
        plan.runs,
        plan.one_event,
        plan.folder,
    )
    case = "events"
    ours = raced["moment"]
    figures = [
        *startups(case, raced),
        *speeds(case, raced),
        _bytes_a_second(case, ours, less_startup=True),
    ]
    return figures, _speed_goals(case, raced, {SAME: 8, "DuckDB to Arrow": 0.8})


def expect_alike(tracks: Tracks) -> None:
    """RuntimeError where the row by row rival that does the same makes other events."""
    note("does row by row make the same events?")
    run_cost(_python("benchmarks.alike", str(tracks.path)))


def measure(plan: Plan) -> Reported:
    """The whole job, from the file to the figures."""
    tracks = plan.tracks()
    contenders = [
        moment(tracks),
        Contender("DuckDB, same outputs", _duckdb("metrics"), tracks),
        Contender("DuckDB, metrics only", _duckdb("metrics-only"), tracks),
    ]
    if not plan.quick:
        few = plan.tracks(plan.row_by_row_events)
        contenders.append(Contender("row by row", _row_by_row("whole"), few))
        contenders += _flink(tracks)
    raced = race(contenders, plan.runs, plan.one_event, plan.folder)
    case = "measure"
    figures = [
        *startups(case, raced),
        *speeds(case, raced),
        _bytes_a_second(case, raced["moment"], less_startup=False),
    ]
    least = {"row by row": 8, "Flink SQL, cold": 1.5, "DuckDB, same outputs": 0.5}
    return figures, _speed_goals(case, raced, least)


def _flink(tracks: Tracks) -> list[Contender]:
    """Flink SQL started cold, and in a JVM that has done the same twice before."""
    missing = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    if missing:
        note(f"Flink SQL is left out: no {' and no '.join(missing)} on this machine")
        return []

    def warm(cost: Cost) -> float:
        return float(said(cost)["warm_cpu_seconds"])

    command = ("bash", str(FLINK), FILE)
    return [
        Contender("Flink SQL, cold", command, tracks),
        Contender("Flink SQL, warm", (*command, WARM_RUNS), tracks, warm, starts=False),
    ]


def _speed_goals(case: str, raced: dict[str, Runs], least: dict[str, float]) -> list[Goal]:
    """Of whole processes, start-up included on both sides."""
    return [
        Goal(f"{case} / {name}", ratio(raced["moment"], raced[name]), "times", least=bound)
        for name, bound in least.items()
        if name in raced
    ]


def _bytes_a_second(case: str, ours: Runs, less_startup: bool) -> Result:
    tracks = ours.contender.tracks
    rate = median(ours.speeds(less_startup)) * tracks.size_bytes / tracks.events / 1e6
    kind = "less start-up" if less_startup else "whole process"
    return Result(f"{case} / moment / {kind} / payload", rate, "MB/CPU-s")


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *arguments)


def _duckdb(job: str) -> tuple[str, ...]:
    return _python("benchmarks.oracle", FILE, OUT, "--job", job, "--threads", "1")


def _row_by_row(job: str) -> tuple[str, ...]:
    return _python("benchmarks.rowwise", FILE, OUT, "--job", job)
