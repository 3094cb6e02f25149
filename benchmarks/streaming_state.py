"""State of a stream over time: does it end to grow when its horizons are over?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import mean, median

from benchmarks.cases import Plan, Reported
from benchmarks.goals import Goal
from benchmarks.inputs import SEED, Tracks
from benchmarks.measurement import Result
from benchmarks.race import note, scratch
from benchmarks.streaming import FOLDER, SLOTS
from benchmarks.streaming_cluster import Checkpoint, checkpoints, state_bytes
from benchmarks.streaming_job import streaming, until
from benchmarks.streaming_topic import make_topic, preload
from deploy.local.download import missing_tool
from deploy.local.services import local_services
from pipelines.simulator.tracks import SPREAD_MS, tracks

CASE, TOPIC = "streaming state", "state"
SPEED = 40.0
"""Stream time beside the wall's: a hundred minutes in two and a half."""
EVENTS, PEOPLE = 240_000, 12_000
EARLY, LATE, NEAR = 40.0, 100.0, 5.0
"""Minutes compared, an hour apart, so that both are as far in their hour; and how far from them a
savepoint may be taken: several, for a bag grows until it is merged."""
GROWTH = 1.1
HORIZONS = ("--hot-minutes", "5", "--fact-minutes", "5", "--checkpointing_interval=3000")
CADENCE = ("--publish-every", "1")
"""At forty times the pace a shard that emits each ten seconds has seven minutes of observations
waiting, which is most of a state and says nothing of its growth."""
SHARDS = ("--shards", "4")
"""At forty times the pace a shard closes a minute in a second and a half: few shards, and it keeps
up on cores that are shared."""


def streaming_state(plan: Plan) -> Reported:
    """Bytes of state at minute 40 and 100, people watching one thing at one rate."""
    if lacking := missing_tool():
        note(f"{CASE} is left out: {lacking}")
        return [], []
    note(f"{CASE}: two hours of stream time at {SPEED:g} times its pace")
    path = plan.folder / "state.ndjson"
    events = max(1_000, round(EVENTS * plan.scale))
    people = max(50, round(PEOPLE * plan.scale))
    with path.open("wb") as file:
        file.writelines(tracks(events, people, 1, SEED))
    input = Tracks(path, events, people)
    with (
        local_services(SLOTS, FOLDER) as services,
        scratch(plan.folder) as out,
        ThreadPoolExecutor(1) as elsewhere,
    ):
        # Made first: the job must be reading when the first event comes.
        make_topic(services, TOPIC, 4)
        with streaming(
            services, TOPIC, out, ["--channels", "segment", *HORIZONS, *CADENCE, *SHARDS]
        ) as job:
            began = time.time()
            publishing = elsewhere.submit(preload, services, input, TOPIC, SPEED)
            seen: dict[int, Checkpoint] = {}
            sizes: list[tuple[float, int]] = []
            for _ in until(60 + SPREAD_MS / 1e3 / SPEED, pause=1):
                seen |= {each.number: each for each in checkpoints(services, job.number)}
                if publishing.done():
                    break
                minute = (time.time() - began) * SPEED / 60
                if min(abs(minute - EARLY), abs(minute - LATE)) <= NEAR:
                    sizes.append((minute, state_bytes(services, job.number)))
            publishing.result()
    return reported(list(seen.values()), sizes, events)


def reported(
    seen: Sequence[Checkpoint], sizes: Sequence[tuple[float, int]], events: int
) -> Reported:
    """Figures of the checkpoints of a stream, and of savepoints as (minute, bytes)."""
    early, late = (at_minute(sizes, minute) for minute in (EARLY, LATE))
    results = [
        Result(f"{CASE} / minute {EARLY:g}", early / 1e6, "MB"),
        Result(f"{CASE} / minute {LATE:g}", late / 1e6, "MB"),
        Result(f"{CASE} / checkpoint, median", median(c.full_bytes for c in seen) / 1e6, "MB"),
        Result(f"{CASE} / checkpoint, median", median(c.seconds for c in seen), "s"),
        Result(f"{CASE} / checkpoint, longest", max(c.seconds for c in seen), "s"),
        Result(f"{CASE} / written for an event", sum(c.new_bytes for c in seen) / events, "bytes"),
    ]
    return results, [Goal(f"{CASE} / minute 100 beside 40", late / early, "times", most=GROWTH)]


def at_minute(sizes: Sequence[tuple[float, int]], minute: float) -> float:
    """Mean bytes of the savepoints taken near a minute of stream time: a bag has a saw's teeth."""
    near = [size for taken, size in sizes if abs(taken - minute) <= NEAR]
    if not near:
        raise RuntimeError(f"expected a savepoint near minute {minute:g}, found none")
    return mean(near)
