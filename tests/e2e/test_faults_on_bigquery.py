"""`moment measure` into BigQuery's emulator through a proxy that breaks what passes.

Of seven requests five are refused, answered with RESOURCE_EXHAUSTED, answered late, lose their
reply or are cut off on their way. Runs where the emulator's packages can be had; with
MOMENT_EVERYTHING set it must run.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from deploy.local.bigquery import PROJECT, Emulator
from deploy.local.services import ROOT
from pipelines.simulator import Options, simulate, write
from pipelines.sinks.bigquery.destination import WRITE_VARIABLE, Destination, parse_destination
from pipelines.sinks.bigquery.tables import apply, plan
from pipelines.sinks.table import Table
from pipelines.sinks.tables import BALANCES, EVENTS, FAILED_EVENTS, METRICS, PARTIALS
from pipelines.sinks.views import View, views
from schemas.balance import BALANCE_KEY
from schemas.bigquery import DAY, wire_schema
from schemas.day_partial import DAY_PARTIAL_KEY
from schemas.metric import KEY
from tests.bigquery_tables import in_order, one
from tests.e2e.streams import oracle
from tests.e2e.write_proxy import OF_CALLS, Fault, WriteProxy, write_proxy

pytestmark = pytest.mark.timeout(900)

CHANNELS = "access_log,cloudevents,segment,youtube_chat"
"""Four of a show: each silent channel has a row a minute, and rows take the emulator long."""
VIEWS: dict[str, tuple[Table, tuple[str, ...]]] = {
    "events_latest": (EVENTS, ("event_id",)),
    "metrics_latest": (METRICS, KEY),
    "failed_events_latest": (FAILED_EVENTS, ("failure_id",)),
    "balance_latest": (BALANCES, BALANCE_KEY),
    "partials_latest": (PARTIALS, ("local_day", *DAY_PARTIAL_KEY)),
}
BY_THE_CLOCK = ("published_time", "ingested_time", "failed_time", DAY)


@dataclass(frozen=True)
class Measured:
    """Tables that were written through the proxy, the proxy, and the dataset of files beside."""

    to: Destination
    client: Any
    proxy: WriteProxy
    files: Path


@pytest.fixture(scope="module")
def measured(bigquery: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    folder = tmp_path_factory.mktemp("faults")
    (folder / "live").mkdir()
    write(simulate(Options(seed=7, people=40, minutes=10)), folder / "live")
    live = [p for c in CHANNELS.split(",") for p in (folder / "live").glob(f"{c}.*")]
    options = ("--channels", CHANNELS)
    to = parse_destination(f"bigquery://{PROJECT}/faults", bigquery.variables)
    apply(plan(bigquery.client(), to, "EU"), lambda sentence: None)
    with write_proxy(bigquery.variables[WRITE_VARIABLE], requests=7, seed=7) as proxy:
        command = [sys.executable, "-m", "pipelines", "measure", *map(str, live)]
        ended = subprocess.run(
            [*command, "--output", str(to), *options],
            cwd=ROOT,
            env=os.environ | bigquery.variables | {WRITE_VARIABLE: proxy.address},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr[-5000:]
        yield Measured(to, bigquery.client(), proxy, oracle(folder / "files", live, *options))


def test_a_run_meets_each_kind_of_fault_or_it_proves_nothing(measured):
    assert measured.proxy.of_appends() == set(Fault)
    assert measured.proxy.of_calls() == set(OF_CALLS)


@pytest.mark.parametrize("name", VIEWS)
def test_what_a_run_wrote_under_faults_is_row_by_row_what_it_writes_into_files(measured, name):
    table, key = VIEWS[name]
    (view,) = [each for each in views(by_day=True) if each.name == name]

    found = in_bigquery(measured, view, table)
    expected = in_files(measured.files, view, table)

    assert expected.num_rows > 0
    assert in_order(found, key, BY_THE_CLOCK) == in_order(expected, key, BY_THE_CLOCK)


@pytest.mark.parametrize("table", [table for table, _ in VIEWS.values()], ids=lambda t: t.name)
def test_no_row_of_a_run_is_written_twice_for_a_fault(measured, table):
    """Streams of its own have offsets: what is there already is not added again."""
    sql = f"SELECT count(*) FROM `{measured.to.name(table)}` WHERE {DAY} > DATE '0001-01-01'"

    with duckdb.connect(str(measured.files / "moment.duckdb"), read_only=True) as files:
        ((written,),) = files.execute(f"SELECT count(*) FROM {table.name}").fetchall()

    assert one(measured.client, sql) == written


def in_bigquery(measured: Measured, view: View, table: Table) -> pa.Table:
    sql = f"SELECT * FROM `{measured.to.name(view)}` WHERE {DAY} > DATE '0001-01-01'"
    rows = [dict(row.items()) for row in measured.client.query_and_wait(sql)]
    return pa.Table.from_pylist(rows, schema=wire_schema(table.schema))


def in_files(dataset: Path, view: View, table: Table) -> pa.Table:
    with duckdb.connect(str(dataset / "moment.duckdb"), read_only=True) as files:
        files.execute("SET TimeZone = 'UTC'")
        found = files.sql(f"SELECT * FROM {view.name}").to_arrow_table()
    schema = wire_schema(table.schema)
    return found.select(schema.names).cast(schema)
