"""State of a stream over time: does it end to grow when its horizons are over?"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import mean, median

from benchmarks.cases import Plan, Reported
from benchmarks.goals import Goal
from benchmarks.inputs import SEED, Tracks
from benchmarks.measurement import Result
from benchmarks.race import note, scratch
from benchmarks.streaming import FOLDER, SLOTS
from benchmarks.streaming_cluster import Checkpoint, checkpoints, state_bytes, stream_time
from benchmarks.streaming_job import streaming, until
from benchmarks.streaming_topic import make_topic, preload
from deploy.local.download import missing_tool
from deploy.local.services import local_services
from pipelines.simulator.scenario import SHOW_START
from pipelines.simulator.tracks import SPREAD_MS, tracks

CASE, TOPIC = "streaming state", "state"
SPEED = 40.0
"""Stream time beside the wall's: a hundred minutes in two and a half."""
EVENTS, PEOPLE = 240_000, 12_000
EARLY, LATE, NEAR = 40.0, 100.0, 5.0
"""Minutes of stream time that the shards have come to, an hour apart, so that both are as far in
their hour; and how far from them a savepoint may be taken: several, for a bag grows until it is
merged."""
STEP, SOURCE = "Attend", "Read"
"""What tells how far the stream is; and what is in the names of the source's vertices. Beam's Flink
runner leaves a state of its own there each time that a reader hands on, before Beam 2.76
(apache/beam#27648): it is told apart."""
GROWTH = 1.1
HORIZONS = ("--hot-minutes", "5", "--fact-minutes", "5", "--checkpointing_interval=3000")
CADENCE = ("--publish-every", "1")
"""At forty times the pace a shard that emits each ten seconds has seven minutes of observations
waiting, which is most of a state and says nothing of its growth."""
SHARDS = ("--shards", "4")
"""At forty times the pace a shard closes a minute in a second and a half: few shards, and it keeps
up on cores that are shared."""

Size = tuple[float, dict[str, int]]
"""Minute of stream time, bytes by vertex."""


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
            publishing = elsewhere.submit(preload, services, input, TOPIC, SPEED)
            seen: dict[int, Checkpoint] = {}
            sizes: list[Size] = []
            for _ in until(60 + SPREAD_MS / 1e3 / SPEED, pause=1):
                seen |= {each.number: each for each in checkpoints(services, job.number)}
                if publishing.done():
                    break
                minute = _minute(stream_time(services, job.number, STEP))
                if min(abs(minute - EARLY), abs(minute - LATE)) <= NEAR:
                    sizes.append((minute, state_bytes(services, job.number)))
            publishing.result()
    return reported(list(seen.values()), sizes, events)


def _minute(reached: float | None) -> float:
    return -1.0 if reached is None else (reached - SHOW_START.timestamp()) / 60


def reported(seen: Sequence[Checkpoint], sizes: Sequence[Size], events: int) -> Reported:
    """Figures of the checkpoints of a stream, and of savepoints as (minute, bytes by vertex)."""
    ours, source = (
        {when: at_minute(sizes, when, source) for when in (EARLY, LATE)} for source in (False, True)
    )
    results = [
        *(Result(f"{CASE} / minute {when:g}", size / 1e6, "MB") for when, size in ours.items()),
        *(
            Result(f"{CASE} / the source, minute {when:g}", size / 1e6, "MB")
            for when, size in source.items()
        ),
        Result(f"{CASE} / checkpoint, median", median(c.full_bytes for c in seen) / 1e6, "MB"),
        Result(f"{CASE} / checkpoint, median", median(c.seconds for c in seen), "s"),
        Result(f"{CASE} / checkpoint, longest", max(c.seconds for c in seen), "s"),
        Result(f"{CASE} / written for an event", sum(c.new_bytes for c in seen) / events, "bytes"),
    ]
    growth = ours[LATE] / ours[EARLY]
    return results, [Goal(f"{CASE} / minute 100 beside 40", growth, "times", most=GROWTH)]


def at_minute(sizes: Sequence[Size], minute: float, source: bool) -> float:
    """Mean bytes, of the source or of all other vertices, of the savepoints taken near a minute of
    stream time: a bag has a saw's teeth."""
    near = [each for taken, each in sizes if abs(taken - minute) <= NEAR]
    if not near:
        raise RuntimeError(f"expected a savepoint near minute {minute:g}, found none")
    return mean(
        sum(size for vertex, size in each.items() if (SOURCE in vertex) == source) for each in near
    )
