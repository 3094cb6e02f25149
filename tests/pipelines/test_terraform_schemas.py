from __future__ import annotations

import json

import pytest

from pipelines.sinks.bigquery.sql import BIGQUERY_VIEWS
from pipelines.sinks.tables import BIGQUERY_TABLES
from pipelines.terraform_schemas import INDEX, REGENERATE, SCHEMAS, VIEWS, schema_files, view_files

CLUSTERABLE = {
    "BIGNUMERIC", "BOOL", "DATE", "DATETIME", "INT64", "NUMERIC", "STRING", "TIMESTAMP",
}  # fmt: skip
"""The types of columns by which BigQuery clusters; BYTES is not among them."""


@pytest.mark.parametrize(
    ("folder", "files"), [(SCHEMAS, schema_files()), (VIEWS, view_files())], ids=["tables", "views"]
)
def test_terraforms_files_are_those_of_the_code(folder, files):
    written = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}

    assert written == files, f"terraform/{folder.name} is out of date: run `{REGENERATE}`"


def test_a_view_has_its_sql_and_its_place_and_is_at_most_one_above_another():
    """The module makes views in two goes: those over tables, and those over views."""
    files = view_files()
    index = json.loads(files[INDEX])

    assert set(files) == {INDEX, *(f"{view.name}.sql" for view in BIGQUERY_VIEWS)}
    assert list(index) == [view.name for view in BIGQUERY_VIEWS]
    assert index["coverage"]["dataset"] == "views"
    assert "FROM `${project}`.`${dataset}_views`.`metrics_latest`" in files["coverage.sql"]
    over = {name for name, view in index.items() if view["over_views"]}
    for name in over:
        assert [each for each in over if f"`{each}`" in files[f"{name}.sql"]] == []


def test_a_table_is_described_whole():
    files = {name: json.loads(text) for name, text in schema_files().items()}

    assert set(files) == {f"{table.name}.json" for table in BIGQUERY_TABLES}
    failed = files["failed_events.json"]
    assert (failed["restricted"], failed["kept_days"], failed["partition"]) == (True, 30, "day")
    assert {"name": "payload", "type": "BYTES", "mode": "REQUIRED"}.items() <= next(
        column for column in failed["columns"] if column["name"] == "payload"
    ).items()
    assert files["metrics.json"]["kept_days"] is None
    assert [name for name, table in files.items() if not table["day_required"]] == [
        "metrics.json",
        "late_events.json",
    ]
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
