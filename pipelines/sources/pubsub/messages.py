"""Pub/Sub messages as columns, and PAYLOAD batches of them, one channel a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import pyarrow as pa

from pipelines.sources.pubsub.settings import CHANNEL_ATTRIBUTE
from schemas.event import INSTANT
from schemas.payload import payload_batch

MOST_BYTES_A_BATCH = 16 * 1024 * 1024
_SAMPLE = 50
_MOST_POSITION = 2**63 - 1


class Messages(NamedTuple):
    """Columns of equal length. `channels` holds what the attribute says, or None."""

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
        messages.channels.append(message.attributes.get(CHANNEL_ATTRIBUTE) or None)
    return messages


class ChannelOf:
    """The channel of an input whose messages do not say it: given, or recognised once."""

    def __init__(
        self, given: str | None, recognise: Callable[[Sequence[bytes]], str | None]
    ) -> None:
        self._known = given
        self._recognise = recognise

    def __call__(self, payloads: Sequence[bytes]) -> str:
        """The channel, or "" where these records do not tell it; the next ones may."""
        if self._known is None:
            sample = [payload for payload in payloads[: 4 * _SAMPLE] if payload][:_SAMPLE]
            self._known = self._recognise(sample) if sample else None
        return self._known or ""


class Assembly:
    """Messages collected into PAYLOAD batches of at most `rows` records and about 16 MB."""

    def __init__(self, input: str, channel_of: ChannelOf, rows: int) -> None:
        self._input = input
        self._channel_of = channel_of
        self._rows = rows
        self._open: dict[str | None, Messages] = {}
        self._bytes: dict[str | None, int] = {}

    def add(self, messages: Messages) -> Iterator[pa.RecordBatch]:
        """The batches that are full now."""
        for payload, position, published, channel in zip(*messages):
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

    def _close(self, channel: str | None) -> pa.RecordBatch:
        rows = self._open.pop(channel)
        batch = payload_batch(
            pa.array(rows.payloads, pa.large_binary()),
            pa.array(rows.positions, pa.int64()),
            pa.array(rows.published, pa.int64()).cast(INSTANT),
            self._input,
            None,
        )
        name = channel or self._channel_of(rows.payloads)
        return batch.replace_schema_metadata(
            {"name": "payload", "input": self._input, "channel": name}
        )
