"""by_channel: records as PAYLOAD batches of one channel each."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from pipelines.sources.recognise import recognise_record
from schemas.payload import payload_batch


def by_channel(
    payloads: pa.Array,
    positions: pa.Array,
    arrived: pa.Array,
    input: str,
    channels: Sequence[str | None],
) -> list[pa.RecordBatch]:
    """PAYLOAD batches, one a channel, in the order of the first record of each.

    `channels` names that of each record; None: it is the one that recognises the record alone.
    """
    named = [
        recognise_record(payload.as_py()) if channel is None else channel
        for channel, payload in zip(channels, payloads)
    ]
    names = dict.fromkeys(named)
    if len(names) == 1:
        return [payload_batch(payloads, positions, arrived, input, *names)]
    batches = []
    for name in names:
        rows = pa.array([row for row, other in enumerate(named) if other == name], pa.int64())
        parts = payloads.take(rows), positions.take(rows), arrived.take(rows)
        batches.append(payload_batch(*parts, input, name))
    return batches
