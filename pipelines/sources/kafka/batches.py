"""Kafka messages as PAYLOAD batches, and what is said about a partition as batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from io import BytesIO
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.sources.by_channel import by_channel
from pipelines.sources.kafka.memory import MEMORIES, Memories
from pipelines.sources.recognise import channel_named
from schemas.event import INSTANT
from schemas.failure import Reason
from schemas.payload import payload_batch
from schemas.source_status import SOURCE_STATUS
from transforms.balance import count_batch
from transforms.failures import Failure, failed_batch

CHANNEL_HEADER = "moment-channel"
_LAST_MILLISECOND = 253_402_300_799_999


def broker_times(messages: Sequence[Any]) -> np.ndarray:
    """Microseconds since the epoch; -1 for a message without a time."""
    stamps = chain.from_iterable(_asked("timestamp", messages))
    kinds, times = np.fromiter(stamps, np.int64, 2 * len(messages)).reshape(-1, 2).T
    # Any 64-bit number may be a producer's milliseconds: cut before it is multiplied.
    believed = np.minimum(times, _LAST_MILLISECOND) * 1000
    return np.where((kinds == 0) | (times < 0), -1, believed)


class MessageBuffer:
    """Messages as they come, some at a time: what batches need of each, and the messages let go.

    Values lie one behind the other in one buffer, into which each is copied once; memory that
    batches before had is used again when these have gone.
    """

    def __init__(self, memories: Memories = MEMORIES) -> None:
        self._memories = memories
        # Not before there is something to put there: partitions are looked at in vain all the time.
        self._values: BytesIO | None = None
        self._ends = [np.zeros(1, dtype=np.int64)]
        self._offsets: list[np.ndarray] = []
        self._times: list[np.ndarray] = []
        self._channels: list[list[str | None] | None] = []
        self.count = 0

    @property
    def size(self) -> int:
        """Bytes of all values."""
        return int(self._ends[-1][-1])

    @property
    def times(self) -> np.ndarray:
        """Broker times of all messages, as `broker_times` gives them."""
        return np.concatenate([*self._times, np.zeros(0, dtype=np.int64)])

    def add(self, messages: Sequence[Any]) -> None:
        """Some more messages, one or more, in order."""
        values = _asked("value", messages)
        try:
            lengths = np.fromiter(map(len, values), np.int64, len(values))
        except TypeError:
            # A message without a value has an empty payload, which decoding refuses.
            values = [value or b"" for value in values]
            lengths = np.fromiter(map(len, values), np.int64, len(values))
        if self._values is None:
            self._values = self._memories.take()
        self._ends.append(np.cumsum(lengths) + self.size)
        self._values.writelines(values)
        self._offsets.append(_offsets(messages))
        self._times.append(broker_times(messages))
        headers = _headers(messages)
        self._channels.append([_channel_of(h) for h in headers] if any(headers) else None)
        self.count += len(messages)

    def batches(self, input: str, channel: str | None, now: int) -> list[pa.RecordBatch]:
        """PAYLOAD batches, one a channel: what a message's header says, else `channel`.

        Where that is None, a message without a header is of the channel that recognises it alone.
        The position is the message's offset, as Kafka counts. Arrival is its broker time, or now
        where it has none or one that is still to come. Nothing can be taken afterwards.
        """
        if self._values is None:
            return []
        ends, times = np.concatenate(self._ends), self.times
        values = pa.py_buffer(self._values.getbuffer()[: self.size])
        self._memories.give(self._values)
        buffers = [None, pa.py_buffer(ends), values]
        payloads = pa.Array.from_buffers(pa.large_binary(), self.count, buffers)
        positions = pa.array(np.concatenate(self._offsets), pa.int64())
        arrived = pa.array(np.where(times < 0, now, np.minimum(times, now)), INSTANT)
        if channel is not None and not any(self._channels):
            return [payload_batch(payloads, positions, arrived, input, channel)]
        told = (own or [None] * len(t) for own, t in zip(self._channels, self._times))
        named = [name or channel for name in chain.from_iterable(told)]
        return by_channel(payloads, positions, arrived, input, named)


def _asked(method: str, messages: Sequence[Any]) -> list[Any]:
    """What a method gives of each message: asked of its class, at half of what a call takes."""
    return list(map(getattr(type(messages[0]), method), messages))


def _headers(messages: Sequence[Any]) -> list[Any]:
    """Headers of each message; None also of one whose header's name is no UTF-8.

    The client reads them when it is asked, and raises then. Asked again it gives half a list.
    """
    found: list[Any] = []
    left = iter(messages)
    while True:
        try:
            found.extend(map(type(messages[0]).headers, left))
            return found
        except (SystemError, UnicodeDecodeError):
            found.append(None)


def _offsets(messages: Sequence[Any]) -> np.ndarray:
    """Offsets of messages in order; those of a topic without transactions leave none out."""
    first, last = messages[0].offset(), messages[-1].offset()
    if last - first + 1 == len(messages):
        return np.arange(first, last + 1)
    return np.array(_asked("offset", messages), dtype=np.int64)


def lost_batches(
    input: str, channel: str | None, expected: int, detail: str, now: int
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """FAILED_EVENT and BALANCE_COUNT of a position that is gone: one record, which failed."""
    arrived = datetime.fromtimestamp(now / 1_000_000, timezone.utc)
    failure = Failure(b"", expected, arrived, "read", Reason.LOST, "$", detail)
    counts = [("received", 1), ("failed", 1)]
    return (
        failed_batch([failure], input, channel, arrived),
        count_batch(input, now // 3_600_000_000, channel or "", counts),
    )


def status_batch(
    input: str, now: int, watermark: int | None, basis: str, position: int, behind: int | None
) -> pa.RecordBatch:
    """SOURCE_STATUS of one row."""
    row = {
        "input": input,
        "observed_time": now,
        "watermark": watermark,
        "basis": basis,
        "position": position,
        "behind": behind,
    }
    return pa.RecordBatch.from_pylist([row], schema=SOURCE_STATUS)


def _channel_of(headers: Sequence[tuple[str, bytes | None]] | None) -> str | None:
    """The channel that a message's headers name."""
    for name, value in headers or ():
        if name == CHANNEL_HEADER and value:
            return channel_named(value.decode("utf-8", "replace"))
    return None
