"""BigQuery: which column each Arrow field becomes, and how batches travel."""

from __future__ import annotations

from datetime import date, datetime, timezone

import pyarrow as pa
import pytest

from pipelines.sinks.tables import TABLES
from schemas.bigquery import bigquery_columns, bigquery_type, wire_batch, wire_schema
from schemas.event import INSTANT, UUID

TYPES = {
    "text": (pa.string(), "STRING"),
    "long text": (pa.large_string(), "STRING"),
    "bytes": (pa.binary(), "BYTES"),
    "an id": (UUID, "BYTES"),
    "a narrow integer": (pa.int16(), "INT64"),
    "an integer": (pa.int64(), "INT64"),
    "a number": (pa.float64(), "FLOAT64"),
    "yes or no": (pa.bool_(), "BOOL"),
    "an instant": (INSTANT, "TIMESTAMP"),
    "a day": (pa.date32(), "DATE"),
    "money": (pa.decimal128(18, 6), "NUMERIC"),
    "twenty-nine digits and nine": (pa.decimal128(38, 9), "NUMERIC"),
    "a decimal too long for NUMERIC": (pa.decimal128(38, 10), "BIGNUMERIC"),
}


@pytest.mark.parametrize(("type", "expected"), TYPES.values(), ids=TYPES)
def test_an_arrow_type_has_one_bigquery_type(type, expected):
    assert bigquery_type(pa.field("x", type)) == expected


@pytest.mark.parametrize(
    "type",
    [pa.uint64(), pa.timestamp("us"), pa.dictionary(pa.int32(), pa.string()), pa.list_(pa.int64())],
    ids=str,
)
def test_a_type_without_one_is_refused_by_name(type):
    with pytest.raises(ValueError, match=r"^x: expected a type that BigQuery has, found "):
        bigquery_type(pa.field("x", type))


def test_a_column_says_whether_it_is_required_and_what_it_means():
    schema = pa.schema(
        [
            pa.field("n", pa.int64(), False, {"meaning": "how many"}),
            pa.field("said", pa.string(), True),
        ]
    )

    assert bigquery_columns(schema) == [
        {"name": "n", "type": "INT64", "mode": "REQUIRED", "description": "how many"},
        {"name": "said", "type": "STRING", "mode": "NULLABLE", "description": ""},
        {
            "name": "day",
            "type": "DATE",
            "mode": "REQUIRED",
            "description": "partition: day of the row, see table",
        },
    ]


def test_a_batch_travels_in_plain_types_with_its_utc_day():
    schema = pa.schema(
        [
            pa.field("id", UUID, False),
            pa.field("words", pa.large_string()),
            pa.field("offset", pa.int16()),
            pa.field("moment", INSTANT, False),
        ]
    )
    midnight = datetime(2026, 3, 14, 23, 59, 59, 999_999, tzinfo=timezone.utc)
    batch = pa.record_batch([[b"0123456789abcdef"], ["hé"], [60], [midnight]], schema=schema)

    wired = wire_batch(batch, schema, "moment")

    assert wired.schema.equals(wire_schema(schema))
    assert wired.schema.types == [
        pa.binary(), pa.string(), pa.int64(), pa.timestamp("us", "UTC"), pa.date32(),
    ]  # fmt: skip
    assert wired.to_pylist() == [
        {
            "id": b"0123456789abcdef",
            "words": "hé",
            "offset": 60,
            "moment": midnight,
            "day": date(2026, 3, 14),
        }
    ]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_can_be_one_of_bigquery(table):
    columns = {column["name"]: column for column in bigquery_columns(table.schema)}

    assert all(column["description"] for column in columns.values())
    assert table.day_column in columns
    assert 1 <= len(table.clustering) <= 4
    assert {columns[name]["type"] for name in table.clustering} <= {"STRING", "INT64"}
    nothing = pa.RecordBatch.from_pylist([], schema=table.schema)
    assert wire_batch(nothing, table.schema, table.day_column).num_rows == 0
