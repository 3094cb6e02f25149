"""All local services together: up, down, status, and a context manager for tests.

A folder holds everything of one set of services: `run` (process ids), `log`, `configuration`,
`data` (Kafka's messages, checkpoints) and `tmp`. Stopping keeps data and logs.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.local import bigquery, download, flink, kafka, pubsub, storage
from deploy.local.flink import OF_BEAM, RESTARTS, TaskJava
from deploy.local.ports import HOST, Ports, check_free, free_ports
from deploy.local.processes import (
    Program,
    StartError,
    children,
    end_strays,
    log_file,
    running,
    start,
    started,
    stop,
)
from deploy.local.pubsub import Emulator
from deploy.local.worker_pool import worker_pool

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "build" / "local"
FOLDER_OF_TESTS = ROOT / "build" / "local-tests"

# With the ports each listens on. They start side by side, for each waits for what it needs.
SERVICES = {
    "worker_pool": ("worker_pool",),
    "kafka": ("kafka", "kafka_controller"),
    "jobmanager": ("flink", "flink_rpc"),
    "taskmanager": (),
    "pubsub": ("pubsub", "pubsub_iam"),
    "bigquery": ("bigquery", "bigquery_write"),
    "storage": ("storage",),
}
OPTIONAL = {
    "pubsub": pubsub.missing_emulator,
    "bigquery": bigquery.missing_emulator,
    "storage": storage.missing_emulator,
}
"""What nothing else needs, and what says why a machine cannot have it."""
USUAL = ("pubsub",)
"""Those that `up` starts unasked: few need BigQuery's emulator, of 300 MB, or Cloud Storage's."""


@dataclass(frozen=True)
class Services:
    """Running services: where each is reached, and how a test breaks and mends them."""

    folder: Path
    ports: Ports
    slots: int
    java: str
    flink: Path
    kafka_jars: Path
    job_server_jar: Path
    restarts: int = RESTARTS
    """Of a job that fails, before it ends as FAILED."""
    task_java: TaskJava = OF_BEAM

    @property
    def flink_rest(self) -> str:
        """URL of Flink's REST interface and dashboard."""
        return f"http://localhost:{self.ports.flink}"

    @property
    def worker_pool(self) -> str:
        """host:port for --environment_config."""
        return f"localhost:{self.ports.worker_pool}"

    @property
    def kafka(self) -> str:
        """host:port of the broker, for bootstrap.servers."""
        return f"{HOST}:{self.ports.kafka}"

    @property
    def emulator(self) -> Emulator:
        """Pub/Sub's emulator; tests start it where they need it, and it ends with the others."""
        return Emulator(self.folder, self.ports.pubsub, self.ports.pubsub_iam)

    @property
    def bigquery(self) -> bigquery.Emulator:
        """BigQuery's emulator, as Pub/Sub's."""
        ports = self.ports.bigquery, self.ports.bigquery_write
        return bigquery.Emulator(self.folder, *ports, storage.buckets_of(self.folder))

    @property
    def storage(self) -> storage.Emulator:
        """Cloud Storage's emulator, as Pub/Sub's."""
        return storage.Emulator(self.folder, self.ports.storage)

    @property
    def tmp(self) -> Path:
        """Folder for temporary files, removed by `down`; as TMPDIR of whoever submits a job."""
        return self.folder / "tmp"

    @property
    def checkpoints(self) -> Path:
        """Folder that Flink writes checkpoints into, one folder a job."""
        return self.folder / "data" / "checkpoints"

    def pipeline_arguments(self, slots: int | None = None) -> list[str]:
        """Arguments that run a Beam Python pipeline on this cluster, on all slots or so many."""
        slots = slots or self.slots
        return [
            "--runner=FlinkRunner",
            f"--flink_version={download.FLINK_MINOR}",
            f"--flink_job_server_jar={self.job_server_jar}",
            f"--flink_master=localhost:{self.ports.flink}",
            "--environment_type=EXTERNAL",
            f"--environment_config={self.worker_pool}",
            f"--parallelism={slots}",
            f"--sdk_worker_parallelism={slots}",
            # By default what a checkpoint makes a step give out waits until that step is given
            # something again. A step that lists what is to be read is given one element ever.
            "--finish_bundle_before_checkpointing",
            f"--job_server_java_launcher={self.java}",
            f"--job_server_jvm_properties=-Djava.io.tmpdir={self.tmp}",
            "--job_server_jvm_properties=-XX:-UsePerfData",
            # It lives as long as a submission takes: half of its time is compiling.
            "--job_server_jvm_properties=-XX:TieredStopAtLevel=1",
            "--job_server_jvm_properties=-XX:+UseSerialGC",
        ]

    def kill_taskmanager(self) -> None:
        """Kill the TaskManager as a crash would; Flink notices after its heartbeat time-out."""
        stop(self.folder, ["taskmanager"], seconds=0)

    def kill_worker(self, slot: int = 0) -> None:
        """Kill the Python worker of a slot as a crash would; waits a minute for it to be there.

        Workers of a TaskManager that was killed live on for a while beside those of the next one,
        and serve nobody: the last ones that were started are the ones that matter.
        """
        pool = running(self.folder, "worker_pool")
        until = time.monotonic() + 60
        while pool is None or len(workers := children(pool)) < self.slots:
            if pool is None or time.monotonic() > until:
                raise StartError("expected a worker pool with a Python worker for each slot")
            time.sleep(0.1)
        os.kill(workers[-1 - slot], signal.SIGKILL)

    def restart_taskmanager(self) -> None:
        """Stop the TaskManager where it runs, and return when a new one is registered."""
        self._restart("taskmanager")

    def restart_kafka(self) -> None:
        """Stop the broker and return when it serves again, with the messages it had."""
        self._restart("kafka")

    def kill_kafka(self) -> None:
        """Kill the broker as a crash would; `restart_kafka` brings it back."""
        stop(self.folder, ["kafka"], seconds=0)

    def _restart(self, name: str) -> None:
        stop(self.folder, [name])
        start(self.folder, self._program(name))

    def _start_missing(self, names: list[str], say: Callable[[str], None]) -> None:
        """Start what does not run, or nothing: what was started before a failure is stopped."""
        missing = [name for name in names if running(self.folder, name) is None]
        # What a service that ended has left behind may still hold its port.
        stop(self.folder, missing, seconds=0)
        check_free(self.ports, *(port for name in missing for port in SERVICES[name]))
        self.tmp.mkdir(parents=True, exist_ok=True)
        flink.write_configuration(
            self.folder, self.ports, self.slots, self.restarts, self.task_java.heap
        )
        for name in names:
            if name not in missing:
                say(f"{name} already runs: left as it is")
        try:
            with ThreadPoolExecutor(len(SERVICES)) as pool:
                starting = {name: pool.submit(self._start, name, names) for name in missing}
                for name, ready in starting.items():
                    ready.result()
                    say(f"{name} is ready")
        except BaseException:
            stop(self.folder, missing)
            raise

    def _start(self, name: str, beside: Collection[str]) -> None:
        start(self.folder, self._program(name, beside))

    def _program(self, name: str, beside: Collection[str] = ()) -> Program:
        if name == "worker_pool":
            # Buckets are reached by each process for itself, as its environment says.
            known = self.storage.variables if "storage" in beside else {}
            return worker_pool(self.folder, self.ports, ROOT, known)
        if name == "kafka":
            kafka.write_configuration(self.java, self.kafka_jars, self.folder, self.ports)
            return kafka.broker(self.java, self.kafka_jars, self.folder)
        if name == "pubsub":
            jar = pubsub.emulator_jar()
            return pubsub.program(
                self.java, jar, self.folder, self.ports.pubsub, self.ports.pubsub_iam
            )
        if name == "bigquery":
            self.bigquery.make_folders()
            return bigquery.program(
                bigquery.environment(),
                self.folder,
                self.ports.bigquery,
                self.ports.bigquery_write,
                storage.buckets_of(self.folder),
            )
        if name == "storage":
            return storage.program(storage.server(), self.folder, self.ports.storage)
        if name == "jobmanager":
            return flink.jobmanager(self.java, self.flink, self.folder, self.ports)
        return flink.taskmanager(
            self.java, self.flink, self.folder, self.ports, self.slots, self.task_java
        )


