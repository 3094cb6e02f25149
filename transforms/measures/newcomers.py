"""Newcomers: new and returning people of each local day (R13)."""

from __future__ import annotations

import numpy as np

from transforms.frame import Frame
from transforms.measures.measure import Figure, Measure


def new_people(frame: Frame) -> Figure:
    """People without an earlier day in what this computation read: at most so many are new."""
    new = frame["new_people"].astype(float)
    return _figure(frame, new, low=np.zeros_like(new), high=new)


def returning_people(frame: Frame) -> Figure:
    """People with an earlier day in what this computation read: at least so many return."""
    back = frame["returning_people"].astype(float)
    return _figure(frame, back, low=back, high=frame["viewers"].astype(float))


def _figure(frame: Frame, value: np.ndarray, low: np.ndarray, high: np.ndarray) -> Figure:
    # Either is the audience less the other.
    new, back = frame["new_people"], frame["returning_people"]
    fewest = np.where((new > 0) & (back > 0), np.minimum(new, back), np.maximum(new, back))
    return Figure(
        value=value,
        numerator=value,
        denominator=frame["viewers"].astype(float),
        low=low,
        high=high,
        n=frame["viewers"],
        published=frame["viewers"] > 0,
        fewest=np.minimum(fewest, frame["viewers"]),
    )


_BOUNDS = "the memory is what this computation read: earlier visits are unknown"

MEASURES = (
    Measure(
        name="new_people",
        title="New people",
        value_kind="count",
        unit="people",
        formula="people present on the day and on no earlier day read, within the grouping",
        uncertainty_kind="bounds",
        interval_method=_BOUNDS,
        additivity="additive over days, not over contents or channels",
        source="R13 « Acquisition et récurrence »",
        figure=new_people,
        windows=("day",),
        repeats="reach",
    ),
    Measure(
        name="returning_people",
        title="Returning people",
        value_kind="count",
        unit="people",
        formula="people present on the day and on an earlier day read, within the grouping",
        uncertainty_kind="bounds",
        interval_method=_BOUNDS,
        additivity="not additive",
        source="R13",
        figure=returning_people,
        windows=("day",),
        repeats="reach",
    ),
)
