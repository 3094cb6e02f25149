"""BALANCE_COUNT and BALANCE: nothing lost, shown by counting at every door."""

from __future__ import annotations

import pyarrow as pa

from schemas.event import INSTANT

RECORD_OUTCOMES = ("received", "decoded", "failed")
EVENT_OUTCOMES = ("accepted", "duplicate", "withheld", "ignored", "late")
OUTCOMES = (*RECORD_OUTCOMES, "events", *EVENT_OUTCOMES)

BALANCE_COUNT = pa.schema(
    [
        pa.field("input", pa.int64(), False, {"meaning": "label key of file or topic"}),
        pa.field("arrival_hour", pa.int32(), False, {"meaning": "hours since the epoch"}),
        pa.field("channel", pa.int64(), False, {"meaning": "label key of the channel"}),
        pa.field("outcome", pa.string(), False, {"meaning": " | ".join(OUTCOMES)}),
        pa.field("count", pa.int64(), False, {"meaning": "records or events"}),
    ],
    metadata={"name": "balance_count"},
)

BALANCE = pa.schema(
    [
        pa.field("input", pa.string(), False, {"meaning": "file, topic or subscription"}),
        pa.field("arrival_hour", INSTANT, False, {"meaning": "hour of arrival"}),
        pa.field("channel", pa.string(), False, {"meaning": "channel, or `unknown`"}),
        *(
            pa.field(outcome, pa.int64(), False, {"meaning": meaning})
            for outcome, meaning in (
                ("received", "records read; a container counts one for each record in it"),
                ("decoded", "records that became events, some, or none because ignored"),
                ("failed", "records that became a failed event"),
                ("events", "events made of decoded records"),
                ("accepted", "events that count"),
                ("duplicate", "further copies of an accepted event"),
                ("withheld", "events whose consent refuses measurement"),
                ("ignored", "events of kinds their channel declares ignored"),
                ("late", "events of windows already sealed, kept in the late ledger"),
            )
        ),
        pa.field(
            "balanced",
            pa.bool_(),
            False,
            {"meaning": "received = decoded + failed, and events = the five after it"},
        ),
        pa.field("published_time", INSTANT, False, {"meaning": "when the row was written"}),
    ],
    metadata={"name": "balance"},
)

BALANCE_KEY = ("input", "arrival_hour", "channel")
"""What a row counts; of a stream, which counts on, the row written last holds."""
