"""What end-to-end tests ask of a Flink cluster."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.local.processes import running as process_of
from deploy.local.services import FOLDER_OF_TESTS, Services, local_services

START_SECONDS = 240.0
"""A job server's Java, 208 MB to the cluster, and Python workers: 15 s on an idle machine, and two
minutes on one whose cores are shared. What a test measures begins after it."""

ENDED = {"FINISHED", "CANCELED", "FAILED"}


def own_cluster(name: str) -> AbstractContextManager[Services]:
    """Services of two slots beside those that other tests use, one after the other."""
    return local_services(slots=2, folder=FOLDER_OF_TESTS.with_name(f"local-tests-{name}"))


def ask(services: Services, path: str, method: str = "GET", body: Any = None) -> Any:
    """What Flink's REST interface answers."""
    request = Request(
        services.flink_rest + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urlopen(request, timeout=20) as answer:
        return json.load(answer)


def measure_arguments(
    services: Services, source: str, dataset: Path | str, *options: str, slots: int | None = None
) -> Sequence[str]:
    """`moment measure` of an unbounded input on the cluster, with a checkpoint every 3 s."""
    return [
        *("measure", source, "--output", str(dataset), *options),
        *services.pipeline_arguments(slots),
        "--checkpointing_interval=3000",
        "--state_backend=rocksdb",
        f"--state_backend_storage_path={services.checkpoints.as_uri()}",
    ]


def running_job(services: Services) -> str:
    """The identifier of the one job that has not ended, once all its tasks run."""
    until = time.monotonic() + START_SECONDS
    while True:
        jobs = ask(services, "/jobs/overview")["jobs"]
        jobs = [job for job in jobs if job["state"] not in ENDED]
        if jobs and jobs[0]["tasks"]["running"] == jobs[0]["tasks"]["total"] > 0:
            return str(jobs[0]["jid"])
        assert time.monotonic() < until, f"no job runs after {START_SECONDS:g} s: {jobs}"
        time.sleep(0.2)


def wait_for_topic(services: Services, topic: str) -> None:
    """Return when the broker has it: a job that reads a topic which is not there is refused."""
    client = AdminClient({"bootstrap.servers": services.kafka})
    until = time.monotonic() + 60
    while True:
        with suppress(KafkaException):
            if topic in client.list_topics(timeout=10).topics:
                return
        assert time.monotonic() < until, f"no topic {topic} was made within 60 s"
        time.sleep(0.2)


def wait_for_checkpoint(services: Services, job: str) -> None:
    """Return when a checkpoint is complete that began after this was called.

    A job that lags behind takes longer for one than its interval, and one that is killed before
    goes back to what it knew long ago.
    """
    asked, until = time.time() * 1000, time.monotonic() + START_SECONDS
    while True:
        latest = ask(services, f"/jobs/{job}/checkpoints")["latest"]["completed"]
        if latest and latest["trigger_timestamp"] > asked:
            return
        assert time.monotonic() < until, f"no checkpoint within {START_SECONDS:g} s: {latest}"
        time.sleep(0.1)


def stop_with_savepoint(services: Services, job: str) -> str:
    """Where the savepoint is with which a job was stopped; it is not drained."""
    savepoints = (services.folder / "data" / "savepoints").as_uri()
    request = ask(services, f"/jobs/{job}/stop", "POST", {"targetDirectory": savepoints})
    until = time.monotonic() + START_SECONDS
    while True:
        found = ask(services, f"/jobs/{job}/savepoints/{request['request-id']}")
        state = ask(services, f"/jobs/{job}")["state"]
        if found["status"]["id"] == "COMPLETED" and state in ENDED:
            assert "location" in found["operation"], found
            return str(found["operation"]["location"])
        assert time.monotonic() < until, f"{found} and {state} after {START_SECONDS:g} s"
        time.sleep(0.2)


def cancel(services: Services, job: str) -> None:
    """End a job, and return when it has ended."""
    ask(services, f"/jobs/{job}?mode=cancel", "PATCH")
    until = time.monotonic() + START_SECONDS
    while (state := ask(services, f"/jobs/{job}")["state"]) not in ENDED:
        assert time.monotonic() < until, f"{state} after {START_SECONDS:g} s"
        time.sleep(0.2)


def kill_workers(services: Services) -> None:
    """Kill Beam's Python workers as a crash would, and leave the pool that starts others."""
    pool = process_of(services.folder, "worker_pool")
    subprocess.run(["pkill", "-KILL", "-P", str(pool)], check=True)


def gauges(services: Services, job: str, name: str) -> dict[str, float]:
    """The values of the job's metrics whose names hold a text, by what follows it.

    Flink fetches them from time to time, and first when it is asked.
    """
    found: dict[str, float] = {}
    for path, known in _metrics(services, job, name):
        (value,) = ask(services, f"{path}?get={known.replace('[', '%5B').replace(']', '%5D')}")
        found[known.partition(name)[2]] = float(value["value"])
    return found


def subtasks(services: Services, job: str, name: str) -> dict[str, set[int]]:
    """Which subtasks tell metrics whose names hold a text, by what follows it."""
    found: dict[str, set[int]] = {}
    for _, known in _metrics(services, job, name):
        found.setdefault(known.partition(name)[2], set()).add(int(known.partition(".")[0]))
    return found


def _metrics(services: Services, job: str, name: str) -> Iterator[tuple[str, str]]:
    """Where each metric of the job that holds a text is asked for, and what Flink calls it."""
    for vertex in ask(services, f"/jobs/{job}")["vertices"]:
        path = f"/jobs/{job}/vertices/{vertex['id']}/metrics"
        for each in ask(services, path):
            if name in each["id"]:
                yield path, each["id"]
