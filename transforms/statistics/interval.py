"""What every statistic here returns: a value with its interval, arrays or scalars alike."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Numbers: TypeAlias = npt.ArrayLike
Floats: TypeAlias = npt.NDArray[np.float64]

Z_95 = 1.959963984540054
"""Quantile 0.975 of the normal law: two-sided 95 %."""


class Interval(NamedTuple):
    """Value, low and high, of one shape; nan where the sample cannot say."""

    value: Floats
    low: Floats
    high: Floats


class Bounds(NamedTuple):
    """What the data cannot exclude: no value inside is more likely than another."""

    low: Floats
    high: Floats
