"""The job as Dataflow would be sent it, the Flex Template's parameters, and the files beside them."""

from __future__ import annotations

import argparse
import json
import os
import re
from datetime import datetime, timezone
from typing import Any
from zoneinfo import available_timezones

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser

from deploy.local.services import ROOT
from pipelines import flex_template
from pipelines.arguments import add_measure_arguments
from pipelines.dataflow import EXAMPLES, dataflow_arguments, runs_on_dataflow
from pipelines.errors import OptionError
from pipelines.flex_template import DAYS, OURS, PASSED, backfill_arguments, command_line
from pipelines.keys import KEY_VARIABLE
from pipelines.measure import pipeline_options
from pipelines.on_worker import RunOnWorker
from tests.deploy.dataflow_graph import (
    ARGUMENTS,
    GOLDEN,
    REGENERATE,
    described,
    dry_run,
    golden_text,
    job_options,
)
from tests.deploy.test_flink_manifests import BEAM

FOLDER = ROOT / "deploy" / "dataflow"
METADATA = json.loads((FOLDER / "metadata.json").read_text())
PARAMETERS: dict[str, dict[str, Any]] = {each["name"]: each for each in METADATA["parameters"]}
NOW = datetime(2026, 3, 2, 23, 30, tzinfo=timezone.utc)
SECRET = "projects/example/secrets/moment-pseudonym-key/versions/1"
SUBSCRIPTION = "pubsub://projects/example/subscriptions/web"


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "0123456789abcdef0123456789abcdef")


# The graph


def test_a_running_job_can_be_updated_to_this_graph():
    written = json.loads(GOLDEN.read_text(encoding="utf-8"))
    before = {step["label"]: step for step in written}
    now = {step["label"]: step for step in described()}

    assert now == before, (
        "labels, coders, state or timers changed: a running job is updated only with"
        " --transform_name_mapping for new labels, and not at all for new coders or state. Where"
        f" that is meant, say so in CHANGELOG.md and run `{REGENERATE}`"
    )
    assert GOLDEN.read_text(encoding="utf-8") == golden_text()


def test_subscriptions_are_read_by_dataflow_itself():
    reads = [step for step in described() if step["urn"] == "beam:transform:pubsub_read:v1"]

    assert [step["label"].split("/", 1)[1] for step in reads] == [
        f"Read projects/example/subscriptions/{name}/Read" for name in ("any", "web")
    ]
    assert not [step for step in described() if "PullMessages" in step["label"]]


def test_the_graph_is_that_of_the_job_that_terraform_starts():
    # Its sink is BigQuery, its archive a bucket: their labels are what an update looks for too.
    labels = {step["label"] for step in described()}

    assert {
        *("WriteEvents/Append", "WriteMetrics/Append", "WriteFailedEvents/Append"),
        *("FailedAndRefused", "Archive/ArchiveBatches", "WriteArchive/WriteDays"),
    } <= labels
    assert [label for label in sorted(labels) if label.endswith("/WriteDays")] == [
        "WriteArchive/WriteDays"
    ]


def test_no_batch_is_a_pickle_between_steps_that_shuffle_or_keep_state():
    for step in described():
        if "state" in step:
            told = json.dumps([step["state"], step["gives"]])
            assert "FastPrimitives" not in told, step["label"]
            assert "Pickle" not in told, step["label"]


