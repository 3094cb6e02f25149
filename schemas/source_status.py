"""SOURCE_STATUS: how far a source has read, and on what its watermark rests."""

from __future__ import annotations

import pyarrow as pa

from schemas.event import INSTANT

BASES = ("messages", "idle", "ahead", "held", "full", "end")
"""What a watermark rests on.

`messages`: their times. `held`: the last message, for silence is still shorter than the limit, the
broker cannot be asked, a transaction is open, or what a crash took away is still to come. `idle`:
the clock, for the partition has been silent for longer. `ahead`: as those two, though messages
come: the clock that stamps them is ahead of the reader's. `full`: messages wait for a checkpoint,
and none is pulled until it comes. `end`: of a replay.
"""

SOURCE_STATUS = pa.schema(
    [
        pa.field("input", pa.string(), False, {"meaning": "partition, subscription or replay"}),
        pa.field("observed_time", INSTANT, False, {"meaning": "when this was so"}),
        pa.field(
            "watermark", INSTANT, True, {"meaning": "nothing earlier is expected; null: none"}
        ),
        pa.field("basis", pa.string(), False, {"meaning": " | ".join(BASES)}),
        pa.field(
            "position", pa.int64(), False, {"meaning": "records read; for Kafka, next offset"}
        ),
        pa.field("behind", pa.int64(), True, {"meaning": "records not yet read; null if unknown"}),
    ],
    metadata={"name": "source_status"},
)

READ_THROUGH = """
SELECT min(watermark) AS watermark FROM (
  SELECT input, max(watermark) AS watermark FROM {source_status} GROUP BY input
)
"""
"""How far all sources have been read, in SQL; null where none has said anything."""
