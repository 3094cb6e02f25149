"""Inside the job: its stages, what crosses its shuffles, what its state weighs."""

from __future__ import annotations

import sys
from statistics import median
from typing import Any

from benchmarks.cases import Plan, Reported
from benchmarks.goals import Goal
from benchmarks.measurement import Result, measure
from benchmarks.race import note, said, scratch
from benchmarks.stages import STAGES

LEAST_ROWS = 1_000
STATE_BYTES_A_PERSON_PLACE = 64
STATE_BYTES_AN_ID = 24
THE_REST = "the rest"


def stages(plan: Plan) -> Reported:
    """Share of each stage in the CPU-seconds of the whole process, and rows of what is shuffled."""
    clocked = []
    for turn in range(plan.runs):
        note(f"stage by stage, run {turn + 1} of {plan.runs}")
        clocked.append(_clocked(plan))
    whole = median(run["whole"] for run in clocked)
    seconds = {stage: median(run["stages"][stage] for run in clocked) for stage in STAGES}
    seconds[THE_REST] = median(run["whole"] - sum(run["stages"].values()) for run in clocked)
    slowest = max(STAGES[1:], key=seconds.__getitem__)
    total = "stages / whole process"
    results = [Result(total, whole, "CPU-s")]
    for stage, spent in seconds.items():
        name = f"stages / {stage}" + (" (slowest)" if stage == slowest else "")
        results.append(Result(name, spent, "CPU-s", total, spent / whole))
    elements, general = clocked[-1]["elements"], clocked[-1]["general_coders"]
    for kind in ("observation", "partial", "label"):
        if kind in elements:
            crossing = f"shuffle / {kind} elements"
            results.append(Result(crossing, elements[kind]["count"], "elements"))
            results.append(Result(f"{crossing}, median", elements[kind]["median"], "rows"))
    rows = elements["observation"]["median"]
    return results, [
        Goal("shuffle / observations, median", rows, "rows", least=LEAST_ROWS, promise=True),
        Goal("shuffle / with a fallback coder", len(general), "shuffles", most=0, promise=True),
    ]


def state(plan: Plan) -> Reported:
    """Bytes of Attend's state a person, place and hour, and an id remembered."""
    note("state")
    command = [sys.executable, "-m", "benchmarks.state", str(plan.tracks().path)]
    sized = said(measure(command))
    presence = sized["person_places_bytes"]
    a_row = presence / max(1, sized["person_places"])
    an_id = sized["remembered_ids_bytes"] / max(1, sized["remembered_ids"])
    results = [
        Result("state / person-hours", sized["person_hours"], "person-hours"),
        Result("state / person-hours by place", sized["person_places"], "rows"),
        Result("state / a person-hour at one place", a_row, "bytes"),
        Result(
            "state / a person-hour, all places", presence / max(1, sized["person_hours"]), "bytes"
        ),
        Result("state / a remembered id", an_id, "bytes"),
        Result("state / actions", sized["actions"], "rows"),
        Result("state / an action", sized["actions_bytes"] / max(1, sized["actions"]), "bytes"),
    ]
    return results, [
        Goal("state / a person-hour at one place", a_row, "bytes", most=STATE_BYTES_A_PERSON_PLACE),
        Goal("state / a remembered id", an_id, "bytes", most=STATE_BYTES_AN_ID),
    ]


def _clocked(plan: Plan) -> dict[str, Any]:
    file = str(plan.tracks().path)
    with scratch(plan.folder) as out:
        return said(measure([sys.executable, "-m", "benchmarks.stages", file, str(out)]))
