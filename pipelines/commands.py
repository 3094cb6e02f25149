"""What each subcommand of `moment` runs; each gives an exit code.

It imports what it runs: Beam takes a second, and most need none of it.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.backfill.options import backfill_options
from pipelines.errors import JobError, OptionError
from pipelines.local_path import local_path
from pipelines.replay.options import replay_options
from pipelines.verify.options import verify_options

if TYPE_CHECKING:
    from pipelines.options import MeasureOptions
    from pipelines.simulator import Simulation

FAILED = 1
NOT_BALANCED = 3
INTERRUPTED = 130


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


def run_measure(given: argparse.Namespace, beam_arguments: Sequence[str]) -> int:
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
        print(
            f"figures of days in {options.rules.time_zone} are written to {options.output} until"
            " the job is stopped",
            flush=True,
        )
    try:
        state = stream(options)
    except KeyboardInterrupt:
        print("left: a job on a cluster goes on, and is stopped there", file=sys.stderr)
        return INTERRUPTED
    except (JobError, SinkError) as error:
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


def _renew_views(dataset: str) -> None:
    """Of a folder that was copied or moved since they were made."""
    if (Path(dataset) / "moment.duckdb").exists():
        from pipelines.sinks.duckdb_views import renew_views

        renew_views(Path(dataset))


def run_verify(given: argparse.Namespace, _: Sequence[str]) -> int:
    with _importing():
        from pipelines.verify.job import verify

    _renew_views(given.dataset)
    return verify(verify_options(given))


def run_backfill(given: argparse.Namespace, _: Sequence[str]) -> int:
    from pipelines.backfill.job import backfill

    _renew_views(given.dataset)
    return backfill(backfill_options(given))


def run_replay(given: argparse.Namespace, _: Sequence[str]) -> int:
    from pipelines.replay.job import replay

    _renew_views(given.dataset)
    return replay(replay_options(given))


def run_check(given: argparse.Namespace, _: Sequence[str]) -> int:
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


def run_simulate(given: argparse.Namespace, _: Sequence[str]) -> int:
    from pipelines.simulator import write

    output = local_path("--output", given.output)
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


def run_demo(given: argparse.Namespace, _: Sequence[str]) -> int:
    with _importing():
        from pipelines.demo import demo

    began = time.monotonic()
    code = demo(local_path("--output", given.output), lambda: _simulation(given))
    print(f"{time.monotonic() - began:.1f} s in all")
    return code


def run_report(given: argparse.Namespace, _: Sequence[str]) -> int:
    from pipelines.report import source_of, write_report

    source = source_of(given.dataset)
    page = source.page if given.html is None else local_path("--html", given.html, "file")
    if page.is_dir():
        raise OptionError(f"--html {given.html}: expected a file, found a directory")
    _renew_views(given.dataset)
    print(write_report(source, page, day=given.day))
    return 0


def run_compact(given: argparse.Namespace, _: Sequence[str]) -> int:
    from pipelines.compact.archive import gather_archive
    from pipelines.compact.kept import print_compacted
    from pipelines.inputs import ARCHIVE
    from pipelines.place import place_of

    if given.dataset.startswith(ARCHIVE):
        print_compacted([gather_archive(given.dataset.removeprefix(ARCHIVE), given.day)])
    else:
        _renew_views(given.dataset)
        print_compacted(place_of(given.dataset).compact(given.day))
    return 0


def run_rollup(given: argparse.Namespace, _: Sequence[str]) -> int:
    from pipelines.rollup import rollup

    _renew_views(given.dataset)
    return rollup(given)


def run_tables(given: argparse.Namespace, _: Sequence[str]) -> int:
    try:
        from pipelines.tables import tables
    except ImportError as error:
        raise OptionError(
            f"moment tables: expected the packages of the extra `gcp`, found none ({error.name});"
            " pip install 'moment-pipeline[gcp]'"
        ) from error

    return tables(given)


def run_channels(given: argparse.Namespace, _: Sequence[str]) -> int:
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


def run_metrics(given: argparse.Namespace, _: Sequence[str]) -> int:
    from pipelines.metric_docs import dictionary_text

    print(dictionary_text())
    return 0
