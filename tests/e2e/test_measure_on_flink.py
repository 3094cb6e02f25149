"""The whole job on Flink, from Kafka, while everything it rests on is killed: what it then says.

A live of half a million records, with copies and late ones, is published at 100 times its pace, so
that windows close while the job reads. The TaskManager is killed, then Beam's workers, then the
broker is restarted. What stands in the end must be what a recomputation gives.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone

import pytest

from deploy.local.download import missing_tool
from deploy.local.kafka_publish import Published
from deploy.local.services import Services, local_services
from tests.e2e.cluster import (
    kill_workers,
    measure_arguments,
    running_job,
    wait_for_checkpoint,
    wait_for_topic,
)
from tests.e2e.dataset import Dataset, Verdict, balance_closes, events_are_once
from tests.e2e.needs import need
from tests.e2e.streams import Job, arriving, make_large_live, publish_live, running

pytestmark = pytest.mark.timeout(1800)

EVENTS = 540_000
"""What the simulator is asked for; it makes a few less, and 7,000 are of before BEGIN."""
BEGIN = datetime(2026, 3, 14, 19, 0, tzinfo=timezone.utc)
"""Half an hour before the show. What is sent two days before would make the pace wait."""
LAST_DAY_ENDS = datetime(2026, 3, 14, 23, 0, tzinfo=timezone.utc)
"""Midnight in Paris, two hours after the show: by then nearly all has arrived."""
SPEED = 100.0


@dataclass(frozen=True)
class Survived:
    """A dataset written under kills, how many records were published, and what verify said."""

    dataset: Dataset
    published: int
    verdict: Verdict


@pytest.fixture(scope="module")
def survived(tmp_path_factory: pytest.TempPathFactory) -> Survived:
    need(missing_tool())
    folder = tmp_path_factory.mktemp("flink")
    make_large_live(folder / "whole", EVENTS)
    live = arriving(folder / "whole", BEGIN, LAST_DAY_ENDS, folder / "live")
    dataset = Dataset(folder / "figures")
    with local_services(slots=2) as services, ThreadPoolExecutor(1) as elsewhere:
        publishing = elsewhere.submit(publish_live, live, services.kafka, "live", 4, SPEED)
        wait_for_topic(services, "live")
        topic = f"kafka://{services.kafka}/live"
        options = ("--idle-after", "25", "--publish-every", "5")
        arguments = measure_arguments(services, topic, dataset.folder, *options)
        log = folder / "log"
        with running("pipelines", arguments, log, TMPDIR=str(services.tmp)) as job:
            running_job(services)
            _kill_and_wait(services, job, dataset, publishing)
        verdict = dataset.verify(topic)
    return Survived(dataset, publishing.result().messages, verdict)


def _kill_and_wait(
    services: Services, job: Job, dataset: Dataset, publishing: Future[Published]
) -> None:
    """Three kills while records come, each when more of them have been written than before.

    The first when there are figures: what is restored then knows that it has published some.
    """
    job.wait_until(
        lambda: dataset.written() > 75_000 and dataset.final_through() is not None, seconds=300
    )
    _wait_until_kept(services, job, dataset)
    dataset.note_appends()
    services.kill_taskmanager()
    services.restart_taskmanager()
    job.wait_until(lambda: dataset.written() > 225_000, seconds=300)
    _wait_until_kept(services, job, dataset)
    dataset.note_appends()
    kill_workers(services)
    job.wait_until(lambda: dataset.written() > 350_000, seconds=300)
    services.restart_kafka()
    publishing.result(timeout=300)
    job.wait_until(lambda: dataset.is_final_through(LAST_DAY_ENDS), seconds=400)
    job.wait_until(dataset.quiet, seconds=500)


def _wait_until_kept(services: Services, job: Job, dataset: Dataset) -> None:
    """Return when a checkpoint knows what has been published, and rows were written after it."""
    wait_for_checkpoint(services, running_job(services))
    written = dataset.written()
    job.wait_until(lambda: dataset.written() > written, seconds=60)


def test_the_figures_that_stand_are_those_of_a_recomputation(survived):
    survived.verdict.holds()


def test_no_record_failed_for_a_fault_of_the_code_that_reads_it(survived):
    """Workers decode on several threads: what they share must not come between them."""
    assert (
        survived.dataset.rows(
            "SELECT channel, detail, count(*) FROM failed_events_latest"
            " WHERE reason = 'decoder_error' GROUP BY ALL"
        )
        == []
    )


def test_half_a_million_events_were_measured_with_copies_and_late_ones(survived):
    ((events, copies, late),) = survived.dataset.rows(
        "SELECT sum(events), sum(duplicate), sum(late) FROM balance_latest"
    )

    assert survived.published >= 500_000
    assert events >= 500_000
    assert copies > 5_000
    # A shard that catches up closes with the beat: what is late by less than that still counts.
    assert late > 50


def test_at_least_one_write_was_repeated_or_the_kills_prove_nothing(survived):
    """After each kill the sink appended again what it had appended before it, and nothing counted
    it: a copy of a record has an arrival or a place of its own, a repeated write has neither."""
    ((rows,),) = survived.dataset.rows("SELECT count(*) FROM events")
    ((counted,),) = survived.dataset.rows(
        "SELECT sum(events - withheld - ignored) FROM balance_latest"
    )

    assert min(survived.dataset.repeated_appends()) > 0
    assert rows > counted


def test_every_event_is_once_in_the_latest_view_though_it_was_written_again(survived):
    events_are_once(survived.dataset)


def test_the_balance_closes_with_what_was_late(survived):
    ((received,),) = survived.dataset.rows("SELECT sum(received) FROM balance_latest")

    assert received == survived.published
    balance_closes(survived.dataset)


def test_families_that_were_restored_said_everything_again(survived):
    causes = dict(survived.dataset.rows("SELECT cause, count(*) FROM metrics GROUP BY cause"))

    assert causes["recovery"] > 0
    assert causes["late_data"] > 0


def test_early_figures_were_published_before_their_windows_ended(survived):
    ((early,),) = survived.dataset.rows(
        "SELECT count(*) FROM metrics_live WHERE window_kind = 'day' AND value IS NOT NULL"
    )

    assert early > 0
