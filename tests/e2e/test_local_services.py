"""The real parts, started on this machine: a broker, a Flink cluster, Beam's workers.

Runs where Java 17 and Maven are; with MOMENT_EVERYTHING set it must run. The first run fetches
about 700 MB, the next ones need about a minute.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import astuple
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from confluent_kafka import Consumer, Producer

from deploy.local.download import missing_tool
from deploy.local.processes import log_file, running, started
from deploy.local.pubsub import missing_emulator
from deploy.local.services import OPTIONAL, ROOT, SERVICES, Services, local_services
from tests.e2e.count_batches import KEYS
from tests.e2e.needs import need

MESSAGES = [str(number).encode() for number in range(1000)]

# The first run fetches; pytest counts that to the first test.
pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def life() -> Iterator[ExitStack]:
    """What ends when this module's services end."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def services(life: ExitStack) -> Services:
    need(missing_tool())
    return life.enter_context(local_services(slots=2))


def test_every_service_runs_under_a_process_id_and_has_a_log(services):
    names = sorted(SERVICES.keys() - OPTIONAL)
    assert started(services.folder) == names
    for name in names:
        assert running(services.folder, name)
        assert log_file(services.folder, name).exists()


def test_the_cluster_has_the_slots_asked_for(services):
    overview = _flink(services, "/overview")

    assert overview["flink-version"] == "1.19.3"
    assert (overview["taskmanagers"], overview["slots-total"]) == (1, 2)


def test_a_thousand_messages_come_back_from_kafka(services):
    _produce(services, "there-and-back")

    assert _consume(services, "there-and-back") == MESSAGES


def test_messages_survive_a_restart_of_the_broker(services):
    _produce(services, "kept")
    before = running(services.folder, "kafka")

    services.restart_kafka()

    assert running(services.folder, "kafka") not in (before, None)
    assert _consume(services, "kept") == MESSAGES


def test_a_killed_taskmanager_is_given_up_and_another_takes_its_place(services):
    (before,) = _flink(services, "/taskmanagers")["taskmanagers"]

    services.kill_taskmanager()

    assert running(services.folder, "taskmanager") is None
    _until(lambda: _flink(services, "/taskmanagers")["taskmanagers"] == [], seconds=20)

    services.restart_taskmanager()

    (after,) = _flink(services, "/taskmanagers")["taskmanagers"]
    assert after["id"] != before["id"]
    assert (after["slotsNumber"], after["freeSlots"]) == (2, 2)


def test_a_beam_job_with_arrow_batches_runs_on_the_cluster(services, tmp_path):
    _run_job(services, tmp_path)

    # Key k has the batches n of 1 to 100 with n % 4 = k: n rows that each hold n.
    of_key = {key: [n for n in range(1, 101) if n % KEYS == key] for key in range(KEYS)}
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        str(key): f"{sum(numbers)} {sum(n * n for n in numbers)}" for key, numbers in of_key.items()
    }
    assert [job["state"] for job in _flink(services, "/jobs/overview")["jobs"]] == ["FINISHED"]


def test_pubsub_is_started_on_demand(services):
    missing = missing_emulator()
    need(missing, "tests on Pub/Sub's emulator")
    services.emulator.start()

    path = services.emulator.create("there-and-back")
    services.emulator.publish("there-and-back", MESSAGES[:10])
    found = services.emulator.subscriber().pull(subscription=path, max_messages=10, timeout=10)

    assert {received.message.data for received in found.received_messages} <= set(MESSAGES[:10])
    assert found.received_messages
    assert "pubsub" in started(services.folder)


def test_no_service_holds_a_file_in_the_temporary_folder(services):
    """Seen in what is open or mapped: other programs may come and go in the folder meanwhile."""
    temporary = f"{tempfile.gettempdir()}/"

    held = {path for process in _processes_of(services) for path in _held(process)}

    assert any(path.startswith(f"{services.tmp}/") for path in held)
    checkout = f"{ROOT}/"
    foreign = {path for path in held if not path.startswith(checkout)}
    assert {path for path in foreign if path.startswith(temporary)} == set()


def test_afterwards_nothing_runs_and_only_logs_are_left(services, life):
    """Ends this module's services, and so comes last."""
    assert len(_processes_of(services)) >= len(SERVICES.keys() - OPTIONAL)

    life.close()

    _until(lambda: _processes_of(services) == [], seconds=2)
    assert started(services.folder) == []
    for port in astuple(services.ports):
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", port)) != 0
    left = {path.name for path in services.folder.iterdir()}
    assert left == {"configuration", "log", "ports.json", "run"}


def _flink(services: Services, path: str) -> Any:
    with urlopen(services.flink_rest + path, timeout=10) as answer:
        return json.load(answer)


def _produce(services: Services, topic: str) -> None:
    """The messages, in order on the topic's one partition, and acknowledged."""
    producer = Producer({"bootstrap.servers": services.kafka, "enable.idempotence": True})
    for message in MESSAGES:
        producer.produce(topic, message)
    assert producer.flush(30) == 0


def _consume(services: Services, topic: str) -> list[bytes]:
    """Values from the topic's start, as many as there are or as come within 30 s."""
    consumer = Consumer(
        {
            "bootstrap.servers": services.kafka,
            "group.id": f"reads-{topic}",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([topic])
    values: list[bytes] = []
    until = time.monotonic() + 30
    try:
        while len(values) < len(MESSAGES) and time.monotonic() < until:
            for message in consumer.consume(len(MESSAGES), timeout=1):
                assert message.error() is None
                values.append(message.value() or b"")
    finally:
        consumer.close()
    return values


def _run_job(services: Services, output: Path) -> None:
    """Run the small job to its end. It starts a job server of its own, which must end with it."""
    job = subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.count_batches", "--output", str(output),
         *services.pipeline_arguments()],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(services.tmp)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        said, _ = job.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        pytest.fail(f"the job did not end in 120 s: see {services.folder / 'log'}")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(job.pid, signal.SIGKILL)
    assert job.returncode == 0, said[-5000:]


def _until(holds: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.2)


def _processes_of(services: Services) -> list[int]:
    """Living processes that name the services' folder in their command or their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if f"{services.folder}/".encode() in told:
            found.append(int(process.name))
    return found


def _held(process: int) -> set[str]:
    """Files that a living process has open or mapped into its memory."""
    folder = Path(f"/proc/{process}")
    held = {
        line.split(maxsplit=5)[5]
        for line in (folder / "maps").read_text().splitlines()
        if "/" in line
    }
    for descriptor in (folder / "fd").iterdir():
        with suppress(FileNotFoundError):
            held.add(os.readlink(descriptor))
    return held
