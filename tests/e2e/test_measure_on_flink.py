"""The whole job on Flink, from Kafka, while everything it rests on is killed: what it then says.

A live of about a hundred thousand records, with copies and late ones, is published at 150 times
its pace, so that windows close while the job reads. The TaskManager is killed, then Beam's
workers, then the broker is restarted. What stands in the end must be what a recomputation gives.
"""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from confluent_kafka.admin import AdminClient

from deploy.local.download import missing_tool
from deploy.local.kafka_publish import Published
from deploy.local.processes import running as process_of
from deploy.local.services import ROOT, Services, local_services
from pipelines.sinks.duckdb_views import create_views
from schemas.event import INSTANT
from tests.e2e.cluster import running_job
from tests.e2e.needs import need
from tests.e2e.streams import Job, make_live, publish_live, running

pytestmark = pytest.mark.timeout(1800)

BEGIN = datetime(2026, 3, 14, 18, 30, tzinfo=timezone.utc)
"""An hour before the show. What the simulator sends two days before would make the pace wait."""
LAST_DAY_ENDS = datetime(2026, 3, 15, 23, 0, tzinfo=timezone.utc)
"""The end of the day on which the last record arrived, in Paris."""
SPEED = 150.0


@dataclass(frozen=True)
class Survived:
    """A dataset written under kills, how many records were published, and what verify said."""

    dataset: Path
    published: int
    code: int
    said: str

    def rows(self, query: str) -> list[tuple]:
        with duckdb.connect(str(self.dataset / "moment.duckdb"), read_only=True) as views:
            return views.execute(query).fetchall()


@pytest.fixture(scope="module")
def survived(tmp_path_factory: pytest.TempPathFactory) -> Survived:
    need(missing_tool())
    folder = tmp_path_factory.mktemp("flink")
    make_live(folder / "live", events=100_000)
    _from_begin(folder / "live")
    dataset = folder / "figures"
    with local_services(slots=2) as services, ThreadPoolExecutor(1) as elsewhere:
        publishing = elsewhere.submit(
            publish_live, folder / "live", services.kafka, "live", 4, SPEED
        )
        _wait_for_topic(services)
        with running("pipelines", _measure(services, dataset), folder / "log") as job:
            running_job(services)
            _kill_and_wait(services, job, dataset, publishing)
        verified = subprocess.run(
            [
                sys.executable,
                "-m",
                "pipelines",
                "verify",
                dataset,
                f"kafka://{services.kafka}/live",
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    create_views(dataset)
    said = verified.stdout + verified.stderr
    return Survived(dataset, publishing.result().messages, verified.returncode, said)


def _from_begin(live: Path) -> None:
    for path in live.glob("*.parquet"):
        table = pq.read_table(path)
        kept = table.filter(pc.greater_equal(table["arrived_time"], pa.scalar(BEGIN, INSTANT)))
        path.unlink()
        if kept.num_rows:
            pq.write_table(kept, path, row_group_size=16_384)


def _measure(services: Services, dataset: Path) -> list[str]:
    return [
        *("measure", f"kafka://{services.kafka}/live", "--output", str(dataset)),
        *("--idle-after", "25", "--publish-every", "5"),
        *services.pipeline_arguments(),
        "--checkpointing_interval=3000",
        "--state_backend=rocksdb",
        f"--state_backend_storage_path={services.checkpoints.as_uri()}",
    ]


def _wait_for_topic(services: Services) -> None:
    client = AdminClient({"bootstrap.servers": services.kafka})
    until = time.monotonic() + 60
    while "live" not in client.list_topics(timeout=10).topics:
        assert time.monotonic() < until, "no topic was made within 60 s"
        time.sleep(0.2)


def _kill_and_wait(
    services: Services, job: Job, dataset: Path, publishing: Future[Published]
) -> None:
    """Three kills while records come, each when more of them have been written than before."""
    job.wait_until(lambda: _written(dataset) > 15_000, seconds=240)
    services.kill_taskmanager()
    services.restart_taskmanager()
    job.wait_until(lambda: _written(dataset) > 45_000, seconds=240)
    pool = process_of(services.folder, "worker_pool")
    subprocess.run(["pkill", "-KILL", "-P", str(pool)], check=True)
    job.wait_until(lambda: _written(dataset) > 70_000, seconds=240)
    services.restart_kafka()
    publishing.result(timeout=300)
    job.wait_until(lambda: _final_through(dataset) == LAST_DAY_ENDS, seconds=300)


def _written(dataset: Path) -> int:
    files = dataset.glob("events/day=*/*.parquet")
    return sum(pq.read_metadata(path).num_rows for path in files)


def _final_through(dataset: Path) -> datetime | None:
    """The end of the last window that was published as final."""
    files = [str(path) for path in dataset.glob("metrics/day=2026-03-15/*.parquet")]
    if not files:
        return None
    ((end,),) = duckdb.execute(
        "SELECT max(window_end)::TIMESTAMPTZ FROM read_parquet($files)", {"files": files}
    ).fetchall()
    return end


def test_the_figures_that_stand_are_those_of_a_recomputation(survived):
    assert survived.code == 0, survived.said[-5000:]
    assert survived.said.startswith("identical: ")


def test_at_least_one_write_was_repeated_or_the_kills_prove_nothing(survived):
    """A copy of a record has an arrival or a place of its own; a repeated write has neither."""
    ((rows,),) = survived.rows("SELECT count(*) FROM events")
    ((counted,),) = survived.rows("SELECT sum(events - withheld - ignored) FROM balance_latest")

    assert rows > counted


def test_every_event_is_once_in_the_latest_view_though_it_was_written_again(survived):
    ((rows, ids),) = survived.rows("SELECT count(*), count(DISTINCT event_id) FROM events_latest")
    ((written,),) = survived.rows("SELECT count(DISTINCT event_id) FROM events")

    assert rows == ids == written


def test_the_balance_closes_with_what_was_late(survived):
    ((received, late),) = survived.rows("SELECT sum(received), sum(late) FROM balance_latest")
    unbalanced = survived.rows("SELECT * FROM balance_latest WHERE NOT balanced")

    assert unbalanced == []
    assert received == survived.published
    assert late > 0


def test_what_was_late_is_in_the_ledger(survived):
    ((ledger,),) = survived.rows(
        "SELECT count(DISTINCT (shard, number)) FROM late_events_latest WHERE effect = 'event'"
    )
    ((late,),) = survived.rows("SELECT sum(late) FROM balance_latest")

    assert ledger == late


def test_families_that_were_restored_said_everything_again(survived):
    causes = dict(survived.rows("SELECT cause, count(*) FROM metrics GROUP BY cause"))

    assert causes["recovery"] > 0
    assert causes["late_data"] > 0


def test_early_figures_were_published_before_their_windows_ended(survived):
    ((early,),) = survived.rows(
        "SELECT count(*) FROM metrics_live WHERE window_kind = 'day' AND value IS NOT NULL"
    )

    assert early > 0
