"""`moment measure`: files in, a dataset out, and whether its balance closes."""

from __future__ import annotations

import os
import shutil
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.archiving import archiving, begin_archive
from pipelines.arrivals import unbelieved
from pipelines.backfill.manifest import MANIFEST
from pipelines.damaged import damaged
from pipelines.dataflow import runs_on_dataflow
from pipelines.duck import connect
from pipelines.graph import build
from pipelines.json_file import write_json
from pipelines.lock import exclusively
from pipelines.options import MeasureOptions
from pipelines.output_options import STAGING, check_free
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.duckdb_views import VIEWS, add_views, create_views
from pipelines.sinks.parquet import WriteParquet
from pipelines.sinks.tables import ARCHIVE, FOLDER_TABLES
from pipelines.sources.archive import ReadArchive
from pipelines.sources.kafka.bounded import ReadKafkaOnce
from pipelines.sources.kafka.source import ReadKafka
from pipelines.sources.pubsub.source import read_pubsub
from pipelines.sources.read_files import ReadFiles
from pipelines.sources.replay import Replay
from pipelines.sources.replay_plan import plan_replay
from schemas.balance import OUTCOMES
from schemas.version import VERSION

IN_PROCESS = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"


@dataclass(frozen=True)
class Measured:
    """A finished run: where it is, its balance summed, rows out of balance, seconds, zone."""

    output: Path | Destination
    balance: dict[str, int]
    unbalanced: list[dict[str, Any]]
    metrics: int
    seconds: float
    time_zone: str
    unbelieved: tuple[str, ...] = ()
    """A sentence on each input most of whose events say times that were not believed."""
    damaged: tuple[str, ...] = ()
    """A sentence on each file that could not be read to its end."""

    @property
    def all_failed(self) -> bool:
        """Was there input, and nothing of it could be decoded?"""
        return self.balance["received"] > 0 and self.balance["decoded"] == 0


def measure(options: MeasureOptions, source: beam.PTransform | None = None) -> Measured:
    """Run the job and write the dataset; nothing is seen at `output` before all is written.

    Into a directory; pipelines.measure_bigquery has the other. `source` is read in place of the
    inputs of the options. Raises InUseError where another run writes in it.
    """
    began = time.monotonic()
    output = options.output
    assert isinstance(output, Path), output
    begin_archive(options)
    is_new = not output.exists()
    output.mkdir(parents=True, exist_ok=True)
    try:
        with exclusively(output):
            # Another may have written it since the options were checked.
            check_free(output, options.replace)
            return _measure(options, source or bounded_source(options), output, began)
    finally:
        if is_new:
            with suppress(OSError):  # not empty: it was written
                output.rmdir()


def _measure(
    options: MeasureOptions, source: beam.PTransform, output: Path, began: float
) -> Measured:
    staging = output / STAGING
    _remove_left(output)
    staging.mkdir()
    try:
        with beam.Pipeline(options=pipeline_options(options.beam_arguments)) as root:
            build(
                root,
                source,
                archiving(lambda table: WriteParquet(table, str(staging / table.name)), options),
                options.rules,
            )
        measured = _measured(options, staging, began)
        _move_in(staging, output, options.rules.archive)
        # At once: tables without it are no dataset.
        write_json(output / "run.json", run_record(options) | outcome(measured))
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    create_views(output)
    return measured


def _remove_left(output: Path) -> None:
    """Remove what a run that was killed left beside a dataset."""
    shutil.rmtree(output / STAGING, ignore_errors=True)
    for views in output.glob(f".{VIEWS}.*.tmp*"):
        views.unlink(missing_ok=True)


def bounded_source(options: MeasureOptions) -> beam.PTransform:
    """The read step of `measure`, bounded: of a topic, what it holds when the run starts."""
    inputs, stream = options.inputs, options.stream
    if inputs.topics:
        return ReadKafkaOnce(inputs.topics, stream.settings, stream.kafka)
    if inputs.archives:
        return ReadArchive(inputs.archives)
    return ReadFiles(inputs.files)


def source_of(options: MeasureOptions) -> beam.PTransform:
    """The read step of a job: bounded for files, unbounded for brokers and for a replay."""
    inputs, stream = options.inputs, options.stream
    if inputs.topics:
        return ReadKafka(inputs.topics, stream.settings, stream.kafka, options.slots)
    if inputs.subscriptions:
        native = runs_on_dataflow(options.beam_arguments)
        given = (inputs.subscriptions, stream.settings, native, stream.pulls, options.slots)
        return read_pubsub(*given)
    if stream.speed is not None:
        plan = plan_replay(inputs.files)
        return Replay(plan, stream.speed, stream.settings, stream.run_on_seconds, options.slots)
    return bounded_source(options)