def up(
    folder: Path,
    ports: Ports,
    slots: int,
    say: Callable[[str], None],
    optional: Collection[str] = USUAL,
    restarts: int = RESTARTS,
    task_java: TaskJava = OF_BEAM,
) -> Services:
    """Running services, each ready; those that already run are left as they are.

    `optional`: which of those that a machine may lack are started where it has them. What is left
    out is said. Raises MissingTool, PortError or StartError, each with what to do in its message.
    """
    if any(running(folder, name) for name in SERVICES):
        ports = _ports_of(folder) or ports
    services = Services(
        folder=folder,
        ports=ports,
        slots=slots,
        java=download.java(),
        flink=download.flink(),
        kafka_jars=download.kafka(),
        job_server_jar=download.job_server(),
        restarts=restarts,
        task_java=task_java,
    )
    folder.mkdir(parents=True, exist_ok=True)
    services._start_missing(_startable(optional, say), say)
    (folder / "ports.json").write_text(json.dumps(asdict(ports)))
    return services


def down(folder: Path) -> list[str]:
    """Stop what `up` started in a folder, and remove its temporary files; the names stopped."""
    stopped = stop(folder, started(folder))
    shutil.rmtree(folder / "tmp", ignore_errors=True)
    return stopped


def status(folder: Path) -> Iterator[tuple[str, int | None, str, Path]]:
    """Name, process id (None: not running), addresses and log of each service there can be."""
    ports = _ports_of(folder)
    for name, listens in SERVICES.items():
        number = running(folder, name)
        if number is None and name in OPTIONAL and (name not in USUAL or OPTIONAL[name]()):
            continue
        addresses = [f"localhost:{getattr(ports, port)}" for port in listens] if ports else []
        yield name, number, ", ".join(addresses if number else []), log_file(folder, name)


@contextmanager
def local_services(
    slots: int = 2,
    folder: Path = FOLDER_OF_TESTS,
    restarts: int = RESTARTS,
    task_java: TaskJava = OF_BEAM,
) -> Iterator[Services]:
    """Fresh services on free ports, beside those of `make flink`; afterwards only logs remain.

    Without Pub/Sub's emulator, which `services.emulator.start()` adds. One at a time in a folder: a
    second user of it waits. What a killed test left is stopped first, its job servers too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        down(folder)
        end_strays(folder)
        shutil.rmtree(folder)
        try:
            yield up(folder, free_ports(), slots, _to_stderr, (), restarts, task_java)
        finally:
            down(folder)
            shutil.rmtree(folder / "data", ignore_errors=True)


def _startable(optional: Collection[str], say: Callable[[str], None]) -> list[str]:
    """The names of what is to run, in order."""
    missing = {name: why for name in optional if (why := OPTIONAL[name]())}
    for name, why in missing.items():
        say(f"{name} is left out. {why}")
    return [
        name
        for name in SERVICES
        if name not in OPTIONAL or (name in optional and name not in missing)
    ]


def _ports_of(folder: Path) -> Ports | None:
    """The ports that services in a folder were started on; None before the first start."""
    told = folder / "ports.json"
    return Ports(**json.loads(told.read_text())) if told.exists() else None


def _to_stderr(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
