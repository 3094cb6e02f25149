"""Which runner Beam's arguments name, which ones a stream may not have, and what is said of one."""

from __future__ import annotations

import pytest

from pipelines.cli import BAD_USE, main
from pipelines.errors import OptionError
from pipelines.runners import check_streams, runner_name


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ([], ""),
        (["--streaming"], ""),
        (["--runner=FlinkRunner"], "flink"),
        (["--runner", "flink"], "flink"),
        (["--runner=flinkrunner", "--parallelism=2"], "flink"),
        (["--runner=apache_beam.runners.DataflowRunner"], "dataflow"),
        (["--runner=FlinkRunner", "--runner=PrismRunner"], "prism"),
    ],
)
def test_a_runner_is_one_word_however_it_is_written(arguments, name):
    assert runner_name(arguments) == name


def test_a_runner_without_a_name_is_refused():
    with pytest.raises(OptionError) as refused:
        runner_name(["--runner"])

    assert str(refused.value) == "--runner: expected one argument"


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ([], "none"),
        (["--streaming"], "none"),
        (["--runner=DirectRunner"], "direct"),
        (["--runner=BundleBasedDirectRunner"], "bundlebaseddirect"),
    ],
)
def test_a_stream_is_refused_where_it_would_run_in_this_process(arguments, found):
    with pytest.raises(OptionError) as refused:
        check_streams(arguments)

    assert str(refused.value) == (
        "unbounded input (a broker, or --speed): expected --runner=FlinkRunner or another"
        f" streaming runner, found {found}; the job in this process would never end"
    )


@pytest.mark.parametrize(
    "runner", ["FlinkRunner", "DataflowRunner", "PrismRunner", "PortableRunner"]
)
def test_a_streaming_runner_is_taken(runner):
    check_streams([f"--runner={runner}"])


def test_beams_other_arguments_do_not_stand_for_a_runner(tmp_path, capsys):
    """They did: the job began in this process, and never ended."""
    line = ["measure", "kafka://nobody.invalid:1/live", "--output", str(tmp_path / "out")]

    assert main([*line, "--streaming"]) == BAD_USE

    assert capsys.readouterr().err == (
        "moment: unbounded input (a broker, or --speed): expected --runner=FlinkRunner or another"
        " streaming runner, found none; the job in this process would never end\n"
    )
