"""Late: observations that did not count when they came, as rows of the late ledger."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from schemas.identity import from_words
from schemas.late import EFFECTS, LATE_EVENT
from transforms.calendar import MINUTE_US
from transforms.frame import Frame, rows_of


class Ledger(NamedTuple):
    """Who writes: the generation of the computation, the key of a shard, and its rows so far."""

    epoch: int
    shard: int
    written: int


def late_batch(late: Frame, closed_through: int, ledger: Ledger, now: datetime) -> pa.RecordBatch:
    """LATE_EVENT batch of late observations; `closed_through` is a minute number.

    Their column `effect` is a code in EFFECTS.
    """
    length = rows_of(late)

    def instants(micros: np.ndarray | int) -> pa.Array:
        return pa.array(np.broadcast_to(micros, length), pa.timestamp("us", "UTC"))

    columns = {
        "event_id": from_words(late["id_high"], late["id_low"]),
        "event_time": instants(late["event_time"]),
        "arrived_time": instants(late["arrived"]),
        "local_day": pa.array(late["day"].astype(np.int32)).cast(pa.date32()),
        "effect": pa.array(np.array(EFFECTS)[late["effect"]], pa.string()),
        # Before a shard has closed anything no calendar has the minute: it is the epoch's.
        "closed_through": instants(max(closed_through, 0) * MINUTE_US),
        "recorded_time": pa.repeat(pa.scalar(now, pa.timestamp("us", "UTC")), length),
        "epoch": pa.repeat(pa.scalar(ledger.epoch, pa.int64()), length),
        "shard": pa.repeat(pa.scalar(ledger.shard, pa.int64()), length),
        "number": pa.array(np.arange(1, length + 1) + ledger.written),
    }
    return pa.RecordBatch.from_arrays([columns[f.name] for f in LATE_EVENT], schema=LATE_EVENT)


def reset_batch(ledger: Ledger, now: datetime) -> pa.RecordBatch:
    """LATE_EVENT batch of one row: what the shard wrote beyond the rows it remembers is void."""
    row = {
        "event_id": bytes(16),
        "event_time": now,
        "arrived_time": now,
        "local_day": now.date(),
        "effect": "reset",
        "closed_through": now,
        "recorded_time": now,
        "epoch": ledger.epoch,
        "shard": ledger.shard,
        "number": ledger.written,
    }
    return pa.RecordBatch.from_pylist([row], schema=LATE_EVENT)
