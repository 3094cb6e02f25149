"""BACKFILL and DECODED_EVENT: what a backfill keeps where no folder has files.

Who refills a dataset, and how far it has come; and events that it has decoded, before they are
in their place.
"""

from __future__ import annotations

import pyarrow as pa

from schemas.event import EVENT, INSTANT

BACKFILL = pa.schema(
    [
        pa.field(name, type, nullable, {"meaning": meaning})
        for name, type, nullable, meaning in (
            ("holder", pa.string(), False, "UUID of the process that wrote the row"),
            ("recorded_time", INSTANT, False, "when, by the clock of the service"),
            (
                "state",
                pa.string(),
                False,
                "of the lease: claimed | held | released; of a backfill: begun | done | finished",
            ),
            ("owner", pa.string(), False, "account, machine and process of the holder"),
            (
                "backfill_id",
                pa.string(),
                True,
                "UUID of the backfill, kept by a process that goes on with it; null of a lease",
            ),
            ("started", pa.string(), True, "when the backfill was begun first"),
            ("epoch", pa.int64(), True, "in which its figures are published"),
            ("options", pa.string(), True, "JSON of what it was asked for; no secrets in it"),
            ("local_day", pa.date32(), True, "the day that is done"),
            ("outcome", pa.string(), True, "JSON of what became of that day"),
        )
    ],
    metadata={"name": "backfill"},
)

DECODED_EVENT = pa.schema(
    [
        pa.field("decoding", pa.string(), False, {"meaning": "UUID of what is put in one place"}),
        pa.field("decoded_time", INSTANT, False, {"meaning": "when it was decoded"}),
        *EVENT,
    ],
    metadata={"name": "decoded_event"},
)
