"""Runners: which one Beam's arguments name, which ones no stream may have, what is said of one."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from apache_beam.options.pipeline_options import _BeamArgumentParser

from pipelines.errors import OptionError

IN_THIS_PROCESS = frozenset(("", "direct", "bundlebaseddirect", "switchingdirect"))
"""Without a runner the job runs in this process. Beam's direct ones do so, too, or take Prism."""

PRISM_LOSES = (
    "PRISM IS FOR TRYING OUT: what it takes out of a bundle that is slow may be lost or counted"
    " twice (apache/beam#35771), and figures are wrong without a word; measure with"
    " --runner=FlinkRunner"
)


def runner_name(given: Sequence[str]) -> str:
    """The runner's name as a word in lower case, such as `flink`; "" where none is named.

    Beam takes `FlinkRunner`, `flinkrunner`, `flink` and a path to the class alike. Raises
    OptionError where --runner has no value.
    """
    parser = _BeamArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--runner", default="")
    try:
        known, _ = parser.parse_known_args(list(given))
    except argparse.ArgumentError as error:
        raise OptionError(f"{error.argument_name}: {error.message}") from error
    return str(known.runner).rpartition(".")[2].lower().removesuffix("runner")


def check_streams(given: Sequence[str]) -> None:
    """Refuse a job without an end on a runner that runs it in this process. Raises OptionError."""
    if (name := runner_name(given)) in IN_THIS_PROCESS:
        raise OptionError(
            "unbounded input (a broker, or --speed): expected --runner=FlinkRunner or another"
            f" streaming runner, found {name or 'none'}; the job in this process would never end"
        )
