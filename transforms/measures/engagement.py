"""Engagement: rates by actions and engagers, mix, comments per like (R05, R06, R57)."""

from __future__ import annotations

import numpy as np

from schemas.observation import SIGNALS
from transforms.frame import Frame
from transforms.measures.acts import ENGAGEMENT
from transforms.measures.measure import RATE_THRESHOLD, Figure, Measure
from transforms.statistics import clustered_ratio, ratio_of_counts, wilson_interval


def engagement_rate_actions(frame: Frame) -> Figure:
    """Actions by audience, which may exceed 1: a viewer can act forty times."""
    viewers = frame["viewers"].astype(float)
    interval = clustered_ratio(frame["actions"].astype(float), frame["action_squares"], viewers)
    return Figure(
        *_parts(interval.value, frame["actions"], viewers, interval.low, interval.high),
        n=frame["viewers"],
        published=frame["viewers"] > 0,
    )


def engagement_rate_engagers(frame: Frame) -> Figure:
    """Share of the audience that acted at all."""
    viewers = frame["viewers"].astype(float)
    interval = wilson_interval(frame["engagers"].astype(float), viewers)
    return Figure(
        *_parts(interval.value, frame["engagers"], viewers, interval.low, interval.high),
        n=frame["viewers"],
        published=frame["viewers"] > 0,
    )


def interaction_mix(frame: Frame) -> Figure:
    """Share of each kind of engagement action among all of them."""
    total = frame["interactions"].astype(float)
    interval = wilson_interval(frame["count"].astype(float), total)
    return Figure(
        *_parts(interval.value, frame["count"], total, interval.low, interval.high),
        n=frame["authors"],
        published=frame["count"] > 0,
    )


def comments_per_like(frame: Frame) -> Figure:
    """Comments and replies by likes: « pour 39 likes, on obtient 22 commentaires »."""
    comments, likes = frame["comments"].astype(float), frame["likes"].astype(float)
    interval = ratio_of_counts(comments, likes)
    value = np.where(likes > 0, interval.value, np.nan)
    high = np.where(np.isfinite(interval.high), interval.high, np.nan)
    return Figure(
        *_parts(value, comments, likes, interval.low, high),
        n=frame["mix_authors"],
        fewest=frame["mix_fewest_authors"],
        published=(frame["comments"] > 0) | (frame["likes"] > 0),
        unmeasurable=frame["likes"] == 0,
    )


def _parts(
    value: np.ndarray,
    numerator: np.ndarray,
    denominator: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    return value, numerator.astype(float), denominator, low, high


MEASURES = (
    Measure(
        name="engagement_rate_actions",
        title="Engagement rate by actions",
        value_kind="ratio",
        unit="actions a person",
        formula="Σ engagement actions of people / reach",
        uncertainty_kind="sampling",
        interval_method="linearised ratio, people as clusters: V = Σ(a − R)² / (n(n − 1));"
        " high is at least Wilson's bound of nobody",
        additivity="numerator additive, reach not",
        source="R05 « Taux d’engagement (actions/audience) »",
        figure=engagement_rate_actions,
        threshold=RATE_THRESHOLD,
        definition_version="1.1.0",
        repeats="reach",
    ),
    Measure(
        name="engagement_rate_engagers",
        title="Engagement rate by engagers",
        value_kind="proportion",
        unit="share",
        formula="distinct people with an engagement action / reach",
        uncertainty_kind="sampling",
        interval_method="Wilson 95 %",
        additivity="not additive",
        source="R06",
        figure=engagement_rate_engagers,
        threshold=RATE_THRESHOLD,
        repeats="reach",
    ),
    Measure(
        name="interaction_mix",
        title="Interaction mix",
        value_kind="proportion",
        unit="share",
        formula="actions of one kind / all engagement actions",
        uncertainty_kind="sampling",
        interval_method="Wilson 95 %",
        additivity="counts additive",
        source="R57",
        figure=interaction_mix,
        threshold=RATE_THRESHOLD,
        items=tuple(SIGNALS[code] for code in ENGAGEMENT),
    ),
    Measure(
        name="comments_per_like",
        title="Comments per like",
        value_kind="ratio",
        unit="comments a like",
        formula="(comments + replies) / likes",
        uncertainty_kind="sampling",
        interval_method="Wilson 95 % of comments/(comments + likes), as odds",
        additivity="counts additive",
        source="R57 « pour 39 likes, on obtient 22 commentaires »",
        figure=comments_per_like,
        threshold=RATE_THRESHOLD,
        unmeasurable_reason="no_likes",
        repeats="interaction_mix",
        repeats_items=("comment", "reply", "like"),
    ),
)
