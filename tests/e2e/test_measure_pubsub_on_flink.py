"""The whole job on Flink, from Pub/Sub, while what reads it is killed: what it then says.

Yesterday's live is published as fast as the job reads it, and a live of four days ago after it,
which is too late. A message's arrival is the time of its publication, so every window of
yesterday has ended when its events come: its figures are corrected as they do, within a hot
horizon of 36 hours. The TaskManager is killed, then Beam's workers; what they had not acknowledged
is delivered again. What stands in the end must be what a recomputation of an archive gives, which
is another subscription to the same topic.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from deploy.local.download import missing_tool
from deploy.local.kafka_publish import Published
from deploy.local.pubsub import missing_emulator
from deploy.local.services import Services, local_services
from tests.e2e.cluster import kill_workers, measure_arguments, running_job, wait_for_checkpoint
from tests.e2e.dataset import Dataset, Verdict, balance_closes, events_are_once
from tests.e2e.needs import need
from tests.e2e.pubsub_live import archive, publish_live
from tests.e2e.streams import NUMBERED_ALIKE, Job, arriving, make_large_live, make_live, running

pytestmark = pytest.mark.timeout(1800)

EVENTS = 560_000
AHEAD = 20_000
LEAST_SHARE = 0.75
"""Of the messages nine in ten become rows of events, but not soon those that a killed worker held."""
LATE_EVENTS = 6_000
HOUR = timedelta(hours=1)
HOT_MINUTES = 36 * 60
IDLE_SECONDS = 40
"""Longer than a lease of 30 s: what a killed worker held must be back before that is silence."""


@dataclass(frozen=True)
class Survived:
    """A dataset written under kills, and what verify said of it.

    `messages` and `late_messages`: how many of either live were published; `archived`: of both.
    """

    dataset: Dataset
    messages: int
    late_messages: int
    archived: int
    midnight: datetime
    verdict: Verdict


@pytest.fixture(scope="module")
def survived(tmp_path_factory: pytest.TempPathFactory) -> Survived:
    need(missing_tool() or missing_emulator(), "Pub/Sub tests")
    folder = tmp_path_factory.mktemp("pubsub")
    paris = ZoneInfo("Europe/Paris")
    midnight = datetime.combine(datetime.now(paris), time(), paris).astimezone(timezone.utc)
    # The last is said of a show four hours and a half after it began: still yesterday.
    show = midnight - timedelta(hours=6)
    before = show - timedelta(days=4)
    make_large_live(folder / "whole", EVENTS, show)
    make_live(folder / "old", LATE_EVENTS, seed=7, start=before)
    # From an hour before the show: what is sent days before it would be late by itself.
    live = arriving(folder / "whole", show - HOUR, midnight + 24 * HOUR, folder / "live")
    late = arriving(folder / "old", before - HOUR, midnight, folder / "late", NUMBERED_ALIKE)
    dataset = Dataset(folder / "figures")
    with local_services(slots=2) as services, ThreadPoolExecutor(1) as elsewhere:
        services.emulator.start()
        subscription = services.emulator.create("live")
        archiving = services.emulator.subscribe("archive", "live")
        publishing = elsewhere.submit(
            publish_live, services.emulator, "live", live, lambda: _read(dataset) + AHEAD
        )
        options = ("--hot-minutes", str(HOT_MINUTES), "--idle-after", str(IDLE_SECONDS))
        arguments = measure_arguments(
            services, f"pubsub://{subscription}", dataset.folder, *options
        )
        environment = {
            "TMPDIR": str(services.tmp),
            "PUBSUB_EMULATOR_HOST": services.emulator.address,
        }
        with running("pipelines", arguments, folder / "log", **environment) as job:
            name = running_job(services)
            sent = _kill_and_wait(services, job, name, dataset, publishing, late, midnight)
        archived = archive(services.emulator, archiving, folder / "archive")
    files = sorted((folder / "archive").iterdir())
    verdict = dataset.verify(*(f"{path.stem}={path}" for path in files))
    return Survived(
        dataset, publishing.result().messages, sent.messages, archived, midnight, verdict
    )


def _read(dataset: Dataset) -> float:
    """Messages that the job has read and written, or a few more."""
    return dataset.written() / LEAST_SHARE


def _kill_and_wait(
    services: Services,
    job: Job,
    name: str,
    dataset: Dataset,
    publishing: Future[Published],
    late: Path,
    midnight: datetime,
) -> Published:
    """Two kills, the second when what is late has just been read: how much that was."""
    job.wait_until(lambda: dataset.written() > 0.15 * EVENTS, seconds=300)
    dataset.note_appends()
    services.kill_taskmanager()
    services.restart_taskmanager()
    job.wait_until(lambda: dataset.written() > 0.45 * EVENTS, seconds=300)
    # By then every shard has closed, and a checkpoint says so: what is too late is so at each
    # delivery. A job that goes back to an earlier one takes it as being in time.
    job.wait_until(lambda: dataset.is_final_through(midnight), seconds=300)
    publishing.result(timeout=600)
    job.wait_until(dataset.stands, seconds=300)
    wait_for_checkpoint(services, name)
    sent, before = publish_live(services.emulator, "live", late), dataset.written()
    job.wait_until(lambda: dataset.written() > before + sent.messages / 2, seconds=300)
    dataset.note_appends()
    kill_workers(services)
    killed = datetime.now(timezone.utc)
    job.wait_until(lambda: _idle(dataset, killed + timedelta(seconds=IDLE_SECONDS)), seconds=600)
    job.wait_until(dataset.quiet, seconds=500)
    return sent


def _idle(dataset: Dataset, since: datetime) -> bool:
    """Whether both pullers have said since then that nothing had come for long."""
    said = dataset.rows(
        "SELECT arg_max(basis, observed_time) FROM source_status GROUP BY input"
        f" HAVING max(observed_time) > '{since}'"
    )
    return said == [("idle",), ("idle",)]


def test_the_figures_that_stand_are_those_of_a_recomputation_of_the_archive(survived):
    survived.verdict.holds()


def test_what_was_late_is_left_out_by_its_id_and_listed(survived):
    """Of each event of four days ago, and of nothing else."""
    ledger = survived.dataset.rows(
        "SELECT DISTINCT event_id FROM late_events_latest WHERE effect = 'event' ORDER BY event_id"
    )
    old = survived.dataset.rows(
        "SELECT DISTINCT event_id FROM events"
        f" WHERE event_time < '{survived.midnight - timedelta(days=3)}' ORDER BY event_id"
    )

    assert ledger == old
    assert len(old) > survived.late_messages / 2
    assert f", {len(old):,} late events" in survived.verdict.said


def test_half_a_million_messages_were_measured_and_all_are_archived(survived):
    ((events,),) = survived.dataset.rows("SELECT sum(events) FROM balance_latest")

    assert survived.messages >= 500_000
    assert events >= 500_000
    assert survived.archived == survived.messages + survived.late_messages


def test_messages_were_delivered_again_and_their_writes_repeated_or_the_kills_prove_nothing(
    survived,
):
    """Events are written straight from decoding, and no checkpoint holds what a subscription gave:
    after a kill, what was appended before it is appended again only where it was delivered again."""
    ((rows,),) = survived.dataset.rows("SELECT count(*) FROM events")
    ((counted,),) = survived.dataset.rows(
        "SELECT sum(events - withheld - ignored) FROM balance_latest"
    )

    assert min(survived.dataset.repeated_appends()) > 0
    assert rows > counted


def test_no_message_is_missing_in_the_counts(survived):
    """One that was counted and not yet acknowledged counts again, as a copy."""
    assert survived.dataset.received() >= survived.archived


def test_every_event_is_once_in_the_latest_view_though_it_was_delivered_again(survived):
    events_are_once(survived.dataset)


def test_the_balance_closes_with_what_was_late(survived):
    balance_closes(survived.dataset)

    ((accepted,),) = survived.dataset.rows("SELECT sum(accepted) FROM balance_latest")
    ((events,),) = survived.dataset.rows(
        "SELECT count(*) FROM events_latest"
        " ANTI JOIN (FROM late_events_latest WHERE effect = 'event') USING (event_id)"
    )
    assert accepted == events
