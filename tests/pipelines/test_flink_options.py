"""What a job on Flink must be told, what is refused, and what is set for it."""

from __future__ import annotations

import argparse
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.arguments import add_measure_arguments
from pipelines.errors import OptionError
from pipelines.flink import FlinkJobServerOptions, flink_arguments, flink_job, runs_on_flink
from pipelines.flink_keys import shard_keys
from pipelines.flink_slots import Slots
from pipelines.measure import source_of
from pipelines.options import MeasureOptions, measure_options
from pipelines.sources.pubsub.pullers import pullers_of
from pipelines.sources.replay import Replay
from pipelines.sources.replay_plan import plan_replay
from tests.web_server import QuietHandler, serving

GIVEN = (
    "--runner=FlinkRunner",
    "--checkpointing_interval=10000",
    "--state_backend=rocksdb",
    "--state_backend_storage_path=gs://bucket.example/checkpoints",
    "--flink_version=1.19",
    "--environment_type=EXTERNAL",
    "--environment_config=localhost:50000",
    "--parallelism=2",
)
SET = (
    "--max_bundle_size=32",
    "--max_cache_memory_usage_mb=0",
    "--streaming",
    "--max_parallelism=128",
    "--max_bundle_time_mills=500",
    "--checkpointing_mode=EXACTLY_ONCE",
    "--min_pause_between_checkpoints=5000",
    "--finish_bundle_before_checkpointing",
    "--externalized_checkpoints_enabled",
    "--retain_externalized_checkpoints_on_cancellation",
    "--sdk_worker_parallelism=2",
)


def _with(*changed: str) -> list[str]:
    """The given arguments, with others in the place of those of the same name, or added."""
    names = {argument.partition("=")[0] for argument in changed}
    return [*(each for each in GIVEN if each.partition("=")[0] not in names), *changed]


def _without(*names: str) -> list[str]:
    return [each for each in GIVEN if each.partition("=")[0].lstrip("-") not in names]


def _refused(arguments: list[str], **how: bool) -> str:
    with pytest.raises(OptionError) as refused:
        flink_job(arguments, **how)
    sentence = str(refused.value)
    assert "\n" not in sentence
    return sentence


# What must be given


def test_a_streaming_job_names_everything_it_misses_in_one_sentence():
    assert _refused(["--runner=FlinkRunner"]) == (
        "a streaming job on Flink does not start without --checkpointing_interval=10000"
        " --state_backend=rocksdb --state_backend_storage_path=gs://YOUR-BUCKET/checkpoints"
        " --flink_version=1.19 --environment_type=EXTERNAL --environment_config=localhost:50000"
        " --parallelism=2: give each of them a value, such as this"
    )


@pytest.mark.parametrize(
    "name",
    [
        "checkpointing_interval", "state_backend", "state_backend_storage_path", "flink_version",
        "environment_type", "environment_config", "parallelism",
    ],
)  # fmt: skip
def test_a_streaming_job_starts_without_none_of_them(name):
    sentence = _refused(_without(name))

    assert sentence.startswith(f"a streaming job on Flink does not start without --{name}=")
    assert sentence.endswith(": give it a value, such as this")


def test_an_empty_value_is_no_value():
    assert "without --flink_version=1.19:" in _refused(_with("--flink_version="))


def test_a_value_may_stand_beside_its_name():
    job = flink_job([*_without("parallelism"), "--parallelism", "4"])

    assert (job.parallelism, job.arguments[-1]) == (4, "--sdk_worker_parallelism=4")


def test_a_name_without_a_value_is_refused():
    assert _refused([*_without("parallelism"), "--parallelism"]) == (
        "--parallelism: expected one argument"
    )


def test_bounded_input_needs_no_checkpoints():
    state = ("checkpointing_interval", "state_backend", "state_backend_storage_path")

    job = flink_job(_without(*state), streaming=False)

    assert job.arguments[len(GIVEN) - len(state) :] == (
        "--max_bundle_size=32", "--max_cache_memory_usage_mb=0", "--sdk_worker_parallelism=2",
    )  # fmt: skip