def test_the_job_streams_on_streaming_engine_exactly_once():
    from apache_beam.options.pipeline_options import (
        DebugOptions,
        GoogleCloudOptions,
        StandardOptions,
    )
    from apache_beam.runners.dataflow.internal.apiclient import Environment

    job = dry_run().job
    assert job.proto.type_.name == "JOB_TYPE_STREAMING"
    assert job.options.view_as(StandardOptions).streaming
    assert job.options.view_as(GoogleCloudOptions).enable_streaming_engine
    experiments = set(job.options.view_as(DebugOptions).experiments)
    assert {"enable_streaming_engine", "enable_windmill_service", "use_runner_v2"} <= experiments
    environment = Environment(
        packages=[],
        options=job.options,
        environment_version="2",
        proto_pipeline_staged_url="gs://example-dataflow/staging/pipeline.pb",
        proto_pipeline=job.proto_pipeline,
    ).proto
    assert not [each for each in environment.service_options if "at_least_once" in each]
    assert not [each for each in environment.experiments if "at_least_once" in each]
    images = [str(each.container_image) for pool in environment.worker_pools
              for each in pool.sdk_harness_container_images]  # fmt: skip
    assert set(images) == {"europe-west1-docker.pkg.dev/example/moment/moment-dataflow:1"}


# Options


def test_dataflow_is_told_from_other_runners():
    assert runs_on_dataflow(["--runner=DataflowRunner"])
    assert runs_on_dataflow(["--runner", "apache_beam.runners.DataflowRunner"])
    assert not runs_on_dataflow(["--runner=FlinkRunner"])
    assert not runs_on_dataflow([])


def test_everything_that_is_missing_is_named_in_one_sentence():
    with pytest.raises(OptionError) as raised:
        dataflow_arguments(["--runner=DataflowRunner", "--project=example"])

    told = str(raised.value)
    assert [name for name in EXAMPLES if f"--{name}=" in told] == [
        "region", "temp_location", "sdk_container_image",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["dataflow_service_option", "dataflow_service_options", "experiment", "experiments"]
)
@pytest.mark.parametrize("value", ["{}", "other,{}", "other, {}", "other=1,{}"])
def test_counting_at_least_once_is_refused_however_beam_reads_it(name, value):
    with pytest.raises(OptionError, match=f"--{name} streaming_mode_at_least_once: expected none"):
        job_options(f"--{name}={value.format('streaming_mode_at_least_once')}")


def test_an_address_to_write_to_is_no_directory_and_is_refused():
    # Else a folder called `gs:` on a worker's disk would hold the figures, and go with it.
    with pytest.raises(OptionError, match="expected a directory of this machine"):
        job_options("--output=gs://example/figures")


def test_streaming_engine_is_set_once_and_only_for_a_stream():
    given = [f"--{name}={value}" for name, value in EXAMPLES.items()]

    added = dataflow_arguments(given)[len(given) :]
    assert added == ("--streaming", "--enable_streaming_engine")
    assert dataflow_arguments([*given, "--streaming"]).count("--streaming") == 1
    assert dataflow_arguments(given, streaming=False) == tuple(given)


# The template


def test_the_parameters_are_those_that_the_launcher_reads():
    assert set(PARAMETERS) == {*OURS, *PASSED}


def test_every_parameter_is_an_option_of_measure_or_says_why_not():
    parser = argparse.ArgumentParser()
    add_measure_arguments(parser)
    ours = {text.removeprefix("--").replace("-", "_")
            for action in parser._actions for text in action.option_strings}  # fmt: skip
    beam = _BeamArgumentParser(add_help=False)
    for part in PipelineOptions.__subclasses__():
        part._add_argparse_args(beam)
    theirs = {text.removeprefix("--") for action in beam._actions for text in action.option_strings}

    # `inputs` is what `measure` takes without a name; days are options of `moment backfill`.
    assert set(PARAMETERS) - ours - theirs == {*OURS, *DAYS}
    assert set(PARAMETERS) & theirs == set(), "Beam would take these for options of its own"


