"""Options of `moment measure`, parsed and validated once into a frozen object."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser
from apache_beam.runners.portability.portable_runner import PortableRunner
from apache_beam.runners.runner import create_runner

from pipelines.dataflow import dataflow_arguments, runs_on_dataflow
from pipelines.errors import OptionError
from pipelines.flink import flink_job, runs_on_flink
from pipelines.graph import Rules
from pipelines.inputs import Inputs, parse_inputs
from pipelines.keys import pseudonym_keys
from pipelines.sinks.bigquery_destination import Destination, is_bigquery, parse_destination
from pipelines.sinks.tables import FOLDER_TABLES
from pipelines.sources.files import InputFile
from pipelines.storage import bucket_of, has_scheme, in_bucket, is_within, join
from pipelines.stream_options import StreamOptions, stream_options
from schemas.channels import registered_channels

FEWEST_SHARDS, MOST_SHARDS = 4, 1024
BYTES_A_SHARD = 128 * 1024 * 1024
"""That many bytes of native events are about 150,000 observations: 200 MB in their turn."""


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
    _check_beam(beam_arguments)
    output = _output(arguments.output, arguments.replace, stream.append)
    archive = _archive(arguments.archive, output)
    load_through = _load_through(arguments.load_through, output)
    try:
        ZoneInfo(arguments.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise OptionError(
            f"--time-zone {arguments.time_zone}: expected an IANA name such as Europe/Paris"
        ) from error
    if arguments.shards is not None and not 1 <= arguments.shards <= MOST_SHARDS:
        raise OptionError(f"--shards {arguments.shards}: expected 1 to {MOST_SHARDS}")
    if arguments.epoch < 0:
        raise OptionError(f"--epoch {arguments.epoch}: expected 0 or more")
    channels = _channels(arguments.channels)
    inputs = parse_inputs(arguments.inputs, arguments.start, arguments.pullers, archived_since)
    inputs = replace(inputs, files=_outside(inputs.files, output))
    _check_not_read(archive, inputs)
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
        if not options.beam_arguments:
            raise OptionError(
                "unbounded input (a broker, or --speed): expected --runner=FlinkRunner or another"
                " streaming runner, found none; the job in this process would never end"
            )
        return
    if options.load_through and options.only_written:
        raise OptionError(
            f"--load-through {options.load_through}: expected a job that this command runs and"
            " waits for, to remove its files, found one that is only written; leave it out"
        )
    for name in ("run_on", "since", "append"):
        if getattr(arguments, name):
            raise OptionError(
                f"--{name.replace('_', '-')}: expected with unbounded input only (a broker, or"
                " --speed); leave it out"
            )


def _on_flink(options: MeasureOptions, shards: int | None) -> MeasureOptions:
    """With Flink's arguments completed, and shards that it spreads evenly over its slots."""
    job = flink_job(options.beam_arguments, shards, options.unbounded)
    rules = replace(options.rules, shards=len(job.keys), shard_keys=job.keys)
    return replace(options, rules=rules, beam_arguments=job.arguments)


def _check_beam(arguments: Sequence[str]) -> None:
    """Refuse what neither we nor Beam know: Beam itself would pass a mistyped option over."""
    parser = _BeamArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for part in PipelineOptions.__subclasses__():
        part._add_argparse_args(parser)
    try:
        known, unknown = parser.parse_known_args(list(arguments))
    except argparse.ArgumentError as error:
        raise OptionError(f"{error.argument_name}: {error.message}") from error
    try:
        runner = create_runner(known.runner) if known.runner else None
    except (ValueError, ImportError, AttributeError) as error:
        raise OptionError(
            f"--runner {known.runner}: expected an installed runner of Apache Beam, such as"
            " FlinkRunner; without --runner the job runs in this process"
        ) from error
    # A portable runner's job service has options that only it knows.
    if unknown and not isinstance(runner, PortableRunner):
        raise OptionError(
            f"{unknown[0]}: expected an option of `moment measure --help` or of Apache Beam"
        )


def _output(given: str, replaces: bool, appends: bool) -> Path | Destination:
    """What is to be written; of BigQuery it is looked at later, when all else is known."""
    if not is_bigquery(given):
        return _directory(given, replaces or appends)
    if replaces:
        raise OptionError(
            f"--replace: expected a directory, found {given}: rows are added to tables, and their"
            " `latest` views show the newest"
        )
    return parse_destination(given, os.environ)