def test_workers_of_this_process_need_no_address():
    arguments = _without("environment_type", "environment_config")

    assert flink_arguments([*arguments, "--environment_type=LOOPBACK"])
    assert "LOOPBACK: expected EXTERNAL or DOCKER, for the cluster at flink.example:8081" in (
        _refused([*arguments, "--environment_type=LOOPBACK", "--flink_master=flink.example:8081"])
    )


# What is set


def test_what_is_not_given_is_set_behind_what_is():
    assert flink_arguments(GIVEN) == (*GIVEN, *SET)


@pytest.mark.parametrize(
    "other",
    [
        "--max_bundle_size=16", "--max_cache_memory_usage_mb=256", "--max_parallelism=256",
        "--max_bundle_time_mills=1000", "--min_pause_between_checkpoints=0",
        "--finish_bundle_before_checkpointing=false", "--externalized_checkpoints_enabled=false",
        "--retain_externalized_checkpoints_on_cancellation=false", "--sdk_worker_parallelism=1",
    ],
)  # fmt: skip
def test_what_is_given_stays(other):
    name = other.partition("=")[0]
    kept = tuple(each for each in SET if each.partition("=")[0] != name)

    assert flink_arguments([*GIVEN, other]) == (*GIVEN, other, *kept)


def test_beam_reads_every_argument_and_calls_none_unparseable(caplog):
    options = PipelineOptions(list(flink_arguments(GIVEN))).get_all_options(drop_default=True)

    assert "Unparseable" not in caplog.text
    assert {name: options[name] for name in (
        "checkpointing_interval", "state_backend", "max_bundle_size", "max_bundle_time_mills",
        "min_pause_between_checkpoints", "finish_bundle_before_checkpointing", "streaming",
    )} == {
        "checkpointing_interval": 10_000, "state_backend": "rocksdb", "max_bundle_size": 32,
        "max_bundle_time_mills": 500, "min_pause_between_checkpoints": 5000,
        "finish_bundle_before_checkpointing": True, "streaming": True,
    }  # fmt: skip


def test_a_switch_can_be_turned_off():
    arguments = flink_arguments([*GIVEN, "--finish_bundle_before_checkpointing=false"])

    options = PipelineOptions(list(arguments)).view_as(FlinkJobServerOptions)
    assert options.finish_bundle_before_checkpointing is False
    assert options.externalized_checkpoints_enabled is True


def test_shards_are_keyed_for_the_key_groups_of_the_job():
    assert flink_job(GIVEN).keys == shard_keys(8, 128)
    assert flink_job(GIVEN, shards=64).keys == shard_keys(64, 128)

    wide = flink_job(GIVEN, shards=200)
    assert (wide.max_parallelism, wide.keys) == (256, shard_keys(200, 256))


def test_another_parallelism_keeps_the_keys():
    two, four = flink_job(GIVEN, shards=16), flink_job(_with("--parallelism=4"), shards=16)

    assert two.keys == four.keys


# What is refused


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        (
            "--checkpointing_interval=999",
            "--checkpointing_interval 999: expected a whole number from 1000 to 600000"
            " milliseconds",
        ),
        (
            "--checkpointing_interval=10s",
            "--checkpointing_interval 10s: expected a whole number from 1000 to 600000"
            " milliseconds",
        ),
        ("--parallelism=0", "--parallelism 0: expected a whole number from 1 to 32768"),
        ("--parallelism=-1", "--parallelism -1: expected a whole number from 1 to 32768"),
        ("--parallelism=٢", "--parallelism ٢: expected a whole number from 1 to 32768"),
        (
            "--sdk_worker_parallelism=0",
            "--sdk_worker_parallelism 0: expected a whole number from 1 to 256",
        ),
        (
            "--max_bundle_size=1000000",
            "--max_bundle_size 1000000: expected a whole number from 1 to 10000",
        ),
        ("--state_backend=hashmap", "--state_backend hashmap: expected rocksdb or filesystem"),
        (
            "--flink_version=1.18",
            "--flink_version 1.18: expected 1.19 or 1.20 or 2.0 or 2.1 or 2.2",
        ),
        (
            "--environment_type=external",
            "--environment_type external: expected EXTERNAL or DOCKER or PROCESS or LOOPBACK",
        ),
        (
            "--checkpointing_mode=AT_LEAST_ONCE",
            "--checkpointing_mode AT_LEAST_ONCE: expected EXACTLY_ONCE",
        ),
        (
            "--finish_bundle_before_checkpointing=yes",
            "--finish_bundle_before_checkpointing yes: expected true or false",
        ),
        (
            "--environment_config=50000",
            "--environment_config 50000: expected host:port of the worker pool, as each"
            " TaskManager sees it, such as localhost:50000",
        ),
        (
            "--state_backend_storage_path=/srv/checkpoints",
            "--state_backend_storage_path /srv/checkpoints: expected a URI such as"
            " gs://YOUR-BUCKET/checkpoints or file:///srv/checkpoints",
        ),
        (
            "--state_backend_storage_path=s3:///checkpoints",
            "--state_backend_storage_path s3:///checkpoints: expected a bucket or host after s3://",
        ),
        (
            "--state_backend_storage_path=file://srv/checkpoints",
            "--state_backend_storage_path file://srv/checkpoints: expected three slashes and an"
            " absolute path after file:",
        ),
        (
            "--flink_master=flink.example",
            "--flink_master flink.example: expected host:port of Flink's REST interface, such as"
            " localhost:8081",
        ),
    ],
)
def test_a_wrong_value_is_told_in_one_sentence(argument, sentence):
    assert _refused(_with(argument)) == sentence


