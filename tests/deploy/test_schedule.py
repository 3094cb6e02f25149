"""The Airflow DAG: as text, and as a real Airflow with Google's provider loads it."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from typing import Any

import pytest

from deploy.environments import AIRFLOW, python_of
from deploy.local.download import MissingTool
from deploy.local.services import ROOT
from pipelines.inputs import parse_inputs
from tests.e2e.needs import need

FOLDER = ROOT / "deploy" / "schedule"
DAG = FOLDER / "moment_backfill.py"
METADATA = json.loads((ROOT / "deploy" / "dataflow" / "metadata.json").read_text())

_LOAD = """
import json, runpy, sys
found = runpy.run_path(sys.argv[1])
dag = found["dag"]
tasks = {
    task.task_id: {
        "class": type(task).__name__,
        "before": sorted(task.upstream_task_ids),
        "templated": sorted(task.template_fields),
        "rendered": {n: getattr(task, n, None) for n in ("sql", "hook_params", "body", "location",
            "project_id", "mode", "deferrable", "append_job_name")},
    }
    for task in dag.tasks
}
import pendulum
settings = {"time_zone": None, "region": "europe-west1", "project": "p", "views_dataset": "v"}
def rendered(zone, text, **more):
    began = pendulum.datetime(2026, 3, 2, 6, 30)
    var = {"json": {"moment": {**settings, "time_zone": zone, **more}}}
    return dag.get_template_env().from_string(text).render(var=var, data_interval_start=began)
parameters = dag.task_dict["backfill"].body["launchParameter"]["parameters"]
days = {
    zone: [rendered(zone, parameters[each]) for each in ("from", "to", "time_zone")]
    for zone in ("Europe/Paris", "Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati")
}
hook = dag.task_dict["day_is_closed"].hook_params["location"]
locations = [rendered("Europe/Paris", hook), rendered("Europe/Paris", hook, location="europe-west1")]
print(json.dumps({"days": days, "locations": locations,
                  "asked": rendered("America/Los_Angeles", dag.task_dict["day_is_closed"].sql),
                  "dag": dag.dag_id, "timetable": type(dag.timetable).__name__,
                  "active": dag.max_active_runs, "catchup": dag.catchup, "tasks": tasks}))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory) -> dict[str, Any]:
    """What a real Airflow makes of the file."""
    try:
        python = python_of("apache-airflow", AIRFLOW)
    except MissingTool as missing:
        need(str(missing), "checks of the Airflow schedule")
        raise
    home = tmp_path_factory.mktemp("airflow")
    ended = subprocess.run(
        [python, "-c", _LOAD, str(DAG)],
        capture_output=True, text=True, check=False,
        env={"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
             "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-3000:]
    told: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return told


# The first run makes an environment; pytest counts that to the first test.
@pytest.mark.timeout(1800)
def test_airflow_loads_a_sensor_and_the_job_behind_it(loaded):
    assert (loaded["dag"], loaded["active"], loaded["catchup"]) == ("moment_backfill", 1, False)
    assert loaded["timetable"] == "CronDataIntervalTimetable"
    tasks = loaded["tasks"]
    assert {name: (task["class"], task["before"]) for name, task in tasks.items()} == {
        "day_is_closed": ("SqlSensor", []),
        "backfill": ("DataflowStartFlexTemplateOperator", ["day_is_closed"]),
    }


def test_everything_that_names_a_day_or_a_setting_is_rendered_by_airflow(loaded):
    seen = 0
    for name, task in loaded["tasks"].items():
        for field, value in task["rendered"].items():
            if "{{" in json.dumps(value):
                assert field in task["templated"], f"{name}: {field}"
                seen += 1
    assert seen == 5


def test_no_worker_is_held_while_something_is_waited_for(loaded):
    assert loaded["tasks"]["day_is_closed"]["rendered"]["mode"] == "reschedule"
    assert loaded["tasks"]["backfill"]["rendered"]["deferrable"] is True


def test_the_job_is_given_parameters_that_the_template_has(loaded):
    body = loaded["tasks"]["backfill"]["rendered"]["body"]["launchParameter"]
    parameters = {each["name"]: each for each in METADATA["parameters"]}

    assert set(body["parameters"]) <= set(parameters)
    needed = {name for name, each in parameters.items() if not each.get("isOptional")}
    assert needed <= set(body["parameters"])
    machine = {
        name: body["environment"][name] for name in ("machineType", "numWorkers", "maxWorkers")
    }
    assert machine == {"machineType": "n2-standard-2", "numWorkers": 1, "maxWorkers": 1}
    # One name a retry: Airflow adds to it, and Dataflow wants lower-case letters, digits, hyphens.
    assert re.fullmatch(r"[a-z][a-z0-9-]*-\{\{ .* \| ds \}\}", body["jobName"])


def test_the_day_is_that_of_the_time_zone_in_which_the_interval_begins(loaded):
    """An interval from half past six in the morning, UTC, of the second of March."""
    assert loaded["days"] == {
        "Europe/Paris": ["2026-03-02", "2026-03-02", "Europe/Paris"],
        "Asia/Tokyo": ["2026-03-02", "2026-03-02", "Asia/Tokyo"],
        "America/Los_Angeles": ["2026-03-01", "2026-03-01", "America/Los_Angeles"],
        "Pacific/Kiritimati": ["2026-03-02", "2026-03-02", "Pacific/Kiritimati"],
    }
    assert "DATE '2026-03-01'" in loaded["asked"]


def test_bigquery_is_asked_where_the_datasets_are_and_not_where_jobs_run(loaded):
    assert loaded["locations"] == ["EU", "europe-west1"]


def test_the_inputs_of_the_page_are_an_archive(tmp_path):
    """Raw payloads are no files of lines: without `archive=` they would be read as such."""
    (told,) = re.findall(r"^\| `inputs` .*`(.+?)` \|$", (FOLDER / "README.md").read_text(), re.M)
    place = "gs://YOUR-PROJECT-moment-archive/payloads"
    hour = tmp_path / "payloads" / "day=2026-03-02" / "hour-06-a.parquet"
    hour.parent.mkdir(parents=True)
    hour.touch()

    (archive,) = parse_inputs([told.replace(place, str(tmp_path / "payloads"))]).archives
    assert [each.name for each in archive.hours] == ["2026-03-02T06"]


def test_the_file_parses_and_its_page_lists_every_setting():
    tree = ast.parse(DAG.read_text())
    used = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "setting"
    }
    page = (FOLDER / "README.md").read_text()
    listed = {
        name
        for row in re.findall(r"^\| (`.+?) \|", page, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }

    assert used == listed
