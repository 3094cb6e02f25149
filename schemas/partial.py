"""PARTIAL: dimensions and integer columns that are added; deltas may be negative. Second shuffle.

Integer columns form a group under addition, so partials of any cutting and order of the input sum
to the same totals, to the bit. Squares are decimal128: one actor's 10⁹ actions squared overflow
int64 as soon as ten such actors meet.
"""

from __future__ import annotations

import pyarrow as pa

GROUPINGS: tuple[tuple[str, ...], ...] = (
    (),
    ("channel",),
    ("brand",),
    ("brand", "channel"),
    ("content",),
    ("content", "channel"),
)
"""The grouping sets: every figure is published for each. At most eight."""

GROUPING_NAMES = tuple("_".join(dimensions) or "total" for dimensions in GROUPINGS)

WINDOWS = ("minute", "hour", "day")
TRAFFIC = ("gross", "valid")
BOTH = 2
"""Code of `traffic` beside the indices of TRAFFIC: rows of people without automata
count in both traffics and travel once."""

SQUARES = pa.decimal128(38, 0)

DIMENSIONS: tuple[tuple[str, pa.DataType, str], ...] = (
    ("grouping", pa.int8(), "index in GROUPINGS"),
    ("content", pa.int64(), "label key; 0 where the grouping lacks it"),
    ("brand", pa.int64(), "label key; 0 where the grouping lacks it"),
    ("channel", pa.int64(), "label key; 0 where the grouping lacks it"),
    ("traffic", pa.int8(), "index in TRAFFIC, or BOTH"),
    ("window", pa.int8(), "index in WINDOWS"),
    ("start", pa.int32(), "minute number of a minute or hour, local day number of a day"),
    ("item", pa.int16(), "signal code of a mix or a rating; 0 for columns about people"),
)

COLUMNS: tuple[tuple[str, pa.DataType, str], ...] = (
    ("events", pa.int64(), "events accepted"),
    ("heartbeat_events", pa.int64(), "of these, heartbeats with a declared period"),
    ("watched_ms", pa.int64(), "milliseconds watched, as heartbeats vouch for"),
    ("heartbeat_ms", pa.int64(), "sum over viewers of one heartbeat period: what is uncertain"),
    ("viewers", pa.int64(), "distinct people present"),
    ("concurrent", pa.int64(), "distinct people alive at the end of the minute"),
    ("concurrent_fresh", pa.int64(), "of these, with a heartbeat within one period"),
    ("engagers", pa.int64(), "distinct people with an engagement action"),
    ("actions", pa.int64(), "engagement actions of people"),
    ("action_squares", SQUARES, "sum over people of squared actions"),
    ("new_people", pa.int64(), "distinct people not seen on an earlier day"),
    ("returning_people", pa.int64(), "distinct people seen on an earlier day"),
    ("bored", pa.int64(), "distinct people who signalled boredom"),
    ("satisfied", pa.int64(), "distinct people whose satisfaction is in the top two boxes"),
    ("dissatisfied", pa.int64(), "distinct people who rated satisfaction lower"),
    ("satisfied_bored", pa.int64(), "distinct people in both"),
    ("dissatisfied_bored", pa.int64(), "distinct people in both"),
    ("count", pa.int64(), "actions or answers of the item"),
    ("authors", pa.int64(), "distinct people behind the item"),
    ("anonymous", pa.int64(), "of the actions or answers, those of nobody known"),
    ("positive", pa.int64(), "answers in the favourable boxes"),
    ("negative", pa.int64(), "answers in the unfavourable boxes"),
)

PARTIAL = pa.schema(
    [
        pa.field(name, type, False, {"meaning": meaning})
        for name, type, meaning in DIMENSIONS + COLUMNS
    ],
    metadata={"name": "partial"},
)

DIMENSION_NAMES = tuple(name for name, _, _ in DIMENSIONS)
COLUMN_NAMES = tuple(name for name, _, _ in COLUMNS)
