"""Arguments of a job on Dataflow: what must be given, what is refused, what is set.

deploy/dataflow/RUNBOOK.md says what each option does and why it has its value.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from apache_beam.options.pipeline_options import _BeamArgumentParser

from pipelines.errors import OptionError
from pipelines.runners import runner_name

EXAMPLES = {
    "project": "YOUR-PROJECT",
    "region": "europe-west1",
    "temp_location": "gs://YOUR-BUCKET/temp",
    "sdk_container_image": "europe-west1-docker.pkg.dev/YOUR-PROJECT/moment/moment-dataflow:TAG",
}
"""What a job may not start without, each with a value as it could be. The image: Beam's own has no
Moment in it."""

_AT_LEAST_ONCE = "streaming_mode_at_least_once"
"""A service option under which a bundle may count twice: deltas would be added again."""

_LISTS = (
    *("dataflow_service_option", "dataflow_service_options"),
    *("experiment", "experiments", "additional_experiments"),
)
"""Where it may stand: Beam takes the first ones in the singular as well."""


def runs_on_dataflow(given: Sequence[str]) -> bool:
    """Whether Beam's arguments name Dataflow."""
    return runner_name(given) == "dataflow"


def dataflow_arguments(given: Sequence[str], streaming: bool = True) -> tuple[str, ...]:
    """Beam's arguments of a job on Dataflow: those given, and those set by us.

    Raises OptionError, one sentence, where an option is missing, or gives up exactly once.
    """
    options = _parsed(given)
    missing = [f"--{name}={value}" for name, value in EXAMPLES.items() if not options.get(name)]
    if missing:
        raise OptionError(
            f"a job on Dataflow does not start without {' '.join(missing)}: give"
            f" {'it' if len(missing) == 1 else 'each of them'} a value, such as this"
        )
    for name in _LISTS:
        asked = {each.strip() for text in options.get(name, ()) for each in text.split(",")}
        if _AT_LEAST_ONCE in asked:
            raise OptionError(
                f"--{name} {_AT_LEAST_ONCE}: expected none, for figures are sums of deltas, and one"
                " that is added twice stays in them"
            )
    added = ("streaming", "enable_streaming_engine") if streaming else ()
    return (*given, *(f"--{name}" for name in added if name not in options))


def _parsed(given: Sequence[str]) -> dict[str, str | list[str]]:
    """The options named here that were given."""
    parser = _BeamArgumentParser(
        add_help=False, allow_abbrev=False, exit_on_error=False, argument_default=argparse.SUPPRESS
    )
    for name in EXAMPLES:
        parser.add_argument(f"--{name}")
    for name in _LISTS:
        parser.add_argument(f"--{name}", action="append")
    for name in ("streaming", "enable_streaming_engine"):
        parser.add_argument(f"--{name}", action="store_true")
    try:
        known, _ = parser.parse_known_args(list(given))
    except argparse.ArgumentError as error:
        raise OptionError(f"{error.argument_name}: {error.message}") from error
    return vars(known)
