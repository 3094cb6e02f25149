"""What end-to-end tests ask of a Flink cluster."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.request import urlopen

from deploy.local.services import Services

START_SECONDS = 240.0
"""A job server's Java, 208 MB to the cluster, and Python workers: 15 s on an idle machine, and two
minutes on one whose cores are shared. What a test measures begins after it."""


def ask(services: Services, path: str) -> Any:
    """What Flink's REST interface answers."""
    with urlopen(services.flink_rest + path, timeout=20) as answer:
        return json.load(answer)


def running_job(services: Services) -> str:
    """The identifier of the one job, once all its tasks run."""
    until = time.monotonic() + START_SECONDS
    while True:
        jobs = ask(services, "/jobs/overview")["jobs"]
        if jobs and jobs[0]["tasks"]["running"] == jobs[0]["tasks"]["total"] > 0:
            return str(jobs[0]["jid"])
        assert time.monotonic() < until, f"no job runs after {START_SECONDS:g} s: {jobs}"
        time.sleep(0.2)


def gauges(services: Services, job: str, name: str) -> dict[str, float]:
    """The values of the job's metrics whose names hold a text, by what follows it.

    Flink fetches them from time to time, and first when it is asked.
    """
    found: dict[str, float] = {}
    for vertex in ask(services, f"/jobs/{job}")["vertices"]:
        path = f"/jobs/{job}/vertices/{vertex['id']}/metrics"
        names = [each["id"] for each in ask(services, path) if name in each["id"]]
        for known in names:
            (value,) = ask(services, f"{path}?get={known.replace('[', '%5B').replace(']', '%5D')}")
            found[known.partition(name)[2]] = float(value["value"])
    return found
