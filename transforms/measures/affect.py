"""Affect: boredom and how it meets satisfaction, counted by person (R08)."""

from __future__ import annotations

import numpy as np

from transforms.frame import Frame
from transforms.measures.measure import RATE_THRESHOLD, Figure, Measure
from transforms.statistics import wilson_interval


def bored_share(frame: Frame) -> Figure:
    """People who signalled boredom by the audience: silence is not counted as interest."""
    return _share(frame, frame["bored"], frame["viewers"], frame["bored"] > 0)


def bored_among_satisfied(frame: Frame) -> Figure:
    """Of those who declared satisfaction, who had signalled boredom."""
    asked = (frame["satisfied"] > 0) & (frame["bored"] > 0)
    return _share(frame, frame["satisfied_bored"], frame["satisfied"], asked)


def bored_among_dissatisfied(frame: Frame) -> Figure:
    """Of those who declared dissatisfaction, who had signalled boredom."""
    asked = (frame["dissatisfied"] > 0) & (frame["bored"] > 0)
    return _share(frame, frame["dissatisfied_bored"], frame["dissatisfied"], asked)


def _share(frame: Frame, part: np.ndarray, whole: np.ndarray, published: np.ndarray) -> Figure:
    interval = wilson_interval(part.astype(float), whole.astype(float))
    return Figure(
        value=interval.value,
        numerator=part.astype(float),
        denominator=whole.astype(float),
        low=interval.low,
        high=interval.high,
        n=whole,
        published=published,
    )


_JOINT = "R08 « des personnes satisfaites se sont parfois ennuyées »"

MEASURES = (
    Measure(
        name="bored_share",
        title="Share who signalled boredom",
        value_kind="proportion",
        unit="share",
        formula="distinct people with a boredom signal of at least half its scale / reach",
        uncertainty_kind="sampling",
        interval_method="Wilson 95 %",
        additivity="not additive",
        source="R08, R09",
        figure=bored_share,
        threshold=RATE_THRESHOLD,
        repeats="reach",
    ),
    Measure(
        name="bored_among_satisfied",
        title="Bored among the satisfied",
        value_kind="proportion",
        unit="share",
        formula="people satisfied (CSAT top two) and bored / people satisfied",
        uncertainty_kind="sampling",
        interval_method="Wilson 95 %",
        additivity="not additive",
        source=_JOINT,
        figure=bored_among_satisfied,
        threshold=RATE_THRESHOLD,
    ),
    Measure(
        name="bored_among_dissatisfied",
        title="Bored among the dissatisfied",
        value_kind="proportion",
        unit="share",
        formula="people dissatisfied (CSAT below top two) and bored / people dissatisfied",
        uncertainty_kind="sampling",
        interval_method="Wilson 95 %",
        additivity="not additive",
        source=_JOINT,
        figure=bored_among_dissatisfied,
        threshold=RATE_THRESHOLD,
    ),
)
