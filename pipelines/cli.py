"""The `moment` command: one parser, one function a subcommand.

A subcommand imports what it runs: Beam takes a second, and most need none of it.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.arguments import add_measure_arguments
from pipelines.backfill.options import add_backfill_arguments, backfill_options
from pipelines.day_options import add_compact_arguments, add_report_arguments, add_rollup_arguments
from pipelines.errors import IN_USE, InUseError, OptionError
from pipelines.replay.options import add_replay_arguments, replay_options
from pipelines.sources.files import InputError
from pipelines.tables_options import add_tables_arguments
from pipelines.verify.options import add_verify_arguments, verify_options
from schemas.channels import ChannelError
from schemas.version import VERSION

if TYPE_CHECKING:
    from pipelines.options import MeasureOptions
    from pipelines.simulator import Simulation

FAILED = 1
BAD_USE = 2
NOT_BALANCED = 3
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; its exit code.

    0: done; 1: the job, or every record of it, failed; 2: bad use; 3: balance not closed;
    4: figures differ; 5: another changes the dataset.
    """
    parser = _parser()
    given, beam_arguments = parser.parse_known_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    if beam_arguments and given.command is not _measure:
        parser.error(f"unrecognised argument {beam_arguments[0]}; see --help")
    try:
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="moment",
        description="Measure audience, engagement and satisfaction on every channel at once.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"moment {VERSION}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, help: str, example: str) -> argparse.ArgumentParser:
        added = commands.add_parser(
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
        _measure,
        "read files or brokers and write a dataset of events, metrics, failed events and balance",
        "moment measure logs/*.gz segment=export.ndjson --output figures",
    )
    add_measure_arguments(measure)

    verify = command(
        "verify",
        _verify,
        "recompute a dataset from its raw input and compare every figure; ends with 0 where all are"
        " identical, with 4 where one differs, with 3 where the recomputation does not balance",
        "moment verify figures logs/*.gz segment=export.ndjson --day 2026-03-02",
    )
    add_verify_arguments(verify)

    add_backfill_arguments(
        command(
            "backfill",
            _backfill,
            "compute past days anew, from the dataset's events or from raw input, and publish those"
            " that differ as revisions; ends with 3 where a recomputation does not balance",
            "moment backfill figures --from 2026-03-02 --to 2026-03-08 --plan",
        )
    )

    add_replay_arguments(
        command(
            "replay",
            _replay,
            "take failed events again after a fix: add their events, restate their days; ends with"
            " 3 where a recomputation does not balance",
            "moment replay figures --reason unknown_kind --channel segment",
        )
    )

    check = command(
        "check",
        _check,
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
        _simulate,
        "write the native events of a simulated two-hour live, and what is true of it",
        "moment simulate --output live --people 5000 --seed 7",
    )
    simulate.add_argument("--output", required=True, metavar="DIR")
    _add_simulation_arguments(simulate)

    demo = command(
        "demo",
        _demo,
        "simulate a live, measure it, write the report",
        "moment demo --output demo",
    )
    demo.add_argument("--output", default="demo", metavar="DIR", help="default: demo")
    _add_simulation_arguments(demo)

    report = command(
        "report",
        _report,
        "write the report of a dataset as one HTML page",
        "moment report figures --html report.html",
    )
    add_report_arguments(report)

    add_compact_arguments(
        command(
            "compact",
            _compact,
            "reduce a closed day of a dataset to one row a key; what the views say stays the same",
            "moment compact figures --day 2026-03-14",
        )
    )
    add_rollup_arguments(
        command(
            "rollup",
            _rollup,
            "reach and sums of any days and channels of a dataset, without reading its events",
            "moment rollup figures --from 2026-03-09 --to 2026-03-15 --by channel",
        )
    )
    add_tables_arguments(
        command(
            "tables",
            _tables,
            "plan or make the tables and views of BigQuery, or print their SQL; never drops any",
            "moment tables plan bigquery://our-project/moment",
        )
    )
    command(
        "channels", _channels, "list the registered channels and their kinds", "moment channels"
    )
    command("metrics", _metrics, "print the dictionary of measures", "moment metrics")
    return parser


def _add_simulation_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--people", type=int, help="web and app viewers (default 1,750)")
    parser.add_argument("--minutes", type=int, help="length of the show (default 120)")
    parser.add_argument("--seed", type=int, help="same seed, same bytes (default 42)")


