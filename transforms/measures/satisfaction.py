"""Satisfaction as people declare it: CSAT, NPS, CES (R07), each answer of a person counted once.

`n` is respondents: distinct known people, and each answer of nobody known as one more, for a survey
without names is answered once each. A person who answers both ways counts as two.
"""

from __future__ import annotations

import numpy as np

from transforms.frame import Frame
from transforms.measures.measure import RATE_THRESHOLD, Figure, Measure
from transforms.statistics import net_promoter_score, top_box_share


def top_boxes(frame: Frame) -> Figure:
    """Share of answers in the favourable boxes."""
    answers = frame["count"].astype(float)
    favourable = frame["positive"].astype(float)
    interval = top_box_share(favourable, answers)
    return Figure(
        value=interval.value,
        numerator=favourable,
        denominator=answers,
        low=interval.low,
        high=interval.high,
        n=_respondents(frame),
        published=frame["count"] > 0,
    )


def _respondents(frame: Frame) -> np.ndarray:
    """Distinct people behind the answers, each answer of nobody known being one."""
    return frame["authors"] + frame["anonymous"]


def promoters_less_detractors(frame: Frame) -> Figure:
    """Net promoter score in points."""
    answers = frame["count"].astype(float)
    promoters, detractors = frame["positive"].astype(float), frame["negative"].astype(float)
    interval = net_promoter_score(promoters, detractors, answers)
    return Figure(
        value=interval.value,
        numerator=promoters - detractors,
        denominator=answers,
        low=interval.low,
        high=interval.high,
        n=_respondents(frame),
        published=frame["count"] > 0,
    )


MEASURES = (
    Measure(
        name="csat",
        title="Customer satisfaction",
        value_kind="proportion",
        unit="share",
        formula="answers in the top two boxes of five (at least 3/4 of the scale) / answers",
        uncertainty_kind="sampling",
        interval_method="Wilson 95 %",
        additivity="counts additive",
        source="R07 « Taux de satisfaction »",
        figure=top_boxes,
        items=("rate:csat",),
        threshold=RATE_THRESHOLD,
    ),
    Measure(
        name="nps",
        title="Net promoter score",
        value_kind="score",
        unit="points",
        formula="100 × (share of 9 and 10 − share of 0 to 6)",
        uncertainty_kind="sampling",
        interval_method="normal 95 %, V = (p₊ + p₋ − (p₊ − p₋)²)/n; Bonett and Price where fewer"
        " than five differ",
        additivity="counts additive",
        source="R07",
        figure=promoters_less_detractors,
        items=("rate:nps",),
        threshold=RATE_THRESHOLD,
        definition_version="1.1.0",
    ),
    Measure(
        name="ces",
        title="Customer effort",
        value_kind="proportion",
        unit="share",
        formula="answers 5 to 7 of seven (it was easy) / answers",
        uncertainty_kind="sampling",
        interval_method="Wilson 95 %",
        additivity="counts additive",
        source="R07; no single standard",
        figure=top_boxes,
        items=("rate:ces",),
        threshold=RATE_THRESHOLD,
    ),
)
