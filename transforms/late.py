"""Late: observations that came after their minute was sealed, as rows of the late ledger."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa

from schemas.identity import from_words
from schemas.late import LATE_EVENT
from schemas.observation import ECHO
from transforms.calendar import MINUTE_US
from transforms.frame import Frame, rows_of


def late_batch(late: Frame, closed_through: int, epoch: int, now: datetime) -> pa.RecordBatch:
    """LATE_EVENT batch of late observations; `closed_through` is a minute number.

    An echo is a statement that counts as an event in its own shard, but changes a fact that is
    sealed in this one: its effect is `change`.
    """
    length = rows_of(late)

    def instants(micros: np.ndarray | int) -> pa.Array:
        return pa.array(np.broadcast_to(micros, length), pa.timestamp("us", "UTC"))

    columns = {
        "event_id": from_words(late["id_high"], late["id_low"]),
        "event_time": instants(late["event_time"]),
        "arrived_time": instants(late["arrived"]),
        "local_day": pa.array(late["day"].astype(np.int32)).cast(pa.date32()),
        "effect": pa.array(np.where(late["flags"] & ECHO, "change", "event"), pa.string()),
        "closed_through": instants(closed_through * MINUTE_US),
        "recorded_time": pa.repeat(pa.scalar(now, pa.timestamp("us", "UTC")), length),
        "epoch": pa.repeat(pa.scalar(epoch, pa.int64()), length),
    }
    return pa.RecordBatch.from_arrays([columns[f.name] for f in LATE_EVENT], schema=LATE_EVENT)
