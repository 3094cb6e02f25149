"""What end-to-end tests stream: a simulated live, its way into Kafka, the batch answer, Prism."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from deploy.local.kafka_publish import Published, publish
from deploy.local.prism import prism
from deploy.local.services import ROOT
from pipelines.simulator import Options, simulate
from pipelines.simulator.scenario import SHOW_START
from pipelines.sources.replay_arrivals import arrivals, newest_until
from schemas.channels import registered_channels
from schemas.event import INSTANT
from schemas.payload import payload_batch

RECORDS_A_PERSON = 180
DELAYED_SHARE = 0.002
"""Of the records of a channel, held back from two minutes to three hours on their way."""
NUMBERED_ALIKE = ("cloudevents", "survey")
"""Channels whose orders and answers have the same numbers in every live. Two lives in one job would
be two people's words on one fact."""
_SHORTEST, _LONGEST = 2 * 60 * 10**6, 3 * 3600 * 10**6


def make_live(
    folder: Path,
    events: int = 100_000,
    seed: int = 42,
    minutes: int = 120,
    start: datetime = SHOW_START,
) -> list[Path]:
    """About so many native records of a simulated live, one Parquet file for each channel.

    Rows are `payload` and `arrived_time`, in whole milliseconds as a broker keeps it, in the order
    of arrival. The simulator repeats 1.5 % of the records and has 2 % come 2 to 40 minutes late;
    0.2 % of every channel's are held back here, some for hours, so that they meet closed windows.
    """
    people = max(20, round(events / RECORDS_A_PERSON))
    simulation = simulate(Options(seed=seed, people=people, minutes=minutes, start=start))
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, records in simulation.records.items():
        payloads = pa.array(records, pa.large_binary())
        arrived = _arrived(payloads, name, start)
        rng = np.random.default_rng([seed, len(records)])
        held = rng.choice(len(records), max(1, round(len(records) * DELAYED_SHARE)), replace=False)
        arrived[held] += rng.integers(_SHORTEST, _LONGEST, len(held))
        order = np.argsort(arrived, kind="stable")
        # Upwards: nothing arrives before its own stamp.
        moments = pa.array(-(-arrived[order] // 1000) * 1000).cast(INSTANT)
        paths.append(folder / f"{name}.parquet")
        table = {"payload": payloads.take(pa.array(order)), "arrived_time": moments}
        pq.write_table(pa.table(table), paths[-1], row_group_size=16_384)
    return paths


def make_large_live(folder: Path, events: int, start: datetime = SHOW_START) -> None:
    """`make_live` in a process of its own: of half a million records it takes three gigabytes, which
    the tests that follow need."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
        apart.submit(make_live, folder, events, start=start).result()


def _arrived(payloads: pa.Array, channel: str, start: datetime) -> np.ndarray:
    """The simulator writes in the order of arrival, so a record came with the newest before it."""
    latest = pa.repeat(pa.scalar(start + timedelta(days=7), INSTANT), len(payloads))
    positions = pa.array(np.arange(1, len(payloads) + 1))
    batch = payload_batch(payloads, positions, latest, channel, channel)
    first = round(start.timestamp() * 10**6)
    times = arrivals(batch, registered_channels()[channel], None)
    times = times.cast(pa.int64()).fill_null(first).to_numpy()
    return newest_until(times, None).copy()


def arriving(
    live: Path, since: datetime, until: datetime, into: Path, without: Sequence[str] = ()
) -> Path:
    """The records of a live that arrived from one time on and before another, in files of their own.

    Without those of some channels.
    """
    into.mkdir(parents=True, exist_ok=True)
    for path in live.glob("*.parquet"):
        if path.stem in without:
            continue
        table = pq.read_table(path)
        times = table["arrived_time"]
        kept = table.filter(
            pc.and_(
                pc.greater_equal(times, pa.scalar(since, INSTANT)),
                pc.less(times, pa.scalar(until, INSTANT)),
            )
        )
        if kept.num_rows:
            pq.write_table(kept, into / path.name, row_group_size=16_384)
    return into


def copies_of_another_minute(messages: Path, since: datetime, into: Path) -> Path:
    """Chat messages published since a time once more, each as of a minute before.

    A copy has its message's id and arrived a second before it: a recomputation counts it and not
    the message, which a stream has counted by then.
    """
    into.mkdir(parents=True, exist_ok=True)
    table = pq.read_table(messages)
    payloads = table["payload"].to_pylist()
    arrivals_of = table["arrived_time"].to_pylist()
    copies: dict[str, tuple[datetime, bytes]] = {}
    for payload, arrived in zip(payloads, arrivals_of):
        # The simulator damages some.
        with suppress(ValueError, KeyError, TypeError):
            message = json.loads(payload)
            snippet = message["snippet"]
            published = datetime.fromisoformat(snippet["publishedAt"].replace("Z", "+00:00"))
            if snippet["type"] == "textMessageEvent" and published >= since:
                before = published - timedelta(minutes=1)
                snippet["publishedAt"] = before.isoformat(timespec="milliseconds")
                copy = (arrived - timedelta(seconds=1), json.dumps(message).encode())
                copies.setdefault(message["id"], copy)
    times, copied = zip(*sorted(copies.values()))
    rows = {
        "payload": pa.array(copied, pa.large_binary()),
        "arrived_time": pa.array(times, INSTANT),
    }
    pq.write_table(pa.table(rows), into / messages.name)
    return into


def publish_live(
    folder: Path, servers: str, topic: str = "live", partitions: int = 4, speed: float = 0
) -> Published:
    """Everything `make_live` wrote, in a topic of all channels, in the order of arrival."""
    return publish(folder, servers, topic, partitions, speed)


def oracle(folder: Path, inputs: Sequence[Path], *arguments: str) -> Path:
    """The dataset of `moment measure` in batch over the files: what a stream must agree with.

    In a process of its own, with this one's environment, so under the same pseudonym key. Fails
    where the balance does not close.
    """
    command = [sys.executable, "-m", "pipelines", "measure", *map(str, inputs)]
    ended = subprocess.run(
        [*command, "--output", str(folder), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-5000:]
    return folder


@dataclass(frozen=True)
class Job:
    """A pipeline that runs until it is stopped from outside."""

    process: subprocess.Popen[bytes]
    log: Path

    def wait_until(self, holds: Callable[[], bool], seconds: float) -> None:
        """Return when something holds; fail where it does not in time, or where the job ends.

        Asking takes at most a fifth of a core, which what is waited for needs.
        """
        until = time.monotonic() + seconds
        asked = time.monotonic()
        while not holds():
            assert self.process.poll() is None, f"the job ended:\n{self.said()}"
            assert time.monotonic() < until, f"not within {seconds:g} s:\n{self.said()}"
            time.sleep(max(0.2, 4 * (time.monotonic() - asked)))
            asked = time.monotonic()

    def said(self) -> str:
        """The end of what it has printed."""
        return self.log.read_text(errors="replace")[-5000:]


@contextmanager
def running(script: str, arguments: Sequence[str], log: Path, **environment: str) -> Iterator[Job]:
    """A module run as a process of its own session, ended with all it started."""
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", script, *arguments],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Job(process, log)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def run_on_prism(script: str, arguments: Sequence[str], log: Path) -> Iterator[Job]:
    """A module of a pipeline, such as tests.e2e.count_replay, running on Prism in streaming.

    It gets the arguments and those of the runner, and must pass what it does not know to Beam.
    No bundle of it is split, for Prism loses what it splits (tests/e2e/unsplit.py). Raises
    MissingTool where Prism cannot be had.
    """
    runner = [
        "--runner=PrismRunner",
        f"--prism_location={prism()}",
        "--environment_type=LOOPBACK",
        "--streaming",
    ]
    with running("tests.e2e.unsplit", [script, *arguments, *runner], log) as job:
        yield job
