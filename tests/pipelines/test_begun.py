"""A stream begun in a dataset, gone on with, or started anew: what holds, and what is recorded."""

from __future__ import annotations

import argparse
import json
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest

from pipelines.arguments import add_measure_arguments
from pipelines.begun import as_begun
from pipelines.errors import OptionError
from pipelines.json_file import write_json
from pipelines.measure import IN_PROCESS, measure
from pipelines.options import MeasureOptions, measure_options
from pipelines.record_begun import RecordBegun
from pipelines.sinks.parquet import WriteParquet
from pipelines.sinks.tables import FAILED_EVENTS
from pipelines.stream import begin
from pipelines.verify.run import read_run
from tests.pipelines.refill import views
from transforms.calendar import NEVER

TOPIC = "kafka://broker:9092/live"
SUBSCRIPTION = "pubsub://projects/example/subscriptions/web"
DAY = "2026-03-02T00:00:00+01:00"
"""Where the local day begins in Paris: 23:00 UTC."""
MINUTE = int(datetime(2026, 3, 1, 23, 0, tzinfo=timezone.utc).timestamp()) // 60
STREAMING = ("--runner=PrismRunner",)
JAR = (
    "--runner=FlinkRunner",
    "--output_executable_path=job.jar",
    "--checkpointing_interval=10000",
    "--state_backend=rocksdb",
    "--state_backend_storage_path=gs://bucket/checkpoints",
    "--flink_version=1.19",
    "--environment_type=EXTERNAL",
    "--environment_config=localhost:50000",
    "--parallelism=2",
    "--sdk_worker_parallelism=2",
)


@pytest.fixture
def job(tmp_path: Path):
    """Options of `moment measure INPUT ...` into the folder `figures`."""

    def options(*given: str, beam_arguments: tuple[str, ...] = STREAMING) -> MeasureOptions:
        parser = argparse.ArgumentParser(allow_abbrev=False)
        add_measure_arguments(parser)
        arguments = parser.parse_args([*given, f"--output={tmp_path / 'figures'}", "--shards=4"])
        return measure_options(arguments, beam_arguments)

    return options


def begun(job, *given: str) -> dict[str, Any]:
    """The record of a job that has begun."""
    _, record = begin(job(*given))
    record()
    return recorded(job)


def recorded(job) -> dict[str, Any]:
    run: dict[str, Any] = json.loads((job(TOPIC, "--append").output / "run.json").read_text())
    return run


# A greater epoch


def test_a_greater_epoch_publishes_no_window_that_began_before_it_reads(job):
    assert as_begun(job(TOPIC, "--epoch=1", f"--start={DAY}"), None).rules.since_minute == MINUTE
    # In the midst of a minute it is the next one.
    within = as_begun(job(TOPIC, "--epoch=1", "--start=2026-03-01T23:00:01Z"), None)
    assert within.rules.since_minute == MINUTE + 1


def test_a_greater_epoch_may_publish_later_windows_only_and_no_earlier_ones(job):
    later = job(TOPIC, "--epoch=1", f"--start={DAY}", "--since=2026-03-02T01:00+01:00")
    assert as_begun(later, None).rules.since_minute == MINUTE + 60

    earlier = job(TOPIC, "--epoch=1", f"--start={DAY}", "--since=2026-03-01T23:59+01:00")
    with pytest.raises(OptionError) as refused:
        as_begun(earlier, None)
    assert str(refused.value) == (
        "--since 2026-03-01T22:59:00+00:00: expected --start 2026-03-02T00:00:00+01:00 or later,"
        " for --epoch 1 would replace windows of which it reads a part"
    )


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ((TOPIC, "--start=latest"), "a topic read from its end"),
        ((SUBSCRIPTION,), "a subscription"),
    ],
)
def test_a_greater_epoch_that_cannot_know_from_where_it_reads_is_told_to_be_given_it(
    job, given, what
):
    with pytest.raises(OptionError) as refused:
        as_begun(job(*given, "--epoch=1"), None)
    assert str(refused.value) == (
        f"--epoch 1: expected --since with {what}, for windows that began before it is read would"
        " replace those that were counted whole; give the time from which it is read"
    )
    assert as_begun(job(*given, "--epoch=1", f"--since={DAY}"), None).rules.since_minute == MINUTE


