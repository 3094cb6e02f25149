"""OBSERVATION: what the measures need of an event, in sixteen fixed-width columns."""

from __future__ import annotations

import pyarrow as pa

from schemas.event import ACTION_CLASS, UUID

RATINGS = ("rate:nps", "rate:csat", "rate:ces", "rate:boredom")

SIGNALS: tuple[str, ...] = ("none", *ACTION_CLASS, *RATINGS)
"""What an observation says, by code (the index). Codes live in state: append, never reorder."""

SIGNAL_CODE = {name: code for code, name in enumerate(SIGNALS)}

VALID = 1
RETRACT = 2
CHANGE = 4
ECHO = 8
HOME = 16
"""Bits of `flags`: not known as automaton; a retraction; an update or retraction; a copy of a
change for a shard that is not its own (it may name nobody, or a moderator, and must still meet the
fact it changes); in the memory of Attend only, a fact that lives in this shard."""

MILLIONTHS = 1_000_000
"""Ratings travel as millionths of their scale: integers, so that sums do not depend on order."""

OBSERVATION = pa.schema(
    [
        pa.field(name, type, False, {"meaning": meaning})
        for name, type, meaning in (
            ("event_id", UUID, "id of the event"),
            ("fact", pa.int64(), "key of the mutable fact; 0 if immutable"),
            ("revision", pa.int64(), "order of statements about the fact, µs; 0 if immutable"),
            ("actor", pa.int64(), "key of the person or device; 0 if unknown"),
            ("content", pa.int64(), "label key of content_id; 0 if none"),
            ("brand", pa.int64(), "label key of brand_id; 0 if none"),
            ("channel", pa.int64(), "label key of channel"),
            ("input", pa.int64(), "label key of the file or topic, for the balance"),
            ("event_time", pa.int64(), "µs since the epoch"),
            ("day", pa.int32(), "day number of the property's civil calendar"),
            ("hour", pa.int32(), "minute number (since the epoch) at which its local hour starts"),
            ("arrived", pa.int64(), "µs since the epoch: of this copy, for balance and ledger"),
            ("signal", pa.int16(), "code in SIGNALS"),
            ("flags", pa.int16(), "VALID | RETRACT | CHANGE | ECHO"),
            ("value", pa.int32(), "rating in millionths, or milliseconds watched"),
            ("period", pa.int32(), "declared heartbeat period, ms; 0 if no heartbeat"),
        )
    ],
    metadata={"name": "observation"},
)

LABEL = pa.schema(
    [
        pa.field(
            "key", pa.int64(), False, {"meaning": "label key, see schemas.identity.label_key"}
        ),
        pa.field("text", pa.string(), False, {"meaning": "the text behind it"}),
    ],
    metadata={"name": "label"},
)

_TICK = b"tick"


def tick_batch(minute: int) -> pa.RecordBatch:
    """OBSERVATION batch without rows that says which minute (since the epoch) a stream is in."""
    schema = OBSERVATION.with_metadata({**(OBSERVATION.metadata or {}), _TICK: str(minute)})
    return pa.RecordBatch.from_pylist([], schema=schema)


def tick_of(observations: pa.RecordBatch) -> int | None:
    """The minute that a batch of `tick_batch` says; None for any other."""
    told = (observations.schema.metadata or {}).get(_TICK)
    return None if told is None else int(told)
