"""The measures: definitions by family, and the dictionary of all of them."""

from __future__ import annotations

from transforms.measures import activity, affect, audience, engagement, newcomers, satisfaction
from transforms.measures.measure import Measure

DICTIONARY: tuple[Measure, ...] = (
    *audience.MEASURES,
    *engagement.MEASURES,
    *satisfaction.MEASURES,
    *affect.MEASURES,
    *newcomers.MEASURES,
    *activity.MEASURES,
)
"""Every published figure, in the order reports show them."""

__all__ = ["DICTIONARY", "Measure"]