def test_the_metadata_is_what_the_service_reads():
    from google.cloud import dataflow_v1beta3
    from google.protobuf import json_format

    known = dataflow_v1beta3.TemplateMetadata.pb()
    streaming = {"streaming", "supportsAtLeastOnce", "supportsExactlyOnce", "defaultStreamingMode"}
    # Two fields are newer than the client.
    told = {name: value for name, value in METADATA.items() if name not in streaming}
    told["parameters"] = [
        {name: value for name, value in each.items() if name != "defaultValue"}
        for each in told["parameters"]
    ]
    json_format.ParseDict(told, known())

    assert METADATA["supportsAtLeastOnce"] is False
    assert METADATA["defaultStreamingMode"] == "EXACTLY_ONCE"
    for each in METADATA["parameters"]:
        assert each["label"], each["name"]
        assert each["helpText"].endswith("."), each["name"]
        assert len(each["regexes"]) == 1, each["name"]


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("inputs", [SUBSCRIPTION, f"segment={SUBSCRIPTION} gs://a/b"], ["", "web", f"{SUBSCRIPTION},x"]),
        ("output", ["bigquery://example/moment"], ["", "figures", "bigquery://example"]),
        ("pseudonym_key_secret", [SECRET], ["", SECRET.replace("/1", "/latest"), "key"]),
        ("command", ["measure", "backfill"], ["demo", "measure x"]),
        ("from", ["", "2026-03-02", "yesterday"], ["2026-3-2", "2026-13-01", "today"]),
        ("to", ["", "2026-03-02"], ["02/03/2026"]),
        ("time_zone", ["Europe/Paris", "UTC", "America/Argentina/Buenos_Aires"], ["", "+01:00"]),
        ("channels", ["", "segment", "segment,youtube_chat"], ["segment, web", "Segment"]),
        ("brand", ["", "acme"], ["a b"]),
        ("shards", ["", "1", "32", "1024"], ["0", "1025", "x"]),
        ("epoch", ["", "0"], ["-1"]),
        ("hot_minutes", ["", "15"], ["-1"]),
        ("since", ["", "2026-03-02T20:00:00Z"], ["2026-03-02"]),
        ("publish_every", ["", "5"], ["-1"]),
        ("archive", ["", "gs://a/b"], ["archive", "gs://a b"]),
    ],
)  # fmt: skip
def test_what_a_parameter_may_be_is_said_by_its_pattern(name, good, bad):
    (pattern,) = PARAMETERS[name]["regexes"]

    assert [value for value in good if not re.fullmatch(pattern, value)] == []
    assert [value for value in bad if re.fullmatch(pattern, value)] == []


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("output", ["bigquery://example/moment", "bigquery://example.com:example/moment",
                    "bigquery://example/moment?restricted=payloads", "bigquery://ex/moment",
                    "bigquery://example-/moment", "bigquery://example/mo-ment", "gs://example/a",
                    "bigquery://example/moment?other=payloads"]),
        ("shards", ["0", "1", "999", "1000", "1024", "1025", "x"]),
        ("epoch", ["-1", "0", "12", "1.5"]),
        ("hot_minutes", ["-1", "0", "15", "999", "1000", "2879", "2880", "2881", "9999", "15.5"]),
        ("since", ["2026-03-02", "2026-03-02T20:00", "2026-03-02T20:00+01:00",
                   "2026-03-02T20:00:00Z", "2026-13-02T20:00Z", "2026-03-32T20:00Z",
                   "2026-03-02T24:00Z", "2026-03-02T20:60Z", "2026-03-02T20:00+24:00"]),
        ("publish_every", ["0", "0.5", "1", "2.5", "999.9", "1000", "3599", "3600", "3601", "5s"]),
    ],
)  # fmt: skip
def test_a_pattern_lets_through_what_the_job_takes_and_no_more(name, values):
    (pattern,) = PARAMETERS[name]["regexes"]

    let_through = [value for value in values if re.fullmatch(pattern, value)]
    assert let_through == [value for value in values if taken(name, value)]
    assert 0 < len(let_through) < len(values)


def taken(name: str, value: str) -> bool:
    """Does `moment measure` take an option so?"""
    try:
        job_options(f"--{name.replace('_', '-')}={value}")
    except (OptionError, SystemExit):
        return False
    return True


def test_every_time_zone_there_is_may_be_given():
    (pattern,) = PARAMETERS["time_zone"]["regexes"]

    assert [zone for zone in available_timezones() if not re.fullmatch(pattern, zone)] == []


