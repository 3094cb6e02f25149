"""`moment measure` of unbounded input: a job that writes into a dataset until it is stopped."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import apache_beam as beam

from pipelines.archiving import archiving, begin_archive
from pipelines.begun import as_begun
from pipelines.dataflow import runs_on_dataflow
from pipelines.errors import JobError, OptionError
from pipelines.graph import Sink, build
from pipelines.json_file import read_run_json, write_json
from pipelines.lock import exclusively
from pipelines.measure import pipeline_options, run_record, source_of
from pipelines.options import MeasureOptions
from pipelines.output_options import STAGING
from pipelines.record_begun import RecordBegun
from pipelines.runners import PRISM_LOSES, runner_name
from pipelines.runs import Runs
from pipelines.same_inputs import check_same_inputs, inputs_record
from pipelines.sinks.bigquery.check import check_bigquery
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.faults import SinkError
from pipelines.sinks.bigquery.sink import WriteBigQuery
from pipelines.sinks.parquet import WriteParquet
from pipelines.sinks.tables import ARCHIVE, FAILED_EVENTS, RUNS, TABLES
from pipelines.sources.kafka.source import check_kafka
from pipelines.sources.pubsub.source import check_pubsub
from pipelines.storage import join
from transforms.calendar import NEVER

FIXED = ("time_zone", "channels", "brand", "epoch", "pseudonym_key_id")
"""What a job that goes on in a dataset must have in common with the one before."""
KEPT_IN_STATE = ("hot_minutes", "shards")
"""The same, unless its epoch is higher: it then starts from nothing, and no state is of them."""

_CANCELLED = "org.apache.flink.runtime.client.JobCancellationException"


def stream(options: MeasureOptions) -> str:
    """Start the job, wait until it is stopped, and give its last state, in Beam's words.

    A job that is written as a graph or a jar is not started, and one in a jar records itself where
    it is. Raises OptionError where a broker, topic or subscription cannot be read, where BigQuery's
    tables cannot be written, and where the dataset was begun with other options; SinkError where a
    job that runs could not be recorded; JobError where the job failed.
    """
    inputs, stream = options.inputs, options.stream
    if inputs.topics:
        check_kafka(inputs.topics, stream.kafka)
    if inputs.subscriptions:
        # Dataflow reads by itself, and knows of no such limit.
        native = runs_on_dataflow(options.beam_arguments)
        idle_after = None if native else stream.settings.idle_after_seconds
        check_pubsub(inputs.subscriptions, idle_after_seconds=idle_after)
    if runner_name(options.beam_arguments) == "prism":
        print(PRISM_LOSES, file=sys.stderr)
    begin_archive(options)
    options, record_begun = begin(options)
    root = beam.Pipeline(options=pipeline_options(options.beam_arguments))
    build(root, source_of(options), sink_of(options), options.rules)
    if options.writes_jar:
        root | "RecordBegun" >> RecordBegun(record_begun)
    result = root.run()
    if not options.writes_jar:
        # Not before a runner has taken the job: what one refuses would be in the way of the next,
        # and say of figures what is not so.
        record_begun()
    return ended(result)


def ended(result: Any) -> str:
    """The last state of a job, in Beam's words, once it has ended. Raises JobError: why it failed.

    Of a job that was cancelled in Flink, Beam says that it failed.
    """
    try:
        return str(result.wait_until_finish())
    except RuntimeError as error:
        if _CANCELLED in str(error):
            return "CANCELLED"
        raise JobError(
            f"the job failed, and what it had written stays: {error}; see the logs of its cluster"
        ) from error


def sink_of(options: MeasureOptions) -> Sink:
    """The write step of each table of a stream, its archive among them."""
    output = options.output
    if isinstance(output, Destination):
        return archiving(lambda table: WriteBigQuery(table, output), options)
    directory = str(output.resolve())
    return archiving(lambda table: WriteParquet(table, join(directory, table.name)), options)


def begin(options: MeasureOptions) -> tuple[MeasureOptions, Callable[[], None]]:
    """The options that hold in the dataset, and what records there that the job has begun.

    A stream has no end at which it could be recorded. Raises OptionError.
    """
    output = options.output
    if isinstance(output, Destination):
        options = as_begun(options, _begun_in_bigquery(options, output))
        return options, partial(_add_row, Runs(output, streaming=True), _record(options))
    path = output.resolve() / "run.json"
    before = _begun_in_folder(options, path)
    options = as_begun(options, before)
    if not options.writes_jar:
        output.mkdir(parents=True, exist_ok=True)
        if before is None:
            # A run over files that is on its way would replace what the stream writes. Where one
            # was begun, backfills go on beside it.
            with exclusively(output):
                shutil.rmtree(output / STAGING, ignore_errors=True)
                _make_restricted(output, options)
        else:
            _make_restricted(output, options)
    return options, partial(_write, path, _record(options))


def _make_restricted(output: Path, options: MeasureOptions) -> None:
    archives = [ARCHIVE] if options.rules.archive and not options.archive else []
    for table in (FAILED_EVENTS, *archives):
        restricted = output / table.name
        restricted.mkdir(exist_ok=True)
        restricted.chmod(0o700)


def _begun_in_folder(options: MeasureOptions, path: Path) -> dict[str, Any] | None:
    try:
        before = read_run_json(path)
    except FileNotFoundError:
        return None
    if not isinstance(before, dict) or not before.get("streaming"):
        raise OptionError(
            f"--append {options.output}: expected a dataset that a stream was begun in, found one"
            " of a run over files; give another directory"
        )
    _check_continued(options, before, _record(options))
    return before


def _write(path: Path, record: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, _now(record))


def _begun_in_bigquery(options: MeasureOptions, output: Destination) -> dict[str, Any] | None:
    check_bigquery(output, (*TABLES, RUNS))
    before = Runs(output, streaming=True).last()
    if before is not None and not options.stream.append:
        raise OptionError(
            f"--output {output}: a stream was begun in it on {before.get('started')}; give --append"
            " to go on with it, or another dataset"
        )
    if before is not None:
        _check_continued(options, before, _record(options))
    return before


def _add_row(runs: Runs, record: dict[str, Any]) -> None:
    try:
        runs.write("started", _now(record))
    except SinkError as error:
        raise SinkError(
            f"{error}; the job that was just begun is recorded nowhere: where it runs, cancel it,"
            " and begin it again"
        ) from error


def _now(record: dict[str, Any]) -> dict[str, Any]:
    """The record of a job that begins now: one in a jar does so when it is started."""
    return record | {"started": datetime.now(timezone.utc).isoformat(timespec="seconds")}


def _record(options: MeasureOptions) -> dict[str, Any]:
    since = options.rules.since_minute
    return run_record(options) | {
        "streaming": True,
        "since": None
        if since == NEVER
        else datetime.fromtimestamp(since * 60, timezone.utc).isoformat(),
        "hot_minutes": options.rules.hot_minutes,
        "shards": options.rules.shards,
        "start": options.inputs.topics[0].start if options.inputs.topics else None,
        **inputs_record(options.inputs, native=runs_on_dataflow(options.beam_arguments)),
    }


def _check_continued(options: MeasureOptions, before: dict[str, Any], now: dict[str, Any]) -> None:
    anew = now["epoch"] > before.get("epoch", now["epoch"])
    for name in FIXED if anew else (*FIXED, *KEPT_IN_STATE):
        if name not in before:
            continue
        # A higher epoch is how a job that starts from nothing replaces another's figures.
        same = now[name] >= before[name] if name == "epoch" else _plain(now[name]) == before[name]
        if not same:
            way_on = "the same, or a higher --epoch" if name in KEPT_IN_STATE else "the same"
            raise OptionError(
                f"--append {options.output}: expected {name} {before[name]!r} as it was begun with,"
                f" found {now[name]!r}; give {way_on}, or another dataset"
            )
    if not anew:
        check_same_inputs(options.output, before, now)


def _plain(value: Any) -> Any:
    """As JSON gives it back."""
    return list(value) if isinstance(value, tuple) else value
