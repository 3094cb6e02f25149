"""A job as a jar, run on a real cluster: the options in it reach Flink, the shards are spread."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from deploy.local.download import missing_tool
from deploy.local.ports import answers, free_ports
from deploy.local.services import ROOT, Services, local_services
from pipelines.beam_options import check_beam
from pipelines.errors import OptionError
from pipelines.flink import flink_job, runs_on_flink
from pipelines.flink_cluster import job_server_options
from pipelines.flink_keys import shard_keys, subtask
from pipelines.verify.run import read_run
from tests.e2e.cluster import ENDED, running_job
from tests.e2e.dataset import Dataset
from tests.e2e.needs import need
from tests.e2e.streams import make_live, publish_live, running

SHARDS = 16

# The first run fetches; pytest counts that to the first test.
pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    need(missing_tool())
    with local_services(slots=2) as running:
        yield running


@dataclass(frozen=True)
class Jar:
    """A job of `moment measure` as a jar, made without running it, and what making it said."""

    path: Path
    said: str
    figures: Dataset
    records: int
    """In the topic that it reads."""


@pytest.fixture(scope="module")
def jar(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Jar:
    folder = tmp_path_factory.mktemp("jar")
    make_live(folder / "live", events=4_000, minutes=10)
    records = publish_live(folder / "live", services.kafka, "live", 2).messages
    jar, figures = services.tmp / "job.jar", folder / "figures"
    # It runs on the cluster that starts it, and is told no other.
    arguments = [
        argument
        for argument in services.pipeline_arguments()
        if not argument.startswith("--flink_master=")
    ]
    said = _run(
        services,
        [sys.executable, "-m", "pipelines", "measure", f"kafka://{services.kafka}/live",
         "--output", str(figures), f"--shards={SHARDS}", *arguments, *_checkpoints(services),
         f"--output_executable_path={jar}"],
    )  # fmt: skip
    return Jar(jar, said, Dataset(figures), records)


def _checkpoints(services: Services) -> list[str]:
    return [
        "--checkpointing_interval=2000",
        "--state_backend=rocksdb",
        f"--state_backend_storage_path={services.checkpoints.as_uri()}",
    ]


@pytest.fixture(scope="module")
def uploaded(services: Services, jar: Jar) -> str:
    """The name that the cluster gave the jar."""
    with jar.path.open("rb") as content:
        sent = requests.post(
            f"{services.flink_rest}/jars/upload", files={"jarfile": content}, timeout=60
        )
    return Path(sent.json()["filename"]).name


@pytest.fixture(scope="module")
def job(services: Services, uploaded: str) -> str:
    """The identifier of the jar's job, its main method run on the cluster, as in application mode."""
    return _start(services, uploaded)


def test_the_jar_holds_the_pipeline_and_starts_it(services, jar):
    with zipfile.ZipFile(jar.path) as content:
        manifest = content.read("META-INF/MANIFEST.MF").decode()
        pipelines = json.loads(content.read("BEAM-PIPELINE/pipeline-manifest.json"))
        folder = f"BEAM-PIPELINE/{pipelines['defaultJobName']}"
        options = json.loads(content.read(f"{folder}/pipeline-options.json"))

    assert "Main-Class: org.apache.beam.runners.flink.FlinkPipelineRunner" in manifest
    assert {name: options[f"beam:option:{name}:v1"] for name in (
        "streaming", "parallelism", "max_parallelism", "sdk_worker_parallelism", "max_bundle_size",
        "max_bundle_time_mills", "max_cache_memory_usage_mb", "finish_bundle_before_checkpointing",
    )} == {
        "streaming": True, "parallelism": "2", "max_parallelism": "128",
        "sdk_worker_parallelism": "2", "max_bundle_size": "32", "max_bundle_time_mills": "500",
        "max_cache_memory_usage_mb": "0", "finish_bundle_before_checkpointing": True,
    }  # fmt: skip
    assert requests.get(f"{services.flink_rest}/jobs", timeout=10).json() == {"jobs": []}


def test_a_jar_that_is_written_has_begun_nothing(jar):
    assert "the jar is written: the job begins where it is started" in jar.said
    assert "until the job is stopped" not in jar.said
    assert not jar.figures.folder.exists()


def test_a_jar_that_is_started_records_itself_and_measures_all_of_its_topic(jar, job):
    _until(lambda: (jar.figures.folder / "run.json").exists())
    _until(lambda: jar.figures.received() == jar.records)

    run = read_run(jar.figures.folder)
    assert (run.start, run.shards, run.epoch) == ("earliest", SHARDS, 0)
    restricted = (jar.figures.folder / "failed_events").stat().st_mode
    assert restricted & 0o777 == 0o700


def test_flink_checkpoints_as_the_options_say(services, job):
    _until(lambda: _flink(services, f"/jobs/{job}/checkpoints")["counts"]["completed"] >= 1)

    settings = _flink(services, f"/jobs/{job}/checkpoints/config")
    assert (settings["mode"], settings["interval"], settings["min_pause"]) == (
        "exactly_once", 2000, 1000,
    )  # fmt: skip
    assert settings["externalization"] == {"enabled": True, "delete_on_cancellation": False}
    assert settings["state_backend"] == "RocksDBStateBackend"
    assert (services.checkpoints / job).is_dir()


