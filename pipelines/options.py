"""Options of `moment measure`, parsed and validated once into a frozen object."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pipelines.beam_options import check_beam
from pipelines.dataflow import dataflow_arguments, runs_on_dataflow
from pipelines.errors import OptionError
from pipelines.flink import flink_job, runs_on_flink
from pipelines.flink_slots import Slots
from pipelines.graph import Rules
from pipelines.inputs import Inputs, parse_inputs
from pipelines.keys import pseudonym_keys
from pipelines.output_options import (
    archive_of,
    check_not_read,
    inputs_outside,
    load_through_of,
    output_of,
)
from pipelines.runners import check_streams
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sources.pubsub.settings import check_acknowledged
from pipelines.stream_options import (
    NATIVE,
    PULLED,
    REPLAY,
    TOPICS,
    StreamOptions,
    check_input_has,
    stream_options,
    stream_options_given,
)
from pipelines.time_zones import is_time_zone
from schemas.channels import registered_channels

FEWEST_SHARDS, MOST_SHARDS = 4, 1024
BYTES_A_SHARD = 128 * 1024 * 1024
"""That many bytes of native events are about 150,000 observations: 200 MB in their turn."""

GREATEST_EPOCH = 10**18
"""A column of 64 bits holds nine times as many: backfills count on from it."""


@dataclass(frozen=True)
class MeasureOptions:
    inputs: Inputs
    output: Path | Destination
    rules: Rules
    replace: bool
    stream: StreamOptions
    beam_arguments: tuple[str, ...]
    archive: str | None = None
    """Where records are kept, if not in the output; `rules.archive` says whether they are."""
    load_through: str | None = None
    """Where rows are written for load jobs of BigQuery; None: they are appended."""
    slots: Slots | None = None
    """Of a job on Flink: over these its sources are spread."""

    @property
    def unbounded(self) -> bool:
        """Does the job go on until it is stopped?"""
        return not self.inputs.stored or self.stream.speed is not None

    @property
    def only_written(self) -> bool:
        """Is the job written down, as a template or a jar, for others to run?"""
        written = ("--template_location", "--output_executable_path")
        return any(given.startswith(written) for given in self.beam_arguments)

    @property
    def writes_jar(self) -> bool:
        """Is the job written as a jar, which a cluster starts later, again or never?"""
        return any(given.startswith("--output_executable_path") for given in self.beam_arguments)

    @property
    def writes_template(self) -> bool:
        """Is the graph written down for Dataflow, which starts the job itself?"""
        return any(given.startswith("--template_location") for given in self.beam_arguments)


def measure_options(
    arguments: argparse.Namespace,
    beam_arguments: Sequence[str],
    archived_since: datetime | None = None,
) -> MeasureOptions:
    """Validated options; nothing is written but a missing key file, and that last.

    Of archives what arrived at `archived_since` or later is read; None: all. Raises OptionError or
    InputError, each one clear sentence.
    """
    stream = stream_options(arguments)
    check_beam(beam_arguments)
    output = output_of(arguments.output, arguments.replace, stream.append)
    archive = archive_of(arguments.archive, output)
    load_through = load_through_of(arguments.load_through, output)
    if not is_time_zone(arguments.time_zone):
        raise OptionError(
            f"--time-zone {arguments.time_zone}: expected an IANA name such as Europe/Paris"
        )
    if arguments.shards is not None and not 1 <= arguments.shards <= MOST_SHARDS:
        raise OptionError(f"--shards {arguments.shards}: expected 1 to {MOST_SHARDS}")
    if not 0 <= arguments.epoch <= GREATEST_EPOCH:
        raise OptionError(f"--epoch {arguments.epoch}: expected 0 to {GREATEST_EPOCH}")
    if arguments.brand is not None and not arguments.brand.strip():
        raise OptionError("--brand: expected the id of a brand, found none; leave it out")
    channels = _channels(arguments.channels)
    inputs = parse_inputs(arguments.inputs, arguments.start, arguments.pullers, archived_since)
    inputs = replace(inputs, files=inputs_outside(inputs.files, output, arguments.inputs))
    check_not_read(archive, inputs)
    options = MeasureOptions(
        inputs=inputs,
        output=output,
        rules=Rules(
            time_zone=arguments.time_zone,
            channels=channels,
            keys=pseudonym_keys(),
            shards=arguments.shards or _shards(inputs),
            epoch=arguments.epoch,
            default_brand=arguments.brand,
            hot_minutes=stream.hot_minutes,
            fact_minutes=stream.fact_minutes,
            since_minute=stream.since_minute,
            publish_every_seconds=stream.publish_every_seconds,
            archive=arguments.archive is not None,
        ),
        replace=arguments.replace,
        stream=stream,
        beam_arguments=tuple(beam_arguments),
        archive=archive,
        load_through=load_through,
    )
    _check_kind(options, arguments)
    if runs_on_dataflow(beam_arguments):
        completed = dataflow_arguments(beam_arguments, options.unbounded)
        return replace(options, beam_arguments=completed)
    return _on_flink(options, arguments.shards) if runs_on_flink(beam_arguments) else options


def _check_kind(options: MeasureOptions, arguments: argparse.Namespace) -> None:
    """Refuse what only the other kind of job has, and a runner that would never end it."""
    if options.stream.speed is not None and options.inputs.archives:
        raise OptionError(
            "--speed: expected files to replay, found an archive; leave --speed out to measure it"
        )
    if options.unbounded:
        if options.load_through:
            raise OptionError(
                f"--load-through {options.load_through}: expected with bounded input only: rows of"
                " a stream are appended as they come; leave it out"
            )
        if options.replace:
            raise OptionError("--replace: expected for bounded input; a stream can only --append")
        check_streams(options.beam_arguments)
        check_input_has(stream_options_given(arguments), _kind(options))
        return
    if options.only_written:
        raise OptionError(
            "INPUT: expected a broker, or --speed, for a job that is only written, found bounded"
            " input: what became of it is counted at its end, by the command that waits for it; run"
            " `moment measure` without --template_location and --output_executable_path"
        )
    for name in stream_options_given(arguments):
        raise OptionError(
            f"--{name.replace('_', '-')}: expected with unbounded input only (a broker, or"
            " --speed); leave it out"
        )


def _kind(options: MeasureOptions) -> str:
    """What an unbounded job reads, as sentences call it."""
    if options.inputs.topics:
        return TOPICS
    if options.inputs.subscriptions:
        return NATIVE if runs_on_dataflow(options.beam_arguments) else PULLED
    return REPLAY


def _on_flink(options: MeasureOptions, shards: int | None) -> MeasureOptions:
    """With Flink's arguments completed, and shards that it spreads evenly over its slots."""
    job = flink_job(options.beam_arguments, shards, options.unbounded)
    rules = replace(options.rules, shards=len(job.keys), shard_keys=job.keys)
    slots = Slots(job.parallelism, job.max_parallelism)
    if options.inputs.subscriptions and job.checkpoint_seconds is not None:
        check_acknowledged(options.stream.pulls, job.checkpoint_seconds, job.spaced_by)
    return replace(options, rules=rules, beam_arguments=job.arguments, slots=slots)


def _shards(inputs: Inputs) -> int:
    """Shards of people: as few as fit in memory one at a time, for each repeats sums of its own."""
    size = sum(file.size_bytes * (8 if file.compression else 1) for file in inputs.files)
    size += sum(archive.size_bytes * 8 for archive in inputs.archives)
    return min(max(FEWEST_SHARDS, math.ceil(size / BYTES_A_SHARD)), MOST_SHARDS)


def _channels(given: str | None) -> tuple[str, ...]:
    known = registered_channels()
    if given is None:
        return tuple(known)
    names = tuple(name.strip() for name in given.split(",") if name.strip())
    if not names:
        raise OptionError(
            f"--channels: expected names, comma-separated, found none; there are {', '.join(known)}"
        )
    for name in names:
        if name not in known:
            raise OptionError(
                f"--channels: {name!r} is not registered; there are {', '.join(known)}"
            )
    return names
