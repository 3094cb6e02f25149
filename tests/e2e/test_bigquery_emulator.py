"""The BigQuery sink on an emulator: what is written, what is refused, what survives a kill.

Runs where the emulator's packages can be had; with MOMENT_EVERYTHING set it must run.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deploy.local.bigquery import PROJECT, Emulator
from pipelines.arguments import add_measure_arguments
from pipelines.errors import OptionError
from pipelines.measure import measure
from pipelines.measure_bigquery import WRITTEN, measure_into_bigquery
from pipelines.options import MeasureOptions, measure_options
from pipelines.runs import Runs
from pipelines.simulator import Options, simulate, write
from pipelines.sinks.bigquery.append import USUAL, Appender
from pipelines.sinks.bigquery.check import check_bigquery
from pipelines.sinks.bigquery.clients import connect
from pipelines.sinks.bigquery.destination import Destination, parse_destination
from pipelines.sinks.bigquery.sink import AppendToDefault
from pipelines.sinks.bigquery.tables import apply, plan
from pipelines.sinks.table import Table
from pipelines.sinks.tables import (
    BALANCES,
    BIGQUERY_TABLES,
    EVENTS,
    FAILED_EVENTS,
    METRICS,
    PARTIALS,
    RUNS,
    TABLES,
)
from pipelines.stream import begin
from schemas.balance import OUTCOMES
from schemas.bigquery import DAY, wire_batch, wire_schema
from schemas.day_partial import DAY_PARTIAL_KEY
from schemas.metric import KEY
from tests.bigquery_tables import create_table, create_tables, in_order, one, rows
from tests.e2e.append_bigquery import failures
from tests.e2e.in_bigquery import write as append

pytestmark = pytest.mark.timeout(900)

ROOT = Path(__file__).resolve().parent.parent.parent
KEYS: dict[Table, tuple[str, ...]] = {
    EVENTS: ("event_id", "collected_time", "event_time"),
    METRICS: KEY,
    FAILED_EVENTS: ("failure_id",),
    BALANCES: ("input", "arrival_hour", "channel"),
    PARTIALS: ("local_day", *DAY_PARTIAL_KEY),
}
BY_THE_CLOCK = ("published_time", "ingested_time", "failed_time", DAY)


@pytest.fixture
def place(bigquery: Emulator, request: pytest.FixtureRequest) -> Destination:
    """A destination of the test's own, with every table."""
    name = f"d{abs(hash(request.node.name)) % 10**8}"
    found = parse_destination(f"bigquery://{PROJECT}/{name}", bigquery.variables)
    create_tables(bigquery.client(), found, BIGQUERY_TABLES)
    return found


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The native files of a small show, faults included."""
    folder = tmp_path_factory.mktemp("live")
    write(simulate(Options(seed=7, people=40, minutes=10)), folder)
    return sorted(path for path in folder.iterdir() if path.name != "truth.json")


def options(inputs: list[Path], output: str | Path) -> MeasureOptions:
    parser = argparse.ArgumentParser()
    add_measure_arguments(parser)
    given = [*map(str, inputs), "--output", str(output)]
    return measure_options(parser.parse_args(given), ())


def parquet(dataset: Path, table: Table) -> list[Any]:
    files = sorted((dataset / table.name).rglob("*.parquet"))
    whole = pa.concat_tables(pq.read_table(file, partitioning=None) for file in files)
    return in_order(whole, KEYS[table], BY_THE_CLOCK)


def in_bigquery(bigquery: Emulator, place: Destination, table: Table) -> list[Any]:
    found = rows(bigquery.client(), place, table)
    whole = pa.Table.from_pylist(found, schema=wire_schema(table.schema))
    return in_order(whole, KEYS[table], BY_THE_CLOCK)


def failed_rows(bigquery: Emulator, place: Destination) -> tuple[int, int]:
    """Rows of failed_events, and those that its view shows."""
    table = place.name(FAILED_EVENTS)
    view = (
        f"SELECT count(*) FROM (SELECT * FROM `{table}` WHERE day >= DATE '0001-01-01' QUALIFY"
        " row_number() OVER (PARTITION BY failure_id ORDER BY failed_time) = 1)"
    )
    client = bigquery.client()
    there = one(client, f"SELECT count(*) FROM `{table}` WHERE day >= DATE '0001-01-01'")
    return there, one(client, view)


# A run


def test_a_run_into_bigquery_is_row_by_row_the_dataset_of_files(bigquery, place, live, tmp_path):
    files = measure(options(live, tmp_path / "figures"))

    measured = measure_into_bigquery(options(live, str(place)), place)

    for table in KEYS:
        expected = parquet(tmp_path / "figures", table)
        assert expected, table.name
        assert in_bigquery(bigquery, place, table) == expected, table.name
    assert (measured.balance, measured.metrics) == (files.balance, files.metrics)
    assert measured.unbalanced == []


def test_day_is_the_partition_that_the_table_says(bigquery, place, live):
    measure_into_bigquery(options(live, str(place)), place)

    for table in KEYS:
        wrong = f"day != DATE({table.day_column})"
        assert rows(bigquery.client(), place, table, wrong) == [], table.name


def test_a_run_is_recorded_with_its_options_and_outcome(bigquery, place, live):
    measure_into_bigquery(options(live, str(place)), place)

    found = sorted(rows(bigquery.client(), place, RUNS), key=lambda row: row["recorded_time"])
    assert [row["state"] for row in found] == ["started", "finished"]
    assert len({row["run_id"] for row in found}) == 1
    last = Runs(place, streaming=False).last()
    assert last is not None
    assert last["time_zone"] == "Europe/Paris"
    assert Runs(place, streaming=True).last() is None


def test_what_others_write_meanwhile_is_not_told_of_a_run(bigquery, place, live):
    soon = datetime.now(timezone.utc) + timedelta(minutes=10)
    hour = soon.replace(minute=0, second=0, microsecond=0)
    counts = dict.fromkeys(OUTCOMES, 1) | {"failed": 0, "events": 2}
    theirs = {"input": "kafka:live/0", "arrival_hour": hour, "channel": "segment", **counts,
              "balanced": False, "published_time": soon}  # fmt: skip
    append(BALANCES, [pa.RecordBatch.from_pylist([theirs], BALANCES.schema)], place)
    figure = example(METRICS.schema) | {"published_time": soon, "epoch": 7}
    append(METRICS, [pa.RecordBatch.from_pylist([figure], METRICS.schema)], place)

    measured = measure_into_bigquery(options(live[:1], str(place)), place)

    assert measured.unbalanced == []
    ours = rows(bigquery.client(), place, BALANCES, "input != 'kafka:live/0'")
    assert measured.balance == {name: sum(row[name] for row in ours) for name in OUTCOMES}
    assert measured.metrics == len(rows(bigquery.client(), place, METRICS, "epoch = 0")) > 0


def example(schema: pa.Schema) -> dict[str, Any]:
    """A row in which what may be null is null."""
    told = {"string": "", "int64": 0, "double": 0.0, "date32[day]": date(2026, 3, 2)}
    return {
        field.name: told.get(str(field.type), datetime(2026, 3, 2, tzinfo=timezone.utc))
        for field in schema
        if not field.nullable
    }


def test_a_run_killed_in_its_middle_shows_nothing_and_is_run_again(bigquery, place, live, tmp_path):
    command = [
        sys.executable,
        "-m",
        "pipelines",
        "measure",
        *map(str, live),
        "--output",
        str(place),
    ]
    running = subprocess.Popen(command, cwd=ROOT, env=os.environ | bigquery.variables)
    until = time.monotonic() + 300
    while not rows(bigquery.client(), place, RUNS):
        assert running.poll() is None
        assert time.monotonic() < until
        time.sleep(0.1)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert [rows(bigquery.client(), place, table) for table in KEYS] == [[]] * len(KEYS)

    measure(options(live, tmp_path / "figures"))
    measure_into_bigquery(options(live, str(place)), place)

    for table in KEYS:
        assert in_bigquery(bigquery, place, table) == parquet(tmp_path / "figures", table)


# Before anything starts


def test_tables_as_they_should_be_pass_the_check(place):
    check_bigquery(place, BIGQUERY_TABLES)


def test_a_missing_dataset_is_one_sentence(bigquery):
    nowhere = parse_destination(f"bigquery://{PROJECT}/nowhere", bigquery.variables)

    with pytest.raises(OptionError) as refused:
        check_bigquery(nowhere, TABLES)

    assert str(refused.value) == (
        f"--output bigquery://{PROJECT}/nowhere: expected the dataset {PROJECT}.nowhere, found"
        " none: create it and its tables with `moment tables apply`, or correct the name"
    )


def test_missing_tables_are_one_sentence(bigquery, place):
    client = bigquery.client()
    for table in (EVENTS, FAILED_EVENTS):
        client.delete_table(place.name(table))

    with pytest.raises(OptionError) as refused:
        check_bigquery(place, WRITTEN)

    assert str(refused.value) == (
        f"--output {place}: expected the table {place.name(EVENTS)} and"
        f" {place.name(FAILED_EVENTS)}, found none: create it with `moment tables apply`"
    )


def _with(table: Table, name: str, type: pa.DataType | None) -> Table:
    """The table with a column of another type, or without it."""
    at = table.schema.get_field_index(name)
    schema = table.schema
    field = schema.field(at)
    schema = schema.remove(at) if type is None else schema.set(at, field.with_type(type))
    return replace(table, schema=schema)


@pytest.mark.parametrize(
    ("type", "found"),
    [
        (pa.string(), "found it to be STRING: a column's type cannot be changed"),
        (None, "found none: add it with `moment tables apply`"),
    ],
    ids=["of another type", "missing"],
)
def test_a_column_that_is_not_ours_is_one_sentence(bigquery, place, type, found):
    client = bigquery.client()
    client.delete_table(place.name(BALANCES))
    create_table(client, place, _with(BALANCES, "received", type))

    with pytest.raises(OptionError) as refused:
        check_bigquery(place, WRITTEN)

    assert str(refused.value).startswith(
        f"expected the column received INT64 in {place.name(BALANCES)}, {found}"
    )


def test_a_column_that_nobody_writes_must_be_nullable(bigquery, place):
    client = bigquery.client()
    client.delete_table(place.name(BALANCES))
    extra = pa.field("theirs", pa.int64(), False)
    create_table(client, place, replace(BALANCES, schema=BALANCES.schema.append(extra)))

    with pytest.raises(OptionError, match=r"expected no required column in .* found theirs"):
        check_bigquery(place, WRITTEN)


def test_an_emulator_that_does_not_answer_is_one_sentence(bigquery):
    gone = Destination(PROJECT, "d", "r", "http://127.0.0.1:1", "127.0.0.1:1")

    with pytest.raises(OptionError, match=r"expected BigQuery to answer, found \w+: check the net"):
        check_bigquery(gone, TABLES)


# A stream


def test_a_stream_is_begun_once_and_goes_on_with_the_same_options(bigquery, place, live):
    def stream(*given: str) -> MeasureOptions:
        parser = argparse.ArgumentParser()
        add_measure_arguments(parser)
        arguments = [str(live[0]), "--output", str(place), "--speed", "60", *given]
        return measure_options(parser.parse_args(arguments), ("--runner=PrismRunner",))

    begin(stream())()
    with pytest.raises(OptionError, match=r"a stream was begun in it on .*; give --append to go"):
        begin(stream())
    begin(stream("--append"))()
    with pytest.raises(OptionError, match="expected hot_minutes 15 as it was begun with, found 30"):
        begin(stream("--append", "--hot-minutes", "30"))

    states = [(row["state"], row["streaming"]) for row in rows(bigquery.client(), place, RUNS)]
    assert states == [("started", True)] * 2


def test_replace_is_for_directories(place, live):
    parser = argparse.ArgumentParser()
    add_measure_arguments(parser)
    given = parser.parse_args([str(live[0]), "--output", str(place), "--replace"])

    with pytest.raises(OptionError, match=r"^--replace: expected a directory, found bigquery://"):
        measure_options(given, ())


def test_a_worker_killed_in_mid_append_loses_nothing_and_doubles_nothing_in_the_view(
    bigquery, place
):
    """Started again after the last bundle that it said was acknowledged, as a runner would."""
    bundles, each, acknowledged, kills = 24, 500, -1, 0
    while acknowledged + 1 < bundles:
        left = bundles - acknowledged - 1
        command = [sys.executable, "-m", "tests.e2e.append_bigquery", str(place)]
        worker = subprocess.Popen(
            [*command, str(acknowledged + 1), str(left), str(each)],
            cwd=ROOT,
            env=os.environ | bigquery.variables,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert worker.stdout is not None
        for said, line in enumerate(worker.stdout, 1):
            acknowledged = int(line)
            if said == 7 and kills < 3:
                # The next bundle is on its way.
                worker.send_signal(signal.SIGKILL)
                kills += 1
                break
        # What it still said before it was killed was acknowledged too.
        for line in worker.stdout:
            acknowledged = int(line)
        assert worker.wait() in (0, -signal.SIGKILL)

    there, shown = failed_rows(bigquery, place)
    assert kills == 3
    assert shown == bundles * each
    assert there >= shown


def test_an_emulator_killed_and_started_again_loses_nothing(bigquery, place):
    writer = AppendToDefault(FAILED_EVENTS, place, USUAL)
    breaks = threading.Timer(0.5, lambda: (bigquery.kill(), bigquery.start()))
    breaks.start()
    bundle, after = 0, None
    while after is None or bundle < after + 3:
        writer.start_bundle()
        writer.process(failures(bundle, 200))
        assert list(writer.finish_bundle()) == []
        bundle += 1
        if after is None and not breaks.is_alive():
            after = bundle
    writer.teardown()

    there, shown = failed_rows(bigquery, place)
    assert shown == bundle * 200
    assert there >= shown


def test_a_frozen_emulator_is_waited_for(bigquery, place):
    writer = AppendToDefault(FAILED_EVENTS, place, USUAL)
    bigquery.freeze()
    threading.Timer(3, bigquery.thaw).start()
    for bundle in range(3):
        writer.start_bundle()
        writer.process(failures(bundle, 200))
        list(writer.finish_bundle())
    writer.teardown()

    assert failed_rows(bigquery, place)[1] == 600


def test_a_column_added_under_load_loses_nothing_and_the_old_writer_goes_on(bigquery):
    place = parse_destination(f"bigquery://{PROJECT}/older", bigquery.variables)
    client, name = bigquery.client(), place.name(FAILED_EVENTS)
    older = _with(FAILED_EVENTS, "detail", None)
    create_tables(client, place, [older])
    old = AppendToDefault(older, place, replace(USUAL, reconnect_seconds=60))
    told: list[str] = []
    for bundle in range(12):
        if bundle == 4:
            # The emulator's API adds it to the catalogue alone, its SQL to what is stored alone.
            client.query_and_wait(f"ALTER TABLE `{name}` ADD COLUMN detail STRING")
            changes = [each for each in plan(client, place, "EU") if each.path == name]
            apply(changes, told.append)
        if bundle == 8:
            _append_newer(place, bundle=100)
        old.start_bundle()
        old.process(failures(bundle, 100).drop_columns(["detail"]))
        assert list(old.finish_bundle()) == []
    old.teardown()

    assert told == [
        f"{name}: add detail, set description, time partitioning, clustering fields, labels, require"
        " partition filter"
    ]
    found = rows(client, place, FAILED_EVENTS)
    assert failed_rows(bigquery, place)[1] == 1300
    assert {row["detail"] for row in found if row["position"] >= 10_000} == {"expected JSON"}
    assert {row["detail"] for row in found if row["position"] < 10_000} == {None}
    # Which the emulator does not keep.
    (left,) = (each for each in plan(client, place, "EU") if each.path == name)
    assert left.sentence == "set require partition filter"


def _append_newer(place: Destination, bundle: int) -> None:
    """What a new version's worker writes, that knows the column: over a connection of its own."""
    schema = wire_schema(FAILED_EVENTS.schema)
    stream = f"{place.path(FAILED_EVENTS)}/streams/_default"
    patience = replace(USUAL, reconnect_seconds=20)
    appender = Appender(stream, schema, lambda: connect(place, stream, schema.names), patience)
    batch = failures(bundle, 100)
    appender.append(wire_batch(batch, FAILED_EVENTS.schema, FAILED_EVENTS.day_column))
    assert appender.flush() == []
    appender.close()


def test_as_many_connections_as_a_job_of_several_slots_keeps_leave_somebody_to_answer(
    bigquery, place
):
    """Each holds a thread of the emulator, which would have four more than cores."""
    writers = [
        AppendToDefault(FAILED_EVENTS, place, replace(USUAL, reply_seconds=10, reconnect_seconds=0))
        for _ in range(40)
    ]
    for bundle, writer in enumerate(writers):
        writer.start_bundle()
        writer.process(failures(bundle, 10))
    for writer in writers:
        assert list(writer.finish_bundle()) == []

    assert failed_rows(bigquery, place)[1] == 400
    for writer in writers:
        writer.teardown()
