"""Every number of a page is that of the row it names."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from schemas.balance import BALANCE
from schemas.failure import FAILED_EVENT
from tests.pipelines.report.reader import Page, rows_by_key, shown_number


def test_every_number_is_the_rounded_column_of_the_row_it_names(live: Path, page: Page) -> None:
    _, elements = page
    rows = rows_by_key(live)
    traced = [e["attributes"] for e in elements if "data-metric-key" in e["attributes"]]
    numbers = [a for a in traced if "data-value" in a]

    assert len(numbers) > 1_000
    for attributes in numbers:
        row, field = rows[attributes["data-metric-key"]], attributes["data-field"]
        value = row[field]
        if "data-less-key" in attributes:
            value -= rows[attributes["data-less-key"]][field]
        decimals = len(attributes["data-value"].partition(".")[2])
        assert float(attributes["data-value"]) == round(value, decimals), attributes
    for attributes in traced:
        if "data-value" not in attributes:
            assert rows[attributes["data-metric-key"]][attributes["data-field"]] is None


def test_every_number_is_written_as_the_value_it_carries(page: Page) -> None:
    _, elements = page
    written = [
        e
        for e in elements
        if "data-value" in e["attributes"] and e["tag"] in ("span", "tspan") and e["text"]
    ]

    assert len(written) > 200
    for element in written:
        carried = float(element["attributes"]["data-value"])
        assert shown_number(element["text"]) == pytest.approx(carried, abs=1e-9), element


def test_no_number_of_a_card_or_a_table_is_without_its_row(page: Page) -> None:
    _, elements = page
    cells = [
        e
        for e in elements
        if (e["tag"] == "td" or e["attributes"].get("class") == "big")
        and e["attributes"].get("class") != "words"
    ]

    assert len(cells) > 100
    assert [e["text"] for e in cells if any(c.isdigit() for c in e["text"])] == []


def test_every_count_of_the_balance_is_the_sum_it_names(live: Path, page: Page) -> None:
    _, elements = page
    balances = pq.read_table(live / "balance", schema=BALANCE).to_pylist()
    failed = Counter(
        (row["channel"] or "unknown", row["stage"], row["reason"])
        for row in pq.read_table(live / "failed_events", schema=FAILED_EVENT).to_pylist()
    )
    latest = rows_by_key(live).values()
    reasons = Counter((row["suppressed_reason"] or "", row["window_kind"]) for row in latest)
    causes = Counter(row["cause"] for row in latest)
    counts = [e["attributes"] for e in elements if "data-balance-key" in e["attributes"]]

    seen = Counter(attributes["data-balance-key"].partition("|")[0] for attributes in counts)
    assert seen == {"balance": 9 * 9, "failed_events": 5, "metrics": 4 * 3 + 2}
    for attributes in counts:
        table, *key = attributes["data-balance-key"].split("|")
        if table == "balance":
            channel, outcome = key
            true = sum(row[outcome] for row in balances if channel in ("*", row["channel"]))
        elif table == "failed_events":
            true = failed[tuple(key)]
        else:
            true = reasons[tuple(key)] if len(key) == 2 else causes[key[0]]
        assert int(attributes["data-value"]) == true, attributes