def test_a_greater_epoch_that_reads_everything_publishes_everything(job, tmp_path):
    (tmp_path / "web.log").write_text(views(2, range(3)))
    replay = (f"access_log={tmp_path / 'web.log'}", "--speed=1")

    for given in ((TOPIC,), (TOPIC, "--start=earliest"), replay):
        assert as_begun(job(*given, "--epoch=1"), None).rules.since_minute == NEVER


def test_the_first_epoch_has_nothing_to_replace_and_publishes_everything(job):
    for given in ((TOPIC, f"--start={DAY}"), (TOPIC, "--start=latest"), (SUBSCRIPTION,)):
        assert as_begun(job(*given), None).rules.since_minute == NEVER


def test_a_greater_epoch_is_recorded_with_its_own_start_and_since(job):
    begun(job, TOPIC, "--start=latest", "--since=2026-03-01T12:00Z")
    record = begun(job, TOPIC, "--append", "--epoch=1", f"--start={DAY}")

    assert (record["epoch"], record["start"]) == (1, DAY)
    assert record["since"] == "2026-03-01T23:00:00+00:00"


# The same epoch


@pytest.mark.parametrize("repeated", [(), (f"--start={DAY}", f"--since={DAY}")])
def test_a_job_that_goes_on_has_the_start_and_the_since_that_it_was_begun_with(job, repeated):
    first = begun(job, TOPIC, f"--start={DAY}", f"--since={DAY}")
    options, record = begin(job(TOPIC, "--append", *repeated))
    record()

    assert [topic.start for topic in options.inputs.topics] == [DAY]
    assert options.rules.since_minute == MINUTE
    for name in ("start", "since"):
        assert recorded(job)[name] == first[name]


def test_a_greater_epoch_goes_on_with_what_its_start_gave_it(job):
    begun(job, TOPIC, "--epoch=1", f"--start={DAY}")
    options, _ = begin(job(TOPIC, "--append", "--epoch=1"))

    assert options.rules.since_minute == MINUTE


def test_a_topic_read_from_its_end_is_still_one_when_the_job_has_gone_on(job):
    begun(job, TOPIC, "--start=latest")

    assert begun(job, TOPIC, "--append")["start"] == "latest"


def test_the_same_instant_written_otherwise_is_the_same_start(job):
    begun(job, TOPIC, f"--start={DAY}")

    assert begun(job, TOPIC, "--append", "--start=2026-03-01T23:00:00Z")["start"] == DAY


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            "--start=latest",
            f"--start latest: expected {DAY} as epoch 0 was begun with; leave it out, or give a"
            " higher --epoch",
        ),
        (
            f"--since={DAY}",
            "--since 2026-03-01T23:00:00+00:00: expected none as epoch 0 was begun with; leave it"
            " out, or give a higher --epoch",
        ),
    ],
)
def test_another_start_or_since_within_an_epoch_is_refused(job, given, sentence):
    begun(job, TOPIC, f"--start={DAY}")
    with pytest.raises(OptionError) as refused:
        begin(job(TOPIC, "--append", given))

    assert str(refused.value) == sentence


def test_one_more_topic_is_refused_within_an_epoch_and_read_from_the_next_on(job):
    mail = "kafka://broker:9092/mail"
    begun(job, TOPIC)
    with pytest.raises(OptionError, match="found kafka:mail besides; give the same, or a higher"):
        begin(job(TOPIC, mail, "--append"))

    assert begun(job, "kafka://moved:9092/live", "--append")["inputs"] == ["kafka:live"]
    anew = begun(job, TOPIC, mail, "--append", "--epoch=1")
    assert anew["inputs"] == ["kafka:live", "kafka:mail"]


# What is there


def test_a_stream_does_not_go_on_in_what_a_run_over_files_wrote(job, tmp_path):
    log = tmp_path / "web.log"
    log.write_text(views(2, range(3)))
    measure(job(f"access_log={log}", beam_arguments=()))
    with pytest.raises(OptionError) as refused:
        begin(job(TOPIC, "--append"))

    assert str(refused.value) == (
        f"--append {tmp_path / 'figures'}: expected a dataset that a stream was begun in, found one"
        " of a run over files; give another directory"
    )