def test_the_cluster_is_asked_for_its_version_and_slots(services):
    given = [
        *(each for each in services.pipeline_arguments() if "sdk_worker_parallelism" not in each),
        "--checkpointing_interval=2000",
        "--state_backend=rocksdb",
        f"--state_backend_storage_path={services.checkpoints.as_uri()}",
    ]

    assert flink_job(given).arguments[-1] == "--sdk_worker_parallelism=2"
    # Slots of one TaskManager, however many there are.
    assert flink_job([*given, "--parallelism=4"]).arguments[-1] == "--sdk_worker_parallelism=2"
    with pytest.raises(OptionError) as refused:
        flink_job([*given, "--flink_version=1.20"])
    assert str(refused.value) == (
        "--flink_version 1.20: expected 1.19, for the cluster at"
        f" localhost:{services.ports.flink} is Flink 1.19.3"
    )


def test_a_running_job_server_of_flink_is_known_by_its_options(services):
    port = free_ports().flink
    server = subprocess.Popen(
        [services.java, "-XX:-UsePerfData", f"-Djava.io.tmpdir={services.tmp}", "-jar",
         str(services.job_server_jar), f"--job-port={port}", "--artifact-port=0",
         "--expansion-port=0", f"--artifacts-dir={services.tmp}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _until(lambda: answers(port))

        assert runs_on_flink(["--runner=PortableRunner", f"--job_endpoint=localhost:{port}"])
        taken_for_mistakes = [
            name for name in job_server_options(f"localhost:{port}") if not _passed_on(name)
        ]
        assert taken_for_mistakes == []
    finally:
        server.kill()
        server.wait()


def _passed_on(name: str) -> bool:
    try:
        check_beam(["--runner=FlinkRunner", f"--{name}=1"])
    except OptionError as refused:
        # Of some 1 is no value.
        return "expected an option of" not in str(refused)
    return True


@pytest.fixture(scope="module")
def stopped(services: Services, job: str) -> str:
    """Where the savepoint is with which the job was stopped."""
    stopping = requests.post(
        f"{services.flink_rest}/jobs/{job}/stop",
        json={"targetDirectory": (services.folder / "data" / "savepoints").as_uri()},
        timeout=10,
    ).json()["request-id"]
    _until(lambda: _flink(services, f"/jobs/{job}")["state"] == "FINISHED")
    return str(_flink(services, f"/jobs/{job}/savepoints/{stopping}")["operation"]["location"])


@pytest.fixture(scope="module")
def again(services: Services, uploaded: str, stopped: str) -> str:
    """The job that was started from the savepoint."""
    return _start(services, uploaded, savepointPath=stopped)


def test_a_job_stopped_with_a_savepoint_goes_on_from_it(services, jar, stopped, again):
    _until(lambda: _flink(services, f"/jobs/{again}/checkpoints")["counts"]["completed"] >= 1)
    restored = _flink(services, f"/jobs/{again}/checkpoints")["latest"]["restored"]
    assert (restored["is_savepoint"], restored["external_path"]) == (True, stopped)
    # It has said before that it has begun.
    recorded = (jar.figures.folder / "run.json").stat()
    assert recorded.st_mtime < Path(urlsplit(stopped).path).stat().st_mtime


def test_a_cancelled_job_leaves_a_checkpoint_to_start_again_from(services, again):
    _until(lambda: _flink(services, f"/jobs/{again}/checkpoints")["counts"]["completed"] >= 1)

    _cancel(services, again)

    # One that was on its way leaves a folder without it.
    assert len([*(services.checkpoints / again).glob("chk-*/_metadata")]) == 1


@pytest.fixture(scope="module")
def counting(services: Services) -> Iterator[str]:
    """The identifier of `tests.e2e.count_shards`, sent to the cluster, where it is alone."""
    for other in _flink(services, "/jobs/overview")["jobs"]:
        if other["state"] not in ENDED:
            _cancel(services, other["jid"])
    arguments = [f"--shards={SHARDS}", *services.pipeline_arguments(), *_checkpoints(services)]
    log = services.folder / "log" / "count_shards.log"
    with running("tests.e2e.count_shards", arguments, log, TMPDIR=str(services.tmp)):
        job = running_job(services)
        yield job
        _cancel(services, job)


def test_flink_gives_every_subtask_the_shards_that_are_computed_for_it(services, counting):
    # One subtask is computed to have the first half of the shards, the other the second, each of
    # which comes three times as often.
    assert [subtask(key, 128, 2) for key in shard_keys(SHARDS, 128)] == [0] * 8 + [1] * 8

    def received() -> list[int]:
        """Records that each subtask of the counting step got."""
        (step,) = [
            vertex
            for vertex in _flink(services, f"/jobs/{counting}")["vertices"]
            if vertex["name"].startswith("[1]Count")
        ]
        subtasks = _flink(services, f"/jobs/{counting}/vertices/{step['id']}")["subtasks"]
        return [each["metrics"]["read-records"] for each in subtasks]

    def shared() -> bool:
        """Twenty ticks: one shard on the other side would be twenty records here and sixty there."""
        first, second = received()
        # The two figures may be of neighbouring ticks; of a job that catches up, of others.
        return first >= 20 * 8 and abs(second - 3 * first) <= 3 * 8

    _until(shared)


def _start(services: Services, jar: str, **how: str) -> str:
    started = requests.post(f"{services.flink_rest}/jars/{jar}/run", json=how, timeout=60)
    assert started.status_code == 200, started.text
    return str(started.json()["jobid"])


def _cancel(services: Services, job: str) -> None:
    requests.patch(f"{services.flink_rest}/jobs/{job}?mode=cancel", timeout=10).raise_for_status()
    _until(lambda: _flink(services, f"/jobs/{job}")["state"] == "CANCELED")


def _flink(services: Services, path: str) -> Any:
    return requests.get(services.flink_rest + path, timeout=10).json()


def _run(services: Services, command: list[str]) -> str:
    """Run to the end, and what it said; a job server that the command starts must end with it."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(services.tmp)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=180)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, said[-5000:]
    return said


def _until(holds: Any, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(1)
