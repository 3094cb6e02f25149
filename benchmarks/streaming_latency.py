"""Latency: from an event to a row that counts it and can be read, at half of the load measured."""

from __future__ import annotations

import os
import time
from pathlib import Path

import duckdb
import numpy as np

from benchmarks.cases import Plan, Reported
from benchmarks.goals import Goal
from benchmarks.measurement import Result
from benchmarks.race import note, scratch
from benchmarks.streaming import FOLDER, RATE, SLOTS
from benchmarks.streaming_job import streaming, until
from benchmarks.streaming_topic import PARTITIONS, Live, endlessly, make_topic
from deploy.local.download import missing_tool
from deploy.local.services import local_services

CASE, TOPIC = "streaming latency", "latency"
MEDIAN_SECONDS, NINETY_NINTH_SECONDS = 8.0, 15.0
EVENTS_A_SECOND = 8_000
"""What two slots are said to read where the section `streaming` has not measured it."""
WARM_SECONDS, SECONDS = 45.0, 120.0

EARLY_ROWS = """
SELECT epoch_us(window_start) / 1e6 AS begins, filename AS file, numerator::BIGINT AS counted
FROM read_parquet($files, filename = true)
WHERE metric = 'events' AND grouping_set = 'total' AND window_kind = 'minute'
  AND traffic = 'gross' AND numerator IS NOT NULL
ORDER BY begins, published_time"""
"""What the total of each minute was said to be, and in which file; early rows and final ones."""

TIMES = """
SELECT epoch_us(event_time) / 1e6 AS happened FROM read_parquet($files) ORDER BY 1"""


def streaming_latency(plan: Plan) -> Reported:
    """p50 and p99 from an event's time to when the row that first counts it can be read."""
    if lacking := missing_tool():
        note(f"{CASE} is left out: {lacking}")
        return [], []
    rate = round(plan.measured.get(RATE, EVENTS_A_SECOND) / 2)
    note(f"{CASE}: {rate:,} events a second for {WARM_SECONDS + SECONDS:g} s")
    tracks = plan.tracks(max(plan.events, 1_000))
    with (
        local_services(SLOTS, FOLDER) as services,
        scratch(plan.folder) as out,
        tracks.path.open("rb") as lines,
    ):
        make_topic(services, TOPIC, PARTITIONS)
        with streaming(services, TOPIC, out, ["--channels", "segment"]) as job:
            live = Live(services, TOPIC, endlessly(lines.read().splitlines()), rate)
            live.start()
            for _ in until(120):
                if job.written.counted():
                    break
            time.sleep(WARM_SECONDS)
            began = time.time()
            time.sleep(SECONDS)
            ended = time.time()
            live.end()
            # What was sent last is published within two beats.
            time.sleep(20)
        waits = latencies(*_rows(out))
    return reported(waits, began, ended, rate, live.behind)


def _rows(dataset: Path) -> tuple[np.ndarray, np.ndarray]:
    """What EARLY_ROWS and TIMES say of a dataset."""
    figures = [str(path) for path in dataset.glob("metrics*/day=*/*.parquet")]
    events = [str(path) for path in dataset.glob("events/day=*/*.parquet")]
    rows = duckdb.execute(EARLY_ROWS, {"files": figures}).fetchnumpy()
    # A file has its name once it is whole: from then on its rows can be read, not when they were
    # made.
    readable = {path: os.stat(path).st_ctime for path in figures}
    told = np.array([readable[str(file)] for file in rows["file"]])
    times = duckdb.execute(TIMES, {"files": events}).fetchnumpy()["happened"]
    return np.stack([rows["begins"], told, rows["counted"]], axis=1), times


def latencies(rows: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(event time, seconds until counted) of every event that a row counts.

    `rows` are (minute's begin, when readable, events counted), `times` event times in order. A row
    that counts n events of its minute counts, at the latest, its n earliest: events are counted in
    the order in which they came, but for what a partition is ahead of another, and the earliest n
    give every event a wait that is not too short on the whole. An event waits until the first row
    whose count reaches its place in its minute.
    """
    found = []
    for begins in np.unique(rows[:, 0]):
        own = rows[rows[:, 0] == begins]
        own = own[np.argsort(own[:, 1], kind="stable")]
        reached = np.maximum.accumulate(own[:, 2])
        first, last = np.searchsorted(times, (begins, begins + 60))
        place = np.arange(1, last - first + 1)
        row = np.searchsorted(reached, place)
        counted = row < len(own)
        happened = times[first:last][counted]
        found.append(np.stack([happened, own[row[counted], 1] - happened], axis=1))
    return np.concatenate(found) if found else np.zeros((0, 2))


def reported(waits: np.ndarray, began: float, ended: float, rate: float, behind: float) -> Reported:
    """Percentiles of the events between two instants."""
    chosen = waits[(waits[:, 0] >= began) & (waits[:, 0] < ended), 1]
    if not len(chosen):
        raise RuntimeError(f"{CASE}: expected events that an early row counts, found none")
    half, most = (float(np.percentile(chosen, share)) for share in (50, 99))
    results = [
        Result(f"{CASE} / load", rate, "events/s"),
        Result(f"{CASE} / events", len(chosen), "events"),
        Result(f"{CASE} / p50", half, "s"),
        Result(f"{CASE} / p99", most, "s"),
        Result(f"{CASE} / longest", float(chosen.max()), "s"),
        Result(f"{CASE} / producer behind its pace, most", behind, "s"),
    ]
    return results, [
        Goal(f"{CASE} / p50", half, "s", most=MEDIAN_SECONDS),
        Goal(f"{CASE} / p99", most, "s", most=NINETY_NINTH_SECONDS),
    ]
