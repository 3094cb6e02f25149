"""Where a stream begins: what is recorded of it and when, and which one may go on with another.

Dataflow's own runner builds the graph; with --template_location it writes it and sends no job.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import google_crc32c
import pytest

from pipelines.cli import BAD_USE, main
from pipelines.errors import JobError
from pipelines.runners import PRISM_LOSES
from pipelines.runs import Runs
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.faults import SinkError
from pipelines.stream import _add_row, ended
from tests.pipelines.refill import views
from tests.storage_write import Answer, StorageWrite
from tests.web_server import QuietHandler, serving

DATAFLOW = (
    "--runner=DataflowRunner",
    "--no_auth",
    "--project=example",
    "--region=europe-west1",
    "--job_name=moment-stream",
    "--temp_location=gs://example/temp",
    "--staging_location=gs://example/staging",
    "--sdk_container_image=europe-west1-docker.pkg.dev/example/moment/moment-dataflow:1",
    "--template_location=gs://example/graph",
)
REFUSED = "--requirements_file=/nowhere/requirements.txt"
"""What the runner refuses when it is given the graph."""


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A server of Cloud Storage that takes every object; the names of what it was given."""
    given: list[str] = []

    class Storage(QuietHandler):
        def do_GET(self) -> None:
            self.answer(200, b'{"name": "example"}')

        def do_POST(self) -> None:
            given.append(json.loads(self.body())["name"])
            self.answer(200, b"{}", Location=f"http://{self.headers['Host']}/upload")

        def do_PUT(self) -> None:
            summed = base64.b64encode(google_crc32c.Checksum(self.body()).digest()).decode()
            self.answer(200, json.dumps({"crc32c": summed}).encode())

    with serving(Storage) as place:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://{place}")
        yield given


@pytest.fixture
def begin(tmp_path: Path, bucket: list[str], anonymous: None) -> Callable[..., int]:
    """Runs `moment measure` of a replay, for Dataflow; its exit code."""
    log = tmp_path / "web.log"
    log.write_text(views(2, range(1, 4)))

    def run(*more: str) -> int:
        inputs = [f"access_log={log}", "--speed=1", f"--output={tmp_path / 'figures'}"]
        return main(["measure", *inputs, "--shards=4", *DATAFLOW, *more])

    return run


def test_a_stream_begins_where_a_run_over_files_was_killed_and_clears_what_it_left(
    begin: Callable[..., int], tmp_path: Path
) -> None:
    (tmp_path / "figures" / ".incoming" / "events").mkdir(parents=True)
    (tmp_path / "figures" / ".moment.lock").write_text('{"user": "of one that is no more"}')

    assert begin() == 0
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {"failed_events", "run.json"}


def recorded(tmp_path: Path) -> dict[str, Any]:
    run: dict[str, Any] = json.loads((tmp_path / "figures" / "run.json").read_text())
    return run


def test_a_job_whose_graph_is_written_is_recorded_and_a_success(begin, bucket, tmp_path, capsys):
    assert begin() == 0

    assert "the graph is written: Dataflow starts the job from it" in capsys.readouterr().out
    assert "graph" in bucket
    assert recorded(tmp_path)["streaming"] is True


def test_a_first_job_that_its_runner_refuses_is_recorded_nowhere_and_the_next_begins(
    begin, tmp_path
):
    with pytest.raises(Exception, match="nowhere"):
        begin("--append", REFUSED)

    assert not (tmp_path / "figures" / "run.json").exists()
    # Nothing was begun: other options than those of the first are no contradiction.
    assert begin("--append", "--shards=8") == 0
    assert recorded(tmp_path)["shards"] == 8


def test_one_that_goes_on_and_is_refused_leaves_the_record_of_the_one_that_runs(begin, tmp_path):
    assert begin("--append") == 0
    before = recorded(tmp_path)

    with pytest.raises(Exception, match="nowhere"):
        begin("--append", "--epoch=1", REFUSED)

    assert recorded(tmp_path) == before


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (
            "--shards=8",
            "expected shards 4 as it was begun with, found 8; give the same, or a higher",
        ),
        ("--hot-minutes=30", "expected hot_minutes 15 as it was begun with, found 30"),
        ("--time-zone=UTC", "expected time_zone 'Europe/Paris' as it was begun with, found 'UTC'"),
        ("--brand=b", "expected brand None as it was begun with, found 'b'"),
    ],
)
def test_options_that_differ_are_refused_before_a_graph_is_written(
    begin, bucket, capsys, given, found
):
    assert begin("--append") == 0
    bucket.clear()

    assert begin("--append", given) == BAD_USE
    assert found in capsys.readouterr().err
    assert bucket == []


