"""Streaming: a topic read through on Flink beside the same bytes in one process, and Flink SQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks.cases import Plan, Reported, moment
from benchmarks.goals import Goal
from benchmarks.inputs import Tracks
from benchmarks.measurement import Result
from benchmarks.race import UNIT, note, run, scratch
from benchmarks.shards import busiest_shard_over_mean
from benchmarks.streaming_read import Reading, read_through
from benchmarks.streaming_rival import flink_sql, missing
from benchmarks.streaming_scale import scale
from benchmarks.streaming_topic import preload
from deploy.local.download import missing_tool
from deploy.local.flink import OF_JAVA
from deploy.local.services import ROOT, Services, local_services
from pipelines.flink_keys import default_shards

FOLDER = ROOT / "build" / "local-bench"
SLOTS = 2
TOPIC, ONE = "tracks", "one"
CASE = "streaming"
RATE = "streaming / events a second"
BESIDE_IN_PROCESS, WITH_JAVA, SHARD_BALANCE = 0.6, 0.4, 1.2


def streaming(plan: Plan) -> Reported:
    """Events a CPU-second on Flink, from Kafka, with two slots and with one; figures verified."""
    if lacking := missing_tool():
        note(f"{CASE} is left out: {lacking}")
        return [], []
    tracks = plan.tracks()
    readings: list[Reading] = []
    alone: list[float] = []
    rivals: list[float] = []
    for turn in range(plan.runs):
        note(f"{CASE}, {SLOTS} slots, run {turn + 1} of {plan.runs}")
        with local_services(SLOTS, FOLDER) as services, scratch(plan.folder) as out:
            preload(services, tracks, TOPIC)
            readings.append(_read(services, tracks, out))
        note(f"{CASE}, in process, {SLOTS} at a time, run {turn + 1} of {plan.runs}")
        alone.append(in_process(plan, tracks))
        note(f"{alone[-1]:,.0f} {UNIT}")
        rivals += _rival(plan, tracks, turn)
    plan.measured[RATE] = median(each.events / each.seconds for each in readings)
    with local_services(1, FOLDER) as services, scratch(plan.folder) as out:
        note(f"{CASE}, 1 slot")
        preload(services, tracks, TOPIC)
        single = _read(services, tracks, out)
    balance = busiest_shard_over_mean(tracks, default_shards(SLOTS))
    return _reported(readings, single, alone, rivals, tracks.events, balance)


def in_process(plan: Plan, tracks: Tracks) -> float:
    """Events a CPU-second of `moment measure`, less start-up, as many at a time as there are slots.

    The streaming job has both cores busy, which may be two threads of one.
    """
    contender = moment(tracks)
    with ThreadPoolExecutor(SLOTS) as pool:
        started = list(
            pool.map(lambda _: run(contender, plan.one_event, plan.folder), range(SLOTS))
        )
        costs = list(pool.map(lambda _: run(contender, tracks, plan.folder), range(SLOTS)))
    spent = sum(cost.cpu_seconds for cost in costs) - sum(cost.cpu_seconds for cost in started)
    return SLOTS * tracks.events / max(spent, 1e-3)


def _read(services: Services, tracks: Tracks, dataset: Path) -> Reading:
    reading = read_through(services, tracks, TOPIC, dataset)
    note(f"{services.slots} slots: {reading.verified}; {reading.spent}")
    return reading


def _rival(plan: Plan, tracks: Tracks, turn: int) -> list[float]:
    """CPU-seconds of the TaskManager in a JVM that is warm, less those of a topic of one event.

    A cluster of the same slots with the Java that suits it: memory for its state, both compilers.
    """
    if lacking := missing():
        note(f"Flink SQL is left out: {lacking}")
        return []
    note(f"{CASE}, Flink SQL, run {turn + 1} of {plan.runs}")
    with local_services(SLOTS, FOLDER, task_java=OF_JAVA) as services:
        preload(services, tracks, TOPIC)
        preload(services, plan.one_event, ONE)
        flink_sql(services, tracks, TOPIC, "figures-cold")
        startup = flink_sql(services, plan.one_event, ONE, "figures-one")
        warm = flink_sql(services, tracks, TOPIC, "figures")
    note(f"Flink SQL, warm: {warm.spent}, of one event: {startup.spent}")
    return [warm.spent.taskmanager - startup.spent.taskmanager]


def _reported(
    readings: list[Reading],
    single: Reading,
    alone: list[float],
    rivals: list[float],
    events: int,
    shard_balance: float,
) -> Reported:
    results: list[Result] = []
    for name, several in ((f"{SLOTS} slots", readings), ("1 slot", [single])):
        results += _of(name, several)
    base = Result(f"{CASE} / in process / less start-up", median(alone), UNIT)
    workers = median(r.a_worker_second / a for r, a in zip(readings, alone))
    both = median(r.a_second_with_java / a for r, a in zip(readings, alone))
    results += [base, replace(results[0], compared_to=base.name, ratio=workers)]
    results.append(replace(results[1], compared_to=base.name, ratio=both))
    goals = [
        Goal(f"{CASE} / workers beside in process", workers, "times", least=BESIDE_IN_PROCESS),
        Goal(f"{CASE} / with the TaskManager", both, "times", least=WITH_JAVA),
        Goal(f"{CASE} / busiest shard", shard_balance, "of the mean", most=SHARD_BALANCE),
    ]
    if rivals:
        theirs = median(events / max(spent, 1e-3) for spent in rivals)
        name = f"{CASE} / Flink SQL / TaskManager, warm, less start-up"
        results.append(Result(name, theirs, UNIT))
        results.append(Result(f"{CASE} / Flink SQL / a row", 1e6 / theirs, "CPU-µs/event"))
        ours = median(r.a_second_with_java for r in readings)
        goals.append(Goal(f"{CASE} / Flink SQL", ours / theirs, "times", least=1.0))
    rate = median(r.size_bytes / r.spent.with_java for r in readings)
    large = scale(rate)
    results += [
        Result(f"{CASE} / 2 TB/s / cores, extrapolated", large.cores, "cores"),
        Result(f"{CASE} / 2 TB/s / cards of 100 Gbit/s, extrapolated", large.cards, "cards"),
    ]
    return results, goals


def _of(name: str, readings: list[Reading]) -> list[Result]:
    def figure(what: str, values: list[float], unit: str) -> Result:
        return Result(f"{CASE} / {name} / {what}", median(values), unit)

    return [
        figure("workers", [r.a_worker_second for r in readings], UNIT),
        figure("workers and TaskManager", [r.a_second_with_java for r in readings], UNIT),
        figure(
            "payload, workers", [r.size_bytes / r.spent.workers / 1e6 for r in readings], "MB/CPU-s"
        ),
        figure(
            "payload, workers and TaskManager",
            [r.size_bytes / r.spent.with_java / 1e6 for r in readings],
            "MB/CPU-s",
        ),
        figure("a row", [1e6 / r.a_second_with_java for r in readings], "CPU-µs/event"),
        figure("JobManager", [r.spent.jobmanager for r in readings], "CPU-s"),
        figure("broker", [r.spent.broker for r in readings], "CPU-s"),
        figure("time", [r.seconds for r in readings], "s"),
        figure("start-up, workers", [r.startup.workers for r in readings], "CPU-s"),
        figure("start-up, TaskManager", [r.startup.taskmanager for r in readings], "CPU-s"),
        figure("busiest subtask of Attend", [r.busiest for r in readings], "of the mean"),
        figure("longest checkpoint", [r.checkpoint_seconds for r in readings], "s"),
    ]
