"""Pub/Sub read on a real Flink cluster, through a killed TaskManager and a silent broker.

One run, and what it showed: a job keeps every number it reads in keyed state, while the TaskManager
is killed, the emulator is frozen, and other consumers take messages and give them back or die.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from deploy.local.download import missing_tool
from deploy.local.pubsub import Emulator, local_emulator, missing_emulator
from deploy.local.services import ROOT, Services
from tests.e2e.cluster import ask, own_cluster, running_job
from tests.e2e.needs import need

MESSAGES = 20_000
BODY = b" " + b"x" * 300
CHECKPOINTS = ["--checkpointing_interval=2000", "--max_cache_memory_usage_mb=100"]
OUTAGE_SECONDS = 8.0
LEASE_SECONDS = 10
ALLOWANCE_SECONDS = 10.0

# The first run fetches; pytest counts that to the first test.
pytestmark = pytest.mark.timeout(1800)


@dataclass
class Seen:
    """What a test may look at after the run."""

    remembered: set[int]
    read_before_kill: set[int]
    read_after_kill: list[int]
    watermarks_in_outage: tuple[list[float], list[float]]
    published: float
    remembered_in_outage: tuple[int, int]
    left: int
    log: str


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    need(missing_tool() or missing_emulator(), "Pub/Sub tests")
    output = tmp_path_factory.mktemp("pubsub")
    with local_emulator() as emulator, own_cluster("pubsub") as services:
        return _run(emulator, services, output)


def test_every_message_is_in_the_state_after_a_kill_and_an_outage(seen):
    assert seen.remembered == set(range(MESSAGES)), seen.log


def test_the_kill_made_the_broker_deliver_what_was_not_acknowledged_and_only_that(seen):
    """Without repeats the kill would have shown nothing; were all repeated, nothing was taken."""
    repeated = seen.read_before_kill & set(seen.read_after_kill)

    assert 0 < len(repeated) < len(seen.read_before_kill)


def test_a_broker_that_does_not_answer_is_not_taken_for_silence(seen):
    """Silence of four seconds lets the clock take over; the outage lasted twice as long.

    What is acknowledged meanwhile lets a watermark go on, but not beyond the last message.
    """
    before, after = seen.watermarks_in_outage
    last = seen.published - ALLOWANCE_SECONDS

    assert len(before) == len(after) == 2
    assert max(late - max(early, last) for early, late in zip(before, after)) < OUTAGE_SECONDS / 2


def test_nothing_is_read_in_an_outage_and_reading_goes_on_after_it(seen):
    before, after = seen.remembered_in_outage

    assert before == after < MESSAGES == len(seen.remembered)


def test_a_subscription_that_was_read_to_its_end_has_nothing_unacknowledged(seen):
    assert seen.left == 0


def _run(emulator: Emulator, services: Services, output: Path) -> Seen:
    payloads = [str(number).encode() + BODY for number in range(MESSAGES)]
    subscription = emulator.create("viewers", acknowledge_seconds=LEASE_SECONDS)
    emulator.publish("viewers", payloads[:8_000])
    _take_and_give_back(emulator, subscription)
    with _job(emulator, services, subscription, output) as job:
        running_job(services)
        _until(lambda: len(_remembered(output)) >= 6_000, 60, job)
        # Two checkpoints on, some of it has been acknowledged.
        time.sleep(5)
        emulator.publish("viewers", payloads[8_000:12_000])
        _until(lambda: sum(map(len, _read(output).values())) >= 10_000, 20, job)
        services.kill_taskmanager()
        before_kill = _read(output)
        services.restart_taskmanager()
        emulator.publish("viewers", payloads[12_000:16_000])
        published = time.time()
        _until(lambda: len(_remembered(output)) >= 15_000, 60, job)
        _until(lambda: len(_remembered(output)) == 16_000, 30, job)
        # A reader that was restarted and has been given nothing since knows no time at first.
        _until(lambda: None not in _watermarks(output), 30, job)
        # Until the leases of before have ended the watermark waits, and then goes on at once.
        time.sleep(LEASE_SECONDS)
        emulator.freeze()
        time.sleep(2)
        first = _watermarks(output), len(_remembered(output))
        time.sleep(OUTAGE_SECONDS)
        second = _watermarks(output), len(_remembered(output))
        emulator.thaw()
        emulator.publish("viewers", payloads[16_000:])
        _until(lambda: len(_remembered(output)) == MESSAGES, 40, job)
        # What the emulator sent into pulls that were given up in the outage comes again after this.
        time.sleep(LEASE_SECONDS)
        _until(lambda: _bases(output) == ["idle", "idle"], 30, job)
        _cancel(services)
    return Seen(
        remembered=_remembered(output),
        read_before_kill={n for numbers in before_kill.values() for n in numbers},
        read_after_kill=[
            number
            for log, numbers in _read(output).items()
            for number in numbers[len(before_kill.get(log, [])) :]
        ],
        watermarks_in_outage=(first[0], second[0]),
        published=published,
        remembered_in_outage=(first[1], second[1]),
        left=_left(emulator, subscription, seconds=LEASE_SECONDS + 2),
        log=(output / "job.log").read_text()[-3000:],
    )


def _take_and_give_back(emulator: Emulator, subscription: str) -> None:
    """Two other consumers: one gives its messages back, one is never heard of again."""
    subscriber = emulator.subscriber()
    for gives_back in (True, False):
        taken = subscriber.pull(subscription=subscription, max_messages=100, timeout=10)
        ids = [message.ack_id for message in taken.received_messages]
        assert ids
        if gives_back:
            subscriber.modify_ack_deadline(
                subscription=subscription, ack_ids=ids, ack_deadline_seconds=0
            )


def _left(emulator: Emulator, subscription: str, seconds: float) -> int:
    """Messages that can be had within the time in which every lease has ended."""
    subscriber = emulator.subscriber()
    left, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        found = subscriber.pull(subscription=subscription, max_messages=100, timeout=3)
        left += len(found.received_messages)
    return left


@contextmanager
def _job(
    emulator: Emulator, services: Services, subscription: str, output: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """The job, submitted by a process of its own session, which ends with all it started."""
    with (output / "job.log").open("wb") as log:
        job = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.pubsub_job", "--output", str(output),
             "--subscription", subscription, "--emulator", emulator.address,
             *CHECKPOINTS, *services.pipeline_arguments()],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(services.tmp)},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield job
    finally:
        with suppress(ProcessLookupError):
            os.killpg(job.pid, signal.SIGKILL)
        job.wait()


def _cancel(services: Services) -> None:
    (job,) = ask(services, "/jobs")["jobs"]
    urlopen(Request(f"{services.flink_rest}/jobs/{job['id']}", method="PATCH"), timeout=10).close()


def _remembered(output: Path) -> set[int]:
    """Numbers that the job's state holds."""
    return {n for path in output.glob("state-*.json") for n in json.loads(path.read_text())}


def _read(output: Path) -> dict[str, list[int]]:
    """Numbers that each process has read, repeats included."""
    return {
        path.name: [int(line) for line in path.read_text().splitlines()]
        for path in output.glob("read-*.log")
    }


def _watermarks(output: Path) -> list[float]:
    statuses = [json.loads(path.read_text()) for path in sorted(output.glob("status-*.json"))]
    return [status["watermark"] for status in statuses]


def _bases(output: Path) -> list[str]:
    statuses = [json.loads(path.read_text()) for path in sorted(output.glob("status-*.json"))]
    return [status["basis"] for status in statuses]


def _until(holds: Callable[[], bool], seconds: float, job: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert job.poll() is None, "the job has ended"
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.2)
