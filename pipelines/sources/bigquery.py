"""Rows that a query gives, from BigQuery as Arrow, with parameters; each refusal one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from pipelines.errors import OptionError
from pipelines.sinks.bigquery.clients import read_client, rest_client
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.table import Table

ALL_DAYS = "day >= DATE '0001-01-01'"
"""A filter that all rows pass: most tables ask for one."""

_ABOVE_BUDGET = "bytesBilledLimitExceeded"

_TYPES = {bool: "BOOL", int: "INT64", str: "STRING", bytes: "BYTES", date: "DATE"}


def fetch(
    place: Destination,
    sql: str,
    schema: pa.Schema,
    parameters: Mapping[str, Any] | None = None,
) -> pa.Table:
    """All rows of a query as a table of `schema`. Raises OptionError where it is refused."""
    return pa.Table.from_batches(fetch_batches(place, sql, schema, parameters), schema)


def fetch_batches(
    place: Destination,
    sql: str,
    schema: pa.Schema,
    parameters: Mapping[str, Any] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Rows of a query as they come, in batches of `schema`, whose columns it must have.

    Over the Storage Read API, but for an emulator, which has none. Raises OptionError.
    """
    with asking(place):
        rows = _job(place, sql, parameters).result()
        for batch in rows.to_arrow_iterable(bqstorage_client=read_client(place)):
            if batch.num_rows:
                columns = [batch.column(field.name).cast(field.type) for field in schema]
                yield pa.RecordBatch.from_arrays(columns, schema=schema)


def fetch_row(
    place: Destination, sql: str, parameters: Mapping[str, Any] | None = None
) -> tuple[Any, ...]:
    """The only row of a query. Raises OptionError where it is refused."""
    (row,) = fetch_few(place, sql, parameters)
    return tuple(row.values())


def fetch_few(
    place: Destination, sql: str, parameters: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Rows of a query as pages of JSON, which ask for no right to read by Storage Read. Raises
    OptionError where it is refused."""
    with asking(place):
        return [dict(row.items()) for row in _job(place, sql, parameters).result()]


def change(place: Destination, sql: str, parameters: Mapping[str, Any] | None = None) -> int:
    """Run one statement that changes rows, which it does as a whole or not at all; how many."""
    with asking(place):
        job = _job(place, sql, parameters)
        job.result()
    return int(job.num_dml_affected_rows or 0)


def bytes_read(place: Destination, sql: str, parameters: Mapping[str, Any]) -> int:
    """The bytes that a query would be billed for, by a dry run; an emulator says 0."""
    from google.cloud.bigquery import QueryJobConfig

    with asking(place):
        config = QueryJobConfig(
            query_parameters=_parameters(parameters), dry_run=True, use_query_cache=False
        )
        job = rest_client(place).query(sql, job_config=config)
    return int(job.total_bytes_processed or 0)


def may_read(place: Destination, table: Table) -> bool:
    """May this account see what is in a table? Asked by a dry run, which costs nothing."""
    from google.api_core.exceptions import Forbidden
    from google.cloud.bigquery import QueryJobConfig

    sql = f"SELECT * FROM `{place.name(table)}` WHERE {ALL_DAYS}"
    with asking(place):
        try:
            rest_client(place).query(sql, job_config=QueryJobConfig(dry_run=True))
        except Forbidden:
            return False
    return True


@contextmanager
def asking(place: Destination) -> Iterator[None]:
    """Around requests: what the service refuses becomes an OptionError that says what to do."""
    from google.api_core.exceptions import Forbidden, GoogleAPIError, NotFound
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except NotFound as error:
        raise OptionError(
            f"{place}: expected its datasets and tables, found one missing"
            f" ({_first_line(error)}): make them with `moment tables apply`"
        ) from error
    except Forbidden as error:
        raise OptionError(
            f"{place}: expected the right to do that, found none ({_first_line(error)}): grant this"
            " account BigQuery Data Editor on its datasets, Data Viewer where nothing is to be"
            " written, and BigQuery Job User on the project"
        ) from error
    except (GoogleAPIError, GoogleAuthError, OSError) as error:
        if _code(error) == _ABOVE_BUDGET:
            raise OptionError(
                f"{place}: expected a query to be billed for at most {place.most_bytes:,} bytes, as"
                " --budget says, found one of more, which was not run; give a greater budget, or"
                " fewer days"
            ) from error
        raise OptionError(
            f"{place}: expected BigQuery to answer, found {type(error).__name__}{_reason(error)}:"
            " look at the network, the credentials and status.cloud.google.com, and run the command"
            " again"
        ) from error


def _first_line(error: Exception) -> str:
    """What is missing or forbidden, by name."""
    return str(error).partition("\n")[0].partition("; reason:")[0].rstrip(".")[:300]


def _reason(error: Exception) -> str:
    """The service's code alone: its messages may quote values of rows."""
    code = _code(error)
    return f" ({code})" if code else ""


def _code(error: Exception) -> str | None:
    told = getattr(error, "errors", None) or [{}]
    return told[0].get("reason") if isinstance(told[0], dict) else None


def _job(place: Destination, sql: str, parameters: Mapping[str, Any] | None) -> Any:
    """A query begun, as a job: the short way of asking gives an emulator's errors no name."""
    from google.cloud.bigquery import QueryJobConfig

    config = QueryJobConfig(query_parameters=_parameters(parameters or {}), use_query_cache=False)
    if place.most_bytes is not None:
        config.maximum_bytes_billed = place.most_bytes
    return rest_client(place).query(sql, job_config=config)


def _parameters(given: Mapping[str, Any]) -> list[Any]:
    """Parameters of a query; a sequence is an array of what it holds first, dates where empty."""
    from google.cloud.bigquery import ArrayQueryParameter, ScalarQueryParameter

    told: list[Any] = []
    for name, value in given.items():
        if isinstance(value, Sequence) and not isinstance(value, str | bytes):
            kind = _type(value[0]) if value else "DATE"
            told.append(ArrayQueryParameter(name, kind, list(value)))
        else:
            told.append(ScalarQueryParameter(name, _type(value), value))
    return told


def _type(value: Any) -> str:
    # A datetime is a date too, and a bool an int.
    return "TIMESTAMP" if isinstance(value, datetime) else _TYPES[type(value)]