def test_fewer_key_groups_than_shards_or_slots_are_refused():
    assert _refused(_with("--max_parallelism=1")) == (
        "--max_parallelism 1: expected at least 2, a key group for each of 1 shards and of 2 slots"
    )
    with pytest.raises(OptionError, match="expected at least 200, a key group for each of 200"):
        flink_job(_with("--max_parallelism=128"), shards=200)


def test_a_checkpoint_directory_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")

    assert _refused(
        _with(f"--state_backend_storage_path={(tmp_path / 'file').as_uri()}/below")
    ) == (
        f"--state_backend_storage_path {(tmp_path / 'file').as_uri()}/below: expected a directory,"
        f" found the file {tmp_path / 'file'}"
    )


def test_a_checkpoint_directory_that_cannot_be_written_is_refused():
    # The kernel's own, read-only even for root.
    folder = Path("/proc/sys")
    assert folder.is_dir()

    assert _refused(_with("--state_backend_storage_path=file:///proc/self/checkpoints")) == (
        "--state_backend_storage_path file:///proc/self/checkpoints: expected to make files in"
        " /proc/self, found No such file or directory"
    )


def test_a_checkpoint_directory_is_tried_and_left_as_it_was(tmp_path):
    (tmp_path / "there").mkdir()

    for name in ("there", "new/below"):
        assert flink_arguments(_with(f"--state_backend_storage_path={(tmp_path / name).as_uri()}"))

    assert [path.name for path in tmp_path.rglob("*")] == ["there"]


def test_a_path_of_another_machine_is_not_looked_up():
    elsewhere = "--state_backend_storage_path=file:///proc/self/checkpoints"

    assert flink_arguments([*_with(elsewhere), "--job_endpoint=jobs.example:8099"])


# The cluster


def test_a_cluster_that_does_not_answer_is_told_before_anything_is_built():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

        assert _refused(_with(f"--flink_master=localhost:{port}")) == (
            f"--flink_master localhost:{port}: expected a Flink cluster whose REST interface"
            " answers within 5 s, found connection refused; start it, or give its host:port"
        )


class _NoFlink(QuietHandler):
    def do_GET(self) -> None:
        self.answer(200 if self.path == "/v1/config" else 404, b"<html>Welcome</html>")


@pytest.fixture
def web_server() -> Iterator[str]:
    """host:port of a server that is not Flink."""
    with serving(_NoFlink) as place:
        yield place


def test_a_web_server_that_is_not_flink_is_told(web_server):
    assert "found an answer that is not Flink's;" in _refused(_with(f"--flink_master={web_server}"))
    assert "found HTTP status 404;" in _refused(_with(f"--flink_master=http://{web_server}/other"))


