"""Where a job writes: its output, the archive of what it reads, and files of load jobs."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from pipelines.errors import OptionError
from pipelines.input_names import channel_and_place
from pipelines.inputs import Inputs
from pipelines.local_path import local_path
from pipelines.lock import LOCK
from pipelines.sinks.bigquery.destination import Destination, is_bigquery, parse_destination
from pipelines.sinks.own_files import foreign_files
from pipelines.sources.files import InputFile
from pipelines.storage import bucket_of, has_scheme, in_bucket, is_within, join

_LOG = logging.getLogger(__name__)
STAGING = ".incoming"
"""Where a bounded run writes until it is whole."""
_LEFT = {STAGING, LOCK}
"""What a run that was killed leaves where it had published nothing: no content of a directory."""


def output_of(given: str, replaces: bool, appends: bool) -> Path | Destination:
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
    """The directory to write: as `check_free` has it, and where we may write."""
    output = local_path("--output", given)
    if unfit := [mark for mark in "\\?" if mark in str(output.resolve())]:
        raise OptionError(
            f"--output {output}: expected a path without {unfit[0]}, for DuckDB finds no file below"
            " one; give another directory"
        )
    if output.exists() and not output.is_dir():
        raise OptionError(f"--output {output}: expected a directory, found a file")
    above = next(path for path in (output, *output.parents) if path.exists())
    if not above.is_dir():
        raise OptionError(f"--output {output}: expected a directory, found the file {above}")
    if not os.access(above, os.W_OK | os.X_OK):
        raise OptionError(f"--output {output}: expected the right to write in {above}")
    if output.is_dir():
        check_free(output, replaces)
    return output


def check_free(output: Path, replaces: bool) -> None:
    """Return where a directory is empty, or a dataset to replace. Raises OptionError."""
    if not replaces and any(entry.name not in _LEFT for entry in output.iterdir()):
        raise OptionError(
            f"--output {output}: not empty; give another directory, or --replace to replace it, or"
            " of a stream --append to go on with it"
        )
    if foreign := next(foreign_files(output), None):
        raise OptionError(
            f"--output {output}: --replace replaces a dataset only, found {foreign!r}, which is not"
            " of one; move it, or give another directory"
        )


def archive_of(given: str | None, output: Path | Destination) -> str | None:
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
    place = local_path("--archive", given).resolve()
    if place.exists() and not place.is_dir():
        raise OptionError(f"--archive {given}: expected a directory, found a file")
    if isinstance(output, Path) and place.is_relative_to(output.resolve()):
        raise OptionError(
            f"--archive {given}: expected a place that is not in --output {output}; --archive alone"
            " keeps it there"
        )
    return str(place)


def load_through_of(given: str | None, output: Path | Destination) -> str | None:
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


def check_not_read(archive: str | None, inputs: Inputs) -> None:
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


def inputs_outside(
    inputs: Sequence[InputFile], output: Path | Destination, given: Sequence[str]
) -> tuple[InputFile, ...]:
    """The inputs that are not of the dataset to be written: figures are no native events.

    `given` are the arguments that named them: one that a pattern met is left out with a warning;
    one that was named by itself is refused, for it would be replaced. Raises OptionError.
    """
    if not inputs or isinstance(output, Destination):
        return tuple(inputs)
    place = output.resolve()
    inside = {file.path for file in inputs if is_within(file.path, place)}
    if len(inside) == len(inputs):
        raise OptionError(f"--output {output}: expected inputs elsewhere, found all of them in it")
    named = {os.path.realpath(channel_and_place(argument)[1]) for argument in given}
    for path in sorted(inside):
        if os.path.realpath(path) in named:
            raise OptionError(
                f"--output {output}: expected inputs elsewhere, found {path} in it; move it, or"
                " give another directory"
            )
    if inside:
        _LOG.warning(
            "%s: left out %s in it, such as %s: it is what is written",
            output,
            "1 file" if len(inside) == 1 else f"{len(inside)} files",
            min(inside),
        )
    return tuple(file for file in inputs if file.path not in inside)
