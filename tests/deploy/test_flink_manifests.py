"""The files of deploy/flink: valid for the operator, known to Flink, of one set of versions."""

from __future__ import annotations

import copy
import re
import struct
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from deploy.flink.definitions import OPERATOR, flink_deployment_schema
from deploy.local import download
from deploy.local.flink import _EXPORTS, _OPENS
from deploy.local.services import ROOT
from pipelines.flink import flink_job
from tests.e2e.needs import need

FOLDER = ROOT / "deploy" / "flink"
KUBERNETES = FOLDER / "kubernetes"
BEAM = "2.77.0"

# The first run fetches; pytest counts that to the first test.
pytestmark = pytest.mark.timeout(1800)


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def _merged(base: Any, patch: Any) -> Any:
    """A JSON merge patch: what kustomize does to a kind whose lists it does not know."""
    if not isinstance(base, dict) or not isinstance(patch, dict):
        return copy.deepcopy(patch)
    return {
        name: _merged(base.get(name), patch[name]) if name in patch else base[name]
        for name in {**base, **patch}
    }


SESSION = _yaml(KUBERNETES / "session" / "flink.yaml")
APPLICATION = _merged(SESSION, _yaml(KUBERNETES / "application" / "job.yaml"))
MONITOR = _yaml(KUBERNETES / "session" / "pod-monitor.yaml")
COMPOSE = _yaml(FOLDER / "compose.yaml")
RUNBOOK = (FOLDER / "RUNBOOK.md").read_text()
DEPLOYMENTS = pytest.mark.parametrize("deployment", [SESSION, APPLICATION], ids=["session", "job"])

SETTINGS: dict[str, str] = SESSION["spec"]["flinkConfiguration"]
POD = SESSION["spec"]["podTemplate"]
(MAIN,) = POD["spec"]["containers"]
(WORKERS,) = SESSION["spec"]["taskManager"]["podTemplate"]["spec"]["initContainers"]


@pytest.fixture(scope="module")
def tools() -> None:
    """Java and Maven, which fetch what the manifests are checked against."""
    missing = download.missing_tool()
    need(missing, "checks of the manifests")


# The operator


@DEPLOYMENTS
def test_a_deployment_is_what_the_operator_defines(tools, deployment):
    errors = Draft202012Validator(flink_deployment_schema()).iter_errors(deployment)

    assert [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in errors] == []


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("flinkVersion",), "v9_9", "'v9_9' is not one of"),
        (("taskManager", "replica"), 2, "Additional properties are not allowed"),
        (("podTemplate", "spec", "container"), [], "Additional properties are not allowed"),
        (("flinkConfiguration", "rest.port"), 8081, "8081 is not of type 'string'"),
        (("job", "upgradeMode"), "save", "'save' is not one of"),
    ],
)
def test_a_mistake_in_a_deployment_is_found(tools, path, value, message):
    wrong = copy.deepcopy(APPLICATION)
    *above, last = path
    place = wrong["spec"]
    for name in above:
        place = place[name]
    place[last] = value

    (error,) = Draft202012Validator(flink_deployment_schema()).iter_errors(wrong)
    assert message in error.message


def test_kustomize_finds_every_file_and_patches_the_deployment_by_kind():
    session = _yaml(KUBERNETES / "session" / "kustomization.yaml")
    application = _yaml(KUBERNETES / "application" / "kustomization.yaml")

    assert {path.name for path in (KUBERNETES / "session").iterdir()} == {
        "kustomization.yaml", *session["resources"],
    }  # fmt: skip
    assert application["resources"] == ["../session"]
    assert application["patches"] == [
        {"path": "job.yaml", "target": {"kind": "FlinkDeployment"},
         "options": {"allowNameChange": True}},
    ]  # fmt: skip
    assert session["namespace"] == application["namespace"] == "moment"


def test_a_session_has_no_job_and_an_application_is_stopped_with_a_savepoint():
    assert "job" not in SESSION["spec"]
    job = APPLICATION["spec"]["job"]
    assert (APPLICATION["metadata"]["name"], job["upgradeMode"]) == ("moment", "savepoint")
    assert job["parallelism"] % int(SETTINGS["taskmanager.numberOfTaskSlots"]) == 0
    # The image has the jar where the job looks for it.
    copied = (FOLDER / "job.Dockerfile").read_text().splitlines()[-1].split()[-1]
    assert job["jarURI"] == f"local://{copied}"


# Flink's configuration


