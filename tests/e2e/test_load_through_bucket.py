"""`--load-through`: rows in BigQuery by load jobs of Parquet in a bucket, on both emulators.

BigQuery's emulator reads the files that Cloud Storage's keeps: its load jobs are real ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deploy.local.bigquery import PROJECT
from deploy.local.bigquery import Emulator as BigQuery
from deploy.local.storage import Emulator
from pipelines.cli import main
from pipelines.measure import Measured
from pipelines.simulator import Options, simulate, write
from pipelines.sinks.bigquery.destination import Destination, parse_destination
from pipelines.sinks.bigquery.load import load
from pipelines.sinks.bigquery.stage import _Stage
from pipelines.sinks.bigquery.tables import apply, plan
from pipelines.sinks.table import Table
from pipelines.sinks.tables import BALANCES, EVENTS, FAILED_EVENTS, METRICS, PARTIALS, RUNS
from pipelines.storage import files_below
from schemas.bigquery import DAY, wire_schema
from schemas.day_partial import DAY_PARTIAL_KEY
from schemas.metric import KEY
from tests.bi import plain
from tests.bigquery_tables import add_column, in_order, rows

pytestmark = pytest.mark.timeout(900)

KEYS: dict[Table, tuple[str, ...]] = {
    EVENTS: ("event_id", "collected_time", "event_time"),
    METRICS: KEY,
    FAILED_EVENTS: ("failure_id",),
    BALANCES: ("input", "arrival_hour", "channel"),
    PARTIALS: ("local_day", *DAY_PARTIAL_KEY),
}
BY_THE_CLOCK = ("published_time", "ingested_time", "failed_time", DAY)
VIEWS = {
    "events_latest": "TRUE",
    # The emulator gives all of them in half a minute.
    "metrics_latest": "window_kind <> 'minute'",
    "balance_latest": "TRUE",
    "partials_latest": "TRUE",
}
PLACE = "gs://staging/load"
LOADED = f"{PLACE}/loaded"


@pytest.fixture(scope="module", autouse=True)
def _staging(storage: Emulator) -> None:
    storage.create("staging")


def dataset(tables: BigQuery, name: str) -> Destination:
    """A dataset with the tables and views of `moment tables apply`."""
    to = parse_destination(f"bigquery://{PROJECT}/{name}", tables.variables)
    apply(plan(tables.client(), to, "EU"), lambda sentence: None)
    return to


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The native files of a small show, faults included."""
    folder = tmp_path_factory.mktemp("live")
    write(simulate(Options(seed=7, people=40, minutes=10)), folder)
    (folder / "truth.json").unlink()
    return folder


@pytest.fixture(scope="module")
def figures(
    live: Path, tmp_path_factory: pytest.TempPathFactory, measured: Callable[..., Measured]
) -> Path:
    """The same input measured into a directory."""
    folder = tmp_path_factory.mktemp("files") / "figures"
    measured([live], folder)
    return folder


@pytest.fixture(scope="module")
def loaded(bigquery: BigQuery, live: Path) -> Destination:
    to = dataset(bigquery, "loaded")
    assert main(["measure", str(live), "--output", str(to), "--load-through", LOADED]) == 0
    return to


@pytest.mark.parametrize("table", KEYS, ids=lambda table: table.name)
def test_a_table_that_was_loaded_is_row_by_row_that_of_the_files(bigquery, loaded, figures, table):
    found = pa.Table.from_pylist(
        rows(bigquery.client(), loaded, table), schema=wire_schema(table.schema)
    )
    files = sorted((figures / table.name).rglob("*.parquet"))
    expected = pa.concat_tables(pq.read_table(file, partitioning=None) for file in files)

    assert expected.num_rows
    assert in_order(found, KEYS[table], BY_THE_CLOCK) == in_order(
        expected, KEYS[table], BY_THE_CLOCK
    )
    assert rows(bigquery.client(), loaded, table, f"day != DATE({table.day_column})") == []


@pytest.mark.parametrize(("view", "where"), VIEWS.items(), ids=VIEWS)
def test_what_stands_after_a_load_is_what_stands_in_the_files(
    bigquery, loaded, figures, view, where
):
    with duckdb.connect(str(figures / "moment.duckdb"), read_only=True) as files:
        told = files.execute(f"SELECT * FROM {view} WHERE {where}")
        names = [column[0] for column in told.description or ()]
        kept = [n for n, name in enumerate(names) if name not in BY_THE_CLOCK]
        expected = plain(told.fetchall())
    place = loaded.dataset if view in ("events_latest", "partials_latest") else loaded.views_dataset
    sql = f"SELECT {', '.join(names)} FROM `{loaded.project}.{place}.{view}` WHERE {where}"
    found = plain(row.values() for row in bigquery.client().query_and_wait(sql))

    assert expected
    assert _chosen(found, kept) == _chosen(expected, kept)


def _chosen(found: list[tuple[Any, ...]], kept: list[int]) -> list[str]:
    return sorted(repr([row[n] for n in kept]) for row in found)


def test_files_are_removed_and_the_run_is_recorded(bigquery, loaded):
    assert files_below(LOADED) == []
    found = sorted(rows(bigquery.client(), loaded, RUNS), key=lambda row: row["recorded_time"])
    assert [row["state"] for row in found] == ["started", "finished"]
    assert json.loads(found[1]["options"])["balanced"] is True


def test_of_a_bundle_that_is_tried_again_the_files_of_the_attempt_that_counts_are_loaded(
    bigquery, figures
):
    to = dataset(bigquery, "again")
    (file, *_) = sorted((figures / EVENTS.name).rglob("*.parquet"))
    count = pq.ParquetFile(file).metadata.num_rows
    written = []
    # The reply to the first attempt was lost, the second was given up half-way.
    for finished in (True, False, True):
        stage = _Stage(EVENTS, f"{PLACE}/run/events")
        stage.start_bundle()
        for batch in pq.read_table(file, partitioning=None).to_batches():
            assert list(stage.process(batch)) == []
        if finished:
            written = [each.value for each in stage.finish_bundle()]

    ((name, address),) = written
    assert load(to, EVENTS, "run", [address]) == count

    assert name == "events"
    assert len(files_below(f"{PLACE}/run")) == 2
    assert len(rows(bigquery.client(), to, EVENTS)) == count


def test_a_run_whose_load_fails_is_one_sentence_shows_nothing_of_it_and_leaves_no_files(
    bigquery, live, capsys
):
    to = dataset(bigquery, "fails")
    # The emulator takes columns by their place, and cannot do what BigQuery does: leave one null.
    add_column(bigquery.client(), to, EVENTS, "theirs", "STRING")

    code = main(["measure", str(live), "--output", str(to), "--load-through", f"{PLACE}/fails"])

    assert code == 1
    assert (
        f"moment: expected to load the BigQuery table {to.name(EVENTS)}, found invalid: compare the"
        " table's columns with those of `moment tables plan`"
    ) in capsys.readouterr().err
    assert files_below(f"{PLACE}/fails") == []
    states = [row["state"] for row in rows(bigquery.client(), to, RUNS)]
    assert sorted(states) == ["failed", "started"]
    assert rows(bigquery.client(), to, EVENTS) == []


def test_a_bucket_that_is_not_there_is_one_sentence_and_nothing_starts(bigquery, live, capsys):
    to = dataset(bigquery, "nowhere")

    code = main(["measure", str(live), "--output", str(to), "--load-through", "gs://no-such/load"])

    assert code == 2
    assert (
        "--load-through gs://no-such/load: expected the bucket no-such" in capsys.readouterr().err
    )
    assert rows(bigquery.client(), to, RUNS) == []
