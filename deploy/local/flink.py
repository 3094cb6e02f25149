"""A Flink session cluster: its configuration, its memory, and how its two processes start.

Flink's own scripts would work out the memory of each process and pass it; here it is written into
the configuration instead, and both entry points are started with Java alone.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

from deploy.local.ports import HOST, Ports
from deploy.local.processes import Program

JOBMANAGER = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
TASKMANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"

RESTARTS = 20
"""Enough for a test that kills again and again; a job that always fails ends in a minute."""

WRITE_BUFFER = 4
"""Megabytes in which RocksDB gathers what is written to one state before it makes a file of it.

A state takes an eighth of that with its first byte, and a slot's states (43 were counted, beside
those that readers leave) may take seven twelfths of half its managed memory: with the 64 MB of the
default two of them did, and each further write made a file, to be merged with others afterwards."""

# Flink reflects into these packages, which Java 17 closes; the list is that of Flink's own scripts.
_EXPORTS = ("sun.net.util",)
_OPENS = (
    "java.lang", "java.net", "java.io", "java.nio", "java.lang.reflect", "java.text", "java.time",
    "java.util", "java.util.concurrent", "java.util.concurrent.atomic",
    "java.util.concurrent.locks", "sun.nio.ch",
)  # fmt: skip

_LOG4J = """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
appender.console.name = console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss.SSS} %-5p %-40.40c{1.} %m%n
"""


_COMPILED_ONCE = "-XX:TieredStopAtLevel=1"


class TaskJava(NamedTuple):
    """What the TaskManager's Java is given: megabytes of a slot's task heap, and its compilers."""

    heap: int
    optimising: bool
    """Is what runs often compiled a second time, better and at length?"""


OF_BEAM = TaskJava(128, False)
"""The job is Python's, its state RocksDB's; Java hands bytes on. The second compiler takes ten
CPU-seconds of the first minute of a job, a third of what the job itself does in it, and then saves
half a microsecond an event."""
OF_JAVA = TaskJava(768, True)
"""The job and its state are Java's."""


def taskmanager_memory(slots: int, heap: int = OF_BEAM.heap) -> dict[str, int]:
    """Megabytes of each part of a TaskManager's memory; 1,248 in all for two slots.

    The task heap holds Beam's elements on their way to Python, the task off-heap memory its gRPC
    buffers, managed memory RocksDB. Metaspace has room for several jobs, each of which loads the
    whole job server jar.
    """
    if slots < 1:
        raise ValueError(f"expected at least 1 slot, found {slots}")
    return {
        "framework.heap": 128,
        "framework.off-heap": 128,
        "task.heap": heap * slots,
        "task.off-heap": 64 * slots,
        "managed": 64 * slots,
        "network": 64 * slots,
        "jvm-metaspace": 288,
        "jvm-overhead": 64,
    }


def jobmanager_memory() -> dict[str, int]:
    """Megabytes of each part of the JobManager's memory; 800 in all."""
    return {"heap": 320, "off-heap": 128, "jvm-metaspace": 288, "jvm-overhead": 64}


def java_memory(parts: dict[str, int]) -> list[str]:
    """Java's limits for the parts: heap, direct memory (network buffers are direct), metaspace."""
    heap = sum(size for name, size in parts.items() if name.split(".")[-1] == "heap")
    direct = sum(size for name, size in parts.items() if name.split(".")[-1] == "off-heap")
    direct += parts.get("network", 0)
    return [
        f"-Xmx{heap}m",
        f"-Xms{heap}m",
        f"-XX:MaxDirectMemorySize={direct}m",
        f"-XX:MaxMetaspaceSize={parts['jvm-metaspace']}m",
    ]


