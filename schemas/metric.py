"""METRIC: one published figure with everything needed to judge it."""

from __future__ import annotations

import pyarrow as pa

from schemas.event import INSTANT

VALUE_KINDS = ("proportion", "ratio", "mean", "count", "score")
UNCERTAINTY_KINDS = ("sampling", "bounds", "census", "unmeasurable")

METRIC = pa.schema(
    [
        pa.field(name, type, nullable, {"meaning": meaning})
        for name, type, nullable, meaning in (
            ("metric", pa.string(), False, "name in the dictionary (`moment metrics`)"),
            ("definition_version", pa.string(), False, "version of the definition"),
            (
                "grouping_set",
                pa.string(),
                False,
                "which dimensions are set: total, channel, content …",
            ),
            ("window_kind", pa.string(), False, "minute | hour | day"),
            ("window_start", INSTANT, False, "start of the window"),
            ("window_end", INSTANT, False, "end of the window, exclusive"),
            ("local_day", pa.date32(), False, "day of the property's time zone"),
            ("channel", pa.string(), True, "set where the grouping has it"),
            ("content_id", pa.string(), True, "set where the grouping has it"),
            ("brand_id", pa.string(), True, "set where the grouping has it"),
            ("item", pa.string(), True, "what is counted within a mix: like, comment, share …"),
            ("traffic", pa.string(), False, "gross, or valid (without known automata)"),
            ("value", pa.float64(), True, "the figure; null when suppressed or unmeasurable"),
            ("value_kind", pa.string(), False, "proportion | ratio | mean | count | score"),
            ("unit", pa.string(), False, "people, events, minutes, share, points …"),
            ("numerator", pa.float64(), True, "what value divides"),
            ("denominator", pa.float64(), True, "by what it is divided; null for counts"),
            ("interval_low", pa.float64(), True, "lower end of the interval"),
            ("interval_high", pa.float64(), True, "upper end of the interval"),
            ("interval_method", pa.string(), False, "how the interval was made"),
            ("uncertainty_kind", pa.string(), False, "sampling | bounds | census | unmeasurable"),
            ("n", pa.int64(), False, "distinct people (or answers) the figure rests on"),
            (
                "coverage",
                pa.float64(),
                False,
                "share of the expected sources that were heard, 0 to 1",
            ),
            ("dedup_basis", pa.string(), False, "how people were told apart"),
            (
                "suppressed_reason",
                pa.string(),
                True,
                "why value is null; null when it is published",
            ),
            (
                "epoch",
                pa.int64(),
                False,
                "generation of the computation: a restatement has a higher one",
            ),
            ("revision", pa.int64(), False, "count of changes within the epoch, from 0"),
            (
                "cause",
                pa.string(),
                False,
                "first | late_data | recovery | retraction | restatement | definition",
            ),
            ("published_time", INSTANT, False, "when the row was written"),
        )
    ],
    metadata={"name": "metric"},
)

KEY = (
    "metric",
    "definition_version",
    "grouping_set",
    "window_kind",
    "window_start",
    "channel",
    "content_id",
    "brand_id",
    "item",
    "traffic",
)
"""What identifies a figure; `metrics_latest` keeps the newest row of each."""

NEWEST_FIRST = "epoch DESC, published_time DESC, revision DESC"
"""Which row of a figure stands, in SQL. One worker at a time publishes a figure, so what it wrote
last is true. Revisions count within what a job remembers: one that was restored from a checkpoint
counts on from there, and may give a number again that it had given before it was killed. Times are
of the worker's clock, and later than all that state remembers (`transforms/stamps.py`)."""


def standing_epochs(metrics: str, day: str = "local_day") -> str:
    """SQL: the rows of a table or view of METRIC that no greater epoch has replaced.

    A computation replaces, of each kind of window and day, all windows from the first to the last
    that it has a row of: also figures that it has none of, because what they counted is elsewhere
    or gone. It cannot withdraw them itself, for it does not know what an earlier one published.

    `day` is the column by which the table is partitioned, equal to the local day. A join by it, not
    NOT EXISTS: a filter of days then reaches both sides, and an engine reads those days only.
    """
    return f"""
SELECT told.* FROM {metrics} AS told LEFT JOIN (
  SELECT epoch, window_kind, {day},
    min(window_start) AS first_start, max(window_start) AS last_start
  FROM {metrics} GROUP BY epoch, window_kind, {day}
) AS replacing
ON replacing.window_kind = told.window_kind AND replacing.{day} = told.{day}
  AND replacing.epoch > told.epoch
  AND told.window_start BETWEEN replacing.first_start AND replacing.last_start
WHERE replacing.epoch IS NULL
"""
