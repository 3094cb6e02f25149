"""A stream on Flink into BigQuery's emulator, a worker and the emulator killed on the way.

Between them a proxy refuses requests, loses replies, is late and cuts connections off.

A small live is published to Kafka at 240 times its pace, so that windows close while records come.
No window is sealed before all of its records are there: what then stands in BigQuery must be, row
by row, what a batch of the same records writes into files.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from deploy.local.bigquery import PROJECT, missing_emulator
from deploy.local.download import missing_tool
from deploy.local.kafka_publish import Published
from deploy.local.services import Services, local_services
from pipelines.sinks.bigquery.destination import WRITE_VARIABLE, Destination, parse_destination
from pipelines.sinks.bigquery.tables import apply, plan
from pipelines.sinks.tables import BALANCES, EVENTS, METRICS
from schemas.bigquery import DAY, wire_schema
from tests.bigquery_tables import in_order, one
from tests.e2e.cluster import kill_workers, measure_arguments, running_job, wait_for_topic
from tests.e2e.dataset import QUIET, Dataset, Verdict, moment, verify
from tests.e2e.needs import need
from tests.e2e.streams import Job, arriving, make_live, oracle, publish_live, running
from tests.e2e.write_proxy import Fault, WriteProxy, write_proxy

pytestmark = pytest.mark.timeout(1800)

EVENTS_ASKED = 16_000
BEGIN = datetime(2026, 3, 14, 18, 30, tzinfo=timezone.utc)
LAST_DAY_ENDS = datetime(2026, 3, 14, 23, 0, tzinfo=timezone.utc)
"""Midnight in Paris, two hours after the show: by then nearly all has arrived."""
DAY_OF_THE_SHOW = "2026-03-14"
SPEED = 240.0
ANY_DAY = f"{DAY} > DATE '0001-01-01'"


@dataclass(frozen=True)
class Tables:
    """Tables of BigQuery that a job writes. Asked seldom: while it answers it takes no rows."""

    to: Destination
    client: Any

    def written(self) -> int:
        return int(self.one(f"SELECT count(*) FROM `{self.to.name(EVENTS)}` WHERE {ANY_DAY}"))

    def is_final_through(self, end: datetime) -> bool:
        found = self.one(f"SELECT max(window_end) FROM `{self.to.name(METRICS)}`")
        return found is not None and found >= end

    def quiet(self) -> bool:
        newest = max(
            self.one(f"SELECT max(published_time) FROM `{self.to.name(table)}` WHERE {ANY_DAY}")
            for table in (METRICS, BALANCES)
        )
        return bool(datetime.now(timezone.utc) - newest > QUIET)

    def one(self, sql: str) -> Any:
        time.sleep(2)
        return one(self.client, sql)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return [dict(row.items()) for row in self.client.query(sql).result()]


@dataclass(frozen=True)
class Survived:
    """What a job wrote into BigQuery under kills and faults, what a batch wrote into files, what
    verify said."""

    tables: Tables
    batch: Dataset
    proxy: WriteProxy
    published: int
    verdict: Verdict


@pytest.fixture(scope="module")
def survived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Survived]:
    """With an emulator of the cluster's: that of other tests may be in use beside."""
    need(missing_tool() or missing_emulator())
    folder = tmp_path_factory.mktemp("flink")
    make_live(folder / "whole", EVENTS_ASKED)
    live = arriving(folder / "whole", BEGIN, LAST_DAY_ENDS, folder / "live")
    with (
        local_services(slots=2) as services,
        write_proxy(services.bigquery.variables[WRITE_VARIABLE], requests=25, seed=42) as proxy,
        pytest.MonkeyPatch.context() as patch,
    ):
        bigquery = services.bigquery
        bigquery.start()
        variables = bigquery.variables | {WRITE_VARIABLE: proxy.address}
        for name, value in variables.items():
            patch.setenv(name, value)
        to = parse_destination(f"bigquery://{PROJECT}/streamed", variables)
        apply(plan(bigquery.client(), to, "EU"), lambda sentence: None)
        tables = Tables(to, bigquery.client())
        with ThreadPoolExecutor(1) as elsewhere:
            publishing = elsewhere.submit(publish_live, live, services.kafka, "live", 4, SPEED)
            wait_for_topic(services, "live")
            topic = f"kafka://{services.kafka}/live"
            options = ("--idle-after", "25", "--publish-every", "5", "--hot-minutes", "600")
            arguments = measure_arguments(services, topic, str(to), *options)
            with running("pipelines", arguments, folder / "log", TMPDIR=str(services.tmp)) as job:
                running_job(services)
                _kill_and_wait(services, job, tables, publishing)
        verdict = verify(str(to), topic)
        batch = Dataset(oracle(folder / "batch", [live]))
        yield Survived(tables, batch, proxy, publishing.result().messages, verdict)


