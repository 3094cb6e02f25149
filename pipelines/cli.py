"""The `moment` command: its parser, and what its errors become."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from pipelines import commands
from pipelines.arguments import TIME_ZONE, add_measure_arguments
from pipelines.backfill.options import add_backfill_arguments
from pipelines.day_options import add_compact_arguments, add_report_arguments, add_rollup_arguments
from pipelines.errors import IN_USE, InUseError, OptionError
from pipelines.io_errors import io_sentence, is_interruption, is_news
from pipelines.replay.options import add_replay_arguments
from pipelines.sources.files import InputError
from pipelines.tables_options import add_tables_arguments
from pipelines.verify.options import add_verify_arguments
from schemas.channels import ChannelError
from schemas.version import VERSION

FAILED = 1
BAD_USE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; its exit code.

    0: done; 1: the job, or every record of it, failed; 2: bad use; 3: balance not closed;
    4: figures differ; 5: another changes the dataset; 130: interrupted.
    """
    parser = _parser()
    given, beam_arguments = parser.parse_known_args(arguments)
    logging.getLogger("apache_beam.runners.common").addFilter(is_news)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    if beam_arguments and given.command is not commands.run_measure:
        parser.error(f"unrecognised argument {beam_arguments[0]}; see --help")
    try:
        _check_encoding(sys.argv[1:] if arguments is None else arguments)
        return int(given.command(given, beam_arguments))
    except InUseError as error:
        print(f"moment: {error}", file=sys.stderr)
        return IN_USE
    except (OptionError, InputError, ChannelError) as error:
        print(f"moment: {error}", file=sys.stderr)
        return BAD_USE
    except BrokenPipeError:
        # The reader of our output, such as head, has gone: not an error of ours.
        sys.stderr.close()
        return 0
    except Exception as error:  # Beam and DuckDB wrap what a disk refused in errors of their own
        if is_interruption(error):
            raise KeyboardInterrupt from None
        if (sentence := io_sentence(error)) is None:
            raise
        print(f"moment: {sentence}", file=sys.stderr)
        return FAILED


def _check_encoding(arguments: Sequence[str]) -> None:
    """Raise OptionError for one that is no text: neither a table nor a message could hold it."""
    for argument in arguments:
        shown = os.fsencode(argument).decode("utf-8", "backslashreplace")
        if shown != argument:
            raise OptionError(f"{shown}: expected an argument in UTF-8; rename what it names")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="moment",
        description="Measure audience, engagement and satisfaction on every channel at once.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"moment {VERSION}")
    subcommands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, help: str, example: str) -> argparse.ArgumentParser:
        added = subcommands.add_parser(
            name,
            help=help,
            description=help,
            epilog=f"example: {example}",
            allow_abbrev=False,
        )
        added.set_defaults(command=run)
        return added

    measure = command(
        "measure",
        commands.run_measure,
        "read files or brokers and write a dataset of events, metrics, failed events and balance",
        "moment measure logs/*.gz segment=export.ndjson --output figures",
    )
    add_measure_arguments(measure)

    verify = command(
        "verify",
        commands.run_verify,
        "recompute a dataset from its raw input and compare every figure; ends with 0 where all are"
        " identical, with 4 where one differs, with 3 where the recomputation does not balance",
        "moment verify figures logs/*.gz segment=export.ndjson --day 2026-03-02",
    )
    add_verify_arguments(verify)

    add_backfill_arguments(
        command(
            "backfill",
            commands.run_backfill,
            "compute past days anew, from the dataset's events or from raw input, and publish those"
            " that differ as revisions; ends with 3 where a recomputation does not balance",
            "moment backfill figures --from 2026-03-02 --to 2026-03-08 --plan",
        )
    )

    add_replay_arguments(
        command(
            "replay",
            commands.run_replay,
            "take failed events again after a fix: add their events, restate their days; ends with"
            " 3 where a recomputation does not balance",
            "moment replay figures --reason unknown_kind --channel segment",
        )
    )

    check = command(
        "check",
        commands.run_check,
        "show what each payload of a file would become, or why not",
        "moment check mailjet=webhooks.ndjson",
    )
    check.add_argument("input", metavar="[CHANNEL=]FILE")
    check.add_argument(
        "--limit", type=int, default=20, help="payloads to show (default 20, 0: all)"
    )
    check.add_argument("--failed", action="store_true", help="show only what fails")

    simulate = command(
        "simulate",
        commands.run_simulate,
        "write the native events of a simulated two-hour live, and what is true of it",
        "moment simulate --output live --people 5000 --seed 7",
    )
    simulate.add_argument("--output", required=True, metavar="DIR")
    _add_simulation_arguments(simulate)

    demo = command(
        "demo",
        commands.run_demo,
        f"simulate a live, measure it in figures of days in {TIME_ZONE}, write the report",
        "moment demo --output demo",
    )
    demo.add_argument("--output", default="demo", metavar="DIR", help="default: demo")
    _add_simulation_arguments(demo)

    report = command(
        "report",
        commands.run_report,
        "write the report of a dataset as one HTML page",
        "moment report figures --html report.html",
    )
    add_report_arguments(report)

    add_compact_arguments(
        command(
            "compact",
            commands.run_compact,
            "reduce a closed day of a dataset to one row a key; what the views say stays the same",
            "moment compact figures --day 2026-03-14",
        )
    )
    add_rollup_arguments(
        command(
            "rollup",
            commands.run_rollup,
            "reach and sums of any days and channels of a dataset, without reading its events",
            "moment rollup figures --from 2026-03-09 --to 2026-03-15 --by channel",
        )
    )
    add_tables_arguments(
        command(
            "tables",
            commands.run_tables,
            "plan or make the tables and views of BigQuery, or print their SQL; never drops any",
            "moment tables plan bigquery://our-project/moment",
        )
    )
    command(
        "channels",
        commands.run_channels,
        "list the registered channels and their kinds",
        "moment channels",
    )
    command("metrics", commands.run_metrics, "print the dictionary of measures", "moment metrics")
    return parser


def _add_simulation_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--people", type=int, help="web and app viewers (default 1,750)")
    parser.add_argument("--minutes", type=int, help="length of the show (default 120)")
    parser.add_argument("--seed", type=int, help="same seed, same bytes (default 42)")
