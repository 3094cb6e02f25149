"""The whole job on Flink stopped and started again: from a savepoint, on more slots, from nothing.

Two lives, a day apart, are in one topic that is published in three parts, cut in the middle of
either show. The job reads the first and is stopped with a savepoint; goes on from it and reads the
second; goes on from another on four slots instead of two, and reads the last. A job that remembers
nothing then reads all of it into the same dataset, as a greater epoch; another begins in the midst of
the second show. Whenever one has read what there is, the figures must be those of a recomputation.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pytest

from deploy.local.download import missing_tool
from deploy.local.services import Services, local_services
from pipelines.simulator.scenario import SHOW_START
from tests.e2e.cluster import (
    ask,
    cancel,
    measure_arguments,
    running_job,
    stop_with_savepoint,
)
from tests.e2e.dataset import LONG_AGO, Dataset, Verdict, balance_closes, events_are_once
from tests.e2e.needs import need
from tests.e2e.streams import (
    NUMBERED_ALIKE,
    Job,
    arriving,
    copies_of_another_minute,
    make_live,
    publish_live,
    running,
)

pytestmark = pytest.mark.timeout(1800)

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
CUTS = (SHOW_START - HOUR, SHOW_START + HOUR, SHOW_START + DAY + HOUR, SHOW_START + 2 * DAY)
LAST_DAY_ENDS = datetime(2026, 3, 16, 23, 0, tzinfo=timezone.utc)
"""The end of the day on which the last record of the second live arrived, in Paris."""
MIDST = SHOW_START + DAY + timedelta(minutes=40)
"""In the midst of an hour, and of a day."""
SHARDS = 32
CLOSING = ("--idle-after", "15")
"""Silence lets time go on to now, which ends every window: for a job that reads the last part."""


@dataclass(frozen=True)
class Stage:
    """What stood when a job had read all there was: a copy of the dataset, and what verify says.

    `restored`: the savepoint that Flink says the job began from; `savepoint`: the one it was given.
    `copies`: messages that were published again as of another minute.
    """

    dataset: Dataset
    verifying: Future[Verdict]
    published: int
    copies: int
    restored: str | None
    savepoint: str | None
    subtasks: int


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stage]:
    need(missing_tool())
    folder = tmp_path_factory.mktemp("restarts")
    for number, events in enumerate((18_000, 14_000)):
        start = SHOW_START + number * DAY
        make_live(folder / "whole" / str(number), events=events, seed=number, start=start)
    with local_services(slots=4) as services, ThreadPoolExecutor(1) as elsewhere:
        story = Story(services, folder, elsewhere)
        story.publish(1)
        with story.job("stopped", "--idle-after", "never") as job:
            job.wait_until(lambda: story.figures.written() > 2_000, seconds=120)
            first = stop_with_savepoint(services, running_job(services))
        with story.job("savepoint", "--idle-after", "never", savepoint=first) as job:
            job.wait_until(lambda: story.figures.received() == story.published, seconds=120)
            story.publish_copies()
            story.publish(2)
            # A minute is final when every shard has said so; one that heard nothing may wait for
            # the end of its hour.
            story.keep("savepoint", job, CUTS[2] - HOUR / 2, first)
            second = stop_with_savepoint(services, running_job(services))
        # What is verified is read to the end that the topic then has.
        story.stages["savepoint"].verifying.result()
        # Before the job, which else may begin so slowly that it takes the pause for silence.
        story.publish(3)
        with story.job("rescaled", *CLOSING, savepoint=second, slots=4) as job:
            story.keep("rescaled", job, LAST_DAY_ENDS, second)
            cancel(services, running_job(services))
        with story.job("replayed", "--epoch", "1", *CLOSING) as job:
            story.keep("replayed", job, LAST_DAY_ENDS, epoch=1)
            cancel(services, running_job(services))
        midst = ("--epoch", "2", "--start", MIDST.isoformat())
        with story.job("from the midst", *midst, *CLOSING) as job:
            story.published = story.arrived_since(MIDST)
            story.keep("from the midst", job, LAST_DAY_ENDS, epoch=2)
    return story.stages


class Story:
    """One dataset, one topic, and the jobs that write and read them one after the other."""

    def __init__(self, services: Services, folder: Path, elsewhere: ThreadPoolExecutor) -> None:
        self.services, self.folder, self._elsewhere = services, folder, elsewhere
        self.figures = Dataset(folder / "figures")
        self.stages: dict[str, Stage] = {}
        self.published = self.copies = 0
        self._counts_since = LONG_AGO
        self._topic = f"kafka://{services.kafka}/live"

    def publish(self, part: int) -> None:
        """One part of both lives, as fast as the broker takes it."""
        for number in (0, 1):
            live, into = self.folder / "whole" / str(number), self.folder / f"{part}-{number}"
            without = NUMBERED_ALIKE if number else ()
            if any(arriving(live, *CUTS[part - 1 : part + 1], into, without).iterdir()):
                self.published += publish_live(into, self.services.kafka, "live", 4).messages

    def publish_copies(self) -> None:
        """The last messages of the first part again, as of the minute before: none is sealed yet."""
        messages = self.folder / "1-0" / "youtube_chat.parquet"
        since = CUTS[1] - timedelta(minutes=10)
        copies = copies_of_another_minute(messages, since, self.folder / "copies")
        self.copies = publish_live(copies, self.services.kafka, "live", 4).messages
        self.published += self.copies

    def arrived_since(self, begin: datetime) -> int:
        """Records of both lives that were published and arrived at a time or later."""
        ((records,),) = duckdb.execute(
            "SELECT count(*) FROM read_parquet($files) WHERE arrived_time >= $begin",
            {"files": [str(path) for path in self.folder.glob("?-?/*.parquet")], "begin": begin},
        ).fetchall()
        return int(records)

    @contextmanager
    def job(
        self, name: str, *options: str, savepoint: str | None = None, slots: int = 2
    ) -> Iterator[Job]:
        """A job that goes on in the dataset; of a state, or of none, once its tasks run."""
        arguments = measure_arguments(
            self.services,
            self._topic,
            self.figures.folder,
            *("--publish-every", "2", "--shards", str(SHARDS), *options),
            *(["--append"] if self.figures.folder.exists() else []),
            *([f"--savepoint_path={savepoint}"] if savepoint else []),
            slots=slots,
        )
        log, tmp = self.folder / f"{name}.log", str(self.services.tmp)
        # A job that remembers nothing counts all of it again.
        self._counts_since = LONG_AGO if savepoint else datetime.now(timezone.utc)
        with running("pipelines", arguments, log, TMPDIR=tmp) as job:
            running_job(self.services)
            yield job

    def keep(
        self,
        name: str,
        job: Job,
        through: datetime,
        savepoint: str | None = None,
        epoch: int = 0,
    ) -> None:
        """Wait until windows have ended up to a time and all that was published is counted, and
        keep what then stands."""
        job.wait_until(lambda: self.figures.is_final_through(through, epoch), seconds=300)
        read = self.published
        job.wait_until(lambda: self.figures.received(self._counts_since) == read, seconds=120)
        job.wait_until(self.figures.quiet, seconds=500)
        identifier = running_job(self.services)
        copy = Dataset(self.folder / name)
        shutil.copytree(self.figures.folder, copy.folder)
        checkpoints = ask(self.services, f"/jobs/{identifier}/checkpoints")
        vertices = ask(self.services, f"/jobs/{identifier}")["vertices"]
        self.stages[name] = Stage(
            dataset=copy,
            # Of a copy: while the next job begins.
            verifying=self._elsewhere.submit(copy.verify, self._topic),
            published=self.published,
            copies=self.copies,
            restored=(checkpoints["latest"]["restored"] or {}).get("external_path"),
            savepoint=savepoint,
            subtasks=max(vertex["parallelism"] for vertex in vertices),
        )


@pytest.mark.parametrize("name", ["savepoint", "rescaled", "replayed", "from the midst"])
def test_the_figures_are_those_of_a_recomputation(stages, name):
    stages[name].verifying.result().holds()


@pytest.mark.parametrize("name", ["savepoint", "rescaled"])
def test_copies_read_second_that_say_another_minute_are_in_the_ledger(stages, name):
    """Each arrived before the message that a job counted: a recomputation counts the copy instead,
    but for what the ledger says."""
    stage = stages[name]
    ledger = "SELECT count(*) FROM late_events_latest WHERE effect = 'copy'"

    assert stage.copies > 10
    assert stage.dataset.rows(ledger) == [(stage.copies,)]
    assert f", {stage.copies:,} copies passed over" in stage.verifying.result().said


@pytest.mark.parametrize("name", ["savepoint", "rescaled", "replayed"])
def test_every_event_is_once_in_the_latest_view(stages, name):
    events_are_once(stages[name].dataset)


@pytest.mark.parametrize("name", ["savepoint", "rescaled", "replayed"])
def test_the_balance_closes_with_what_was_late(stages, name):
    ((received,),) = stages[name].dataset.rows("SELECT sum(received) FROM balance_latest")

    assert received == stages[name].published
    balance_closes(stages[name].dataset)


def test_a_job_stopped_with_a_savepoint_went_on_from_it(stages):
    stage = stages["savepoint"]

    assert stage.restored == stage.savepoint is not None
    assert stage.subtasks == 2


def test_a_rescaled_job_went_on_from_its_savepoint_on_four_slots(stages):
    stage = stages["rescaled"]

    assert stage.restored == stage.savepoint is not None
    assert stage.subtasks == 4


def test_nothing_that_was_remembered_was_written_again_from_a_savepoint(stages):
    """A savepoint holds what was read: only a job without one writes all of it a second time."""
    written = "SELECT count(*) FROM events"
    counted = "SELECT sum(events - withheld - ignored) FROM balance_latest"

    for name, times in (("savepoint", 1), ("rescaled", 1), ("replayed", 2)):
        dataset = stages[name].dataset
        assert dataset.rows(written) == [(times * dataset.rows(counted)[0][0],)]


def test_a_job_that_remembers_nothing_replaces_every_figure_in_a_greater_epoch(stages):
    stage = stages["replayed"]
    epochs = stage.dataset.rows("SELECT DISTINCT epoch FROM metrics_latest")

    assert stage.restored is None
    assert epochs == [(1,)]


def test_a_job_that_begins_in_the_midst_of_an_hour_replaces_nothing_that_began_before(stages):
    """It knows a part of that minute, hour and day only, and its epoch is the greatest."""
    began_before = f"SELECT * FROM metrics_latest WHERE window_start < '{MIDST}' ORDER BY ALL"
    before, after = stages["replayed"].dataset, stages["from the midst"].dataset
    kinds = (
        f"SELECT DISTINCT window_kind FROM metrics_latest WHERE window_end > '{MIDST}' AND epoch"
    )

    assert after.rows(began_before) == before.rows(began_before)
    assert sorted(after.rows(f"{kinds} = 2")) == [("day",), ("hour",), ("minute",)]
    # Of the hour and of the day in which it began, what was counted whole stands.
    assert sorted(after.rows(f"{kinds} = 1")) == [("day",), ("hour",)]
