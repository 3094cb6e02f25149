from __future__ import annotations

import json

from pipelines.sinks.tables import TABLES
from pipelines.terraform_schemas import REGENERATE, SCHEMAS, schema_files

CLUSTERABLE = {
    "BIGNUMERIC", "BOOL", "DATE", "DATETIME", "INT64", "NUMERIC", "STRING", "TIMESTAMP",
}  # fmt: skip
"""The types of columns by which BigQuery clusters; BYTES is not among them."""


def test_the_schemas_of_terraform_are_those_of_the_tables():
    written = {path.name: path.read_text(encoding="utf-8") for path in SCHEMAS.glob("*.json")}

    assert written == schema_files(), f"terraform/schemas is out of date: run `{REGENERATE}`"


def test_a_table_is_described_whole():
    files = {name: json.loads(text) for name, text in schema_files().items()}

    assert set(files) == {f"{table.name}.json" for table in TABLES}
    failed = files["failed_events.json"]
    assert (failed["restricted"], failed["kept_days"], failed["partition"]) == (True, 30, "day")
    assert {"name": "payload", "type": "BYTES", "mode": "REQUIRED"}.items() <= next(
        column for column in failed["columns"] if column["name"] == "payload"
    ).items()
    assert files["metrics.json"]["kept_days"] is None
    for table in files.values():
        columns = {column["name"]: column for column in table["columns"]}
        assert columns[table["partition"]]["type"] == "DATE"
        assert all(column["description"] for column in table["columns"])


def test_tables_cluster_by_at_most_four_columns_of_types_that_bigquery_clusters_by():
    for name, text in schema_files().items():
        table = json.loads(text)
        types = {column["name"]: column["type"] for column in table["columns"]}
        assert 1 <= len(table["clustering"]) <= 4, name
        assert {types[column] for column in table["clustering"]} <= CLUSTERABLE, name
