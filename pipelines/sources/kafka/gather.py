"""gather: what a partition gives, some hundred messages at a time, as much as a batch holds."""

from __future__ import annotations

import time
from typing import NamedTuple

from pipelines.sources.kafka.batches import MessageBuffer
from pipelines.sources.kafka.client import KafkaTrouble, PartitionReader

BATCH_BYTES = 16 * 1024 * 1024


class Gathered(NamedTuple):
    """The messages, and the offset to go on at.

    `lost`: there is nothing at that offset. `trouble`: what kept the client from giving more.
    """

    buffer: MessageBuffer
    upto: int
    lost: bool = False
    trouble: KafkaTrouble | None = None


def gather(reader: PartitionReader, stop: int | None, rows: int, seconds: float) -> Gathered:
    """What comes until there are `rows` messages or BATCH_BYTES, or the seconds are over.

    Nothing from offset `stop` on is given. Messages are taken a piece at a time: a piece is still
    in the processor's cache then, and the next one has its memory. Taken 16,384 at once a message
    costs twice as much (docs/sources.md).
    """
    until, buffer = time.monotonic() + seconds, MessageBuffer()
    while True:
        found = reader.read(rows - buffer.count, max(0.0, until - time.monotonic()))
        upto, messages = reader.next or 0, found.messages
        ended = False
        if stop is not None and upto >= stop:
            upto, ended = stop, True
            messages = [message for message in messages if message.offset() < stop]
        if messages:
            buffer.add(messages)
        enough = buffer.count >= rows or buffer.size >= BATCH_BYTES
        if enough or ended or not found.full or found.lost or found.trouble:
            return Gathered(buffer, upto, found.lost, found.trouble)
        # Their memory is what the next ones get.
        del found, messages
