"""Horizons of a stream: given, defaulted, refused, and handed to the machine that keeps them."""

from __future__ import annotations

import argparse

import pytest

from pipelines.arguments import add_stream_arguments
from pipelines.errors import OptionError
from pipelines.graph import Rules
from pipelines.keys import pseudonym_keys
from pipelines.stream_options import StreamOptions, stream_options
from transforms.attend import AttendRules


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