def test_every_setting_is_an_option_of_flink(tools):
    known = _option_names(download.flink() / "lib" / f"flink-dist-{download.FLINK}.jar")
    assert {"rest.port", "taskmanager.numberOfTaskSlots"} <= known
    compose = yaml.safe_load(COMPOSE["x-flink"]["environment"]["FLINK_PROPERTIES"])
    # Options of a reporter are named after the reporter.
    names = {re.sub(r"^metrics\.reporter\.prom\.", "", name) for name in [*SETTINGS, *compose]}

    assert names - known - {"port"} == set()


@cache
def _option_names(jar: Path) -> frozenset[str]:
    """Every text constant of the classes that declare options."""
    names: set[str] = set()
    with zipfile.ZipFile(jar) as content:
        for name in content.namelist():
            if re.fullmatch(r"org/apache/flink/(?!shaded).*Options\.class", name):
                names |= _constants(content.read(name))
    return frozenset(names)


def _constants(content: bytes) -> set[str]:
    """Texts in the constant pool of a Java class file."""
    # Bytes behind the tag of each kind of constant but text (1).
    sizes = {3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4,
             18: 4, 19: 2, 20: 2}  # fmt: skip
    (count,) = struct.unpack_from(">H", content, 8)
    texts, at, entry = set(), 10, 1
    while entry < count:
        tag = content[at]
        if tag == 1:
            (length,) = struct.unpack_from(">H", content, at + 1)
            texts.add(content[at + 3 : at + 3 + length].decode(errors="replace"))
            at += 3 + length
        else:
            at += 1 + sizes[tag]
        # A long or a double counts as two.
        entry += 2 if tag in (5, 6) else 1
    return texts


def test_state_checkpoints_and_jobs_lie_in_one_bucket():
    places = {name: value for name, value in SETTINGS.items() if "://" in value}

    assert places == {
        "state.checkpoints.dir": "gs://YOUR-BUCKET/checkpoints",
        "state.savepoints.dir": "gs://YOUR-BUCKET/savepoints",
        "high-availability.storageDir": "gs://YOUR-BUCKET/high-availability",
    }
    assert {
        "name": "ENABLE_BUILT_IN_PLUGINS",
        "value": f"flink-gs-fs-hadoop-{download.FLINK}.jar",
    } in (MAIN["env"])


def test_java_is_opened_as_in_the_cluster_of_the_tests():
    assert SETTINGS["env.java.opts.all"].split() == [
        *(f"--add-exports=java.base/{package}=ALL-UNNAMED" for package in _EXPORTS),
        *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENS),
    ]


# Pods


def test_a_python_worker_runs_for_each_slot_before_flink_starts():
    assert WORKERS["args"] == ["--worker_pool"]
    assert WORKERS["restartPolicy"] == "Always"
    assert WORKERS["resources"]["requests"]["cpu"] == SETTINGS["taskmanager.numberOfTaskSlots"]
    assert WORKERS["ports"][0]["containerPort"] == WORKERS["startupProbe"]["tcpSocket"]["port"]
    assert WORKERS["ports"][0]["containerPort"] == 50000


def test_nothing_runs_as_root():
    for context in (POD["spec"]["securityContext"], WORKERS["securityContext"]):
        assert context["runAsNonRoot"] is True
        assert context["runAsUser"] > 0
    user = re.search(r"^USER (\d+)$", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)
    assert user is not None
    assert WORKERS["securityContext"]["runAsUser"] == int(user[1])
    for container in (MAIN, WORKERS):
        assert container["securityContext"]["allowPrivilegeEscalation"] is False


def test_secrets_are_named_and_their_values_nowhere():
    assert WORKERS["envFrom"] == [{"secretRef": {"name": "moment-secrets"}}]
    for path in [*KUBERNETES.rglob("*.yaml"), FOLDER / "compose.yaml"]:
        values = re.findall(
            r"(?i)(?:password|secret|token|key)[\w-]*:[ \t]*(\S.*)", path.read_text()
        )
        assert [value for value in values if not value.startswith("#")] == [], path


def test_prometheus_finds_the_port_that_flink_reports_on():
    (port,) = MAIN["ports"]
    (endpoint,) = MONITOR["spec"]["podMetricsEndpoints"]
    annotations = POD["metadata"]["annotations"]

    assert (MONITOR["apiVersion"], MONITOR["kind"]) == ("monitoring.coreos.com/v1", "PodMonitor")
    assert endpoint["port"] == port["name"]
    assert str(port["containerPort"]) == SETTINGS["metrics.reporter.prom.port"]
    assert annotations["prometheus.io/port"] == SETTINGS["metrics.reporter.prom.port"]
    assert MONITOR["spec"]["selector"]["matchLabels"].items() <= POD["metadata"]["labels"].items()


