"""What the local services are told before any is started: memory, configuration, ports, versions."""

from __future__ import annotations

import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local import bigquery, download, flink, kafka, services, storage
from deploy.local import ports as ports_module
from deploy.local.ports import (
    PortError,
    Ports,
    any_free_ports,
    check_free,
    free_ports,
    is_free,
    ports_from,
)

FOLDER = Path("/home/someone/moment/build/local")


def _settings(text: str, separator: str) -> dict[str, str]:
    pairs = [
        (name, value)
        for name, _, value in (line.partition(separator) for line in text.splitlines())
    ]
    assert len({name for name, _ in pairs}) == len(pairs), "a name is set twice"
    return dict(pairs)


# Memory


def test_two_slots_take_1248_megabytes():
    assert flink.taskmanager_memory(2) == {
        "framework.heap": 128,
        "framework.off-heap": 128,
        "task.heap": 256,
        "task.off-heap": 128,
        "managed": 128,
        "network": 128,
        "jvm-metaspace": 288,
        "jvm-overhead": 64,
    }
    assert sum(flink.taskmanager_memory(2).values()) == 1248


def test_a_slot_more_takes_320_megabytes_more():
    assert [sum(flink.taskmanager_memory(slots).values()) for slots in (1, 2, 3, 8)] == [
        928, 1248, 1568, 3168,
    ]  # fmt: skip


def test_a_taskmanager_without_a_slot_is_refused():
    with pytest.raises(ValueError, match="at least 1 slot, found 0"):
        flink.taskmanager_memory(0)


def test_java_is_given_the_heap_and_the_direct_memory_of_the_parts():
    # Heap 128 + 256; direct 128 + 128 off the heap and 128 for the network.
    assert flink.java_memory(flink.taskmanager_memory(2)) == [
        "-Xmx384m", "-Xms384m", "-XX:MaxDirectMemorySize=384m", "-XX:MaxMetaspaceSize=288m",
    ]  # fmt: skip
    assert flink.java_memory(flink.jobmanager_memory()) == [
        "-Xmx320m", "-Xms320m", "-XX:MaxDirectMemorySize=128m", "-XX:MaxMetaspaceSize=288m",
    ]  # fmt: skip


# Configuration


def test_flink_is_configured_for_this_machine_alone():
    settings = _settings(flink.configuration(FOLDER, Ports(flink=1, flink_rpc=2), 3), ": ")

    assert settings["rest.port"] == "1"
    assert settings["jobmanager.rpc.port"] == "2"
    assert {
        settings[name]
        for name in ("rest.bind-address", "jobmanager.bind-host", "taskmanager.bind-host")
    } == {"127.0.0.1"}


def test_flink_has_the_slots_asked_for_and_uses_all_of_them():
    settings = _settings(flink.configuration(FOLDER, Ports(), 3), ": ")

    assert settings["taskmanager.numberOfTaskSlots"] == "3"
    assert settings["parallelism.default"] == "3"


def test_a_job_whose_state_is_java_objects_may_be_given_a_larger_heap():
    settings = _settings(flink.configuration(FOLDER, Ports(), 2, heap=768), ": ")

    assert settings["taskmanager.memory.task.heap.size"] == f"{1536 << 20}b"
    assert flink.java_memory(flink.taskmanager_memory(2, 768))[0] == f"-Xmx{1536 + 128}m"


def test_java_compiles_twice_where_the_job_is_its_own_and_once_where_it_hands_on_bytes():
    def flags(given):
        return flink.taskmanager("java", FOLDER, FOLDER, Ports(), 2, given).command

    assert "-XX:TieredStopAtLevel=1" in flags(flink.OF_BEAM)
    assert not any(flag.startswith("-XX:Tiered") for flag in flags(flink.OF_JAVA))
    assert f"-Xmx{1536 + 128}m" in flags(flink.OF_JAVA)


def test_flink_notices_a_lost_taskmanager_and_restarts_from_rocksdb_checkpoints():
    settings = _settings(flink.configuration(FOLDER, Ports(), 2), ": ")

    assert settings["heartbeat.timeout"] == "8000"
    assert settings["restart-strategy.type"] == "fixed-delay"
    assert settings["state.backend.type"] == "rocksdb"
    assert settings["state.checkpoints.dir"] == (
        "file:///home/someone/moment/build/local/data/checkpoints"
    )


