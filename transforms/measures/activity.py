"""Activity: events accepted, and so which channel was heard and which was silent (R11)."""

from __future__ import annotations

import numpy as np

from transforms.frame import Frame
from transforms.measures.measure import Figure, Measure


def events(frame: Frame) -> Figure:
    """Events accepted; a registered channel that is silent has a row with 0."""
    count = frame["events"].astype(float)
    return Figure(
        value=count,
        numerator=count,
        denominator=np.full_like(count, np.nan),
        low=count,
        high=count,
        n=frame["events"],
        published=(frame["events"] > 0) | (frame["silent"] > 0),
    )


MEASURES = (
    Measure(
        name="events",
        title="Events",
        value_kind="count",
        unit="events",
        formula="accepted events, each event id once",
        uncertainty_kind="census",
        interval_method="exact count",
        additivity="additive",
        source="R11 « sans en oublier un seul »",
        figure=events,
        groupings=("total", "channel", "brand", "brand_channel"),
        threshold=0,
    ),
)
