"""What a Dataflow Flex Template starts: `moment measure` from the template's parameters.

The launcher of Google runs this file with --NAME=VALUE for each parameter that deploy/dataflow/
metadata.json declares, and Beam's options for the job it writes the graph of.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apache_beam.options.pipeline_options import _BeamArgumentParser

from pipelines.cli import BAD_USE
from pipelines.cli import main as moment
from pipelines.errors import OptionError
from pipelines.keys import KEY_VARIABLE

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
DEFAULT_TIME_ZONE = "Europe/Paris"


def main(
    arguments: Sequence[str] | None = None, secret_of: Callable[[str], str] | None = None
) -> int:
    """Run the command that the parameters ask for; its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        secret, line = command_line(given, datetime.now().astimezone())
        os.environ[KEY_VARIABLE] = (secret_of or read_secret)(secret)
    except OptionError as error:
        print(f"moment: {error}", file=sys.stderr)
        return BAD_USE
    return moment(line)


def command_line(given: Sequence[str], now: datetime) -> tuple[str, list[str]]:
    """The secret to read, and the arguments of `moment`.

    Inputs are parted by spaces. `yesterday` is the day before that of `now` in the time zone of the
    property. Raises OptionError where the secret is missing.
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
    zone = parameters.get("time_zone", DEFAULT_TIME_ZONE)
    for name in DAYS:
        if parameters.get(name) == "yesterday":
            parameters[name] = _yesterday(zone, now).isoformat()
    if command == "backfill":
        return parameters["pseudonym_key_secret"], _backfill_line(parameters)
    options = [
        f"--{name.replace('_', '-')}={parameters[name]}" for name in PASSED if name in parameters
    ]
    line = [command, *parameters["inputs"].split(), *options, *beam_arguments]
    return parameters["pseudonym_key_secret"], line


def _backfill_line(parameters: dict[str, str]) -> list[str]:
    """`moment backfill OUTPUT --from … --to … --source INPUT...`.

    The dataset knows the options that it was begun with, and nothing runs on workers: those of
    Beam go nowhere.
    """
    if "output" not in parameters:
        raise OptionError("--output: expected the template's parameter of that name")
    days = [f"--{name}={parameters[name]}" for name in DAYS if name in parameters]
    return ["backfill", parameters["output"], *days, "--source", *parameters["inputs"].split()]


def _yesterday(zone: str, now: datetime) -> date:
    try:
        return now.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise OptionError(
            f"--time_zone {zone}: expected an IANA name such as {DEFAULT_TIME_ZONE}"
        ) from error


def read_secret(name: str) -> str:
    """The text of a version of a secret. Raises OptionError where it cannot be read, or used."""
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud import secretmanager

    try:
        client = secretmanager.SecretManagerServiceClient()
        content = client.access_secret_version(name=name).payload.data
    except (GoogleAPICallError, GoogleAuthError) as error:
        raise OptionError(
            f"--pseudonym_key_secret {name}: expected a version that this account may read, found"
            f" {type(error).__name__}; grant it Secret Manager Secret Accessor on the secret"
        ) from error
    text = content.decode("utf-8", errors="replace")
    if "�" in text or "\0" in text:
        raise OptionError(f"--pseudonym_key_secret {name}: expected text, found other bytes")
    return str(text)


if __name__ == "__main__":
    sys.exit(main())
