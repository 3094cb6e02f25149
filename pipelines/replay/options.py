"""Options of `moment replay`, parsed and validated once into a frozen object."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import datetime, timezone

from pipelines.errors import OptionError
from pipelines.place import Place, place_of
from pipelines.verify.run import Run, check_key
from schemas.channels import registered_channels
from schemas.failure import Reason


@dataclass(frozen=True)
class ReplayOptions:
    """`reasons`, `channels`: of which failed events; empty: of all."""

    dataset: Place
    run: Run
    reasons: tuple[str, ...]
    channels: tuple[str, ...]
    only_plan: bool
    fence: bool
    now: datetime


def add_replay_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "dataset",
        metavar="DATASET",
        help="directory or bigquery://PROJECT/DATASET with failed events",
    )
    parser.add_argument(
        "--reason",
        action="append",
        metavar="CODE",
        help="take those of this reason, again for more (default: every reason)",
    )
    parser.add_argument(
        "--channel",
        action="append",
        metavar="NAME",
        help="take those of this channel, again for more (default: every channel)",
    )
    parser.add_argument(
        "--plan", dest="only_plan", action="store_true", help="say what would be taken, do nothing"
    )
    parser.add_argument(
        "--fence",
        action="store_true",
        help="take what arrived in days that are not closed too, and restate those: what a live job"
        " publishes of the windows restated stands no more",
    )


def replay_options(arguments: argparse.Namespace, now: datetime | None = None) -> ReplayOptions:
    """Validated options; nothing is computed. Raises OptionError, one clear sentence."""
    dataset = place_of(arguments.dataset)
    run = dataset.run()
    check_key(dataset, run)
    known = [reason.value for reason in Reason]
    for option, given, allowed in (
        ("--reason", arguments.reason, known),
        ("--channel", arguments.channel, list(registered_channels())),
    ):
        for name in given or ():
            if name not in allowed:
                raise OptionError(f"{option} {name}: expected one of {', '.join(allowed)}")
    return ReplayOptions(
        dataset=dataset,
        run=run,
        reasons=tuple(arguments.reason or ()),
        channels=tuple(arguments.channel or ()),
        only_plan=arguments.only_plan,
        fence=arguments.fence,
        now=now or datetime.now(timezone.utc),
    )
