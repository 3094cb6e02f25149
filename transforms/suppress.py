"""Suppress: no figure on too few people, and none that its siblings would give away (R24, R38)."""

from __future__ import annotations

import numpy as np

from schemas.observation import SIGNAL_CODE
from schemas.partial import GROUPING_NAMES
from transforms.derive_windows import KEY, key_of
from transforms.frame import Frame, choose, group, rows_of
from transforms.measures import DICTIONARY

PUBLISHED, TOO_FEW, COMPLEMENTARY, UNMEASURABLE, WITHDRAWN = range(5)
"""Codes of `suppressed`; UNMEASURABLE rows take the reason of their measure."""

_PLACE = ("measure", "grouping", "content", "brand", "traffic", "window", "start")
_CHANNEL_SIBLINGS = (*_PLACE, "item")
_ITEM_SIBLINGS = (*_PLACE, "channel")
_NAMES = [measure.name for measure in DICTIONARY]
_MIX = _NAMES.index("interaction_mix")
"""Its shares sum to one, so each item would be given away by the others."""
_WITH_CHANNEL = [i for i, name in enumerate(GROUPING_NAMES) if "channel" in name]


def suppress(figures: Frame, fewest: np.ndarray) -> None:
    """Set `suppressed` and blank the numbers of rows that must not be published.

    Too few: fewer distinct people than the measure's threshold; `fewest` are those behind the
    smallest count that a row gives away. Complementary: the total reveals what the hidden channels
    of a place, or the hidden items of a mix, are together. Where that is one, or fewer people than
    the threshold, the next smallest is hidden too, in all measures that show the same count.
    """
    hidden = figures["suppressed"]
    hidden[(hidden == PUBLISHED) & (fewest < figures["threshold"])] = TOO_FEW
    with_channel = np.isin(figures["grouping"], _WITH_CHANNEL) & (figures["threshold"] > 0)
    of_mix = figures["measure"] == _MIX
    # Hiding an item may leave one hidden channel alone, and the other way round: each turn hides at
    # least one row more, so this ends.
    while (
        _hide_next(figures, np.flatnonzero(with_channel), _CHANNEL_SIBLINGS)
        or _hide_next(figures, np.flatnonzero(of_mix), _ITEM_SIBLINGS)
        or _hide_repeated(figures)
    ):
        pass
    blank = hidden != PUBLISHED
    for name in ("value", "numerator", "denominator", "low", "high"):
        figures[name][blank] = np.nan
    figures["n"][blank] = 0


def _hide_next(figures: Frame, rows: np.ndarray, siblings_by: tuple[str, ...]) -> bool:
    """Where one of some siblings is hidden, or too few people are behind all that are, hide the
    smallest shown too; was there any?"""
    siblings = choose(figures, rows)
    if not rows_of(siblings):
        return False
    groups = group(siblings, siblings_by)
    few = np.isin(siblings["suppressed"], (TOO_FEW, COMPLEMENTARY)).astype(np.int64)
    shown = siblings["suppressed"] == PUBLISHED
    hidden = groups.sum(few)
    behind = groups.sum(few * siblings["n"])
    together = (hidden > 1) & (behind >= groups.maximum(siblings["threshold"]))
    exposed = (hidden > 0) & ~together & (groups.sum(shown) > 0)
    size = np.where(shown, siblings["n"], np.iinfo(np.int64).max)
    owner = np.empty(rows_of(siblings), dtype=np.int64)
    owner[groups.order] = np.repeat(np.arange(len(groups.starts)), groups.sizes())
    least = (size == groups.minimum(size)[owner]) & exposed[owner] & shown
    figures["suppressed"][rows[least]] = COMPLEMENTARY
    return bool(least.any())


def _hide_repeated(figures: Frame) -> bool:
    """Hide what shows a count that is hidden lest it be subtracted; was there any?"""
    hidden, measure = figures["suppressed"], figures["measure"]
    complementary = hidden == COMPLEMENTARY
    before = np.count_nonzero(complementary)
    if not before:
        return False
    for number, declared in enumerate(DICTIONARY):
        if not declared.repeats:
            continue
        source = complementary & (measure == _NAMES.index(declared.repeats))
        if declared.repeats_items:
            codes = [SIGNAL_CODE[item] for item in declared.repeats_items]
            source &= np.isin(figures["item"], codes)
        rows = np.flatnonzero((measure == number) & (hidden == PUBLISHED))
        spots = key_of(choose(figures, source), KEY)
        hidden[rows[np.isin(key_of(choose(figures, rows), KEY), spots)]] = COMPLEMENTARY
    return bool(np.count_nonzero(hidden == COMPLEMENTARY) > before)
