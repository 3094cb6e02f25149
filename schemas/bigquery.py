"""BigQuery's side of an Arrow schema: columns as its API names them, and batches as it takes them.

Storage Write reads Arrow record batches. It documents its types without widths and without the
"large" and fixed-size variants, so batches are cast to the plain ones before they leave.
"""

from __future__ import annotations

from typing import TypedDict

import pyarrow as pa
import pyarrow.compute as pc

DAY = "day"
"""The partition column of every table: the UTC day of an instant, or a local day, as it is."""

_DAY_FIELD = pa.field(DAY, pa.date32(), False, {"meaning": "partition: day of the row, see table"})


class Column(TypedDict):
    """A column as BigQuery's REST API, `bq` and Terraform write it."""

    name: str
    type: str
    mode: str
    description: str


def bigquery_columns(schema: pa.Schema) -> list[Column]:
    """The columns of a table for an Arrow schema, `day` last. ValueError for a type without one."""
    return [
        {
            "name": field.name,
            "type": bigquery_type(field),
            "mode": "NULLABLE" if field.nullable else "REQUIRED",
            "description": (field.metadata or {}).get(b"meaning", b"").decode(),
        }
        for field in (*schema, _DAY_FIELD)
    ]


def bigquery_type(field: pa.Field) -> str:
    """The BigQuery type of a field: NUMERIC of a decimal where it holds it exactly."""
    for holds, name in _TYPES:
        if holds(field.type):
            return name
    if pa.types.is_decimal(field.type):
        whole, scale = field.type.precision - field.type.scale, field.type.scale
        if whole <= 29 and scale <= 9:
            return "NUMERIC"
        if whole <= 38 and scale <= 38:
            return "BIGNUMERIC"
    raise ValueError(f"{field.name}: expected a type that BigQuery has, found {field.type}")


_TYPES = (
    (lambda type: pa.types.is_string(type) or pa.types.is_large_string(type), "STRING"),
    (
        lambda type: (
            pa.types.is_binary(type)
            or pa.types.is_large_binary(type)
            or pa.types.is_fixed_size_binary(type)
        ),
        "BYTES",
    ),
    (pa.types.is_signed_integer, "INT64"),
    (pa.types.is_float64, "FLOAT64"),
    (pa.types.is_boolean, "BOOL"),
    (lambda type: pa.types.is_timestamp(type) and type.tz == "UTC", "TIMESTAMP"),
    (pa.types.is_date32, "DATE"),
)


def wire_schema(schema: pa.Schema) -> pa.Schema:
    """The schema in which batches of a table travel: plain types, `day` last, no metadata."""
    return pa.schema(
        [
            pa.field(field.name, _WIRE.get(bigquery_type(field), field.type), field.nullable)
            for field in (*schema, _DAY_FIELD)
        ]
    )


_WIRE = {
    "STRING": pa.string(),
    "BYTES": pa.binary(),
    "INT64": pa.int64(),
    "TIMESTAMP": pa.timestamp("us", "UTC"),
}


def wire_batch(batch: pa.RecordBatch, schema: pa.Schema, day_column: str) -> pa.RecordBatch:
    """The batch as it travels: columns of `schema` cast to `wire_schema`, and `day`.

    `day` is the UTC day of the instants in `day_column`, or its dates. Raises ArrowInvalid where a
    value does not fit, which no column of ours has.
    """
    wired = wire_schema(schema)
    days = pc.cast(batch.column(day_column), pa.date32(), safe=False)
    columns = [batch.column(field.name).cast(wired.field(field.name).type) for field in schema]
    return pa.record_batch([*columns, days], schema=wired)
