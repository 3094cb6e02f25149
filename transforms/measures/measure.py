"""MEASURE: one published figure as one object; dictionary, docs and views are generated from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from schemas.metric import UNCERTAINTY_KINDS, VALUE_KINDS
from schemas.partial import GROUPING_NAMES, WINDOWS
from transforms.frame import Frame

COUNT_THRESHOLD = 10
RATE_THRESHOLD = 30
"""Fewest distinct people behind a published count, and behind a rate: below thirty an interval says
nothing, and what people feel needs twenty for their sake."""


class Figure(NamedTuple):
    """The numbers of one measure, one row a row of the frame it was given. NaN means null."""

    value: np.ndarray
    numerator: np.ndarray
    denominator: np.ndarray
    low: np.ndarray
    high: np.ndarray
    n: np.ndarray
    published: np.ndarray
    """Rows this measure says something about."""
    unmeasurable: np.ndarray | None = None
    """Rows where nothing could be measured: published without a value, with the reason."""
    fewest: np.ndarray | None = None
    """Fewest distinct people behind any count that the row gives away; None: `n`."""


@dataclass(frozen=True)
class Measure:
    """A definition. A changed formula is a new `definition_version`, beside the old rows."""

    name: str
    title: str
    value_kind: str
    unit: str
    formula: str
    uncertainty_kind: str
    interval_method: str
    additivity: str
    source: str
    figure: Callable[[Frame], Figure]
    items: tuple[str, ...] = ()
    """Signals of the item rows it reads; none: it reads the rows about people."""
    windows: tuple[str, ...] = WINDOWS
    groupings: tuple[str, ...] = GROUPING_NAMES
    threshold: int = COUNT_THRESHOLD
    unmeasurable_reason: str = "unmeasurable"
    repeats: str = ""
    """The measure whose count this one shows too, as n or otherwise: hidden lest it be subtracted,
    that is hidden here too."""
    repeats_items: tuple[str, ...] = ()
    """Of a measure of items: the signals whose counts are shown; none: all."""
    definition_version: str = "1.0.0"

    def __post_init__(self) -> None:
        if self.value_kind not in VALUE_KINDS:
            raise ValueError(f"measure {self.name}: value_kind is one of {VALUE_KINDS}")
        if self.uncertainty_kind not in UNCERTAINTY_KINDS:
            raise ValueError(f"measure {self.name}: uncertainty_kind is one of {UNCERTAINTY_KINDS}")
        unknown = set(self.groupings) - set(GROUPING_NAMES) | set(self.windows) - set(WINDOWS)
        if unknown:
            raise ValueError(f"measure {self.name}: unknown grouping or window {sorted(unknown)}")
