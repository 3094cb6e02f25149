"""Each morning: wait until the stream has closed the day before, then compute it once more.

By the Flex Template and not by a pod that runs `moment backfill`: a day is computed where the
stream is, by the same image and account, and Airflow keeps no machine for it. What is particular to
a place is in the Airflow variable `moment`, a JSON object; README.md lists its fields.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.providers.common.sql.sensors.sql import SqlSensor
from airflow.providers.google.cloud.operators.dataflow import DataflowStartFlexTemplateOperator
from airflow.sdk import DAG, CronDataIntervalTimetable


def setting(name: str, default: str | None = None) -> str:
    """A field of the variable, read when a task runs: parsing the file asks for nothing."""
    if default is not None:
        return f"{{{{ var.json.moment.get('{name}', '{default}') }}}}"
    return f"{{{{ var.json.moment.{name} }}}}"


# The local day in which the interval began: it has ended when the interval has. `ds` alone would be
# the day in UTC.
DAY = "{{ data_interval_start.in_timezone(var.json.moment.time_zone) | ds }}"

with DAG(
    dag_id="moment_backfill",
    description="Recompute a day from its raw payloads once the stream has closed it",
    # With intervals, said so: under a plain cron text those of Airflow 3 have no length, and are of
    # the day of the run, not of the day that has ended. In UTC, for no setting is read here.
    schedule=CronDataIntervalTimetable("30 6 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1),
    # Days that were missed are asked for by name: `airflow backfill create`.
    catchup=False,
    # A day replaces whole partitions: two at once would be twice the machines, not half the time.
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=10)},
    tags=["moment"],
    doc_md=__doc__,
) as dag:
    day_is_closed = SqlSensor(
        task_id="day_is_closed",
        # Of type gcpbigquery, as the account `launcher`, which may read this view only.
        conn_id="moment_bigquery",
        hook_params={"use_legacy_sql": False, "location": setting("location", "EU")},
        sql=(
            f"SELECT 1 FROM `{setting('project')}.{setting('views_dataset')}.partition_status`"
            f" WHERE day = DATE '{DAY}' AND table_name = 'metrics'"
            " AND status IN ('closed', 'restated')"
        ),
        # No worker is held while a day is waited for; after twelve hours somebody should look.
        mode="reschedule",
        poke_interval=600,
        timeout=12 * 3600,
    )

    backfill = DataflowStartFlexTemplateOperator(
        task_id="backfill",
        gcp_conn_id="moment_launcher",
        project_id=setting("project"),
        location=setting("region"),
        # The job is asked after by the triggerer, and no worker is held while it runs.
        deferrable=True,
        # A retry is a job of another name: Dataflow refuses one that is taken.
        append_job_name=True,
        body={
            "launchParameter": {
                "jobName": f"moment-backfill-{DAY}",
                "containerSpecGcsPath": setting("template"),
                "parameters": {
                    "command": "backfill",
                    "from": DAY,
                    "to": DAY,
                    "inputs": setting("inputs"),
                    "output": setting("output"),
                    "pseudonym_key_secret": setting("pseudonym_key_secret"),
                    "time_zone": setting("time_zone"),
                },
                "environment": {
                    "serviceAccountEmail": setting("writer"),
                    "sdkContainerImage": setting("image"),
                    "subnetwork": setting("subnetwork"),
                    "ipConfiguration": "WORKER_IP_PRIVATE",
                    "kmsKeyName": setting("kms_key"),
                    "tempLocation": setting("temp_location"),
                    "stagingLocation": setting("staging_location"),
                    # The job is one command on one machine, which computes the day.
                    "machineType": "n2-standard-2",
                    "numWorkers": 1,
                    "maxWorkers": 1,
                },
            }
        },
    )

    day_is_closed >> backfill
