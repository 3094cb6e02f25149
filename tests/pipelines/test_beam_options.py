"""Which of Beam's arguments there are, and what is said of one that is mistyped."""

from __future__ import annotations

import pytest

from pipelines.beam_options import OF_FLINK, check_beam
from pipelines.errors import OptionError

NO_OPTION = "expected an option of `moment measure --help` or of Apache Beam"


def _refused(*arguments: str) -> str:
    with pytest.raises(OptionError) as refused:
        check_beam(arguments)
    return str(refused.value)


@pytest.mark.parametrize("runner", ["FlinkRunner", "PrismRunner", "DataflowRunner", "DirectRunner"])
@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("--hot_minutes=60", "--hot-minutes"),
        ("--hot-minute=60", "--hot-minutes"),
        ("--time_zone=UTC", "--time-zone"),
        ("--brant=acme", "--brand"),
        ("--archiv", "--archive"),
        ("--max_bundel_size=5", "--max_bundle_size"),
        ("--savepoint_pth=gs://bucket.example/1", "--savepoint_path"),
        ("--job-name=live", "--job_name"),
    ],
)
def test_a_mistyped_option_is_refused_on_each_runner_with_the_one_that_was_meant(
    runner, given, meant
):
    name = given.partition("=")[0]

    assert _refused(f"--runner={runner}", given) == f"{name}: {NO_OPTION}; did you mean {meant}?"


def test_what_no_option_can_be_is_refused_where_a_job_server_has_some_of_its_own():
    assert _refused("--runner=FlinkRunner", "--no-such-thing=1") == f"--no-such-thing: {NO_OPTION}"
    assert _refused("--runner=FlinkRunner", "-p", "4") == f"-p: {NO_OPTION}"
    assert _refused("--runner=FlinkRunner", "web.log") == f"web.log: {NO_OPTION}"
    assert _refused("--runner=FlinkRunner", "--faster_copy=true", "web.log") == (
        f"web.log: {NO_OPTION}"
    )


def test_an_option_that_only_the_job_server_knows_is_passed_on():
    check_beam(["--runner=FlinkRunner", *(f"--{name}=1" for name in OF_FLINK)])
    check_beam(["--runner=FlinkRunner", "--object_reuse", "--checkpoint_timeout_millis", "60000"])
    # Of a newer one, perhaps.
    check_beam(["--runner=FlinkRunner", "--something_quite_new", "1"])


def test_where_no_job_server_is_an_option_that_only_it_knows_is_refused():
    assert _refused("--runner=DirectRunner", "--object_reuse") == f"--object_reuse: {NO_OPTION}"


def test_a_value_where_none_belongs_is_told():
    assert _refused("--runner=FlinkRunner", "--streaming=false") == (
        "--streaming: expected no value, found 'false'"
    )
    assert _refused("--runner=FlinkRunner", "--sdk_harness_log_level_overrides=1").startswith(
        "expected options of Apache Beam with values that it reads, found one without: "
    )
