"""`moment measure` of bounded input into BigQuery: all its rows are seen at its end, or none."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from datetime import datetime, timezone

import apache_beam as beam

from pipelines.archiving import archiving, begin_archive
from pipelines.graph import Sink, build
from pipelines.measure import Measured, bounded_source, outcome, pipeline_options, run_record
from pipelines.options import MeasureOptions
from pipelines.runs import Runs
from pipelines.sinks.bigquery.check import check_bigquery
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.faults import SinkError
from pipelines.sinks.bigquery.sink import WriteBigQuery
from pipelines.sinks.bigquery.stage import LoadBigQuery
from pipelines.sinks.tables import BALANCES, EVENTS, FAILED_EVENTS, METRICS, PARTIALS, RUNS
from pipelines.sources.bigquery import ALL_DAYS, fetch_few, fetch_row
from pipelines.storage import StorageError, files_below, join, remove
from pipelines.storage_check import check_writable
from schemas.balance import OUTCOMES

WRITTEN = (EVENTS, METRICS, FAILED_EVENTS, BALANCES, PARTIALS, RUNS)
"""Tables that a bounded job writes."""


def measure_into_bigquery(options: MeasureOptions, output: Destination) -> Measured:
    """Run the job; its options and outcome are rows of `runs`.

    Raises OptionError, before anything starts, where the tables cannot be written.
    """
    check_bigquery(output, WRITTEN)
    begin_archive(options)
    if options.load_through is not None:
        check_writable(options.load_through, "--load-through")
    began, started = time.monotonic(), datetime.now(timezone.utc)
    runs = Runs(output, streaming=False)
    record = run_record(options) | {"started": started.isoformat(timespec="seconds")}
    runs.write("started", record)
    sink, staging = _sink(options, output, runs.run_id)
    try:
        with beam.Pipeline(options=pipeline_options(options.beam_arguments)) as root:
            build(root, bounded_source(options), archiving(sink, options), options.rules)
    except BaseException as error:
        # What went wrong is told by it, not by what then cannot be recorded either.
        with suppress(SinkError):
            runs.write("failed", record)
        # A job on a cluster that this command only leaves still needs its files.
        if staging is not None and isinstance(error, Exception):
            _remove(staging)
        raise
    if staging is not None:
        _remove(staging)
    measured = _summary(options, output, started, time.monotonic() - began)
    runs.write("finished", record | outcome(measured))
    return measured


def _sink(options: MeasureOptions, output: Destination, run_id: str) -> tuple[Sink, str | None]:
    """The write step of each table, and where it leaves files that are to be removed."""
    if options.load_through is None:
        return lambda table: WriteBigQuery(table, output), None
    staging = join(options.load_through, run_id)
    return lambda table: LoadBigQuery(table, output, staging, run_id), staging


def _remove(staging: str) -> None:
    """Remove what load jobs were given. What a rule of the bucket removes too fails no run."""
    try:
        remove(found.path for found in files_below(staging))
    except (OSError, StorageError) as error:
        print(
            f"left in {staging}, which holds payloads: expected the right to delete objects, found"
            f" {type(error).__name__}; grant Storage Object User, and delete them",
            file=sys.stderr,
        )


def _summary(
    options: MeasureOptions, output: Destination, started: datetime, seconds: float
) -> Measured:
    """What this run wrote: since it began, of its inputs and its epoch.

    A stream or another run may have written too meanwhile. What an archive holds has inputs of its
    own, which only its records name: of a run that reads one, the balance of all counts.
    """
    since = f"{ALL_DAYS} AND published_time >= @started"
    ours = "" if options.inputs.archives else " AND input IN UNNEST(@inputs)"
    sql = f"SELECT * FROM `{output.name(BALANCES)}` WHERE {since}{ours}"
    given = {"started": started, "inputs": options.inputs.names} if ours else {"started": started}
    rows = fetch_few(output, sql, given)
    (metrics,) = fetch_row(
        output,
        f"SELECT count(*) FROM `{output.name(METRICS)}` WHERE {since} AND epoch = @epoch",
        {"started": started, "epoch": options.rules.epoch},
    )
    totals = {name: sum(row[name] for row in rows) for name in OUTCOMES}
    unbalanced = [row for row in rows if not row["balanced"]]
    return Measured(output, totals, unbalanced, metrics, seconds, options.rules.time_zone)
