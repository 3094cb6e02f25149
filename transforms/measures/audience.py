"""Audience: reach, concurrent viewers, average-minute audience (R01, R02)."""

from __future__ import annotations

import numpy as np

from transforms.frame import Frame
from transforms.measures.measure import Figure, Measure


def reach(frame: Frame) -> Figure:
    """Distinct people present; exact within the actor keys of the channels."""
    viewers = frame["viewers"].astype(float)
    return Figure(
        value=viewers,
        numerator=viewers,
        denominator=np.full_like(viewers, np.nan),
        low=viewers,
        high=viewers,
        n=frame["viewers"],
        published=(frame["viewers"] > 0) | (frame["events"] > 0),
    )


def concurrent_viewers(frame: Frame) -> Figure:
    """Viewers with a heartbeat in the two periods before the minute's end, or the peak of minutes.

    The interval: somebody whose last heartbeat is more than one period old may have left.
    """
    concurrent = frame["concurrent_peak"].astype(float)
    return Figure(
        value=concurrent,
        numerator=concurrent,
        denominator=np.full_like(concurrent, np.nan),
        low=frame["concurrent_fresh_peak"].astype(float),
        high=concurrent,
        n=frame["concurrent_peak"],
        published=(frame["viewers"] > 0) | (frame["concurrent_peak"] > 0),
        unmeasurable=(frame["on_air_minutes"] == 0) & (frame["concurrent_peak"] == 0),
    )


def average_minute_audience(frame: Frame) -> Figure:
    """Milliseconds watched by minutes on air: each viewer's time is known to within one period.

    Nobody watches more than the time on air, so the average is at most those who were there. Who
    was not heard in the window, and is in it by a heartbeat before, may have left.
    """
    watched = frame["watched_ms"].astype(float)
    on_air = frame["on_air_minutes"] * 60_000.0
    heard, there = frame["viewers"], frame["concurrent_fresh_peak"]
    unheard = np.maximum(there - heard, 0)
    slack = frame["heartbeat_ms"] + unheard * on_air
    with np.errstate(invalid="ignore", divide="ignore"):
        value = watched / on_air
        low = np.maximum(watched - slack, 0) / on_air
        high = (watched + slack) / on_air
    everybody = np.maximum(heard, frame["concurrent_peak"])
    high = np.maximum(np.minimum(high, everybody), value)
    return Figure(
        value=value,
        numerator=watched,
        denominator=on_air,
        low=low,
        high=high,
        n=np.maximum(heard, there),
        published=(heard > 0) | (frame["on_air_minutes"] > 0),
        unmeasurable=frame["on_air_minutes"] == 0,
    )


MEASURES = (
    Measure(
        name="reach",
        title="Reach",
        value_kind="count",
        unit="people",
        formula="|∪ people with an accepted event that is neither contact nor control|",
        uncertainty_kind="census",
        interval_method="exact count of actor keys",
        additivity="not additive: union over time, content and channel",
        source="R01, R02; Médiamétrie: distinct people in the period",
        figure=reach,
    ),
    Measure(
        name="concurrent_viewers",
        title="Concurrent viewers",
        value_kind="count",
        unit="people",
        formula="distinct people with a heartbeat in (t − 2h, t), t the minute's end, h the"
        " declared period; hour and day: the greatest minute",
        uncertainty_kind="bounds",
        interval_method="from those heard within one period to all heard within two",
        additivity="additive over contents and channels only if nobody watches two at once",
        source="R01",
        figure=concurrent_viewers,
        unmeasurable_reason="no_heartbeat_declared_or_received",
    ),
    Measure(
        name="average_minute_audience",
        title="Average-minute audience",
        value_kind="mean",
        unit="people",
        formula="Σ milliseconds watched / (60,000 × minutes on air), on air: a heartbeat"
        " came, or one of a period longer than a minute lasts",
        uncertainty_kind="bounds",
        interval_method="± one heartbeat period for each viewer, at most all who were there",
        additivity="Σ watched is additive",
        source="R01; Adobe: content time spent / content length",
        figure=average_minute_audience,
        definition_version="1.1.0",
        repeats="reach",
        unmeasurable_reason="no_heartbeat_declared_or_received",
    ),
)
