"""Rows that BigQuery refused or would not take, as failed events: their reason a code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone

import pyarrow as pa

from pipelines.sinks.bigquery.append import Refused
from pipelines.sinks.bigquery.days import Days
from pipelines.sinks.table import Table
from schemas.bigquery import DAY, wire_batch
from schemas.failure import FAILED_EVENT, Reason
from transforms.failures import Failure, failed_batch

STAGE = "write"
_TOO_LARGE = "ROW_TOO_LARGE"


def refused_events(
    refused: Sequence[Refused], table: str, now: datetime | None = None
) -> pa.RecordBatch:
    """FAILED_EVENT batch of refused rows; `table` is its name, the input they are said to be of.

    The payload is the row as JSON, so that a retried bundle gives the same failure ids.
    """
    moment = now or datetime.now(timezone.utc)
    return failed_batch(
        [
            Failure(
                payload=row_as_json(each.row),
                position=0,
                arrived=moment,
                stage=STAGE,
                reason=Reason.REFUSED,
                path=each.path or "",
                detail=f"expected a row that BigQuery takes, found {each.code}",
            )
            for each in refused
        ],
        f"table {table}",
        None,
        moment,
    )


def untaken_events(rows: pa.RecordBatch, table: Table, days: Days, now: datetime) -> pa.RecordBatch:
    """FAILED_EVENT batch of wire rows of days that the table does not take; payload as above."""
    found = [
        "an earlier one" if day < days.first else "a later one"
        for day in rows.column(DAY).to_pylist()
    ]
    return failed_batch(
        [
            Failure(
                payload=payload,
                position=0,
                arrived=now,
                stage=STAGE,
                reason=Reason.DAY_OUT_OF_RANGE,
                path=table.day_column,
                detail=f"expected a day from {days.first} to {days.last}, found {which}",
            )
            for payload, which in zip(rows_as_json(rows), found)
        ],
        f"table {table.name}",
        None,
        now,
    )


def without_payload(refused: Sequence[Refused]) -> pa.RecordBatch:
    """Rows of failed_events that were refused, their payload left out: it alone can be at fault.

    They are written instead: a failed event is never the cause of another.
    """
    rows = [each.row.to_pylist()[0] for each in refused]
    for row, each in zip(rows, refused):
        row["payload"] = b""
        row["detail"] = f"{row['detail'] or ''}; payload left out: {each.code}".lstrip("; ")
    batch = pa.RecordBatch.from_pylist(rows, schema=refused[0].row.schema)
    plain = batch.select(FAILED_EVENT.names)
    return wire_batch(plain, FAILED_EVENT, "arrived_time")


def row_as_json(row: pa.RecordBatch) -> bytes:
    """One row in a definite order of columns; nulls left out, bytes in hexadecimal."""
    (told,) = rows_as_json(row)
    return told


def rows_as_json(rows: pa.RecordBatch) -> list[bytes]:
    """Each row as `row_as_json` has it."""
    return [
        json.dumps(
            {name: value for name, value in values.items() if value is not None},
            default=_plain,
            ensure_ascii=False,
        ).encode()
        for values in rows.to_pylist()
    ]


def _plain(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
