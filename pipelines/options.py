"""Options of `moment measure`, parsed and validated once into a frozen object."""

from __future__ import annotations

import argparse
import math
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipelines.graph import Rules
from pipelines.sources.files import InputFile, discover
from schemas.channels import registered_channels
from transforms.protect import PseudonymKeys

FEWEST_SHARDS, MOST_SHARDS = 4, 1024
BYTES_A_SHARD = 512 * 1024 * 1024
"""Half a gigabyte of native events is about 600,000 observations: 70 MB in one shard's turn."""

KEY_VARIABLE = "MOMENT_PSEUDONYM_KEY"


class OptionError(ValueError):
    """A bad option: one sentence for who gave it; the command ends with exit code 2."""


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
    """Validated options. Raises OptionError or InputError, each one clear sentence."""
    output = Path(arguments.output)
    if output.exists() and not output.is_dir():
        raise OptionError(f"--output {output}: expected a directory, found a file")
    if output.is_dir() and any(output.iterdir()) and not arguments.replace:
        raise OptionError(
            f"--output {output}: not empty; give another directory, or --replace to replace it"
        )
    if output.is_dir() and (foreign := _foreign_files(output)):
        raise OptionError(
            f"--output {output}: --replace replaces a dataset only, found {foreign[0]!r} beside it"
        )
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
    inputs = tuple(_inputs(arguments.inputs))
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


def pseudonym_keys() -> PseudonymKeys:
    """Keys from MOMENT_PSEUDONYM_KEY, else from a key file of this user, made when it is not there.

    The file makes runs on one machine agree; production gives the variable from its secret store.
    """
    secret = os.environ.get(KEY_VARIABLE, "").encode()
    if not secret:
        secret = _local_key()
    if len(secret) < 16:
        raise OptionError(f"{KEY_VARIABLE}: expected at least 16 bytes, found {len(secret)}")

    def derived(purpose: bytes) -> bytes:
        return blake2b(secret, digest_size=32, person=purpose).digest()

    return PseudonymKeys(
        actor=derived(b"moment.actorkey"),
        routing=derived(b"moment.routekey"),
        key_id=derived(b"moment.keyid").hex()[:8],
    )


def _local_key() -> bytes:
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    path = Path(home, "moment", "pseudonym.key")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
    return path.read_bytes().strip()


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
