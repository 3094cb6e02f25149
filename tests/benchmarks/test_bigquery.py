"""The benchmarks of BigQuery's sink and of replaced partitions: that they run, and how they count."""

from __future__ import annotations

import pytest

from benchmarks import run
from benchmarks.bigquery import less_fixed
from benchmarks.cases import Plan


def test_what_a_run_costs_before_its_first_row_is_no_rows_cost():
    """A second and a half whatever is written, and a thousandth of a second a row."""
    assert less_fixed({250: 1.75, 1000: 2.5}) == 1000


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return Plan(tmp_path_factory.mktemp("bench"), events=1_000, runs=1, quick=True)


def test_the_sinks_are_run_side_by_side(plan):
    """A goal is of all that ours costs, and of what Beam's costs beyond its first row."""
    results, goals = run.SECTIONS["bigquery"](plan)

    by_name = {result.name: result for result in results}
    assert {name for name in by_name if by_name[name].unit == "rows/CPU-s"} == {
        "bigquery / moment",
        "bigquery / moment, pending stream",
        "bigquery / streaming inserts / whole",
        "bigquery / streaming inserts / less what is fixed",
        "bigquery / file loads / whole",
        "bigquery / file loads / less what is fixed",
    }
    assert all(result.value > 0 for result in results)
    ours = by_name["bigquery / moment"].value
    assert {goal.name: goal.value for goal in goals} == {
        name: ours / by_name[f"{name} / less what is fixed"].value
        for name in ("bigquery / streaming inserts", "bigquery / file loads")
    }


def test_a_partition_is_replaced_ten_times_the_events_in_bigquery_and_in_a_folder(plan):
    for section, case in (
        ("bigquery-replace", "bigquery replace"),
        ("folder-replace", "folder replace"),
    ):
        results, goals = run.SECTIONS[section](plan)

        by_name = {result.name: result.value for result in results}
        assert by_name[f"{case} / rows"] == 10_000
        assert all(value > 0 for value in by_name.values())
        assert goals == []
