"""RUN: what a run was told and how it ended, for a destination without a folder for a file."""

from __future__ import annotations

import pyarrow as pa

from schemas.event import INSTANT

RUN = pa.schema(
    [
        pa.field("run_id", pa.string(), False, {"meaning": "UUID of the run, made when it began"}),
        pa.field("recorded_time", INSTANT, False, {"meaning": "when the row was written"}),
        pa.field("state", pa.string(), False, {"meaning": "started | finished | failed"}),
        pa.field("streaming", pa.bool_(), False, {"meaning": "goes on until it is stopped"}),
        pa.field("version", pa.string(), False, {"meaning": "version of Moment"}),
        pa.field(
            "options", pa.string(), False, {"meaning": "JSON as in run.json; no secrets in it"}
        ),
    ],
    metadata={"name": "run"},
)
