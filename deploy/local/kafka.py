"""One Kafka broker that is its own controller (KRaft): its configuration and how it starts."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

from deploy.local.ports import HOST, Ports
from deploy.local.processes import Program, StartError

# Sixteen bytes in base64 without padding, as Kafka writes its identifiers.
CLUSTER = base64.urlsafe_b64encode(b"moment-local-001").decode().rstrip("=")

_LOG4J = """\
log4j.rootLogger=INFO, console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{HH:mm:ss.SSS} %-5p %c{1} %m%n
"""


def configuration(folder: Path, ports: Ports) -> str:
    """The text of kraft.properties. One broker cannot replicate: every factor is one."""
    options = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{HOST}:{ports.kafka_controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": (
            f"PLAINTEXT://{HOST}:{ports.kafka},CONTROLLER://{HOST}:{ports.kafka_controller}"
        ),
        "advertised.listeners": f"PLAINTEXT://{HOST}:{ports.kafka}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": folder / "data" / "kafka",
        # Age is that of a message's own time: of a live replayed with its times, all would be gone
        # half a minute after it was published.
        "log.retention.ms": -1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "group.initial.rebalance.delay.ms": 0,
    }
    return "".join(f"{name}={value}\n" for name, value in options.items())


def write_configuration(java: str, jars: Path, folder: Path, ports: Ports) -> None:
    """Write the configuration, and format the data folder where it is new."""
    target = _configured(folder)
    target.mkdir(parents=True, exist_ok=True)
    (target / "kraft.properties").write_text(configuration(folder, ports))
    (target / "log4j.properties").write_text(_LOG4J)
    if (folder / "data" / "kafka" / "meta.properties").exists():
        return
    formatted = subprocess.run(
        [*_command(java, jars, folder, "kafka.tools.StorageTool"), "format",
         "--cluster-id", CLUSTER, "--config", str(target / "kraft.properties")],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if formatted.returncode:
        raise StartError(f"Kafka could not format its data folder:\n{formatted.stdout}")


def broker(java: str, jars: Path, folder: Path) -> Program:
    """The broker, ready when it says that it serves."""
    settings = _configured(folder) / "kraft.properties"
    return Program(
        name="kafka",
        command=[*_command(java, jars, folder, "kafka.Kafka"), str(settings)],
        ready=lambda said: "Kafka Server started" in said,
    )


def _configured(folder: Path) -> Path:
    return folder / "configuration" / "kafka"


def _command(java: str, jars: Path, folder: Path, main: str) -> list[str]:
    return [
        java,
        "-Xmx384m",
        "-XX:+UseSerialGC",
        "-XX:-UsePerfData",
        f"-Djava.io.tmpdir={folder / 'tmp'}",
        f"-Dlog4j.configuration={(_configured(folder) / 'log4j.properties').as_uri()}",
        "-cp",
        f"{jars}/*",
        main,
    ]
