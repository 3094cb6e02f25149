"""`moment tables`: what BigQuery should have, as SQL, as a plan, or made so."""

from __future__ import annotations

import argparse

from google.api_core.exceptions import GoogleAPIError

from pipelines.sinks.bigquery_client import bigquery_client, parse_datasets, refusal
from pipelines.sinks.bigquery_sql import BIGQUERY_VIEWS, Datasets, create_view_sql, table_sql
from pipelines.sinks.bigquery_tables import apply, plan
from pipelines.sinks.tables import TABLES

BREAKING = 1


def tables(given: argparse.Namespace) -> int:
    """Print or make the difference. 0: done, or nothing would break; 1: a change would break."""
    datasets = parse_datasets(given.place, given.restricted_dataset)
    if given.action == "sql":
        print(_sql(datasets), end="")
        return 0
    client = bigquery_client(datasets.project)
    try:
        changes = plan(client, datasets, given.location)
        if given.action == "apply":
            apply(changes, print)
            return 0
    except GoogleAPIError as error:
        raise refusal(error, given.place) from error
    for change in changes:
        print(f"{'CANNOT ' * change.breaking}{change.path}: {change.sentence}")
    if not changes:
        print(f"{given.place}: as it should be")
    return BREAKING if any(change.breaking for change in changes) else 0


def _sql(datasets: Datasets) -> str:
    """CREATE statements of everything, each behind the ones it needs."""
    made = [f"{table_sql(table, datasets).rstrip()};" for table in TABLES]
    made += [f"{create_view_sql(view, datasets).rstrip()};" for view in BIGQUERY_VIEWS]
    return "\n\n".join(made) + "\n"
