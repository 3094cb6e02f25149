"""Day partials: the totals and sketches of a family's days as rows that roll up."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa

from schemas.day_partial import DAY_PARTIAL
from schemas.observation import SIGNALS
from schemas.partial import GROUPING_NAMES, TRAFFIC, WINDOWS
from schemas.sketch import SKETCH_KEY
from transforms.frame import Frame, choose, frame_of, mix, rows_of
from transforms.publish import texts_of_keys
from transforms.statistics.theta import EMPTY

_ADDED = {
    "events": "events",
    "heartbeat_events": "heartbeat_events",
    "watched_ms": "watched_ms",
    "actions": "actions",
    "item_count": "count",
    "item_positive": "positive",
    "item_negative": "negative",
}
"""Columns of PARTIAL that add over days and channels. Of people only actions do: squares of what a
person does in a week are not the sum of those of its days."""


def day_partials(
    totals: pa.RecordBatch,
    sketches: pa.RecordBatch,
    labels: dict[int, str],
    epoch: int,
    now: datetime,
) -> pa.RecordBatch:
    """DAY_PARTIAL batch of PARTIAL totals by traffic, and SKETCH rows that were united.

    Hours and minutes are left out. Nothing is suppressed: a week needs the days on which few came.
    """
    frame = frame_of(totals.drop_columns(["action_squares"]))
    days = choose(frame, frame["window"] == WINDOWS.index("day"))
    rows = rows_of(days)
    named = {
        "channel": texts_of_keys(days["channel"], labels),
        "content_id": texts_of_keys(days["content"], labels),
        "brand_id": texts_of_keys(days["brand"], labels),
        "grouping_set": _named(GROUPING_NAMES, days["grouping"]),
        "traffic": _named(TRAFFIC, days["traffic"]),
        "item": _named((None, *(name.removeprefix("rate:") for name in SIGNALS[1:])), days["item"]),
    }
    columns = named | {
        "local_day": pa.array(days["start"].astype(np.int32)).cast(pa.date32()),
        "people": _people(days, sketches),
        "epoch": pa.repeat(pa.scalar(epoch, pa.int64()), rows),
        "published_time": pa.repeat(pa.scalar(now, pa.timestamp("us", "UTC")), rows),
    }
    columns |= {name: pa.array(days[column], pa.int64()) for name, column in _ADDED.items()}
    return pa.RecordBatch.from_arrays(
        [columns[field.name] for field in DAY_PARTIAL], schema=DAY_PARTIAL
    )


def _people(days: Frame, sketches: pa.RecordBatch) -> pa.Array:
    """The sketch of each row, EMPTY where there is none and in rows of an item."""
    known = frame_of(sketches.drop_columns(["people"]))
    texts = pa.chunked_array([sketches.column("people"), pa.array([EMPTY], pa.binary())])
    keys = mix([known[name] for name in SKETCH_KEY])
    order = np.argsort(keys)
    wanted = mix([days[name] for name in SKETCH_KEY])
    place = np.searchsorted(keys[order], wanted)
    found = np.append(order, len(keys))[np.minimum(place, len(keys))]
    same = np.append(keys, np.uint64(0))[found] == wanted
    rows = np.where(same & (days["item"] == 0) & (found < len(keys)), found, len(keys))
    return texts.take(pa.array(rows)).combine_chunks()


def _named(names: tuple[str | None, ...], codes: np.ndarray) -> pa.Array:
    return pa.array(names, pa.string()).take(pa.array(codes))