def _kill_and_wait(
    services: Services, job: Job, tables: Tables, publishing: Future[Published]
) -> None:
    """A kill of the workers and one of the emulator while records come."""
    job.wait_until(lambda: tables.written() > 3_000, seconds=300)
    kill_workers(services)
    job.wait_until(lambda: tables.written() > 8_000, seconds=300)
    services.bigquery.kill()
    time.sleep(5)
    services.bigquery.start()
    publishing.result(timeout=300)
    job.wait_until(lambda: tables.is_final_through(LAST_DAY_ENDS), seconds=400)
    job.wait_until(tables.quiet, seconds=200)


def test_the_stream_met_each_kind_of_fault_or_it_proves_nothing(survived):
    assert survived.proxy.of_appends() == set(Fault)


def test_the_figures_that_stand_in_bigquery_are_those_of_a_recomputation(survived):
    survived.verdict.holds()


def test_the_figures_that_stand_are_row_by_row_those_of_a_batch_in_files(survived):
    without = ("epoch", "revision", "cause", "published_time", DAY)
    standing = "suppressed_reason IS DISTINCT FROM 'withdrawn'"
    view = f"{survived.tables.to.project}.{survived.tables.to.views_dataset}.metrics_latest"

    found = survived.tables.rows(f"SELECT * FROM `{view}` WHERE {standing}")
    expected = survived.batch.rows(
        f"SELECT * EXCLUDE ({', '.join(without)}) FROM metrics_latest WHERE {standing}"
    )

    figures = {tuple(v for k, v in row.items() if k not in without) for row in found}
    assert len(figures) == len(found)
    assert figures == set(expected)


def test_each_event_is_once_in_the_latest_view_and_is_that_of_a_batch_in_files(survived):
    to = survived.tables.to
    sql = f"SELECT * FROM `{to.project}.{to.dataset}.events_latest` WHERE {ANY_DAY}"

    found = pa.Table.from_pylist(survived.tables.rows(sql), schema=wire_schema(EVENTS.schema))
    with duckdb.connect(str(survived.batch.folder / "moment.duckdb"), read_only=True) as files:
        expected = files.sql("SELECT * FROM events_latest").to_arrow_table()

    key = ("event_id",)
    assert in_order(found, key, (DAY,)) == in_order(
        expected.select([n for n in found.column_names if n != DAY]), key, ()
    )


def test_what_rolls_up_of_the_sealed_day_is_that_of_a_batch_in_files(survived):
    """Sketches byte by byte, each once though families may have said it again."""
    without = ("published_time", DAY)
    to = survived.tables.to
    sql = f"SELECT * FROM `{to.project}.{to.dataset}.partials_latest` WHERE {ANY_DAY}"

    found = survived.tables.rows(sql)
    expected = survived.batch.rows(f"SELECT * EXCLUDE ({', '.join(without)}) FROM partials_latest")

    sketches = {tuple(v for k, v in row.items() if k not in without) for row in found}
    assert len(sketches) == len(found)
    assert sketches == set(expected)


def test_the_balance_closes_and_counts_what_a_batch_counts(survived):
    counts = "channel, sum(received), sum(failed), sum(events), sum(duplicate), sum(withheld)"
    to = survived.tables.to
    view = f"{to.project}.{to.views_dataset}.balance_latest"

    found = survived.tables.rows(f"SELECT {counts} FROM `{view}` GROUP BY channel")
    unbalanced = survived.tables.rows(f"SELECT * FROM `{view}` WHERE NOT balanced")
    expected = survived.batch.rows(f"SELECT {counts} FROM balance_latest GROUP BY channel")

    assert unbalanced == []
    assert {tuple(row.values()) for row in found} == set(expected)
    assert sum(received for _, received, *_ in expected) == survived.published


def test_at_least_one_write_was_repeated_or_the_kills_prove_nothing(survived):
    to = survived.tables.to
    counted = f"SELECT sum(events - withheld - ignored) FROM `{to.project}.{to.views_dataset}"

    assert survived.tables.written() > survived.tables.one(f"{counted}.balance_latest`")


def test_a_backfill_of_the_streams_day_changes_nothing_and_another_neither(survived):
    to = survived.tables.to
    rows = f"SELECT count(*) FROM `{to.name(METRICS)}`"
    before = survived.tables.one(rows)

    for _ in range(2):
        backfilled = moment("backfill", str(to), "--from", DAY_OF_THE_SHOW, "--to", DAY_OF_THE_SHOW)
        assert backfilled.code == 0, backfilled.said[-5000:]
        assert f"{DAY_OF_THE_SHOW}: identical, " in backfilled.said

    assert survived.tables.one(rows) == before
