"""The measures: definitions by family, and the dictionary of all of them."""

from __future__ import annotations

from transforms.measures import activity, affect, audience, engagement, newcomers, satisfaction
from transforms.measures.measure import Measure

FAMILIES: dict[str, tuple[Measure, ...]] = {
    "audience": audience.MEASURES,
    "engagement": engagement.MEASURES,
    "satisfaction": satisfaction.MEASURES,
    "affect": affect.MEASURES,
    "newcomers": newcomers.MEASURES,
    "activity": activity.MEASURES,
}
"""Every published figure by family, in the order reports show them."""

DICTIONARY: tuple[Measure, ...] = tuple(
    measure for measures in FAMILIES.values() for measure in measures
)
"""Every published figure."""

__all__ = ["DICTIONARY", "FAMILIES", "Measure"]