def test_a_jar_is_told_no_cluster_but_the_slots():
    jar = "--output_executable_path=job.jar"

    assert _refused([*GIVEN, jar]) == (
        "a streaming job on Flink does not start without --sdk_worker_parallelism=2:"
        " give it a value, such as this"
    )
    assert _refused(
        [*GIVEN, jar, "--sdk_worker_parallelism=2", "--flink_master=localhost:8081"]
    ) == (
        "--flink_master localhost:8081: expected none beside --output_executable_path job.jar, for"
        " a jar runs on the cluster that starts it, and with another's address on none"
    )
    assert flink_arguments([*GIVEN, jar, "--sdk_worker_parallelism=2"])


def test_a_savepoint_that_beam_would_not_pass_on_is_refused():
    sentence = (
        "--savepoint_path gs://bucket.example/savepoints/1: expected a --flink_master host:port, and"
        " an --artifacts_dir that its TaskManagers read; a job in a jar is given its savepoint where"
        " the jar is started"
    )
    savepoint = "--savepoint_path=gs://bucket.example/savepoints/1"
    jar = ["--output_executable_path=job.jar", "--sdk_worker_parallelism=2"]

    assert _refused([*GIVEN, savepoint]) == sentence
    assert _refused([*GIVEN, *jar, savepoint]) == sentence
    assert flink_arguments([*GIVEN, savepoint, "--job_endpoint=jobs.example:8099"])


# Whether it is Flink


@pytest.mark.parametrize(
    ("arguments", "is_flink"),
    [
        (["--runner=FlinkRunner"], True),
        (["--runner", "flink"], True),
        (["--runner=apache_beam.runners.portability.flink_runner.FlinkRunner"], True),
        (["--runner=PrismRunner"], False),
        (["--runner=PortableRunner"], False),
        (["--runner=PortableRunner", "--job_endpoint=embed"], False),
        ([], False),
    ],
)
def test_flink_is_known_by_its_runner(arguments, is_flink):
    assert runs_on_flink(arguments) is is_flink


def test_a_job_server_that_does_not_answer_is_told():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = f"localhost:{unused.getsockname()[1]}"

        with pytest.raises(OptionError) as refused:
            runs_on_flink(["--runner=PortableRunner", f"--job_endpoint={endpoint}"])

    assert str(refused.value) == (
        f"--job_endpoint {endpoint}: expected a Beam job server that answers within 5 s, found"
        " unavailable; start it, or use --runner=FlinkRunner, which starts one"
    )


# What sources are told


def _measured(tmp_path: Path, source: str, *arguments: str) -> MeasureOptions:
    parser = argparse.ArgumentParser()
    add_measure_arguments(parser)
    speed = [] if "://" in source else ["--speed", "0"]
    given = parser.parse_args([source, "--output", str(tmp_path / "figures"), *speed])
    return measure_options(given, _with(*arguments))


@pytest.mark.parametrize(
    "source", ["kafka://localhost:9092/live", "pubsub://projects/example/subscriptions/web"]
)
def test_sources_are_told_the_slots_over_which_they_are_spread(tmp_path, source):
    options = _measured(tmp_path, source, "--parallelism=4", "--max_parallelism=256")

    assert options.slots == Slots(4, 256)
    named = source_of(options).__dict__
    if options.inputs.topics:
        assert named["_slots"] == Slots(4, 256)
    else:
        spread = pullers_of(options.inputs.subscriptions, Slots(4, 256))
        assert named["_pullers"] == spread != pullers_of(options.inputs.subscriptions, None)


def test_a_replay_is_told_too(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.ndjson").write_text("{}\n")
    options = _measured(tmp_path, str(tmp_path / "*.ndjson"), "--parallelism=2")

    assert any(replayed.salt for replayed in source_of(options)._files)
    off_flink = Replay(plan_replay(options.inputs.files), 0)
    assert not any(replayed.salt for replayed in off_flink._files)


@pytest.mark.parametrize("option", ["--checkpointing_interval", "--min_pause_between_checkpoints"])
def test_checkpoints_too_far_apart_are_refused_with_pubsub_and_not_with_kafka(tmp_path, option):
    apart = f"{option}=600000"
    _measured(tmp_path, "kafka://localhost:9092/live", apart)

    with pytest.raises(OptionError, match=f"^{option} 600000: expected less than 420000 millisec"):
        _measured(tmp_path, "pubsub://projects/example/subscriptions/web", apart)