def test_most_of_a_slots_states_are_written_at_once_without_making_files():
    """Flink lets them have two thirds of half of it, and RocksDB makes files from seven eighths of
    that on. A state takes an eighth of its buffer with the first byte."""
    settings = _settings(flink.configuration(FOLDER, Ports(), 2), ": ")
    block = int(settings["state.backend.rocksdb.writebuffer.size"].removesuffix("mb")) / 8
    managed = flink.taskmanager_memory(2)["managed"] / 2

    assert managed / 2 * 2 / 3 * 7 / 8 // block >= 32


def test_flink_memory_is_written_in_bytes_with_fixed_ends():
    settings = _settings(flink.configuration(FOLDER, Ports(), 2), ": ")

    assert settings["taskmanager.memory.task.heap.size"] == "268435456b"
    assert settings["taskmanager.memory.network.min"] == "134217728b"
    assert settings["taskmanager.memory.network.max"] == "134217728b"
    assert settings["jobmanager.memory.heap.size"] == "335544320b"


def test_kafka_is_its_own_controller_and_replicates_nothing():
    settings = _settings(kafka.configuration(FOLDER, Ports(kafka=1, kafka_controller=2)), "=")

    assert settings["process.roles"] == "broker,controller"
    assert settings["listeners"] == "PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2"
    assert settings["advertised.listeners"] == "PLAINTEXT://127.0.0.1:1"
    assert settings["controller.quorum.voters"] == "1@127.0.0.1:2"
    assert settings["offsets.topic.replication.factor"] == "1"
    assert settings["log.dirs"] == "/home/someone/moment/build/local/data/kafka"


def test_kafka_keeps_messages_of_any_age():
    settings = _settings(kafka.configuration(FOLDER, Ports()), "=")

    assert settings["log.retention.ms"] == "-1"


def test_the_cluster_identifier_is_sixteen_bytes_in_22_characters():
    assert kafka.CLUSTER == "bW9tZW50LWxvY2FsLTAwMQ"


# Ports


def test_ports_are_the_usual_ones_until_the_environment_says_otherwise():
    assert ports_from({}) == Ports(8081, 6123, 50000, 9092, 9093, 8085, 8086)
    assert ports_from({"MOMENT_FLINK_PORT": "18081", "MOMENT_KAFKA_PORT": ""}) == Ports(flink=18081)


@pytest.mark.parametrize("value", ["0", "65536", "-1", "80a", "٣"])
def test_a_port_that_is_none_is_refused(value):
    with pytest.raises(PortError, match="from 1 to 65535 in MOMENT_KAFKA_PORT"):
        ports_from({"MOMENT_KAFKA_PORT": value})


def test_one_port_for_two_services_is_refused():
    with pytest.raises(PortError) as refused:
        ports_from({"MOMENT_FLINK_PORT": "9092"})

    assert str(refused.value) == (
        "Port 9092 is given to two services: change MOMENT_FLINK_PORT or MOMENT_KAFKA_PORT."
    )


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_port_in_use_is_told_in_one_sentence(address):
    with socket.socket() as listener:
        listener.bind((address, 0))
        listener.listen()
        port = listener.getsockname()[1]

        with pytest.raises(PortError) as refused:
            check_free(Ports(flink=port), "flink")

    assert str(refused.value) == (
        f"Port {port} is in use by another program: "
        "stop it, or set MOMENT_FLINK_PORT to a free port."
    )
    assert is_free(port)


def test_only_the_ports_of_what_is_started_are_checked():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        check_free(replace(free_ports(), flink=listener.getsockname()[1]), "kafka")


def test_free_ports_differ():
    ports = free_ports()

    assert len(set(vars(ports).values())) == len(vars(ports))


def test_free_ports_are_no_other_process_s_nor_any_that_a_connection_may_take():
    """A port that is free now is somebody's when the service that it is for comes to listen."""
    mine = any_free_ports(50)
    asks = "from deploy.local.ports import any_free_ports; print(*any_free_ports(50))"
    asked = subprocess.run([sys.executable, "-c", asks], check=True, capture_output=True, text=True)
    others = [int(port) for port in asked.stdout.split()]

    assert len({*mine, *others}) == 100
    # Linux gives 32768 and more to connections, others 49152 and more.
    assert all(1024 < port < 32_768 for port in (*mine, *others))


def test_where_other_processes_hold_all_ports_it_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(ports_module, "_RANGE", range(20_000, 20_040))
    monkeypatch.setattr(ports_module, "_CLAIMED", [])
    monkeypatch.setattr(ports_module.tempfile, "gettempdir", lambda: str(tmp_path))
    first = any_free_ports(1)

    with pytest.raises(PortError, match="Expected ports from 20000 to 20040"):
        any_free_ports(40)
    assert first[0] in range(20_000, 20_040)


# Services