def pipeline_options(arguments: tuple[str, ...]) -> PipelineOptions:
    given = list(arguments)
    if not any(argument.startswith("--runner") for argument in given):
        given.append(f"--runner={IN_PROCESS}")
    return PipelineOptions(given)


def _move_in(staging: Path, output: Path, archives: bool) -> None:
    """Exchange the tables of the output for the new ones: renames, one a table.

    An archive stays where the run keeps none: there may be no other copy of what it holds.
    """
    # What was run, refilled and reported, and how far, is of the dataset that is gone.
    for told in ("run.json", MANIFEST, "report.html"):
        (output / told).unlink(missing_ok=True)
    for table in FOLDER_TABLES:
        old, new = output / table.name, staging / table.name
        if old.exists() and (archives or table is not ARCHIVE):
            shutil.rmtree(old)
        if new.exists():
            os.replace(new, old)
            if table.restricted:
                old.chmod(0o700)


def _measured(options: MeasureOptions, tables: Path, began: float) -> Measured:
    """What the run has written, told from its tables before others see them."""
    assert isinstance(options.output, Path)
    with connect() as connection:
        add_views(connection, tables)
        sums = ", ".join(f"coalesce(sum({o}), 0)::BIGINT" for o in OUTCOMES)
        (totals,) = connection.execute(f"SELECT {sums} FROM balance").fetchall()
        ((metrics,),) = connection.execute("SELECT count(*) FROM metrics").fetchall()
        unbalanced = connection.execute("SELECT * FROM balance WHERE NOT balanced").fetchall()
        names = [column[0] for column in connection.description or ()]
        return Measured(
            options.output,
            dict(zip(OUTCOMES, totals)),
            [dict(zip(names, row)) for row in unbalanced],
            metrics,
            time.monotonic() - began,
            options.rules.time_zone,
            unbelieved=tuple(unbelieved(connection, options.inputs.files)),
            damaged=tuple(damaged(connection)),
        )


def outcome(measured: Measured) -> dict[str, Any]:
    """What run.json says of how a run ended."""
    return {
        "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "seconds": round(measured.seconds, 3),
        "balance": measured.balance,
        "balanced": not measured.unbalanced,
        "metrics": measured.metrics,
    }


def run_record(options: MeasureOptions) -> dict[str, Any]:
    """What run.json says of the options of a job; no secrets."""
    keys = options.rules.keys
    return {
        "version": VERSION,
        "time_zone": options.rules.time_zone,
        "channels": options.rules.channels,
        "brand": options.rules.default_brand,
        "epoch": options.rules.epoch,
        "archive": options.archive or options.rules.archive,
        "pseudonym_key_id": None if keys is None else keys.key_id,
        "inputs": options.inputs.names,
    }


def print_summary(measured: Measured) -> None:
    """The balance in words; loudly where it does not close."""
    b = measured.balance
    print(
        f"{b['received']:,} payloads received = {b['decoded']:,} decoded + {b['failed']:,} failed\n"
        f"{b['events']:,} events = {b['accepted']:,} accepted + {b['duplicate']:,} duplicate"
        f" + {b['withheld']:,} withheld + {b['ignored']:,} ignored + {b['late']:,} late\n"
        f"{measured.metrics:,} metric rows in {measured.seconds:.1f} s, of days in"
        f" {measured.time_zone}: {measured.output}"
    )
    if measured.all_failed:
        print(
            "NOTHING DECODED: every payload failed; see failed_events, and `moment check FILE`",
            file=sys.stderr,
        )
    for sentence in measured.damaged:
        print(f"FILE DAMAGED: {sentence}", file=sys.stderr)
    for sentence in measured.unbelieved:
        print(f"TIMES NOT BELIEVED: {sentence}", file=sys.stderr)
    for row in measured.unbalanced:
        print(
            f"NOT BALANCED: {row['input']} {row['arrival_hour']} {row['channel']}: "
            + ", ".join(f"{outcome} {row[outcome]}" for outcome in OUTCOMES),
            file=sys.stderr,
        )
