"""The views of a dataset, over rows of a few lines, as files and as BigQuery have them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import duckdb
import pyarrow as pa
import pytest

from pipelines.sinks.tables import FOLDER_TABLES
from pipelines.sinks.views import views
from pipelines.sinks.wide_views import WIDE_VIEWS
from schemas.bigquery import DAY, wire_batch
from schemas.metric import METRIC
from tests.pipelines.report.rows import metric
from tests.pipelines.stated import FACTS, FIGURES, STANDING, STATUS


@pytest.fixture(params=[False, True], ids=["of files", "of BigQuery"])
def dataset(request: pytest.FixtureRequest) -> Iterator[duckdb.DuckDBPyConnection]:
    """Tables without a row, with a column of somebody in their middle, and the views over them."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for table in FOLDER_TABLES:
            connection.register("empty", table.schema.empty_table())
            connection.execute(
                f"CREATE TABLE {table.name} AS"
                f" SELECT NULL::VARCHAR AS note, *, NULL::DATE AS {DAY} FROM empty"
            )
            connection.unregister("empty")
        for view in views(by_day=request.param):
            connection.execute(f"CREATE VIEW {view.name} AS {view.select}")
        yield connection


def _add(dataset: duckdb.DuckDBPyConnection, name: str, rows: pa.RecordBatch) -> None:
    (table,) = (each for each in FOLDER_TABLES if each.name == name)
    told = pa.table(wire_batch(rows, table.schema, table.day_column))
    dataset.register("told", told)
    dataset.execute(f"INSERT INTO {name} BY NAME SELECT * FROM told")
    dataset.unregister("told")


# Facts


def test_a_fact_that_the_next_day_changes_stands_there_and_one_it_takes_back_nowhere(dataset):
    _add(dataset, "events", FACTS)

    found = dataset.execute("SELECT day, source_event_id FROM events_standing").fetchall()

    assert set(found) == STANDING
    assert len(found) == len(STANDING)


@pytest.mark.parametrize("day", [date(2026, 3, 2), date(2026, 3, 3)], ids=str)
def test_a_question_about_one_day_knows_what_another_day_says_of_its_facts(dataset, day):
    _add(dataset, "events", FACTS)

    found = dataset.execute(
        "SELECT day, source_event_id FROM events_standing WHERE day = ?", [day]
    ).fetchall()

    assert set(found) == {row for row in STANDING if row[0] == day}


# Days


def test_a_day_is_open_until_its_greatest_epoch_has_the_figures_of_the_day(dataset):
    _add(dataset, "metrics", FIGURES)

    found = dataset.execute(
        "SELECT day, status, epoch FROM partition_status WHERE table_name = 'metrics' ORDER BY day"
    ).fetchall()

    assert found == STATUS


# Columns

OF_A_TABLE = {
    "events_latest": "events",
    "events_standing": "events",
    "metrics_latest": "metrics",
    "balance_latest": "balance",
    "failed_events_latest": "failed_events",
    "late_events_latest": "late_events",
    "partials_latest": "partials",
}


def _columns(dataset: duckdb.DuckDBPyConnection, view: str) -> list[str]:
    return [row[0] for row in dataset.execute(f"DESCRIBE {view}").fetchall()]


@pytest.mark.parametrize(("view", "name"), OF_A_TABLE.items(), ids=OF_A_TABLE)
def test_a_view_has_our_columns_of_its_table_in_our_order_and_none_of_others(dataset, view, name):
    (table,) = (each for each in FOLDER_TABLES if each.name == name)

    assert _columns(dataset, view) == [*table.schema.names, "day"]


def test_a_column_that_somebody_adds_to_one_table_of_a_view_breaks_it_not(dataset):
    dataset.execute("ALTER TABLE metrics_live DROP note")
    row = metric("reach", 10.0, local_day=date(2026, 3, 2))
    _add(dataset, "metrics", pa.RecordBatch.from_pylist([row], schema=METRIC))
    early = row | {"value": 11.0, "channel": "app"}
    _add(dataset, "metrics_live", pa.RecordBatch.from_pylist([early], schema=METRIC))

    assert _columns(dataset, "metrics_now") == [*METRIC.names, "day", "final"]
    found = dataset.execute("SELECT value, final FROM metrics_now ORDER BY value").fetchall()
    assert found == [(10.0, True), (11.0, False)]


# Wide


def test_each_kind_of_a_mix_has_its_interval_its_people_and_why_it_is_hidden(dataset):
    mix = [
        metric(
            "interaction_mix", 0.75, item="like", interval_low=0.7, interval_high=0.8, n=90,
            local_day=date(2026, 3, 2),
        ),
        metric(
            "interaction_mix", None, item="share", n=0, suppressed_reason="fewer_than_30",
            local_day=date(2026, 3, 2),
        ),
    ]  # fmt: skip
    _add(dataset, "metrics", pa.RecordBatch.from_pylist(mix, schema=METRIC))

    told = ", ".join(
        f"interaction_mix_{item}{end}"
        for item in ("like", "share")
        for end in ("", "_low", "_high", "_n", "_suppressed")
    )
    assert dataset.execute(f"SELECT {told} FROM wide_engagement").fetchall() == [
        (0.75, 0.7, 0.8, 90, None, None, None, None, 0, "fewer_than_30")
    ]


def test_every_figure_of_a_wide_view_has_the_same_five_columns(dataset):
    for name, _, _ in WIDE_VIEWS:
        columns = _columns(dataset, name)
        figures = [each.removesuffix("_suppressed") for each in columns if "_suppressed" in each]
        ends = ("", "_low", "_high", "_n", "_suppressed")
        assert columns[9:-2] == [f"{figure}{end}" for figure in figures for end in ends], name
