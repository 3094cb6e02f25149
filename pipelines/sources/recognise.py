"""Recognise: the channel that records are of, by what they or the first of them look like."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import repeat
from typing import TypeAlias

import pyarrow as pa

from pipelines.sources.formats import HEAD_BYTES, FileFailure
from schemas.channel import Channel
from schemas.channels import registered_channels
from schemas.payload import UNREGISTERED

LOGGER = logging.getLogger(__name__)
FIRST = 50
"""Records that have a vote on the channel of their file."""
_MOST_HELD = 64 * 1024 * 1024
"""Bytes of a file held for that: where its records are larger than a megabyte, fewer vote."""

Found: TypeAlias = pa.RecordBatch | FileFailure


def recognise_channel(sample: Sequence[bytes], channels: Mapping[str, Channel]) -> str | None:
    """The one channel that recognises most (over half) of the first fifty records; None on a tie.

    A `recognise` that raises has not recognised, and is told of once: it may be a third party's.
    """
    records = list(sample[:FIRST])
    votes = {name: sum(_holds(channel, r) for r in records) for name, channel in channels.items()}
    most = max(votes.values(), default=0)
    winners = [name for name, count in votes.items() if count == most]
    return winners[0] if len(winners) == 1 and most * 2 > len(records) else None


def with_channel(found: Iterator[Found], named: str | None) -> Iterator[tuple[Found, str | None]]:
    """What is read of a file, in order, each with the channel `named` or recognised.

    "" where no channel recognises its first records. Without a name, what comes up to the fiftieth,
    wherever batches end, is held until the channel is known, at most 64 MiB and a batch; a failure
    before the first record comes at once, with None.
    """
    if named is not None:
        yield from zip(found, repeat(named))
        return
    held: deque[Found] = deque()
    sample: list[bytes] = []
    size = 0
    for item in found:
        if isinstance(item, pa.RecordBatch):
            sample += item.column("payload").slice(0, FIRST - len(sample)).to_pylist()
            size += item.nbytes
        elif sample:
            size += len(item.payload) + HEAD_BYTES
        else:
            yield item, None
            continue
        held.append(item)
        if len(sample) == FIRST or size >= _MOST_HELD:
            break
    if held:
        name = recognise_channel(sample, registered_channels()) or ""
        sample.clear()
        while held:
            yield held.popleft(), name
        yield from zip(found, repeat(name))


def recognise_record(record: bytes) -> str:
    """The one registered channel that recognises a record; "" where none or several do.

    Of a stream, each record is looked at alone: which came first depends on where it was begun, and
    a job that goes on from a checkpoint begins elsewhere.
    """
    names = [name for name, channel in registered_channels().items() if _holds(channel, record)]
    return names[0] if len(names) == 1 else ""


def channel_named(name: str) -> str:
    """The channel that a message names; UNREGISTERED for any other name.

    Who publishes may write anything there, and channels are counted in tables that all may read.
    """
    return name if name in registered_channels() else UNREGISTERED


def _holds(channel: Channel, record: bytes) -> bool:
    try:
        return bool(channel.recognise(record))
    except Exception as error:  # whatever it is: a third party's code must not end the job
        _tell(channel.name, type(error).__name__)
        return False


@cache
def _tell(channel: str, error: str) -> None:
    """Warn, once in a process. Not in the error's words: they may hold what the record says."""
    LOGGER.warning("channel %s: its `recognise` raised %s, which counts as no", channel, error)
