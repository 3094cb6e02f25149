"""`moment measure` of bounded input into BigQuery: all its rows are seen at its end, or none."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import datetime, timezone

import apache_beam as beam

from pipelines.archiving import archiving, begin_archive
from pipelines.graph import build
from pipelines.measure import Measured, bounded_source, outcome, pipeline_options, run_record
from pipelines.options import MeasureOptions
from pipelines.runs import Runs
from pipelines.sinks.bigquery import WriteBigQuery
from pipelines.sinks.bigquery_check import check_bigquery
from pipelines.sinks.bigquery_clients import rest_client
from pipelines.sinks.bigquery_destination import Destination
from pipelines.sinks.bigquery_faults import SinkError
from pipelines.sinks.tables import BALANCES, EVENTS, FAILED_EVENTS, METRICS, PARTIALS, RUNS
from schemas.balance import OUTCOMES

WRITTEN = (EVENTS, METRICS, FAILED_EVENTS, BALANCES, PARTIALS, RUNS)
"""Tables that a bounded job writes."""


def measure_into_bigquery(options: MeasureOptions, output: Destination) -> Measured:
    """Run the job; its options and outcome are rows of `runs`.

    Raises OptionError, before anything starts, where the tables cannot be written.
    """
    check_bigquery(output, WRITTEN)
    begin_archive(options)
    began, started = time.monotonic(), datetime.now(timezone.utc)
    runs = Runs(output, streaming=False)
    record = run_record(options) | {"started": started.isoformat(timespec="seconds")}
    runs.write("started", record)
    try:
        with beam.Pipeline(options=pipeline_options(options.beam_arguments)) as root:
            build(
                root,
                bounded_source(options),
                archiving(lambda table: WriteBigQuery(table, output), options),
                options.rules,
            )
    except BaseException:
        # What went wrong is told by it, not by what then cannot be recorded either.
        with suppress(SinkError):
            runs.write("failed", record)
        raise
    measured = _summary(output, started, time.monotonic() - began)
    runs.write("finished", record | outcome(measured))
    return measured


def _summary(output: Destination, started: datetime, seconds: float) -> Measured:
    """What this run wrote, by the times at which it published."""
    client = rest_client(output)
    since = f"TIMESTAMP '{started.isoformat()}'"
    # A filter on days that all pass: the tables ask for one.
    where = f"WHERE day >= DATE '0001-01-01' AND published_time >= {since}"
    rows = [
        dict(row.items())
        for row in client.query_and_wait(f"SELECT * FROM `{output.name(BALANCES)}` {where}")
    ]
    ((metrics,),) = [
        tuple(row.values())
        for row in client.query_and_wait(f"SELECT count(*) FROM `{output.name(METRICS)}` {where}")
    ]
    totals = {name: sum(row[name] for row in rows) for name in OUTCOMES}
    unbalanced = [row for row in rows if not row["balanced"]]
    return Measured(output, totals, unbalanced, metrics, seconds)
