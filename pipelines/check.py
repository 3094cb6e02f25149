"""`moment check`: what each payload would become, or the reason and field path why not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa

from pipelines.errors import OptionError
from pipelines.input_names import channel_and_place
from pipelines.keys import pseudonym_keys
from pipelines.sources.discover import discover
from pipelines.sources.files import InputFile
from pipelines.sources.read_payloads import read_payloads
from pipelines.sources.recognise import with_channel
from schemas.channel import Channel
from schemas.channels import registered_channels
from schemas.event import EVENT
from transforms.decode import decode
from transforms.protect import protect
from transforms.screen import screen

_SHOWN = [name for name in EVENT.names if name not in ("schema_ref", "pipeline_version", "channel")]
"""The columns of the events table but those that say the same of every event of a file."""


def check(given: str, limit: int, only_failed: bool) -> int:
    """Print the fate of each payload of a file and a count of fates; 1 if any failed."""
    file = _file(given)
    shown = 0
    fates: Counter[str] = Counter()
    channel = registered_channels().get(file.channel or "")
    for found, name in with_channel(read_payloads(file), file.channel):
        if not isinstance(found, pa.RecordBatch):
            fates["failed"] += 1
            if not limit or shown < limit:
                shown += 1
                why = f"{found.reason.value} at {found.path}: {found.detail}"
                print(f"{file.path}:{found.position}: FAILED {why}")
            continue
        if channel is None:
            channel = _recognised(name, file)
            print(f"{file.path}: channel {channel.name}")
        for position, sentences, counted in _fates(found, channel):
            fates += counted
            if (limit and shown >= limit) or (only_failed and not counted["failed"]):
                continue
            shown += 1
            for sentence in sentences:
                print(f"{file.path}:{position}: {sentence}")
    print(f"{fates.total():,} payloads: {fates['decoded']:,} decoded, {fates['failed']:,} failed")
    return 1 if fates["failed"] else 0


def _file(given: str) -> InputFile:
    channel, path = channel_and_place(given)
    files = discover([path])
    if len(files) != 1:
        raise OptionError(f"{given}: expected one file, found {len(files)}")
    return replace(files[0], channel=channel)


def _recognised(name: str | None, file: InputFile) -> Channel:
    if not name:
        raise OptionError(
            f"{file.path}: no channel recognises its records; name one, as in mailjet={file.path}"
        )
    return registered_channels()[name]


def _fates(
    batch: pa.RecordBatch, channel: Channel
) -> Iterator[tuple[int, list[str], Counter[str]]]:
    """Position, sentences and counts of each record: one at a time, for eyes and not for speed.

    As in the balance, a record that holds several is as many payloads: those that fail have a
    sentence each, those that are decoded one together.
    """
    keys = pseudonym_keys()
    for row in range(batch.num_rows):
        decoded = decode(batch.slice(row, 1), channel)
        position = batch.column("position")[row].as_py()
        sentences = [
            f"FAILED {failure['reason']} at {failure['path']}: {failure['detail']}"
            for failure in decoded.failed.to_pylist()
        ]
        protected = protect(screen(decoded.events), keys)
        fates = [_sentence(event) for event in protected.events.to_pylist()]
        fates += ["withheld: consent is denied"] * protected.withheld.num_rows
        fates += [f"ignored: {kind}" for kind in decoded.ignored.elements()]
        if fates:
            sentences.append("; ".join(fates))
        yield (
            position,
            sentences,
            Counter(decoded=decoded.decoded, failed=decoded.failed.num_rows),
        )


def _sentence(event: dict[str, Any]) -> str:
    told = {name: event[name] for name in _SHOWN if event[name] is not None}
    ids = {name: value.hex() for name, value in told.items() if isinstance(value, bytes)}
    shown = {name: value for name, value in told.items() if name not in ids} | ids
    return json.dumps(shown, default=str, ensure_ascii=False)