def test_parameters_become_the_command_and_beams_options_pass():
    secret, line, beam_arguments = command_line(
        [f"--inputs=segment={SUBSCRIPTION} gs://a/b", "--output=bigquery://example/moment",
         f"--pseudonym_key_secret={SECRET}", "--time_zone=Europe/Paris", "--shards=32",
         "--archive=gs://a/raw", "--brand=", "--runner=DataflowRunner", "--template_location=gs://a/graph"],
        NOW,
    )  # fmt: skip

    assert secret == SECRET
    assert line == [
        "measure", f"segment={SUBSCRIPTION}", "gs://a/b", "--output=bigquery://example/moment",
        "--time-zone=Europe/Paris", "--shards=32", "--archive=gs://a/raw", "--append",
    ]  # fmt: skip
    assert beam_arguments == ["--runner=DataflowRunner", "--template_location=gs://a/graph"]


def test_yesterday_is_a_day_of_the_property():
    def days(zone: str) -> list[str]:
        given = ["--command=backfill", "--inputs=gs://a/b", f"--pseudonym_key_secret={SECRET}",
                 "--output=bigquery://example/moment",
                 "--from=yesterday", "--to=yesterday", f"--time_zone={zone}"]  # fmt: skip
        line = command_line(given, NOW).line
        return [each for each in line if each.startswith(("--from", "--to"))]

    assert days("Europe/Paris") == ["--from=2026-03-02", "--to=2026-03-02"]
    assert days("America/New_York") == ["--from=2026-03-01", "--to=2026-03-01"]


BACKFILL = (
    *("--command=backfill", "--inputs=gs://a/b archive=gs://a/c", "--from=2026-03-01"),
    *("--output=bigquery://example/moment", f"--pseudonym_key_secret={SECRET}"),
    "--time_zone=Europe/Paris",
    *(each for each in ARGUMENTS if each.startswith("--") and each.partition("=")[0] not in
      ("--output", "--archive", "--shards")),
)  # fmt: skip


def test_a_backfill_is_asked_for_as_its_command_line_has_it():
    launch = command_line(BACKFILL, NOW)

    assert launch.secret == SECRET
    assert launch.line == [
        "backfill", "bigquery://example/moment", "--from=2026-03-01",
        "--source", "gs://a/b", "archive=gs://a/c",
    ]  # fmt: skip


def test_a_backfill_is_a_batch_job_of_one_command_whose_graph_is_made_without_the_key():
    launch = command_line(BACKFILL, NOW)
    root = beam.Pipeline(options=pipeline_options(backfill_arguments(launch.beam_arguments)))
    root | "Backfill" >> RunOnWorker(launch.line, launch.secret, lambda name: pytest.fail("read"))
    root.run()

    graph = root.runner.proto_pipeline
    steps = {step.unique_name: step.spec.urn for step in graph.components.transforms.values()}
    assert {
        "Backfill/Arguments/Impulse": "beam:transform:impulse:v1",
        "Backfill/Reshuffle": "beam:transform:reshuffle:v1",
        "Backfill/RunCommand": "beam:transform:pardo:v1",
    }.items() <= steps.items()
    assert root.runner.job.proto.type_.name == "JOB_TYPE_BATCH"
    images = {each.payload for each in graph.components.environments.values()}
    assert [b"moment-dataflow:1" in each for each in images] == [True]