# Compose


def test_the_compose_file_has_the_parts_of_make_flink_and_a_job_server():
    assert set(COMPOSE["services"]) == {
        "own-volumes", "jobmanager", "task-network", "taskmanager", "worker-pool", "submit",
        "job-server", "kafka",
    }  # fmt: skip
    for service in COMPOSE["services"].values():
        assert set(service.get("depends_on", {})) <= set(COMPOSE["services"])
        for volume in service.get("volumes", []):
            assert volume.partition(":")[0] in COMPOSE["volumes"]


def test_the_compose_file_opens_ports_to_this_machine_only():
    ports = [port for each in COMPOSE["services"].values() for port in each.get("ports", [])]

    # Flink's dashboard, and Kafka for who publishes.
    assert [port.split(":")[1] for port in ports] == ["8081", "9092"]
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_composed_broker_keeps_records_whose_times_are_old():
    """By default it deletes what is a week old by its own time: a replayed live, at once."""
    assert COMPOSE["services"]["kafka"]["environment"]["KAFKA_LOG_RETENTION_MS"] == -1


def test_workers_in_containers_reach_the_taskmanager_and_it_reaches_what_was_staged():
    services = COMPOSE["services"]

    # As a Dockerfile may say it, whose last stage is built where none is named.
    assert services["worker-pool"]["build"]["dockerfile"] == "deploy/flink/Dockerfile"
    # Of neither: of the two whoever started again would be in a network where the other is not.
    for name in ("taskmanager", "worker-pool"):
        assert services[name]["network_mode"] == "service:task-network"
    assert "--artifacts-dir=/artifacts" in services["job-server"]["command"]
    for name in ("job-server", "taskmanager"):
        assert "artifacts:/artifacts" in services[name]["volumes"]


def _said(command: str) -> list[str]:
    """The arguments of the command that the compose file's first comment shows."""
    text = (FOLDER / "compose.yaml").read_text()
    (shown,) = re.findall(rf"run --rm submit ({command} (?:.|\n#  )*)", text)
    return [word for word in shown.split() if word != "#"]


def test_a_job_is_submitted_from_inside_where_names_are_those_of_the_workers():
    services = COMPOSE["services"]
    command, topic, *given = _said("measure")
    options = dict(each.removeprefix("--").split("=", 1) for each in given if "=" in each)
    kafka = services["kafka"]["environment"]

    assert (command, topic) == ("measure", "kafka://kafka:19092/live")
    assert "DOCKER://kafka:19092" in kafka["KAFKA_ADVERTISED_LISTENERS"].split(",")
    assert (options["job_endpoint"], options["artifact_endpoint"]) == (
        "job-server:8099", "job-server:8098",
    )  # fmt: skip
    assert "--job-host=0.0.0.0" in services["job-server"]["command"]
    # Nothing that a job on Flink needs is missing, and its checkpoints are in Flink's volume.
    beam_arguments = given[given.index("/data/figures") + 1 :]
    assert flink_job(beam_arguments).parallelism == 2
    place = options["state_backend_storage_path"].removeprefix("file://")
    assert f"checkpoints:{place}" in services["taskmanager"]["volumes"]
    assert services["submit"]["entrypoint"] == ["moment"]
    assert services["submit"]["image"] == services["worker-pool"]["image"]
    assert "network_mode" not in services["submit"]
    # `up` starts no job.
    assert services["submit"]["profiles"] == ["submit"]


def test_who_submits_and_who_writes_have_one_folder_that_their_user_owns():
    services = COMPOSE["services"]
    given = _said("measure")
    output = given[given.index("--output") + 1]
    (user,) = re.findall(r"^USER (\d+)$", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)

    assert output.startswith("/data/")
    assert _said("verify")[1] == output
    for name in ("submit", "worker-pool", "own-volumes"):
        assert "data:/data" in services[name]["volumes"], name
    assert f"chown {user}:{user} /data" in services["own-volumes"]["entrypoint"][-1]
    # The key that is made where none is given is as lasting as the pseudonyms made with it.
    assert services["submit"]["environment"]["XDG_CONFIG_HOME"].startswith("/data/")


# Restarts