def configuration(
    folder: Path, ports: Ports, slots: int, restarts: int = RESTARTS, heap: int = OF_BEAM.heap
) -> str:
    """The text of Flink's config.yaml for both processes.

    A lost TaskManager is noticed after 8 s and its jobs restart, so many times at most; checkpoints
    go to `folder/data/checkpoints`, and a job chooses how often they are taken.
    """
    options: dict[str, object] = {
        "jobmanager.rpc.address": HOST,
        "jobmanager.rpc.port": ports.flink_rpc,
        "jobmanager.bind-host": HOST,
        "jobmanager.execution.failover-strategy": "region",
        "rest.address": HOST,
        "rest.bind-address": HOST,
        "rest.port": ports.flink,
        "taskmanager.host": HOST,
        "taskmanager.bind-host": HOST,
        "taskmanager.numberOfTaskSlots": slots,
        "taskmanager.cpu.cores": float(slots),
        "parallelism.default": slots,
        # By default each subtask of each shuffle of a batch job claims 512 buffers, 16 MB.
        "taskmanager.network.sort-shuffle.min-buffers": 64,
        # By default metrics are ten seconds old.
        "metrics.fetcher.update-interval": 1000,
        "heartbeat.interval": 2000,
        "heartbeat.timeout": 8000,
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": restarts,
        "restart-strategy.fixed-delay.delay": "1 s",
        "state.backend.type": "rocksdb",
        "state.backend.incremental": "true",
        "state.backend.rocksdb.writebuffer.size": f"{WRITE_BUFFER}mb",
        "state.checkpoints.dir": (folder / "data" / "checkpoints").as_uri(),
        "state.savepoints.dir": (folder / "data" / "savepoints").as_uri(),
        "io.tmp.dirs": folder / "tmp",
        "web.tmpdir": folder / "tmp",
        # Beam keeps class loaders of ended jobs a little longer than Flink's check allows.
        "classloader.check-leaked-classloader": "false",
    }
    for process, parts in (
        ("jobmanager", jobmanager_memory()),
        ("taskmanager", taskmanager_memory(slots, heap)),
    ):
        for name, megabytes in parts.items():
            ends = ("min", "max") if name in ("network", "jvm-overhead") else ("size",)
            for end in ends:
                options[f"{process}.memory.{name}.{end}"] = f"{megabytes << 20}b"
    return "".join(f"{name}: {value}\n" for name, value in options.items())


def write_configuration(
    folder: Path, ports: Ports, slots: int, restarts: int = RESTARTS, heap: int = OF_BEAM.heap
) -> None:
    """Write config.yaml and the log's format into `folder/configuration/flink`."""
    target = _configured(folder)
    target.mkdir(parents=True, exist_ok=True)
    (target / "config.yaml").write_text(configuration(folder, ports, slots, restarts, heap))
    (target / "log4j.properties").write_text(_LOG4J)


def jobmanager(java: str, flink: Path, folder: Path, ports: Ports) -> Program:
    """The JobManager, ready when its REST interface answers."""
    return Program(
        name="jobmanager",
        # Nothing that passes through it is worth compiling twice, and starting takes half as long.
        command=[
            *_command(java, flink, folder, jobmanager_memory(), _COMPILED_ONCE),
            *_entry(JOBMANAGER, folder),
        ],
        environment={"FLINK_PLUGINS_DIR": str(flink / "plugins")},
        ready=lambda said: _get(ports, "/overview") is not None,
    )


def taskmanager(
    java: str, flink: Path, folder: Path, ports: Ports, slots: int, given: TaskJava = OF_BEAM
) -> Program:
    """A TaskManager under a name of its own, ready when the JobManager knows all of its slots."""
    name = f"taskmanager-{uuid.uuid4().hex[:8]}"
    flags = [] if given.optimising else [_COMPILED_ONCE]
    return Program(
        name="taskmanager",
        command=[
            *_command(java, flink, folder, taskmanager_memory(slots, given.heap), *flags),
            *_entry(TASKMANAGER, folder),
            "-D", f"taskmanager.resource-id={name}",
        ],
        environment={"FLINK_PLUGINS_DIR": str(flink / "plugins")},
        ready=lambda said: _registered_slots(ports, name) == slots,
    )  # fmt: skip


def _configured(folder: Path) -> Path:
    return folder / "configuration" / "flink"


def _command(
    java: str, flink: Path, folder: Path, memory: dict[str, int], *flags: str
) -> list[str]:
    return [
        java,
        *java_memory(memory),
        *flags,
        "-XX:+UseSerialGC",
        "-XX:-UsePerfData",
        f"-Djava.io.tmpdir={folder / 'tmp'}",
        f"-Dlog4j.configurationFile={_configured(folder) / 'log4j.properties'}",
        *(f"--add-exports=java.base/{package}=ALL-UNNAMED" for package in _EXPORTS),
        *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENS),
        "-cp",
        f"{flink / 'lib'}/*",
    ]


def _entry(main: str, folder: Path) -> list[str]:
    return [main, "--configDir", str(_configured(folder))]


def _registered_slots(ports: Ports, name: str) -> int:
    """Slots the JobManager knows of one TaskManager, which it first registers without any."""
    listed = (_get(ports, "/taskmanagers") or {}).get("taskmanagers", [])
    return sum(known["slotsNumber"] for known in listed if known["id"] == name)


def _get(ports: Ports, path: str) -> dict[str, Any] | None:
    """What Flink's REST interface answers; None while it does not."""
    try:
        with urlopen(f"http://{HOST}:{ports.flink}{path}", timeout=2) as answer:
            told: dict[str, Any] = json.load(answer)
            return told
    except (URLError, OSError, ValueError):
        return None
