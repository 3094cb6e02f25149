"""The example, evaluated by Terraform itself: what names, rights, queries and parameters come to."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from typing import Any

import pytest

from deploy.local.services import ROOT
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.sql import BIGQUERY_VIEWS, reads_views, view_sql
from pipelines.sinks.tables import BIGQUERY_TABLES
from tests.e2e.needs import need
from tests.terraform.configuration import EXAMPLE, FOLDERS, resources
from tests.terraform.rehearsal import rehearse
from transforms.failures import EXPIRY_DAYS

METADATA = json.loads((ROOT / "deploy" / "dataflow" / "metadata.json").read_text())


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> dict[str, Any]:
    if shutil.which("terraform") is None:
        need("terraform is needed and was not found: install it.", "rehearsal of Terraform's files")
    return rehearse(tmp_path_factory.mktemp("rehearsal"), EXAMPLE / "example.tfvars")


def _parameters(given: dict[str, str]) -> list[str]:
    """What the template would refuse of the parameters given."""
    known = {each["name"]: each for each in METADATA["parameters"]}
    wrong = [name for name in given if name not in known]
    wrong += [name for name, each in known.items()
              if not each.get("isOptional") and name not in given]  # fmt: skip
    return wrong + [
        f"{name}={value}"
        for name, value in given.items()
        if name in known and not re.fullmatch(known[name]["regexes"][0], value)
    ]


def test_every_resource_is_evaluated_and_no_placeholder_is_left(made):
    written = {
        f"{'' if folder == EXAMPLE else folder.name}/{each.type}.{each.name}"
        for folder in FOLDERS
        for each in resources(folder)
    }
    # Made only where they are asked for: a budget, and accounts that push images.
    asked = {
        "monitoring/google_billing_budget.month",
        "registry/google_artifact_registry_repository_iam_member.builder_pushes",
    }

    assert written - set(made) == asked
    assert re.findall(r".{20}(?:\$\{|\bvar\.|\blocal\.).{20}", json.dumps(made)) == []


def test_tables_are_partitioned_filtered_kept_and_clustered_as_the_code_says(made):
    tables = made["bigquery/google_bigquery_table.table"]

    assert set(tables) == {table.name for table in BIGQUERY_TABLES}
    for table in BIGQUERY_TABLES:
        found = tables[table.name]
        kept = None if table.kept_days is None else table.kept_days * 86_400_000
        assert found["time_partitioning"] == [
            {"type": "DAY", "field": "day", "expiration_ms": kept}
        ]
        assert found["require_partition_filter"] is table.day_required
        assert found["deletion_protection"] is True
        assert found["clustering"] == list(table.clustering)
        assert found["dataset_id"] == ("moment_restricted" if table.restricted else "moment")
        assert found["encryption_configuration"] == [{"kms_key_name": "google_kms_crypto_key/data"}]
        assert found["labels"]["application"] == "moment"
        columns = [column["name"] for column in json.loads(found["schema"])]
        assert columns == [*table.schema.names, "day"]


def test_views_are_those_of_moment_tables_in_the_same_datasets(made):
    """What `moment tables apply` would make in this project, text by text."""
    same = Destination("figures-example", "moment", "moment_restricted")
    first = made["bigquery/google_bigquery_table.view"]
    second = made["bigquery/google_bigquery_table.view_of_views"]

    assert set(second) == {view.name for view in BIGQUERY_VIEWS if reads_views(view)}
    assert set(first) | set(second) == {view.name for view in BIGQUERY_VIEWS}
    for view in BIGQUERY_VIEWS:
        found = {**first, **second}[view.name]
        assert f"figures-example.{found['dataset_id']}.{found['table_id']}" == same.name(view)
        assert found["description"] == view.meaning
        assert found["view"] == [{"query": view_sql(view, same), "use_legacy_sql": False}]


def test_what_bi_reads_has_no_people_and_no_payloads(made):
    shown = {
        name
        for level in ("view", "view_of_views")
        for name, each in made[f"bigquery/google_bigquery_table.{level}"].items()
        if each["dataset_id"] == "moment_views"
    }

    assert {view.name for view in BIGQUERY_VIEWS} - shown == {
        "events_latest",
        "events_standing",
        "failed_events_latest",
        "late_events_latest",
        "partials_latest",
    }


def test_rights_on_tables_are_given_to_the_tables_that_are_meant(made):
    def tables(name: str) -> set[str]:
        return {
            each["table_id"] for each in made[f"bigquery/google_bigquery_table_iam_member.{name}"].values()
        }  # fmt: skip

    plain = {table.name for table in BIGQUERY_TABLES if not table.restricted}
    assert tables("writer_writes") == plain
    assert tables("writer_appends_failed") == {"failed_events"}
    assert tables("erasure_deletes") == {
        *("events", "decoded_events", "failed_events", "late_events", "partials")
    }
    assert tables("launcher_reads_partition_status") == {"partition_status"}
    assert tables("people_readers_read_tables") == {"events", "partials"}
    assert tables("people_readers_read_views") == {
        *("events_latest", "events_standing", "partials_latest")
    }
    audited = made["bigquery/google_bigquery_table_iam_member.auditor_reads_balance"]
    assert (audited["dataset_id"], audited["table_id"]) == ("moment", "balance")


def test_who_reads_people_may_read_all_that_their_views_read(made):
    """A view beside its tables is not authorised on them: its reader reads what it reads."""
    queries = {
        name: each["view"][0]["query"]
        for level in ("view", "view_of_views")
        for name, each in made[f"bigquery/google_bigquery_table.{level}"].items()
    }
    granted = {
        each["table_id"]
        for what in ("tables", "views")
        for each in made[f"bigquery/google_bigquery_table_iam_member.people_readers_read_{what}"].values()
    }  # fmt: skip

    assert {"events_standing", "partials_latest"} < granted
    for name in granted & set(queries):
        assert {table for _, table in re.findall(r"`(moment)`\.`(\w+)`", queries[name])} <= granted


def test_every_group_that_reads_may_ask(made):
    members = {
        each["member"] for each in made["identity/google_project_iam_member.groups_run_queries"].values()
    }  # fmt: skip

    assert members == {
        "group:figures@example.com",
        "group:analysts@example.com",
        "group:operators@example.com",
    }


def test_who_starts_jobs_reads_templates_and_nothing_that_is_staged(made):
    granted = made["storage/google_storage_bucket_iam_member.launcher_reads_templates"]
    (condition,) = granted["condition"]
    template = made["dataflow/google_storage_bucket_object.template"]
    path = f"projects/_/buckets/{template['bucket']}/objects"
    (prefix,) = re.findall(r'^resource\.name\.startsWith\("(.*)"\)$', condition["expression"])

    assert f"{path}/{template['name']}".startswith(prefix)
    (job,) = made["dataflow/google_dataflow_flex_template_job.stream"].values()
    for place in (job["staging_location"], job["temp_location"]):
        assert not f"{path}/{place.split('/', 3)[3]}/job.pb".startswith(prefix)


def test_the_job_has_parameters_that_the_template_takes(made):
    (job,) = made["dataflow/google_dataflow_flex_template_job.stream"].values()
    template = made["dataflow/google_storage_bucket_object.template"]

    assert _parameters(job["parameters"]) == []
    assert _parameters({**job["parameters"], "shards": "0"}) == ["shards=0"]
    assert job["parameters"]["inputs"].split() == [
        "youtube_chat=pubsub://projects/figures-example/subscriptions/moment-chat",
        "segment=pubsub://projects/figures-example/subscriptions/moment-web",
    ]
    assert job["enable_streaming_engine"] is True
    assert job["container_spec_gcs_path"] == f"gs://{template['bucket']}/{template['name']}"
    spec = json.loads(template["content"])
    assert spec["metadata"] == METADATA
    assert spec["image"] == job["sdk_container_image"]


def test_the_schedule_asks_for_the_same_template_and_yesterday(made):
    target = made["schedule/google_cloud_scheduler_job.backfill"]["http_target"][0]
    launch = json.loads(base64.b64decode(target["body"]))["launchParameter"]
    (job,) = made["dataflow/google_dataflow_flex_template_job.stream"].values()

    assert _parameters(launch["parameters"]) == []
    assert (launch["parameters"]["from"], launch["parameters"]["to"]) == ("yesterday", "yesterday")
    assert launch["containerSpecGcsPath"] == job["container_spec_gcs_path"]
    assert launch["environment"]["serviceAccountEmail"] == job["service_account_email"]
    machine = {name: launch["environment"][name] for name in ("numWorkers", "maxWorkers")}
    assert machine == {"numWorkers": 1, "maxWorkers": 1}, "the command is one process"
    secret = job["parameters"]["pseudonym_key_secret"]
    assert launch["parameters"]["pseudonym_key_secret"] == secret
    assert target["oauth_token"][0]["service_account_email"].startswith("moment-launcher@")
    assert target["uri"].endswith("/locations/europe-west1/flexTemplates:launch")


def test_what_the_job_archives_is_what_the_schedule_reads_and_few_may_and_it_expires(made):
    bucket = made["storage/google_storage_bucket.archive"]
    (job,) = made["dataflow/google_dataflow_flex_template_job.stream"].values()
    target = made["schedule/google_cloud_scheduler_job.backfill"]["http_target"][0]
    launch = json.loads(base64.b64decode(target["body"]))["launchParameter"]
    days = [rule["condition"][0] for rule in bucket["lifecycle_rule"] if rule["action"][0]["type"] == "Delete"]  # fmt: skip

    assert job["parameters"]["archive"] == f"gs://{bucket['name']}/payloads"
    assert launch["parameters"]["inputs"] == f"archive={job['parameters']['archive']}"
    page = (ROOT / "deploy" / "schedule" / "README.md").read_text()
    assert f"`{launch['parameters']['inputs']}`".replace("figures-example", "YOUR-PROJECT") in page
    assert {key: value for rule in days for key, value in rule.items() if value is not None} == {
        "days_since_custom_time": EXPIRY_DAYS,
        "age": EXPIRY_DAYS,
    }
    assert bucket["uniform_bucket_level_access"] is True
    assert bucket["public_access_prevention"] == "enforced"
    assert bucket["versioning"] == [{"enabled": False}]
    assert bucket["soft_delete_policy"] == [{"retention_duration_seconds": 0}]


def test_what_load_jobs_leave_is_gone_in_days(made):
    bucket = made["storage/google_storage_bucket.load"]
    rules = {rule["action"][0]["type"]: rule["condition"][0]["age"] for rule in bucket["lifecycle_rule"]}  # fmt: skip

    assert rules == {"Delete": 3, "AbortIncompleteMultipartUpload": 1}
    assert bucket["public_access_prevention"] == "enforced"
    assert bucket["versioning"] == [{"enabled": False}]
    assert bucket["soft_delete_policy"] == [{"retention_duration_seconds": 0}]


def test_alerts_watch_what_was_made_and_reach_somebody(made):
    subscriptions = made["pubsub/google_pubsub_subscription.input"].values()
    policies = [
        *made["monitoring/google_monitoring_alert_policy.metric"].values(),
        *made["monitoring/google_monitoring_alert_policy.check"].values(),
        made["monitoring/google_monitoring_alert_policy.absent"],
    ]

    assert len(policies) == 7
    for policy in policies:
        assert policy["notification_channels"] == ["google_monitoring_notification_channel/email"]
        assert policy["documentation"][0]["content"]
    backlog = made["monitoring/google_monitoring_alert_policy.metric"]["backlog"]
    told = backlog["conditions"][0]["condition_threshold"][0]["filter"]
    assert f'full_match("{"|".join(each["name"] for each in subscriptions)}")' in told
    (job,) = made["dataflow/google_dataflow_flex_template_job.stream"].values()
    told = json.dumps(made["monitoring/google_monitoring_alert_policy.metric"]["freshness"])
    assert f'\\"{job["name"]}\\"' in told
    for check in made["monitoring/google_bigquery_data_transfer_config.check"].values():
        assert "FROM `figures-example.moment.balance`" in check["params"]["query"]
    json.loads(made["monitoring/google_monitoring_dashboard.moment"]["dashboard_json"])


def test_everything_that_keeps_data_is_encrypted_with_the_key_of_data(made):
    key = "google_kms_crypto_key/data"
    kept = [
        *made["pubsub/google_pubsub_topic.input"].values(),
        *made["pubsub/google_pubsub_topic.dead_letter"].values(),
        made["registry/google_artifact_registry_repository.images"],
        made["storage/google_storage_bucket.archive"]["encryption"][0],
        made["storage/google_storage_bucket.load"]["encryption"][0],
        made["storage/google_storage_bucket.dataflow"]["encryption"][0],
        *(made[f"bigquery/google_bigquery_dataset.{name}"]["default_encryption_configuration"][0]
          for name in ("data", "restricted", "views")),
        *made["dataflow/google_dataflow_flex_template_job.stream"].values(),
    ]  # fmt: skip

    for each in kept:
        names = {"kms_key_name", "default_kms_key_name"} & set(each)
        assert [each[name] for name in names] == [key]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ('project = "Figures"', "project: expected the id of a project"),
        ('image = "moment-dataflow:latest"', "image: expected a tag or digest that stays"),
        ("emails = []", "emails: expected at least one address"),
        ("inputs = {}", "inputs: expected at least one"),
        ('inputs = { web = { publishers = ["allUsers"] } }', "inputs: expected publishers as"),
        ('subnetwork = "default"', "subnetwork: expected regions/REGION/subnetworks/NAME"),
        ('reader_groups = ["group:a@example.com"]', "reader_groups: expected addresses of groups"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_a_sentence(made, tmp_path, values, sentence):
    wrong = tmp_path / "wrong.tfvars"
    wrong.write_text(values + "\n")
    with pytest.raises(AssertionError) as raised:
        rehearse(tmp_path, EXAMPLE / "example.tfvars", also=wrong)

    told = re.sub(r"\s*│?\s+", " ", str(raised.value))
    assert sentence in told


def test_terraform_is_one_that_the_example_takes(made):
    told = subprocess.run(
        ["terraform", "version", "-json"], capture_output=True, text=True, check=True
    )
    version = json.loads(told.stdout)["terraform_version"]

    assert tuple(map(int, version.split(".")[:2])) >= (1, 9)
