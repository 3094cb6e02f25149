"""Pub/Sub messages as columns, and PAYLOAD batches of them, one channel a batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any, NamedTuple

import pyarrow as pa

from pipelines.sources.pubsub.settings import CHANNEL_ATTRIBUTE
from pipelines.sources.recognise import channel_named, recognise_record
from schemas.event import INSTANT
from schemas.payload import payload_batch

MOST_BYTES_A_BATCH = 16 * 1024 * 1024
_MOST_POSITION = 2**63 - 1


class Messages(NamedTuple):
    """Columns of equal length. `channels` holds the one that the attribute names, or None."""

    payloads: list[bytes]
    positions: list[int]
    published: list[int]
    channels: list[str | None]


def position_of(message_id: str) -> int:
    """The number that a message id is, from 1; one of 63 bits made from any other id.

    There are no offsets, and a failed event is known by its position: the same message must have
    the same one at each delivery.
    """
    if message_id.isascii() and message_id.isdigit() and 1 <= int(message_id) <= _MOST_POSITION:
        return int(message_id)
    digest = blake2b(message_id.encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 1) or 1


def messages_of(found: Iterable[Any]) -> Messages:
    """Columns of PubsubMessage protocol buffers (the plain ones: proto-plus is slow)."""
    messages = Messages([], [], [], [])
    for message in found:
        messages.payloads.append(message.data)
        messages.positions.append(position_of(message.message_id))
        time = message.publish_time
        messages.published.append(time.seconds * 1_000_000 + time.nanos // 1000)
        named = message.attributes.get(CHANNEL_ATTRIBUTE)
        messages.channels.append(channel_named(named) if named else None)
    return messages


class Assembly:
    """Messages collected into PAYLOAD batches of at most `rows` records and about 16 MB.

    `channel` is that of messages whose attribute says none; None: of each, the one that recognises
    it alone.
    """

    def __init__(self, input: str, channel: str | None, rows: int) -> None:
        self._input = input
        self._channel = channel
        self._rows = rows
        self._open: dict[str, Messages] = {}
        self._bytes: dict[str, int] = {}

    def add(self, messages: Messages) -> Iterator[pa.RecordBatch]:
        """The batches that are full now."""
        for payload, position, published, named in zip(*messages):
            channel = named or self._channel or recognise_record(payload)
            into = self._open.get(channel)
            if into is None:
                into = self._open[channel] = Messages([], [], [], [])
                self._bytes[channel] = 0
            into.payloads.append(payload)
            into.positions.append(position)
            into.published.append(published)
            self._bytes[channel] += len(payload)
            if len(into.payloads) >= self._rows or self._bytes[channel] >= MOST_BYTES_A_BATCH:
                yield self._close(channel)

    def rest(self) -> Iterator[pa.RecordBatch]:
        """What is left, a batch a channel."""
        for channel in list(self._open):
            yield self._close(channel)

    def _close(self, channel: str) -> pa.RecordBatch:
        rows = self._open.pop(channel)
        return payload_batch(
            pa.array(rows.payloads, pa.large_binary()),
            pa.array(rows.positions, pa.int64()),
            pa.array(rows.published, pa.int64()).cast(INSTANT),
            self._input,
            channel,
        )
