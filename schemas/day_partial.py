"""DAY_PARTIAL: what rolls up of a local day, so that a week needs no second look at its events."""

from __future__ import annotations

import pyarrow as pa

from schemas.event import INSTANT

DAY_PARTIAL = pa.schema(
    [
        pa.field(name, type, nullable, {"meaning": meaning})
        for name, type, nullable, meaning in (
            ("local_day", pa.date32(), False, "day of the property's time zone"),
            (
                "grouping_set",
                pa.string(),
                False,
                "which dimensions are set: total, channel, content …",
            ),
            ("channel", pa.string(), True, "set where the grouping has it"),
            ("content_id", pa.string(), True, "set where the grouping has it"),
            ("brand_id", pa.string(), True, "set where the grouping has it"),
            (
                "item",
                pa.string(),
                True,
                "like, comment, csat …: the row has its counts alone; null: the others",
            ),
            ("traffic", pa.string(), False, "gross, or valid (without known automata)"),
            ("events", pa.int64(), False, "events accepted; 0 in rows of an item"),
            ("heartbeat_events", pa.int64(), False, "of these, heartbeats with a declared period"),
            ("watched_ms", pa.int64(), False, "milliseconds watched, as heartbeats vouch for"),
            ("actions", pa.int64(), False, "engagement actions of people"),
            ("item_count", pa.int64(), False, "actions or answers of the item"),
            ("item_positive", pa.int64(), False, "answers in the favourable boxes"),
            ("item_negative", pa.int64(), False, "answers in the unfavourable boxes"),
            (
                "people",
                pa.binary(),
                False,
                "theta sketch of the distinct people: ordered, compact, k 4,096, seed 9001;"
                " empty where nobody is known and in rows of an item",
            ),
            (
                "epoch",
                pa.int64(),
                False,
                "generation of the computation: the greatest of a day holds",
            ),
            ("published_time", INSTANT, False, "when the row was written"),
        )
    ],
    metadata={"name": "day_partial"},
)

DAY_PARTIAL_KEY = ("grouping_set", "channel", "content_id", "brand_id", "item", "traffic")
"""What identifies a row of a day."""

HOLDING_PARTIALS = f"""
SELECT * FROM partials
QUALIFY epoch = max(epoch) OVER (PARTITION BY day) AND row_number() OVER (
  PARTITION BY day, {", ".join(DAY_PARTIAL_KEY)} ORDER BY epoch DESC, published_time DESC
) = 1
"""
"""SQL: the rows of a table `partials` that hold, partitioned by `day`. An epoch replaces a day."""