def test_a_higher_epoch_starts_from_nothing_with_other_shards_and_a_lower_one_is_refused(
    begin, tmp_path, capsys
):
    assert begin("--append") == 0
    assert begin("--append", "--epoch=2", "--shards=8", "--hot-minutes=30") == 0
    assert recorded(tmp_path)["epoch"] == 2
    assert begin("--append", "--epoch=2", "--shards=8", "--hot-minutes=30") == 0

    assert begin("--append", "--epoch=1", "--shards=8", "--hot-minutes=30") == BAD_USE
    assert "expected epoch 2 as it was begun with, found 1" in capsys.readouterr().err
    # Who a person is, and what a day is, no epoch changes.
    assert begin("--append", "--epoch=3", "--time-zone=UTC") == BAD_USE


def test_a_job_that_runs_and_cannot_be_recorded_is_to_be_cancelled(server: StorageWrite):
    place = Destination("a-project", "d", "d_restricted", "http://nowhere", server.address)
    server.plan = lambda request: Answer(code="PERMISSION_DENIED")

    with pytest.raises(SinkError) as failed:
        _add_row(Runs(place, streaming=True), {"streaming": True})

    told = str(failed.value)
    assert told.startswith("expected to append to the BigQuery table a-project.d.runs, found PERM")
    assert told.endswith("recorded nowhere: where it runs, cancel it, and begin it again")


class Ended:
    """What Beam gives of a job that has ended: its state, or an error."""

    def __init__(self, end: str | Exception) -> None:
        self._end = end

    def wait_until_finish(self) -> str:
        if isinstance(self._end, Exception):
            raise self._end
        return self._end


CANCELLED = (
    "Pipeline BeamApp-root-1130023358-c428a4e8 failed in state FAILED:"
    " org.apache.flink.runtime.client.JobCancellationException: Job was cancelled."
)
RESTARTED_TOO_OFTEN = (
    "Pipeline BeamApp-root-1130023358-c428a4e8 failed in state FAILED:"
    " org.apache.flink.runtime.JobException: Recovery is suppressed"
)


def test_a_job_that_was_cancelled_in_flink_is_cancelled_and_has_not_failed():
    """Beam says that it failed."""
    assert ended(Ended(RuntimeError(CANCELLED))) == "CANCELLED"
    assert ended(Ended("DRAINED")) == "DRAINED"


def test_a_job_that_failed_says_why_in_a_sentence():
    with pytest.raises(JobError) as failed:
        ended(Ended(RuntimeError(RESTARTED_TOO_OFTEN)))

    assert str(failed.value) == (
        "the job failed, and what it had written stays: Pipeline BeamApp-root-1130023358-c428a4e8"
        " failed in state FAILED: org.apache.flink.runtime.JobException: Recovery is suppressed;"
        " see the logs of its cluster"
    )


@pytest.mark.parametrize(
    ("end", "code", "out", "err"),
    [
        (RuntimeError(CANCELLED), 0, "the job is CANCELLED\n", ""),
        (
            RuntimeError("no slots"),
            1,
            "",
            "moment: the job failed, and what it had written stays: no slots; see the logs of its"
            " cluster\n",
        ),
    ],
)
def test_who_waits_for_a_job_is_told_its_end_without_a_traceback(
    end, code, out, err, monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr("pipelines.stream.check_kafka", lambda topics, kafka: None)
    monkeypatch.setattr("apache_beam.Pipeline.run", lambda pipeline: Ended(end))
    line = [
        "measure",
        "segment=kafka://nobody.invalid:1/live",
        "--output",
        str(tmp_path / "figures"),
    ]

    assert main([*line, "--runner=PrismRunner"]) == code

    said = capsys.readouterr()
    assert (
        said.out
        == f"figures of days in Europe/Paris are written to {tmp_path / 'figures'} until the"
        f" job is stopped\n{out}"
    )
    assert said.err == f"{PRISM_LOSES}\n{err}"
