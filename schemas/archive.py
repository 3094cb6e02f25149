"""ARCHIVED_PAYLOAD: one record as it was received, kept so that it can be decoded anew."""

from __future__ import annotations

import pyarrow as pa

from schemas.event import INSTANT

ARCHIVED_PAYLOAD = pa.schema(
    [
        pa.field("input", pa.string(), False, {"meaning": "file, topic or subscription"}),
        pa.field("position", pa.int64(), False, {"meaning": "line number, row or offset, from 1"}),
        pa.field(
            "channel", pa.string(), True, {"meaning": "channel asked to decode it; null if none"}
        ),
        pa.field("arrived_time", INSTANT, False, {"meaning": "when file or broker had it"}),
        pa.field(
            "payload", pa.binary(), False, {"meaning": "the original bytes: restricted, expires"}
        ),
        pa.field(
            "expires_on", pa.date32(), False, {"meaning": "day after which the row must be gone"}
        ),
    ],
    metadata={"name": "archived_payload"},
)
