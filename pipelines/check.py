"""`moment check`: what each payload would become, or the reason and field path why not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa

from pipelines.errors import OptionError
from pipelines.keys import pseudonym_keys
from pipelines.sources.files import InputFile, discover, read_payloads, recognise_channel
from schemas.channel import Channel
from schemas.channels import registered_channels
from transforms.decode import decode
from transforms.protect import protect
from transforms.screen import screen

_SHOWN = (
    "event_type",
    "op",
    "event_time",
    "time_basis",
    "action",
    "actor_basis",
    "content_id",
    "campaign_id",
    "rating_scale",
    "rating_value",
    "ivt_class",
    "consent_basis",
)


def check(given: str, limit: int, only_failed: bool) -> int:
    """Print the fate of each payload of a file and a count of fates; 1 if any failed."""
    file = _file(given)
    shown = 0
    fates: Counter[str] = Counter()
    channel = registered_channels().get(file.channel or "")
    for found in read_payloads(file):
        if not isinstance(found, pa.RecordBatch):
            fates["failed"] += 1
            print(f"{file.path}:{found.position}: FAILED {found.reason.value}: {found.detail}")
            continue
        if channel is None:
            channel = _recognised(found, file)
            print(f"{file.path}: channel {channel.name}")
        for position, line, failed in _fates(found, channel):
            fates["failed" if failed else "decoded"] += 1
            if (limit and shown >= limit) or (only_failed and not failed):
                continue
            shown += 1
            print(f"{file.path}:{position}: {line}")
    print(f"{fates.total():,} payloads: {fates['decoded']:,} decoded, {fates['failed']:,} failed")
    return 1 if fates["failed"] else 0


def _file(given: str) -> InputFile:
    name, equals, path = given.partition("=")
    named = bool(equals) and name in registered_channels()
    if named and not path:
        raise OptionError(f"{given}: expected a file after the =, as in {name}=FILE")
    files = discover([path if named else given])
    if len(files) != 1:
        raise OptionError(f"{given}: expected one file, found {len(files)}")
    return replace(files[0], channel=name) if named else files[0]


def _recognised(batch: pa.RecordBatch, file: InputFile) -> Channel:
    sample = batch.column("payload").slice(0, 50).to_pylist()
    name = recognise_channel(sample, registered_channels())
    if name is None:
        raise OptionError(
            f"{file.path}: no channel recognises its records; name one, as in mailjet={file.path}"
        )
    return registered_channels()[name]


def _fates(batch: pa.RecordBatch, channel: Channel) -> Iterator[tuple[int, str, bool]]:
    """(position, sentence, failed) of each payload: one at a time, for eyes and not for speed."""
    keys = pseudonym_keys()
    for row in range(batch.num_rows):
        decoded = decode(batch.slice(row, 1), channel)
        position = batch.column("position")[row].as_py()
        for failure in decoded.failed.to_pylist():
            sentence = f"FAILED {failure['reason']} at {failure['path']}: {failure['detail']}"
            yield position, sentence, True
        protected = protect(screen(decoded.events), keys)
        fates = [_sentence(event) for event in protected.events.to_pylist()]
        fates += ["withheld: consent is denied"] * protected.withheld.num_rows
        fates += [f"ignored: {kind}" for kind in decoded.ignored.elements()]
        if fates:
            yield position, "; ".join(fates), False


def _sentence(event: dict[str, Any]) -> str:
    shown = {name: event[name] for name in _SHOWN if event[name] is not None}
    return json.dumps(shown, default=str, ensure_ascii=False)