def _directory(given: str, replaces: bool) -> Path:
    """The directory to write: new, empty, or a dataset to replace, where we may write."""
    if "://" in given:
        raise OptionError(
            f"--output {given}: expected a directory of this machine, found an address"
        )
    output = Path(given)
    if output.exists() and not output.is_dir():
        raise OptionError(f"--output {output}: expected a directory, found a file")
    above = next(path for path in (output, *output.parents) if path.exists())
    if not above.is_dir():
        raise OptionError(f"--output {output}: expected a directory, found the file {above}")
    if not os.access(above, os.W_OK | os.X_OK):
        raise OptionError(f"--output {output}: expected the right to write in {above}")
    if output.is_dir() and any(output.iterdir()) and not replaces:
        raise OptionError(
            f"--output {output}: not empty; give another directory, or --replace to replace it"
        )
    if output.is_dir() and (foreign := _foreign_files(output)):
        raise OptionError(
            f"--output {output}: --replace replaces a dataset only, found {foreign[0]!r} beside it"
        )
    return output


def _archive(given: str | None, output: Path | Destination) -> str | None:
    """The place of an archive that is not in the output; of it is looked at later, as of BigQuery.

    `given` "": beside the tables of a directory.
    """
    if given is None or (not given and isinstance(output, Path)):
        return None
    if not given:
        raise OptionError(
            f"--archive: expected a place for it, as --archive gs://BUCKET/PREFIX, found none: raw"
            f" payloads are kept as Parquet only, and {output} has no files"
        )
    if in_bucket(given):
        bucket_of(given)
        return given.rstrip("/")
    if has_scheme(given):
        raise OptionError(
            f"--archive {given}: expected a directory of this machine or gs://BUCKET/PREFIX, found"
            " another address"
        )
    place = Path(given).resolve()
    if place.exists() and not place.is_dir():
        raise OptionError(f"--archive {given}: expected a directory, found a file")
    if isinstance(output, Path) and place.is_relative_to(output.resolve()):
        raise OptionError(
            f"--archive {given}: expected a place that is not in --output {output}; --archive alone"
            " keeps it there"
        )
    return str(place)


def _load_through(given: str | None, output: Path | Destination) -> str | None:
    """The prefix for files of load jobs; whether it may be written is looked at later."""
    if given is None:
        return None
    if isinstance(output, Path):
        raise OptionError(
            f"--load-through {given}: expected with --output bigquery://PROJECT/DATASET, found the"
            f" directory {output}; leave it out"
        )
    if not in_bucket(given):
        raise OptionError(
            f"--load-through {given}: expected gs://BUCKET/PREFIX, for BigQuery loads from buckets"
        )
    bucket_of(given)
    return given.rstrip("/")


def _check_not_read(archive: str | None, inputs: Inputs) -> None:
    """Refuse to read what is written at the same time."""
    if archive is None:
        return
    for read in (*(file.path for file in inputs.files), *(a.place for a in inputs.archives)):
        same = in_bucket(read) and join(read, "").startswith(join(archive, ""))
        if same or (not in_bucket(archive) and is_within(read, Path(archive))):
            raise OptionError(
                f"--archive {archive}: expected inputs elsewhere, found {read} in it; where that is"
                " meant as input, give it before --archive"
            )


def _outside(inputs: Sequence[InputFile], output: Path | Destination) -> tuple[InputFile, ...]:
    """The inputs that are not of the dataset to be written: figures are no native events."""
    if not inputs or isinstance(output, Destination):
        return tuple(inputs)
    place = output.resolve()
    outside = tuple(file for file in inputs if not is_within(file.path, place))
    if not outside:
        raise OptionError(f"--output {output}: expected inputs elsewhere, found all of them in it")
    return outside


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
    for name in names:
        if name not in known:
            raise OptionError(
                f"--channels: {name!r} is not registered; there are {', '.join(known)}"
            )
    return names


_OURS = {
    *(table.name for table in FOLDER_TABLES),
    "run.json",
    "moment.duckdb",
    "report.html",
    "backfill.json",
}


def _foreign_files(directory: Path) -> list[str]:
    """What a directory holds besides a dataset of ours; names with a dot are our temporary ones."""
    return sorted(
        entry.name
        for entry in directory.iterdir()
        if entry.name not in _OURS and not entry.name.startswith(".")
    )
