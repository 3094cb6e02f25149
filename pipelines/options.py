"""Options of `moment measure`, parsed and validated once into a frozen object."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser
from apache_beam.runners.portability.portable_runner import PortableRunner
from apache_beam.runners.runner import create_runner

from pipelines.errors import OptionError
from pipelines.graph import Rules
from pipelines.keys import pseudonym_keys
from pipelines.sources.files import InputFile, discover
from schemas.channels import registered_channels

FEWEST_SHARDS, MOST_SHARDS = 4, 1024
BYTES_A_SHARD = 128 * 1024 * 1024
"""That many bytes of native events are about 150,000 observations: 200 MB in their turn."""


@dataclass(frozen=True)
class MeasureOptions:
    inputs: tuple[InputFile, ...]
    output: Path
    rules: Rules
    replace: bool
    beam_arguments: tuple[str, ...]


def add_measure_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="file, glob or directory; CHANNEL=INPUT names its channel, else it is recognised",
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="dataset to write")
    parser.add_argument(
        "--time-zone", default="Europe/Paris", metavar="ZONE", help="civil time of the property"
    )
    parser.add_argument(
        "--channels",
        metavar="NAMES",
        help="registered channels, comma-separated: each has a row even when silent (default: all)",
    )
    parser.add_argument("--brand", metavar="ID", help="brand of events that name none")
    parser.add_argument("--shards", type=int, help="shards of people (default: by size of input)")
    parser.add_argument(
        "--epoch", type=int, default=0, help="generation of the figures (default 0)"
    )
    parser.add_argument(
        "--replace", action="store_true", help="replace the dataset at DIR when all is written"
    )


def measure_options(arguments: argparse.Namespace, beam_arguments: Sequence[str]) -> MeasureOptions:
    """Validated options; nothing is written but a missing key file, and that last.

    Raises OptionError or InputError, each one clear sentence.
    """
    _check_beam(beam_arguments)
    output = _output(arguments.output, arguments.replace)
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
    inputs = _outside(_inputs(arguments.inputs), output)
    return MeasureOptions(
        inputs=inputs,
        output=output,
        rules=Rules(
            time_zone=arguments.time_zone,
            channels=channels,
            keys=pseudonym_keys(),
            shards=arguments.shards or _shards(inputs),
            epoch=arguments.epoch,
            default_brand=arguments.brand,
        ),
        replace=arguments.replace,
        beam_arguments=tuple(beam_arguments),
    )


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


def _output(given: str, replaces: bool) -> Path:
    """The directory to write: new, empty, or a dataset to replace, where we may write."""
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


def _outside(inputs: Sequence[InputFile], output: Path) -> tuple[InputFile, ...]:
    """The inputs that are not of the dataset to be written: figures are no native events."""
    place = output.resolve()
    outside = tuple(file for file in inputs if not Path(file.path).resolve().is_relative_to(place))
    if not outside:
        raise OptionError(f"--output {output}: expected inputs elsewhere, found all of them in it")
    return outside


def _shards(inputs: Sequence[InputFile]) -> int:
    """Shards of people: as few as fit in memory one at a time, for each repeats sums of its own."""
    size = sum(file.size_bytes * (8 if file.compression else 1) for file in inputs)
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


def _inputs(given: Sequence[str]) -> list[InputFile]:
    """Files of `INPUT` and `CHANNEL=INPUT` arguments, each path once."""
    known = registered_channels()
    files: dict[str, InputFile] = {}
    for argument in given:
        name, equals, path = argument.partition("=")
        if equals and not os.path.exists(argument) and "/" not in name:
            if name not in known:
                raise OptionError(
                    f"{argument}: {name!r} is not registered; there are {', '.join(known)}"
                )
            if not path:
                raise OptionError(f"{argument}: expected a file after the =, as in {name}=FILE")
            found = [replace(file, channel=name) for file in discover([path])]
        else:
            found = discover([argument])
        files.update({file.path: file for file in found})
    return list(files.values())


_OURS = {
    "events",
    "metrics",
    "failed_events",
    "balance",
    "run.json",
    "moment.duckdb",
    "report.html",
}


def _foreign_files(directory: Path) -> list[str]:
    """What a directory holds besides a dataset of ours; names with a dot are our temporary ones."""
    return sorted(
        entry.name
        for entry in directory.iterdir()
        if entry.name not in _OURS and not entry.name.startswith(".")
    )
