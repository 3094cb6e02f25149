"""The hourly queries say nothing where all is well, and fail where it is not.

They are written for BigQuery; DuckDB runs them here, with its names for a few functions.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import duckdb
import pytest

from schemas.balance import EVENT_OUTCOMES, OUTCOMES
from tests.terraform.configuration import MODULES

MONITORING = MODULES / "monitoring"
NOW = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)


def _query(name: str, **values: object) -> str:
    text = (MONITORING / "checks" / f"{name}.sql").read_text()
    for placeholder, value in {"balance": "a.b.balance", **values}.items():
        text = text.replace(f"${{{placeholder}}}", str(value))
    assert "${" not in text
    return (
        text.replace("`a.b.balance`", "balance")
        .replace("CURRENT_TIMESTAMP()", "now()")
        .replace("CURRENT_DATE()", "current_date")
    )


def _row(hours_ago: int, **told: Any) -> dict[str, Any]:
    hour = NOW - timedelta(hours=hours_ago)
    counted = dict.fromkeys(OUTCOMES, 0) | told
    balanced = counted["received"] == counted["decoded"] + counted["failed"] and counted[
        "events"
    ] == sum(counted[outcome] for outcome in EVENT_OUTCOMES)
    return {
        "input": "pubsub:a", "channel": "segment", "arrival_hour": hour, "day": hour.date(),
        "balanced": balanced, "published_time": hour, **counted,
    } | {name: value for name, value in told.items() if name == "published_time"}  # fmt: skip


def _asked(query: str, *rows: dict[str, Any]) -> str:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("CREATE MACRO timestamp_sub(t, i) AS t - i")
    connection.execute("CREATE MACRO date_sub(d, i) AS d - i")
    columns = ", ".join(f"{outcome} BIGINT" for outcome in OUTCOMES)
    connection.execute(
        "CREATE TABLE balance (input VARCHAR, channel VARCHAR, arrival_hour TIMESTAMPTZ, day DATE,"
        f" balanced BOOLEAN, published_time TIMESTAMPTZ, {columns})"
    )
    for row in rows:
        names = ", ".join(row)
        marks = ", ".join("?" for _ in row)
        connection.execute(f"INSERT INTO balance ({names}) VALUES ({marks})", list(row.values()))
    ((told,),) = connection.execute(query).fetchall()
    return str(told)


OPEN = {"received": 10, "decoded": 9, "failed": 0}
CLOSED = {"received": 10, "decoded": 9, "failed": 1, "events": 9, "accepted": 9}


def test_hours_that_close_are_not_told():
    query = _query("unbalanced_hours")

    assert _asked(query) == "every hour closes"
    assert _asked(query, _row(4, **CLOSED)) == "every hour closes"


def test_an_hour_that_does_not_close_fails_the_query():
    with pytest.raises(duckdb.Error, match="MOMENT unbalanced_hours: 1 rows do not close"):
        _asked(_query("unbalanced_hours"), _row(4, **OPEN), _row(5, **CLOSED))


def test_an_hour_that_is_still_counted_may_be_open():
    assert _asked(_query("unbalanced_hours"), _row(0, **OPEN)) == "every hour closes"


def test_of_an_hour_the_row_written_last_holds():
    later = _row(4, **CLOSED, published_time=NOW)

    assert _asked(_query("unbalanced_hours"), _row(4, **OPEN), later) == "every hour closes"


@pytest.mark.parametrize(
    ("received", "failed", "told"),
    [(1000, 20, "few records fail"), (1000, 21, None), (99, 99, "few records fail")],
)
def test_a_share_of_failed_records_above_the_limit_fails_the_query(received, failed, told):
    row = _row(1, received=received, decoded=received - failed, failed=failed)
    query = _query("failed_share", failed_share=0.02)

    if told is None:
        with pytest.raises(duckdb.Error, match="MOMENT failed_share: 21 of 1000 records fail"):
            _asked(query, row)
    else:
        assert _asked(query, row) == told


def test_without_any_row_few_records_fail():
    assert _asked(_query("failed_share", failed_share=0.02)) == "few records fail"


def test_the_dashboard_is_json_of_tiles_that_do_not_overlap():
    text = (MONITORING / "dashboard.json").read_text()
    for name in ("backlog", "freshness"):
        text = text.replace(f"${{{name}}}", "300")
    layout = json.loads(text)["mosaicLayout"]
    places = [(tile["xPos"], tile["yPos"]) for tile in layout["tiles"]]

    assert len(set(places)) == len(places) == 8
    assert all(x + 24 <= layout["columns"] for x, _ in places)