def test_a_job_that_cannot_run_is_restarted_for_ever_and_the_runbook_says_how_it_shows():
    """A broker or a bucket may be away for any time, so no number of failures ends the job."""
    strategy = {
        name.removeprefix("restart-strategy."): value
        for name, value in SETTINGS.items()
        if name.startswith("restart-strategy.")
    }
    watched = re.findall(r"^\| `flink_jobmanager_job_(\w+)` \|", RUNBOOK, re.MULTILINE)

    assert strategy == {
        "type": "exponential-delay",
        "exponential-delay.initial-backoff": "1 s",
        "exponential-delay.max-backoff": "1 min",
        "exponential-delay.backoff-multiplier": "2.0",
        "exponential-delay.reset-backoff-threshold": "1 h",
    }
    for name in ("numRestarts", "numberOfCompletedCheckpoints"):
        assert name in watched
        assert f"`{name}`" in RUNBOOK.partition("| the bucket of checkpoints is wrong")[2]


# Versions


def test_images_have_the_versions_of_the_tests():
    flink = f"flink:{download.FLINK}-scala_2.12-java{download.JAVA}"
    services = COMPOSE["services"]

    assert (FOLDER / "job.Dockerfile").read_text().count(f"\nFROM {flink}\n") == 1
    assert SESSION["spec"]["image"] == flink
    assert SESSION["spec"]["flinkVersion"] == f"v{download.FLINK_MINOR.replace('.', '_')}"
    assert {services[name]["image"] for name in ("own-volumes", "jobmanager", "taskmanager")} == {
        flink
    }
    assert services["kafka"]["image"] == f"apache/kafka:{download.KAFKA}"
    assert services["job-server"]["image"] == (
        f"apache/beam_flink{download.FLINK_MINOR}_job_server:{BEAM}"
    )
    assert f"apache-flink=={download.FLINK}\n" in (FOLDER / "requirements.txt").read_text()


def test_the_worker_has_the_beam_of_the_constraints_and_of_the_setup():
    worker = (FOLDER / "Dockerfile").read_text()
    constraints = (ROOT / "constraints.txt").read_text()
    setup = (ROOT / "setup.py").read_text()

    # The submitter is the worker with the cluster's Java, and the last stage is the worker.
    assert re.findall(r"^FROM (.+)$", worker, re.MULTILINE) == [
        f"apache/beam_python3.11_sdk:{BEAM} AS worker", "worker AS submitter", "worker",
    ]  # fmt: skip
    (java,) = re.findall(r"^COPY --from=(\S+) /opt/java/openjdk /opt/java/openjdk$", worker, re.M)
    assert java == SESSION["spec"]["image"]
    assert f"\napache-beam=={BEAM}\n" in constraints
    assert f'"apache-beam>={BEAM.removesuffix(".0")},<3"' in setup
    assert "--constraint constraints.txt" in worker


def test_the_worker_image_has_every_package_that_is_installed():
    worker = (FOLDER / "Dockerfile").read_text()
    setup = (ROOT / "setup.py").read_text()
    packages = re.findall(r'"(\w+)\*"', re.search(r"include=\[(.*)\]", setup)[1])  # type: ignore[index]

    assert packages == ["schemas", "transforms", "pipelines"]
    for package in packages:
        assert f"\nCOPY {package} {package}\n" in worker
    (files,) = re.findall(r"^COPY (setup\.py.*) \./$", worker, re.MULTILINE)
    assert all((ROOT / name).is_file() for name in files.split())
    # Nothing else of the checkout is sent to the builder.
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text().split()
    assert ignored[0] == "*"
    assert {f"!{name}" for name in [*files.split(), *packages]} == {
        name for name in ignored if name.startswith("!")
    }


def test_the_pages_name_the_versions():
    page = (ROOT / "docs" / "flink.md").read_text()
    runbook = (FOLDER / "RUNBOOK.md").read_text()

    for version in (BEAM, download.FLINK, download.KAFKA, OPERATOR):
        assert version in page
    assert f"beam_flink{download.FLINK_MINOR}_job_server:{BEAM}" in page
    # The leak that the published job server of this version does not have.
    assert "apache/beam#27648" in runbook


def test_what_a_reader_must_fill_in_is_listed_once():
    used = {
        name
        for path in FOLDER.rglob("*")
        if path.suffix in (".yaml", ".txt") or path.name.endswith("Dockerfile")
        for name in re.findall(r"YOUR-[A-Z-]*[A-Z]", path.read_text())
    }
    listed = re.findall(
        r"^\| `(YOUR-[A-Z-]+)` \|", (FOLDER / "RUNBOOK.md").read_text(), re.MULTILINE
    )

    assert sorted(listed) == sorted(used)
