"""Rows of a few lines: facts that another day changes, and days of figures in each state.

Monday 2 March                          Tuesday 3 March 2026, UTC
[ like, comment, comment, rating, view ─)[ unlike, edit ──)
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa

from schemas.event import EVENT
from schemas.metric import METRIC
from tests.pipelines.report.rows import metric
from tests.transforms.events import event

MONDAY = datetime(2026, 3, 2, 20, 0, tzinfo=timezone.utc)
TUESDAY = MONDAY + timedelta(days=1)


def _stated(
    name: str, fact: str | None, revision: int | None, at: datetime, op: str = "insert"
) -> dict[str, Any]:
    stated = {
        "event_id": name.encode().ljust(16),
        "source_event_id": name,
        "fact_id": fact and fact.encode().ljust(16),
        "revision": revision,
        "op": op,
        "event_time": at,
    }
    row = event("comment", **stated)
    del row["raw_actor"]
    return row


FACTS = pa.RecordBatch.from_pylist(
    [
        _stated("a view", None, None, MONDAY),
        _stated("a like", "like", 1, MONDAY),
        _stated("taken back", "like", 2, TUESDAY, "retract"),
        _stated("a comment", "comment", 1, MONDAY),
        _stated("edited", "comment", 2, TUESDAY, "update"),
        # Said before, and told of the day after: what was said last stands where it was said.
        _stated("another comment", "late", 5, MONDAY),
        _stated("its first words", "late", 4, TUESDAY),
        # Sent twice: when it happened is judged anew with each copy, and the first to arrive counts.
        _stated("a rating", "rating", 7, MONDAY),
        _stated("a rating", "rating", 8, MONDAY + timedelta(seconds=1))
        | {"ingested_time": MONDAY + timedelta(hours=1)},
    ],
    schema=EVENT,
)
"""EVENT rows."""

STANDING = {
    (date(2026, 3, 2), "a view"),
    (date(2026, 3, 2), "another comment"),
    (date(2026, 3, 2), "a rating"),
    (date(2026, 3, 3), "edited"),
}
"""What stands of them, on the day of its last statement."""


def _figures(day: int, *windows: tuple[str, int]) -> list[dict[str, Any]]:
    start = datetime(2026, 3, day, tzinfo=timezone.utc)
    return [
        metric(
            "reach",
            10.0,
            window_kind=kind,
            window_start=start,
            window_end=start + {"minute": timedelta(minutes=1), "day": timedelta(days=1)}[kind],
            local_day=date(2026, 3, day),
            epoch=epoch,
        )
        for kind, epoch in windows
    ]


FIGURES = pa.RecordBatch.from_pylist(
    [
        *_figures(1, ("minute", 0), ("day", 0)),
        *_figures(2, ("minute", 0)),
        # Of a stream that was begun anew.
        *_figures(3, ("minute", 1)),
        *_figures(4, ("minute", 1), ("day", 1)),
        # That computes again what had been closed.
        *_figures(5, ("minute", 0), ("day", 0), ("minute", 1)),
        *_figures(6, ("minute", 0), ("day", 0), ("minute", 1), ("day", 1)),
    ],
    schema=METRIC,
)
"""METRIC rows."""

STATUS = [
    (date(2026, 3, 1), "closed", 0),
    (date(2026, 3, 2), "open", 0),
    (date(2026, 3, 3), "open", 1),
    (date(2026, 3, 4), "closed", 1),
    (date(2026, 3, 5), "open", 1),
    (date(2026, 3, 6), "restated", 1),
]
"""Day, status and epoch, as `partition_status` has them of these."""
