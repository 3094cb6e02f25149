"""`moment tables`: what BigQuery should have, as SQL, as a plan, or made so."""

from __future__ import annotations

import argparse
import os

from google.api_core.exceptions import Forbidden, GoogleAPIError

from pipelines.errors import OptionError
from pipelines.sinks.bigquery.clients import rest_client
from pipelines.sinks.bigquery.destination import Destination, is_bigquery, parse_destination
from pipelines.sinks.bigquery.sql import BIGQUERY_VIEWS, create_view_sql, table_sql
from pipelines.sinks.bigquery.tables import apply, plan
from pipelines.sinks.tables import BIGQUERY_TABLES

BREAKING = 1


def tables(given: argparse.Namespace) -> int:
    """Print or make the difference. 0: done, or nothing would break; 1: a change would break."""
    if not is_bigquery(given.place):
        raise OptionError(
            f"{given.place}: expected bigquery://PROJECT/DATASET, as in bigquery://our-project/live"
        )
    to = parse_destination(given.place, os.environ)
    if given.action == "sql":
        print(_sql(to), end="")
        return 0
    client = rest_client(to)
    try:
        changes = plan(client, to, given.location)
        if given.action == "apply":
            apply(changes, print)
            return 0
    except Forbidden as error:
        raise OptionError(
            f"{to}: expected an account that may see and make tables there, found one that may"
            f" not; BigQuery says: {error.message}"
        ) from error
    except GoogleAPIError as error:
        raise OptionError(f"{to}: BigQuery refused: {error}") from error
    for change in changes:
        print(f"{'CANNOT ' * change.breaking}{change.path}: {change.sentence}")
    if not changes:
        print(f"{to}: as it should be")
    return BREAKING if any(change.breaking for change in changes) else 0


def _sql(to: Destination) -> str:
    """CREATE statements of everything, each behind the ones it needs."""
    made = [f"{table_sql(table, to).rstrip()};" for table in BIGQUERY_TABLES]
    made += [f"{create_view_sql(view, to).rstrip()};" for view in BIGQUERY_VIEWS]
    return "\n\n".join(made) + "\n"
