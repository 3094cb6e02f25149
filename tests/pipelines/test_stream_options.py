"""Horizons of a stream: given, defaulted, refused, and handed to the machine that keeps them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipelines.arguments import add_measure_arguments, add_stream_arguments
from pipelines.errors import OptionError
from pipelines.graph import Rules
from pipelines.keys import pseudonym_keys
from pipelines.options import MeasureOptions, measure_options
from pipelines.sources.pubsub.settings import PullSettings, check_acknowledged
from pipelines.stream_options import StreamOptions, stream_options
from transforms.rules import AttendRules


def parsed(*given: str) -> StreamOptions:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_stream_arguments(parser)
    return stream_options(parser.parse_args(given))


def test_horizons_default_to_those_of_the_machine():
    options, rules = parsed(), AttendRules("Europe/Paris")

    assert options.hot_minutes == rules.hot_minutes
    assert options.fact_minutes == rules.fact_minutes


def test_horizons_reach_the_machine():
    options = parsed("--hot-minutes", "5", "--fact-minutes", "7")
    rules = Rules(
        "Europe/Paris",
        (),
        pseudonym_keys(),
        hot_minutes=options.hot_minutes,
        fact_minutes=options.fact_minutes,
    )

    assert rules.attend() == AttendRules("Europe/Paris", hot_minutes=5, fact_minutes=7)


def test_a_horizon_out_of_bounds_is_refused():
    with pytest.raises(OptionError, match=r"--fact-minutes -1: expected 0 to 86400"):
        parsed("--fact-minutes", "-1")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("2026-02-30T00:00Z", "expected an instant such as 2026-03-02T20:00+01:00"),
        ("2026-03-02", "expected an offset from UTC, as in 2026-03-02+01:00"),
        ("0001-01-01T00:00+01:00", "expected an instant of 1970 to 2999"),
        ("1969-12-31T23:59Z", "expected an instant of 1970 to 2999"),
        ("9999-12-31T23:59:30+00:00", "expected an instant of 1970 to 2999"),
        ("9999-12-31T23:59-01:00", "expected an instant of 1970 to 2999"),
    ],
)
def test_a_since_that_is_no_instant_of_our_time_is_one_sentence(given, sentence):
    with pytest.raises(OptionError) as refused:
        parsed("--since", given)
    assert str(refused.value) == f"--since {given}: {sentence}"


def test_of_pubsub_may_be_chosen_how_many_messages_wait_and_for_how_long():
    options = parsed("--most-unacknowledged", "200000", "--most-lease", "3600")

    assert options.pulls == PullSettings(most_unacknowledged=200_000, most_lease_seconds=3600)
    assert parsed().pulls == PullSettings()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            ("--most-unacknowledged", "999"),
            "--most-unacknowledged 999: expected 1000 to 10000000",
        ),
        (("--most-lease", "60"), "--most-lease 60: expected 120 to 86400"),
    ],
)
def test_a_bound_of_pubsub_that_nobody_could_work_with_is_refused(given, sentence):
    with pytest.raises(OptionError) as refused:
        parsed(*given)
    assert str(refused.value) == sentence


def test_checkpoints_so_far_apart_that_leases_end_before_the_second_are_refused_with_pubsub():
    check_acknowledged(PullSettings(), 419.999, "checkpointing_interval")
    check_acknowledged(PullSettings(most_lease_seconds=1261), 600, "checkpointing_interval")

    with pytest.raises(OptionError) as refused:
        check_acknowledged(PullSettings(), 420, "checkpointing_interval")
    assert str(refused.value) == (
        "--checkpointing_interval 420000: expected less than 420000 milliseconds with Pub/Sub,"
        " whose messages wait for two checkpoints and are leased for at most 900 s; shorten it, or"
        " raise --most-lease"
    )


TOPIC, SUBSCRIPTION = "kafka://b.example:9092/live", "pubsub://projects/p/subscriptions/web"
DATAFLOW = (
    *("--runner=DataflowRunner", "--project=p", "--region=europe-west1"),
    *("--temp_location=gs://bucket.example/temp", "--sdk_container_image=moment:1"),
)


def _measured(tmp_path: Path, source: str, beam: Sequence[str], *given: str) -> MeasureOptions:
    for name in ("web.log", "client.properties"):
        (tmp_path / name).write_text("")
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_measure_arguments(parser)
    inputs = source.format(tmp_path).split()
    # A directory of a worker's is none of a job on Dataflow.
    output = "bigquery://our-project/moment" if beam == DATAFLOW else tmp_path / "figures"
    line = [*inputs, f"--output={output}", *(each.format(tmp_path) for each in given)]
    return measure_options(parser.parse_args(line), beam)


PRISM = ("--runner=PrismRunner",)
REPLAYED = "access_log={}/web.log --speed=1"
PROPERTIES = "--kafka-properties={}/client.properties"


@pytest.mark.parametrize(
    ("source", "beam", "options", "had_by", "found"),
    [
        (TOPIC, PRISM, ["--speed=7", "--run-on=7"], "files", "Kafka topics"),
        (
            TOPIC,
            PRISM,
            ["--pullers=7", "--most-lease=500", "--most-unacknowledged=2000"],
            "Pub/Sub subscriptions that Moment pulls",
            "Kafka topics",
        ),
        (
            SUBSCRIPTION,
            PRISM,
            [PROPERTIES],
            "Kafka topics",
            "Pub/Sub subscriptions that Moment pulls",
        ),
        (REPLAYED, PRISM, [PROPERTIES], "Kafka topics", "files"),
        (
            REPLAYED,
            PRISM,
            ["--pullers=7", "--most-lease=500", "--most-unacknowledged=2000"],
            "Pub/Sub subscriptions that Moment pulls",
            "files",
        ),
        (
            SUBSCRIPTION,
            DATAFLOW,
            ["--pullers=7", "--most-lease=500", "--most-unacknowledged=2000"],
            "Pub/Sub subscriptions that Moment pulls",
            "Pub/Sub subscriptions that Dataflow reads itself",
        ),
        (
            SUBSCRIPTION,
            DATAFLOW,
            ["--allowance=7", "--idle-after=7"],
            "files or Kafka topics or Pub/Sub subscriptions that Moment pulls",
            "Pub/Sub subscriptions that Dataflow reads itself",
        ),
    ],
)
def test_an_option_that_changes_nothing_of_the_input_is_refused(
    tmp_path, source, beam, options, had_by, found
):
    for option in options:
        with pytest.raises(OptionError) as refused:
            _measured(tmp_path, source, beam, option)
        assert str(refused.value) == (
            f"{option.partition('=')[0]}: expected with {had_by} only, found {found}; leave it out"
        )


@pytest.mark.parametrize(
    ("source", "beam", "options"),
    [
        (TOPIC, PRISM, [PROPERTIES, "--allowance=7", "--idle-after=never", "--start=latest"]),
        (SUBSCRIPTION, PRISM, ["--pullers=7", "--most-lease=500", "--most-unacknowledged=2000"]),
        (SUBSCRIPTION, PRISM, ["--allowance=7", "--idle-after=7"]),
        (REPLAYED, PRISM, ["--run-on=7", "--allowance=7", "--idle-after=7"]),
        *(
            (source, beam, ["--hot-minutes=7", "--fact-minutes=7", "--publish-every=7", "--append"])
            for source in (TOPIC, SUBSCRIPTION, REPLAYED)
            for beam in (PRISM, DATAFLOW)
        ),
    ],
)
def test_an_option_that_the_input_has_is_taken(tmp_path, source, beam, options):
    assert _measured(tmp_path, source, beam, *options).unbounded
