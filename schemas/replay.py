"""REPLAY: what became of a failed event that was taken again."""

from __future__ import annotations

import pyarrow as pa

from schemas.event import INSTANT, UUID

OUTCOMES = ("decoded", "failed")

REPLAY = pa.schema(
    [
        pa.field("failure_id", UUID, False, {"meaning": "id of the failed event"}),
        pa.field("replayed_time", INSTANT, False, {"meaning": "when it was taken again"}),
        pa.field(
            "outcome",
            pa.string(),
            False,
            {"meaning": "decoded: done with; failed: a later replay takes it again"},
        ),
        pa.field("pipeline_version", pa.string(), False, {"meaning": "version of Moment"}),
    ],
    metadata={"name": "replay"},
)
