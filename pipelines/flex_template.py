"""What a Dataflow Flex Template starts: a command of `moment` from the template's parameters.

The launcher of Google runs this file with --NAME=VALUE for each parameter that deploy/dataflow/
metadata.json declares, and Beam's options for the job it writes the graph of: that of a stream, or
one whose only worker runs a backfill.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apache_beam.options.pipeline_options import _BeamArgumentParser

from pipelines.arguments import TIME_ZONE
from pipelines.cli import BAD_USE
from pipelines.cli import main as moment
from pipelines.dataflow import dataflow_arguments, runs_on_dataflow
from pipelines.errors import OptionError
from pipelines.keys import KEY_VARIABLE
from pipelines.secrets import read_secret

COMMANDS = ("measure", "backfill")
OURS = ("command", "inputs", "pseudonym_key_secret")
"""Parameters that this file reads; every other is an option of the command, `_` written for `-`."""
DAYS = ("from", "to")
PASSED = (
    "output",
    "time_zone",
    "channels",
    "brand",
    "shards",
    "epoch",
    "hot_minutes",
    "since",
    "publish_every",
    "archive",
    *DAYS,
)


class Launch(NamedTuple):
    """What the parameters ask for: the name of the secret of the pseudonym key, the arguments of
    `moment`, and those of Beam."""

    secret: str
    line: list[str]
    beam_arguments: list[str]


def main(
    arguments: Sequence[str] | None = None, secret_of: Callable[[str], str] | None = None
) -> int:
    """Write the graph of what the parameters ask for; the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    secret_of = secret_of or read_secret
    try:
        launch = command_line(given, datetime.now().astimezone())
        if launch.line[0] == "backfill":
            return _backfill(launch, secret_of)
        os.environ[KEY_VARIABLE] = secret_of(launch.secret)
    except OptionError as error:
        print(f"moment: {error}", file=sys.stderr)
        return BAD_USE
    return moment([*launch.line, *launch.beam_arguments])


def backfill_arguments(given: Sequence[str]) -> tuple[str, ...]:
    """Beam's arguments of the job that runs a backfill. Raises OptionError."""
    return dataflow_arguments(given, streaming=False) if runs_on_dataflow(given) else tuple(given)


def _backfill(launch: Launch, secret_of: Callable[[str], str]) -> int:
    from apache_beam import Pipeline

    from pipelines.measure import pipeline_options
    from pipelines.on_worker import RunOnWorker

    root = Pipeline(options=pipeline_options(backfill_arguments(launch.beam_arguments)))
    root | "Backfill" >> RunOnWorker(launch.line, launch.secret, secret_of)
    root.run().wait_until_finish()
    return 0


def command_line(given: Sequence[str], now: datetime) -> Launch:
    """What parameters ask for.

    Inputs are parted by spaces. `yesterday` is the day before that of `now` in the time zone of the
    property. A stream is always given --append: which launch of it is the first is nothing that a
    template knows. Raises OptionError where the secret is missing.
    """
    parser = _BeamArgumentParser(
        add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS
    )
    for name in (*OURS, *PASSED):
        parser.add_argument(f"--{name}")
    known, beam_arguments = parser.parse_known_args(list(given))
    # A parameter that is optional arrives empty where a form was left so.
    parameters = {name: value for name, value in vars(known).items() if value}
    for name in ("inputs", "pseudonym_key_secret"):
        if name not in parameters:
            raise OptionError(f"--{name}: expected the template's parameter of that name")
    command = parameters.get("command", "measure")
    if command not in COMMANDS:
        raise OptionError(f"--command {command}: expected {' or '.join(COMMANDS)}")
    zone = parameters.get("time_zone", TIME_ZONE)
    for name in DAYS:
        if parameters.get(name) == "yesterday":
            parameters[name] = _yesterday(zone, now).isoformat()
    if command == "backfill":
        return Launch(
            parameters["pseudonym_key_secret"], _backfill_line(parameters), beam_arguments
        )
    options = [
        f"--{name.replace('_', '-')}={parameters[name]}" for name in PASSED if name in parameters
    ]
    line = [command, *parameters["inputs"].split(), *options, "--append"]
    return Launch(parameters["pseudonym_key_secret"], line, beam_arguments)


def _backfill_line(parameters: dict[str, str]) -> list[str]:
    """`moment backfill OUTPUT --from … --to … --source INPUT...`.

    The dataset knows the options that it was begun with.
    """
    for name in ("output", "from"):
        if name not in parameters:
            raise OptionError(f"--{name}: expected the template's parameter of that name")
    days = [f"--{name}={parameters[name]}" for name in DAYS if name in parameters]
    return ["backfill", parameters["output"], *days, "--source", *parameters["inputs"].split()]


def _yesterday(zone: str, now: datetime) -> date:
    try:
        return now.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise OptionError(
            f"--time_zone {zone}: expected an IANA name such as {TIME_ZONE}"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
