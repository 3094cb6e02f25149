"""PAYLOAD: bytes as received, before anybody understands them."""

from __future__ import annotations

import pyarrow as pa

from schemas.event import INSTANT

PAYLOAD = pa.schema(
    [
        pa.field("payload", pa.large_binary(), False, {"meaning": "the bytes of one record"}),
        pa.field("position", pa.int64(), False, {"meaning": "line number, row or offset, from 1"}),
        pa.field("arrived_time", INSTANT, False, {"meaning": "when file or broker had it"}),
    ],
    metadata={"name": "payload"},
)
"""`input` and `channel` are one value a batch and travel as schema metadata."""

UNREGISTERED = "unregistered"
"""In place of a channel's name that a message brings, where no channel of that name is registered.
"""

MAXIMUM_PAYLOAD_BYTES = 8 * 1024 * 1024
"""Larger records are refused: no documented webhook comes near, and one must not fill a worker."""


def payload_batch(
    payloads: pa.Array, positions: pa.Array, arrived: pa.Array, input: str, channel: str | None
) -> pa.RecordBatch:
    """One PAYLOAD batch; `input` is file or topic, `channel` None where it must be guessed."""
    metadata = {"name": "payload", "input": input}
    if channel:
        metadata["channel"] = channel
    return pa.record_batch(
        [payloads.cast(pa.large_binary()), positions, arrived],
        schema=PAYLOAD.with_metadata(metadata),
    )