@contextmanager
def _importing() -> Iterator[None]:
    """Around the imports of a job. What Beam makes then stays to the end: looking through all of it
    for garbage, again and again, is a tenth of what it costs to start."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        # Native modules look at the end whether all that they made is gone.
        atexit.register(gc.unfreeze)


def _measure(given: argparse.Namespace, beam_arguments: Sequence[str]) -> int:
    with _importing():
        from pipelines.measure import measure, print_summary
        from pipelines.options import measure_options
        from pipelines.sinks.bigquery.destination import Destination

    options = measure_options(given, beam_arguments)
    if options.unbounded:
        return _stream(options)
    if isinstance(options.output, Destination):
        from pipelines.measure_bigquery import measure_into_bigquery
        from pipelines.sinks.bigquery.faults import SinkError

        try:
            measured = measure_into_bigquery(options, options.output)
        except SinkError as error:
            print(f"moment: {error}", file=sys.stderr)
            return FAILED
    else:
        measured = measure(options)
    print_summary(measured)
    if measured.unbalanced:
        return NOT_BALANCED
    return FAILED if measured.all_failed else 0


def _stream(options: MeasureOptions) -> int:
    from pipelines.sinks.bigquery.faults import SinkError
    from pipelines.stream import stream

    if not options.writes_jar:
        print(f"figures are written to {options.output} until the job is stopped", flush=True)
    try:
        state = stream(options)
    except KeyboardInterrupt:
        print("left: a job on a cluster goes on, and is stopped there", file=sys.stderr)
        return INTERRUPTED
    except SinkError as error:
        print(f"moment: {error}", file=sys.stderr)
        return FAILED
    # Beam says so of a job that was never sent.
    if state == "DONE" and options.writes_template:
        print("the graph is written: Dataflow starts the job from it")
        return 0
    if state == "DONE" and options.writes_jar:
        print("the jar is written: the job begins where it is started")
        return 0
    print(f"the job is {state}")
    return 0 if state in ("DONE", "CANCELLED", "DRAINED", "UPDATED") else FAILED


def _verify(given: argparse.Namespace, _: Sequence[str]) -> int:
    with _importing():
        from pipelines.verify.job import verify

    return verify(verify_options(given))


def _backfill(given: argparse.Namespace, _: Sequence[str]) -> int:
    from pipelines.backfill.job import backfill

    return backfill(backfill_options(given))


def _replay(given: argparse.Namespace, _: Sequence[str]) -> int:
    from pipelines.replay.job import replay

    return replay(replay_options(given))


def _check(given: argparse.Namespace, _: Sequence[str]) -> int:
    from pipelines.check import check

    if given.limit < 0:
        raise OptionError(f"--limit {given.limit}: expected 0 (all) or more")
    return check(given.input, given.limit, given.failed)


def _simulation(given: argparse.Namespace) -> Simulation:
    from pipelines.simulator import Options, simulate

    chosen = {
        name: value
        for name in ("people", "minutes", "seed")
        if (value := getattr(given, name)) is not None
    }
    try:
        return simulate(Options(**chosen))
    except ValueError as error:
        raise OptionError(f"--{error}") from error


def _simulate(given: argparse.Namespace, _: Sequence[str]) -> int:
    from pipelines.simulator import write

    output = Path(given.output)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise OptionError(f"--output {output}: expected a new or empty directory")
    simulation = _simulation(given)
    try:
        write(simulation, output)
    except OSError as error:
        raise OptionError(
            f"--output {output}: expected to write in it, found {error.strerror}; name another"
            " directory"
        ) from error
    print(f"{output}: {', '.join(sorted(p.name for p in output.iterdir()))}")
    return 0


def _demo(given: argparse.Namespace, _: Sequence[str]) -> int:
    with _importing():
        from pipelines.demo import demo

    began = time.monotonic()
    code = demo(Path(given.output), lambda: _simulation(given))
    print(f"{time.monotonic() - began:.1f} s in all")
    return code


def _report(given: argparse.Namespace, _: Sequence[str]) -> int:
    from pipelines.report import source_of, write_report

    source = source_of(given.dataset)
    if given.html and Path(given.html).is_dir():
        raise OptionError(f"--html {given.html}: expected a file, found a directory")
    print(write_report(source, Path(given.html) if given.html else source.page, day=given.day))
    return 0


def _compact(given: argparse.Namespace, _: Sequence[str]) -> int:
    from pipelines.compact.archive import gather_archive
    from pipelines.compact.kept import print_compacted
    from pipelines.inputs import ARCHIVE
    from pipelines.place import place_of

    if given.dataset.startswith(ARCHIVE):
        print_compacted([gather_archive(given.dataset.removeprefix(ARCHIVE), given.day)])
    else:
        print_compacted(place_of(given.dataset).compact(given.day))
    return 0


def _rollup(given: argparse.Namespace, _: Sequence[str]) -> int:
    from pipelines.rollup import rollup

    return rollup(given)


def _tables(given: argparse.Namespace, _: Sequence[str]) -> int:
    try:
        from pipelines.tables import tables
    except ImportError as error:
        raise OptionError(
            f"moment tables: expected the packages of the extra `gcp`, found none ({error.name});"
            " pip install 'moment-pipeline[gcp]'"
        ) from error

    return tables(given)


def _channels(given: argparse.Namespace, _: Sequence[str]) -> int:
    from schemas.channels import registered_channels

    for channel in registered_channels().values():
        beat = (
            f", a heartbeat each {channel.heartbeat_ms // 1000} s" if channel.heartbeat_ms else ""
        )
        print(f"{channel.name}: {channel.title} ({channel.document}{beat})")
        for kind in channel.kinds:
            fate = f"ignored: {kind.ignored}" if kind.ignored else f"{kind.action} ({kind.op})"
            print(f"    {kind.name}: {fate}")
    return 0


def _metrics(given: argparse.Namespace, _: Sequence[str]) -> int:
    from pipelines.metric_docs import dictionary_text

    print(dictionary_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
