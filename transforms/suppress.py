"""Suppress: no figure on too few people, and none that its siblings would give away (R24, R38)."""

from __future__ import annotations

import numpy as np

from schemas.partial import GROUPING_NAMES
from transforms.frame import Frame, choose, group, rows_of

PUBLISHED, TOO_FEW, COMPLEMENTARY, UNMEASURABLE, WITHDRAWN = range(5)
"""Codes of `suppressed`; UNMEASURABLE rows take the reason of their measure."""

_SIBLINGS = ("measure", "grouping", "content", "brand", "traffic", "window", "start", "item")
_WITH_CHANNEL = [i for i, name in enumerate(GROUPING_NAMES) if "channel" in name]


def suppress(figures: Frame) -> None:
    """Set `suppressed` and blank the numbers of rows that must not be published.

    Too few: fewer distinct people than the measure's threshold. Complementary: where exactly one
    channel of a place is hidden, the total would reveal it, so the next smallest is hidden too.
    """
    hidden = figures["suppressed"]
    hidden[(hidden == PUBLISHED) & (figures["n"] < figures["threshold"])] = TOO_FEW
    rows = np.flatnonzero(np.isin(figures["grouping"], _WITH_CHANNEL) & (figures["threshold"] > 0))
    siblings = choose(figures, rows)
    if rows_of(siblings):
        groups = group(siblings, _SIBLINGS)
        few = (siblings["suppressed"] == TOO_FEW).astype(np.int64)
        shown = siblings["suppressed"] == PUBLISHED
        exposed = (groups.sum(few) == 1) & (groups.sum(shown) > 0)
        size = np.where(shown, siblings["n"], np.iinfo(np.int64).max)
        owner = np.empty(rows_of(siblings), dtype=np.int64)
        owner[groups.order] = np.repeat(np.arange(len(groups.starts)), groups.sizes())
        least = (size == groups.minimum(size)[owner]) & exposed[owner] & shown
        hidden[rows[least]] = COMPLEMENTARY
    blank = hidden != PUBLISHED
    for name in ("value", "numerator", "denominator", "low", "high"):
        figures[name][blank] = np.nan
    figures["n"][blank] = 0
