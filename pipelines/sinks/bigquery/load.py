"""One load job for a table's files: asked for once however often it is asked for, and waited for.

A job's id is made of run and table, so that who asks again finds the job. A job that fails has
loaded nothing. Messages of the service may quote values of rows: only reasons are passed on.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.sinks.bigquery.clients import rest_client
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.faults import SinkError
from pipelines.sinks.table import Table

MOST_FILES = 10_000
"""Addresses that a job takes."""

PASSING = {
    "backendError",
    "internalError",
    "jobBackendError",
    "jobInternalError",
    "jobRateLimitExceeded",
    "rateLimitExceeded",
    "tableUnavailable",
}
"""Reasons for which the same is asked for again, under another id."""

ADVICE = {
    "accessDenied": "grant this account BigQuery Job User on the project, BigQuery Data Editor on"
    " the dataset and Storage Object Viewer on the bucket",
    "notFound": "bucket and dataset must be in the same location, and the files are removed when a"
    " run ends: run it again",
    "invalid": "compare the table's columns with those of `moment tables plan`",
    "quotaExceeded": "a table takes 1,500 load jobs a day: measure more input at a time, or leave"
    " --load-through out",
    "resourcesExceeded": "measure fewer days at a time",
    "stopped": "somebody cancelled the job: run it again",
}


@dataclass(frozen=True)
class LoadPatience:
    """How often a job is asked for, and the seconds before the second time, doubled each time."""

    attempts: int = 5
    first_pause: float = 4.0


USUAL_LOAD = LoadPatience()


def job_id(run_id: str, table: Table, attempt: int) -> str:
    """The id of a job: the same for the same run, table and attempt."""
    return f"moment-{run_id}-{table.name}-{attempt}"


def load(
    destination: Destination,
    table: Table,
    run_id: str,
    files: Sequence[str],
    patience: LoadPatience = USUAL_LOAD,
) -> int:
    """Add the rows of Parquet files of a bucket to a table, all or none; how many the job says.

    The table is there, with its columns and partitions. A job of the same run and table that was
    asked for before, of whatever files, is waited for in its place. Raises SinkError.
    """
    from google.api_core.exceptions import GoogleAPIError

    if len(files) > MOST_FILES:
        raise _error(destination, table, f"{len(files):,} files", "measure the input in parts")
    client = rest_client(destination)
    try:
        found = client.get_table(destination.name(table))
    except (GoogleAPIError, OSError) as error:
        raise _failed(destination, table, _reason(error)) from None
    for attempt in range(patience.attempts):
        if attempt:
            time.sleep(patience.first_pause * 2 ** (attempt - 1))
        reason, rows = _ask(client, found, job_id(run_id, table, attempt), sorted(files))
        if reason is None:
            return rows
        if reason not in PASSING:
            break
    raise _failed(destination, table, reason or "")


def _ask(client: Any, table: Any, id: str, files: Sequence[str]) -> tuple[str | None, int]:
    """Why a job failed, None where it did not, and the rows that it added."""
    from google.api_core.exceptions import Conflict, GoogleAPIError

    try:
        try:
            job = client.load_table_from_uri(
                files,
                table.reference,
                job_id=id,
                location=table.location,
                job_config=_configuration(table),
            )
        except Conflict:
            job = client.get_job(id, location=table.location)
        job.result()
    except (GoogleAPIError, OSError) as error:
        return _reason(error), 0
    return None, int(job.output_rows or 0)


def _configuration(table: Any) -> Any:
    """What the job is told: its columns are those of the table as it is, and it makes no table.

    Without them BigQuery takes every column of a file for one that may be null, and refuses to
    append it to one that may not.
    """
    from google.cloud.bigquery import LoadJobConfig

    return LoadJobConfig(
        source_format="PARQUET",
        write_disposition="WRITE_APPEND",
        create_disposition="CREATE_NEVER",
        schema=table.schema,
    )


def _reason(error: Exception) -> str:
    """The reason of an error, as the API calls it; its kind where it has none."""
    told = getattr(error, "errors", None) or []
    first = told[0] if told and isinstance(told[0], dict) else {}
    return str(first.get("reason") or type(error).__name__)


def _failed(destination: Destination, table: Table, reason: str) -> SinkError:
    advice = ADVICE.get(reason, "look at the job's history in BigQuery")
    return _error(destination, table, reason, advice)


def _error(destination: Destination, table: Table, found: str, advice: str) -> SinkError:
    name = destination.name(table)
    return SinkError(f"expected to load the BigQuery table {name}, found {found}: {advice}")
