"""What a page asks: of which views and days, which columns, and sums as a slow reader makes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from pipelines.report import selects
from pipelines.report.folder import FolderSource
from pipelines.report.selects import BALANCE_OF_CHANNELS, FAILURES, Select
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.sql import BIGQUERY_VIEWS, translated
from pipelines.sinks.tables import BIGQUERY_TABLES
from schemas.balance import OUTCOMES
from tests.pipelines.report.rows import balance, write_balance

OURS = Destination("our-project", "live", "live_restricted")
ASKED = {name: value for name, value in vars(selects).items() if isinstance(value, Select)}


def in_bigquery(select: Select) -> exp.Expression:
    paths = {each.name: OURS.name(each) for each in (*BIGQUERY_TABLES, *BIGQUERY_VIEWS)}
    return sqlglot.parse_one(translated(select.text, paths), read="bigquery")


def tables(asked: exp.Expression) -> set[str]:
    return {f"{table.db}.{table.name}" for table in asked.find_all(exp.Table)}


def test_only_views_of_figures_and_the_reasons_of_failures_are_read():
    assert {name: tables(in_bigquery(select)) for name, select in ASKED.items()} == {
        "DAYS": {"live_views.partition_status"},
        "EVENTS_OF_DAYS": {"live_views.metrics_latest"},
        "OF_THE_DAY": {"live_views.metrics_latest"},
        "OF_MINUTES": {"live_views.metrics_latest"},
        "COUNTS": {"live_views.metrics_latest"},
        "BALANCE_OF_CHANNELS": {"live_views.balance_latest"},
        "FAILURES": {"live_restricted.failed_events"},
    }
    read = {column.name for column in in_bigquery(FAILURES).find_all(exp.Column)}
    assert read == {"channel", "stage", "reason", "failure_id", "day"}


@pytest.mark.parametrize("name", ["OF_THE_DAY", "OF_MINUTES", "COUNTS"])
def test_figures_of_one_day_name_that_day(name):
    where = in_bigquery(ASKED[name]).args["where"].this

    conditions = where.flatten() if isinstance(where, exp.And) else [where]
    assert "day = @day" in [each.sql("bigquery") for each in conditions]


def test_hours_that_balance_are_one_row_a_channel_and_each_other_is_its_own(tmp_path: Path):
    rows = [
        balance("web", 10, 2),
        balance("web", 30, 1, input="b.ndjson"),
        balance("web", 7, input="c.ndjson", decoded=5),
        balance("web", 5, input="d.ndjson", balanced=False),
        balance("app", 4, events=3),
        balance("app", 6, 6, input="b.ndjson"),
    ]
    write_balance(tmp_path, rows)
    with FolderSource(tmp_path).opened() as ask:
        found = ask(BALANCE_OF_CHANNELS, {})

    assert sorted(found, key=by_place) == sorted(slowly(rows), key=by_place)
    assert sorted((row["channel"], row["input"] or "", row["received"]) for row in found) == [
        ("app", "", 6),
        ("app", "app.ndjson", 4),
        ("web", "", 40),
        ("web", "c.ndjson", 7),
        ("web", "d.ndjson", 5),
    ]


def by_place(row: Any) -> tuple[str, str]:
    return row["channel"], row["input"] or ""


def slowly(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        right = (
            row["balanced"]
            and row["received"] == row["decoded"] + row["failed"]
            and row["events"]
            == sum(row[o] for o in ("accepted", "duplicate", "withheld", "ignored", "late"))
        )
        place = (None, None) if right else (row["input"], row["arrival_hour"])
        groups.setdefault((row["channel"], *place), []).append(row)
    return [
        {
            "channel": channel,
            "input": file,
            "arrival_hour": min(row["arrival_hour"] for row in group),
            "last_hour": max(row["arrival_hour"] for row in group),
            **{outcome: sum(row[outcome] for row in group) for outcome in OUTCOMES},
            "balanced": all(row["balanced"] for row in group),
        }
        for (channel, file, _), group in groups.items()
    ]
