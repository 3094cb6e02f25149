"""The Kafka source on a real Flink cluster that loses a worker.

Runs where Java 17 and Maven are; with MOMENT_EVERYTHING set it must run.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from deploy.local.download import missing_tool
from deploy.local.services import ROOT, Services, local_services
from tests.e2e.cluster import ask, gauges, running_job, subtasks
from tests.e2e.kafka_broker import EIGHT_PM, done, produce, until
from tests.e2e.needs import need

pytestmark = pytest.mark.timeout(1800)

YEAR_2099 = 4_070_908_800


class Job:
    """The small job on a cluster, the messages written for it, and the files it writes."""

    def __init__(self, services: Services, output: Path) -> None:
        self.services, self._output = services, output
        self.sent: dict[str, int] = {}

    def send(self, topic: str, partition: int, times: list[float]) -> None:
        produce(self.services.kafka, topic, partition, [(b"{}", time) for time in times])
        self.sent[f"kafka:{topic}/{partition}"] = self.sent.get(
            f"kafka:{topic}/{partition}", 0
        ) + len(times)

    def rows(self, kind: str) -> list[dict]:
        return [json.loads(path.read_text()) for path in self._output.glob(f"{kind}-*.json")]

    def read(self) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        for row in self.rows("payloads"):
            found.setdefault(row["input"], set()).update(row["offsets"])
        return found

    def everything_is_read(self) -> bool:
        return self.read() == {name: set(range(count)) for name, count in self.sent.items()}

    def passed(self, name: str) -> int:
        """The last of the watched instants that the watermark has passed."""
        return max((row["passed"] for row in self.rows(f"watermark-{name}")), default=0)

    def checkpoints(self) -> int:
        asked = f"/jobs/{running_job(self.services)}/checkpoints"
        return int(ask(self.services, asked)["counts"]["completed"])


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    """Reads two topics of three partitions each, of which one is silent."""
    need(missing_tool())
    output = tmp_path_factory.mktemp("counted")
    with local_services(slots=2) as services:
        job = Job(services, output)
        admin = AdminClient({"bootstrap.servers": services.kafka})
        done(admin.create_topics([NewTopic("held", 3), NewTopic("live", 3)]))
        job.send("held", 0, [EIGHT_PM + second for second in range(600)])
        job.send("held", 1, [EIGHT_PM + second for second in range(300)])
        job.send("held", 2, [EIGHT_PM + second for second in range(126)])
        job.send("held", 2, [YEAR_2099])
        job.send("live", 0, [time.time()] * 1000)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.count_kafka", "--output", str(output),
             "--servers", services.kafka, "--slots=2", "--checkpointing_interval=1000",
             *services.pipeline_arguments()],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(services.tmp)},
            stdout=(services.folder / "log" / "count_kafka.log").open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        try:
            running_job(services)
            yield job
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def test_every_offset_is_read_on_flink(job):
    until(job.everything_is_read, seconds=60)


def test_the_lag_of_every_partition_is_a_gauge_that_flink_reports(job):
    lag = "moment_kafka_consumer_lag_"
    names = {f"{topic}_{number}" for topic in ("held", "live") for number in range(3)}

    def told() -> dict[str, float]:
        return gauges(job.services, running_job(job.services), lag)

    until(lambda: told() == dict.fromkeys(names, 0.0), seconds=60)


def test_the_watermark_is_the_least_over_the_partitions_and_a_silent_one_holds_it(job):
    """20:02:05 less ten seconds, whatever the other partitions and a clock in 2099 say.

    Of the instants watched, ten seconds apart, 20:01:50 is the last that is passed.
    """
    until(lambda: job.passed("held") == EIGHT_PM + 110, seconds=20)


def test_an_idle_partition_does_not_hold_the_others_back(job):
    """Partition 2 never has a message; the watermark passes what comes later all the same."""
    now = time.time()
    for _ in range(4):
        job.send("live", 0, [time.time()] * 100)
        job.send("live", 1, [time.time()] * 100)
        time.sleep(0.5)

    until(lambda: job.passed("live") > now + 2, seconds=20)

    bases = {(row["input"], row["basis"]) for row in job.rows("status")}
    assert ("kafka:live/2", "idle") in bases
    assert ("kafka:live/0", "messages") in bases
    assert ("kafka:held/2", "idle") not in bases


def test_after_a_killed_taskmanager_every_offset_is_read_and_a_new_partition_is_found(job):
    before = job.checkpoints()
    until(lambda: job.checkpoints() > before, seconds=30)
    job.send("live", 1, [time.time()] * 500)
    job.services.kill_taskmanager()
    admin = AdminClient({"bootstrap.servers": job.services.kafka})
    done(admin.create_partitions([NewPartitions("live", 4)]))
    job.send("live", 0, [time.time()] * 500)
    job.send("live", 3, [time.time()] * 500)
    job.services.restart_taskmanager()

    until(job.everything_is_read, seconds=60)

    now = time.time()
    job.send("live", 0, [now])
    until(lambda: job.passed("live") > now, seconds=30)


def test_each_of_two_slots_reads_two_of_four_partitions_also_of_one_that_was_found_later(job):
    lag = "moment_kafka_consumer_lag_live_"

    def told() -> dict[str, set[int]]:
        return subtasks(job.services, running_job(job.services), lag)

    until(lambda: told() == {"0": {0}, "1": {1}, "2": {0}, "3": {1}}, seconds=60)


def test_after_all_the_silent_partition_still_holds_its_watermark(job):
    assert job.passed("held") == EIGHT_PM + 110


def test_no_batch_is_stamped_before_its_earliest_arrival(job):
    rows = job.rows("payloads")

    assert len(rows) > 6
    assert all(row["stamp"] >= row["earliest"] for row in rows)