def test_a_backfill_without_an_image_of_ours_is_refused_by_the_launcher(capsys):
    given = [each for each in BACKFILL if "sdk_container_image" not in each]

    assert flex_template.main(given, secret_of=lambda name: pytest.fail("read")) == 2
    assert "does not start without --sdk_container_image=" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["--command=backfill", "--inputs=a", "--pseudonym_key_secret=b"], "--output: expected"),
        (["--command=backfill", "--inputs=a", "--pseudonym_key_secret=b", "--output=c"],
         "--from: expected"),
        ([f"--pseudonym_key_secret={SECRET}"], "--inputs: expected"),
        (["--inputs=gs://a/b", "--pseudonym_key_secret="], "--pseudonym_key_secret: expected"),
        (["--inputs=a", "--pseudonym_key_secret=b", "--command=demo"], "--command demo: expected"),
        (["--inputs=a", "--pseudonym_key_secret=b", "--to=yesterday", "--time_zone=Mars"],
         "--time_zone Mars: expected an IANA name"),
    ],
)  # fmt: skip
def test_what_is_missing_or_wrong_is_one_sentence_and_nothing_starts(given, sentence, capsys):
    assert flex_template.main(given, secret_of=lambda name: pytest.fail("read")) == 2
    assert capsys.readouterr().err.startswith(f"moment: {sentence}")


def test_files_are_not_measured_by_the_template_which_would_count_before_the_job_has_begun(
    tmp_path, capsys
):
    (tmp_path / "web.log").write_text("")
    given = [
        f"--inputs=access_log={tmp_path / 'web.log'}", "--output=bigquery://example/moment",
        f"--pseudonym_key_secret={SECRET}", "--runner=DataflowRunner",
        "--template_location=gs://example-dataflow/staging/graph",
    ]  # fmt: skip

    assert flex_template.main(given, secret_of=lambda name: "a key that tests alone use") == 2
    assert capsys.readouterr().err.startswith(
        "moment: INPUT: expected a broker, or --speed, for a job that is only written, found"
    )


def test_the_key_comes_from_the_secret_and_is_in_no_argument(monkeypatch):
    asked: list[list[str]] = []
    monkeypatch.setattr(flex_template, "moment", lambda line: asked.append(line) or 0)
    monkeypatch.delenv(KEY_VARIABLE)

    given = [f"--inputs={SUBSCRIPTION}", f"--pseudonym_key_secret={SECRET}"]
    assert flex_template.main(given, secret_of=lambda name: f"secret of {name}") == 0
    assert os.environ[KEY_VARIABLE] == f"secret of {SECRET}"
    assert asked == [["measure", SUBSCRIPTION, "--append"]]


# Files


def test_the_image_has_the_versions_and_packages_of_the_worker_on_flink():
    text = (FOLDER / "Dockerfile").read_text()
    flink = (ROOT / "deploy" / "flink" / "Dockerfile").read_text()

    images = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert images[-1] == f"apache/beam_python3.11_sdk:{BEAM}"
    assert all(":" in image and not image.endswith(":latest") for image in images)
    copied = r"^COPY (?!--from)(.+)$"
    assert re.findall(copied, text, re.MULTILINE) == re.findall(copied, flink, re.MULTILINE)
    assert (FOLDER / "Dockerfile.dockerignore").read_text() == (
        ROOT / "deploy" / "flink" / "Dockerfile.dockerignore"
    ).read_text()
    file = re.search(r"FLEX_TEMPLATE_PYTHON_PY_FILE=/opt/moment/(\S+)", text)
    assert file is not None
    assert (ROOT / file[1]).is_file()


def test_every_option_of_the_file_is_one_of_beams():
    lines = [line for line in (FOLDER / "options.txt").read_text().splitlines()
             if not line.startswith("#")]  # fmt: skip
    arguments = dataflow_arguments(lines)

    assert arguments == tuple(lines), "streaming and streaming engine are in the file"
    beam = _BeamArgumentParser(add_help=False)
    for part in PipelineOptions.__subclasses__():
        part._add_argparse_args(beam)
    assert beam.parse_known_args(lines)[1] == []


def test_what_a_reader_must_fill_in_is_listed_once():
    used = set(re.findall(r"YOUR-[A-Z-]*[A-Z]", (FOLDER / "options.txt").read_text()))
    page = (FOLDER / "RUNBOOK.md").read_text()

    listed = re.findall(r"^\| `(YOUR-[A-Z-]+)` \|", page, re.MULTILINE)
    assert sorted(listed) == sorted(used)
    assert BEAM in page
