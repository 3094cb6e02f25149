"""LATE_EVENT: the late ledger, a row for each copy of an event that came after closing.

The event itself is in the events table: a restatement reads it there. The ledger says which
copies did not count when they came. Effect `change`: the event counted, but what it changes was
sealed already, so the change itself did not. Effect `copy`: it came in time, but another copy had
counted already, in another minute: which of them a stream reads first no recomputation can know.
Effect `reset`: the shard was restored and remembers
rows up to this number; those it had written beyond are void, for what was late the first time may
be in time the second.
"""

from __future__ import annotations

import pyarrow as pa

from schemas.event import INSTANT, UUID

EFFECTS = ("event", "change", "copy")
"""By code (the index), as Attend has them; a reset is nothing that it hears."""

LATE_EVENT = pa.schema(
    [
        pa.field("event_id", UUID, False, {"meaning": "id of the event"}),
        pa.field("event_time", INSTANT, False, {"meaning": "when it happened"}),
        pa.field(
            "arrived_time", INSTANT, False, {"meaning": "arrival of this copy (ingested_time)"}
        ),
        pa.field("local_day", pa.date32(), False, {"meaning": "day of the property's time zone"}),
        pa.field("effect", pa.string(), False, {"meaning": "event | change | copy | reset"}),
        pa.field(
            "closed_through",
            INSTANT,
            False,
            {"meaning": "windows were closed up to here; 1970: none was"},
        ),
        pa.field("recorded_time", INSTANT, False, {"meaning": "when this row was written"}),
        pa.field("epoch", pa.int64(), False, {"meaning": "generation of the computation"}),
        pa.field("shard", pa.int64(), False, {"meaning": "key of the shard that wrote the row"}),
        pa.field("number", pa.int64(), False, {"meaning": "which of the shard's rows: 1, 2, 3 …"}),
    ],
    metadata={"name": "late_event"},
)


def standing_rows(*more: str) -> str:
    """SQL: the rows of the table late_events that hold, once what a retried bundle wrote twice.

    Columns of LATE_EVENT, and `more` that the table has.
    """
    columns = ", ".join(f"told.{name}" for name in (*LATE_EVENT.names, *more))
    return f"""
SELECT DISTINCT {columns} FROM late_events AS told
WHERE effect <> 'reset' AND NOT EXISTS (
  SELECT 1 FROM late_events AS voiding
  WHERE voiding.effect = 'reset' AND voiding.shard = told.shard AND voiding.epoch = told.epoch
    AND voiding.number < told.number AND voiding.recorded_time > told.recorded_time
)
"""