@pytest.mark.parametrize("name", services.OPTIONAL)
def test_an_emulator_is_started_where_it_can_be_and_else_left_out_in_a_sentence(monkeypatch, name):
    said: list[str] = []
    others = [other for other in services.SERVICES if other not in services.OPTIONAL]

    monkeypatch.setitem(services.OPTIONAL, name, lambda: None)
    assert services._startable({name}, said.append) == [*others, name]
    assert services._startable((), said.append) == others
    assert said == []

    monkeypatch.setitem(services.OPTIONAL, name, lambda: "The emulator is needed: install it.")
    assert services._startable({name}, said.append) == others
    assert said == [f"{name} is left out. The emulator is needed: install it."]


def test_emulators_of_bigquery_and_storage_are_started_by_who_asks_for_them_alone():
    assert set(services.USUAL) == set(services.OPTIONAL) - {"bigquery", "storage"}


def test_bigquerys_emulator_finds_its_extension_in_a_home_of_its_own():
    home, folder = Path("/cache/bigquery"), Path("/build/local")
    told = bigquery.program(home, folder, 9050, 9060, Path("/build/buckets"))

    python, script, verb = told.command[:3]
    assert (python, verb) == ("/cache/bigquery/bin/python", "start")
    assert Path(script).name == "bigquery_server.py"
    assert {"--rest-port=9050", "--grpc-port=9060", "--data-dir=/build/local/data"} <= set(
        told.command
    )
    assert told.environment["HOME"] == "/cache/bigquery/home"


def test_workers_that_start_beside_storages_emulator_know_it():
    running = services.Services(FOLDER, Ports(), 2, "java", Path("/f"), Path("/k"), Path("/j"))

    with_it = running._program("worker_pool", ["worker_pool", "storage"]).environment
    without = running._program("worker_pool", ["worker_pool", "kafka"]).environment

    assert with_it["STORAGE_EMULATOR_HOST"] == "http://127.0.0.1:4443"
    assert with_it.keys() - without.keys() == {"STORAGE_EMULATOR_HOST"}


def test_bigquerys_emulator_loads_from_the_files_of_storages():
    running = services.Services(FOLDER, Ports(), 2, "java", Path("/f"), Path("/k"), Path("/j"))

    told = storage.program(Path("/cache/fake-gcs-server"), FOLDER, 4443)

    assert f"-filesystem-root={running.bigquery.buckets}" in told.command
    assert {"-scheme=http", "-host=127.0.0.1", "-port=4443"} <= set(told.command)
    assert running.storage.variables == {"STORAGE_EMULATOR_HOST": "http://127.0.0.1:4443"}


def test_status_does_not_miss_what_this_machine_cannot_have(monkeypatch, tmp_path):
    monkeypatch.setitem(services.OPTIONAL, "pubsub", lambda: "The emulator is needed.")

    assert [name for name, *_ in services.status(tmp_path)] == [
        "worker_pool", "kafka", "jobmanager", "taskmanager",
    ]  # fmt: skip


# Downloads


def test_what_is_made_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setenv("MOMENT_CACHE", str(tmp_path))

    def broken(folder: Path) -> None:
        (folder / "half").write_text("")
        raise download.MissingTool("the network ended")

    with pytest.raises(download.MissingTool, match="the network ended"):
        download.made_once("thing-1", "a thing", broken)
    assert list(tmp_path.iterdir()) == []

    made = download.made_once("thing-1", "a thing", lambda folder: _touch(folder / "whole"))
    again = download.made_once("thing-1", "a thing", broken)

    assert made == again == tmp_path / "thing-1"
    assert [path.name for path in tmp_path.rglob("*")] == ["thing-1", "whole"]


def test_of_two_downloads_at_once_the_first_whole_one_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("MOMENT_CACHE", str(tmp_path))

    def overtaken(folder: Path) -> None:
        _touch(tmp_path / "thing-1" / "first")
        _touch(folder / "second")

    made = download.made_once("thing-1", "a thing", overtaken)

    assert [path.name for path in made.iterdir()] == ["first"]
    assert [path.name for path in tmp_path.iterdir()] == ["thing-1"]


def test_another_version_is_another_folder():
    pom = download.HERE / "kafka" / "pom.xml"

    assert download._digest(pom, {"kafka.version": "3.9.1"}) != download._digest(
        pom, {"kafka.version": "3.9.2"}
    )


def test_another_java_is_refused_with_what_to_install(tmp_path, monkeypatch):
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("""#!/bin/sh\necho 'openjdk version "21.0.1"' >&2\n""")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    with pytest.raises(download.MissingTool, match=r"Java 17 is needed and .* says version 21"):
        download.java()


def _touch(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
