"""What the streaming benchmarks ask of Flink's REST interface: the job and its checkpoints."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from deploy.local.services import Services

START_SECONDS = 240.0


@dataclass(frozen=True)
class Checkpoint:
    """A completed checkpoint. `full_bytes`: all that it refers to; `new_bytes`: written for it."""

    number: int
    taken: float
    """Seconds since the epoch at which it was triggered."""
    full_bytes: int
    new_bytes: int
    seconds: float


def ask(services: Services, path: str) -> Any:
    """What Flink's REST interface answers."""
    with urlopen(services.flink_rest + path, timeout=20) as answer:
        return json.load(answer)


def running_job(
    services: Services, check: Callable[[], None], seconds: float = START_SECONDS
) -> str:
    """The id of the job whose tasks all run. Raises TimeoutError, and what `check` raises
    meanwhile."""
    until = time.monotonic() + seconds
    while True:
        jobs = [job for job in ask(services, "/jobs/overview")["jobs"] if job["state"] == "RUNNING"]
        for job in jobs:
            if job["tasks"]["running"] == job["tasks"]["total"] > 0:
                return str(job["jid"])
        check()
        if time.monotonic() > until:
            raise TimeoutError(f"no job runs after {seconds:g} s: {jobs}")
        time.sleep(0.2)


def cancel(services: Services, job: str) -> None:
    """Cancel a job, and return when it has ended."""
    request = Request(f"{services.flink_rest}/jobs/{job}?mode=cancel", method="PATCH")
    with urlopen(request, timeout=20):
        pass
    until = time.monotonic() + 60
    while ask(services, f"/jobs/{job}")["state"] not in ("CANCELED", "FAILED", "FINISHED"):
        if time.monotonic() > until:
            raise TimeoutError(f"job {job} was not cancelled within 60 s")
        time.sleep(0.2)


def state_bytes(services: Services, job: str, seconds: float = 60.0) -> dict[str, int]:
    """Bytes of a savepoint taken now, by vertex: the keys and values that are, without what RocksDB
    has not cleared away yet. It is removed. Raises TimeoutError."""
    folder = services.folder / "data" / "savepoints"
    body = {"target-directory": folder.as_uri(), "cancel-job": False, "formatType": "CANONICAL"}
    request = Request(
        f"{services.flink_rest}/jobs/{job}/savepoints",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urlopen(request, timeout=20) as answer:
        number = json.load(answer)["request-id"]
    until = time.monotonic() + seconds
    while True:
        found = ask(services, f"/jobs/{job}/savepoints/{number}")
        if found["status"]["id"] == "COMPLETED":
            break
        if time.monotonic() > until:
            raise TimeoutError(f"no savepoint of job {job} after {seconds:g} s")
        time.sleep(0.1)
    if "location" not in found["operation"]:
        raise RuntimeError(f"expected a savepoint of job {job}, found {found['operation']}")
    written = _path(found["operation"]["location"])
    shutil.rmtree(written)
    # What the interface tells of checkpoints is some seconds old.
    while not (taken := _named(services, job, written)):
        if time.monotonic() > until:
            raise TimeoutError(f"the savepoint {written} is not in the job's history")
        time.sleep(0.2)
    names = {each["id"]: each["name"] for each in ask(services, f"/jobs/{job}")["vertices"]}
    tasks = ask(services, f"/jobs/{job}/checkpoints/details/{taken[0]}")["tasks"]
    return {names[vertex]: int(task["state_size"]) for vertex, task in tasks.items()}


def _named(services: Services, job: str, written: Path) -> list[int]:
    """Numbers of the completed checkpoints of a job that were written to a place."""
    history = ask(services, f"/jobs/{job}/checkpoints")["history"]
    return [each["id"] for each in history if _path(each.get("external_path") or "") == written]


def _path(address: str) -> Path:
    return Path(unquote(urlsplit(address).path))


def stream_time(services: Services, job: str, step: str) -> float | None:
    """Seconds since the epoch up to which the stream has come at the vertex that holds a step: the
    least watermark of its subtasks. None: not known yet."""
    for vertex in ask(services, f"/jobs/{job}")["vertices"]:
        if step in vertex["name"]:
            found = ask(services, f"/jobs/{job}/vertices/{vertex['id']}/watermarks")
            told = [int(each["value"]) / 1e3 for each in found]
            return min(told) if told and min(told) > 0 else None
    raise LookupError(f"no vertex of job {job} holds the step {step}")


def checkpoints(services: Services, job: str) -> list[Checkpoint]:
    """The completed checkpoints that Flink still tells of (the last ten), oldest first."""
    return completed(ask(services, f"/jobs/{job}/checkpoints")["history"])


def completed(history: list[dict[str, Any]]) -> list[Checkpoint]:
    """The completed ones of a history as the REST interface gives it, oldest first."""
    return [
        Checkpoint(
            number=each["id"],
            taken=each["trigger_timestamp"] / 1e3,
            full_bytes=each["state_size"],
            new_bytes=each["checkpointed_size"],
            seconds=each["end_to_end_duration"] / 1e3,
        )
        for each in sorted(history, key=lambda each: each["id"])
        if each["status"] == "COMPLETED" and not each.get("is_savepoint")
    ]


def busiest_over_mean(services: Services, job: str, step: str) -> float:
    """Records received by the busiest subtask of the vertex that holds a step, over their mean.

    Flink fetches such numbers when it is asked for them, so it is asked until it has them.
    """
    for vertex in ask(services, f"/jobs/{job}")["vertices"]:
        if step in vertex["name"]:
            path = f"/jobs/{job}/vertices/{vertex['id']}/subtasks/metrics?get=numRecordsIn"
            for _ in range(20):
                found = ask(services, path)
                if found and found[0]["avg"] > 0:
                    return float(found[0]["max"]) / float(found[0]["avg"])
                time.sleep(0.5)
    raise LookupError(f"no vertex of job {job} holds the step {step} and tells what it received")