def test_a_record_that_is_no_json_is_one_sentence(job, tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "run.json").write_text('{"version": "0.1')
    with pytest.raises(OptionError) as refused:
        begin(job(TOPIC, "--append"))

    path = tmp_path / "figures" / "run.json"
    assert str(refused.value) == f"{path}: expected JSON as `moment measure` writes it"


def test_a_folder_that_is_not_empty_is_gone_on_with_by_append(job):
    begun(job, TOPIC)
    with pytest.raises(OptionError, match=r"not empty; .* of a stream --append to go on with it"):
        job(TOPIC)


def test_what_few_may_read_is_in_a_folder_of_its_owner_also_where_a_worker_made_it(tmp_path):
    """A jar or a container runs on another machine than who submitted it."""
    folder = tmp_path / "figures" / FAILED_EVENTS.name
    batch = pa.RecordBatch.from_pylist([], schema=FAILED_EVENTS.schema)
    with beam.Pipeline(runner=IN_PROCESS) as root:
        root | beam.Create([batch]) | WriteParquet(FAILED_EVENTS, str(folder))

    assert folder.stat().st_mode & 0o777 == 0o700
    assert folder.parent.stat().st_mode & 0o777 != 0o700


@pytest.mark.parametrize(
    "name",
    ["time_zone", "channels", "brand", "epoch", "pseudonym_key_id", "hot_minutes", "shards"],
)
def test_what_a_record_does_not_say_is_not_compared(job, tmp_path, name):
    record = begun(job, TOPIC)
    del record[name]
    write_json(tmp_path / "figures" / "run.json", record)

    options, _ = begin(job(TOPIC, "--append"))

    assert options.inputs.topics[0].topic == "live"


@pytest.mark.parametrize("since", ["rubbish", "2026-03-02T00:00", 7])
def test_a_record_whose_since_is_no_instant_is_one_sentence(job, tmp_path, since):
    write_json(tmp_path / "figures" / "run.json", {**begun(job, TOPIC), "since": since})

    with pytest.raises(OptionError) as refused:
        begin(job(TOPIC, "--append"))
    assert str(refused.value) == (
        f"--append {tmp_path / 'figures'}: expected 'since' in its record as an instant, found"
        f" {since!r}; correct it, or give another dataset"
    )


def test_who_reads_a_record_while_it_is_written_anew_reads_the_old_one_whole(tmp_path):
    write_json(tmp_path / "run.json", {"epoch": 0})
    os.link(tmp_path / "run.json", tmp_path / "opened")
    write_json(tmp_path / "run.json", {"epoch": 1})

    assert json.loads((tmp_path / "opened").read_text()) == {"epoch": 0}
    assert json.loads((tmp_path / "run.json").read_text()) == {"epoch": 1}
    assert {path.name for path in tmp_path.iterdir()} == {"run.json", "opened"}


# A jar


def test_a_jar_that_is_written_begins_nothing_and_another_may_be_written(job, tmp_path):
    for _ in range(2):
        options, _ = begin(job(TOPIC, beam_arguments=JAR))
        assert options.writes_jar
        assert not (tmp_path / "figures").exists()


def test_a_jar_that_is_started_records_its_options_for_verify(job, tmp_path):
    options, record = begin(job(TOPIC, f"--start={DAY}", beam_arguments=JAR))
    with beam.Pipeline(runner=IN_PROCESS) as root:
        root | RecordBegun(record)

    run = read_run(tmp_path / "figures")
    assert (run.start, run.shards, run.hot_minutes) == (DAY, 4, 15)
    assert recorded(job)["started"] >= datetime.now(timezone.utc).date().isoformat()
    with pytest.raises(OptionError, match="--append to go on with it"):
        job(TOPIC, beam_arguments=JAR)
    assert begin(job(TOPIC, "--append", beam_arguments=JAR))[0].inputs == options.inputs
