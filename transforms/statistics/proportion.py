"""Intervals of a proportion: successes among trials, each trial one person or one message."""

from __future__ import annotations

import numpy as np

from transforms.statistics.interval import Z_95, Floats, Interval, Numbers


def wilson_interval(successes: Numbers, trials: Numbers, z: float = Z_95) -> Interval:
    """Proportion and its Wilson score interval, all in [0, 1]; the interval contains the value.

    nan in all three where trials are zero, null (nan), or counts are impossible (negative, more
    successes than trials). Stays in [0, 1] and keeps its width at 0 and at all, unlike Wald's.
    Source: Wilson 1927; Brown, Cai and DasGupta 2001.
    """
    x, n = np.broadcast_arrays(
        np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    )
    possible = (n > 0) & (x >= 0) & (x <= n)
    x, n = np.where(possible, x, np.nan), np.where(possible, n, np.nan)
    value = x / n
    centre = x + z * z / 2
    reach = z * np.sqrt(x * (1 - value) + z * z / 4)
    # At 0 and at all the bound is exact in theory; rounding must not move it.
    low = np.where(x == 0, 0.0, (centre - reach) / (n + z * z))
    high = np.where(x == n, 1.0, (centre + reach) / (n + z * z))
    return Interval(value, np.clip(low, 0.0, value), np.clip(high, value, 1.0))


def rule_of_three(trials: Numbers) -> Floats:
    """Upper 95 % bound of a proportion of which no case was found in `trials`: 3/n, at most 1.

    nan where trials are zero or fewer. 3 is −ln 0.05 rounded up, so the bound is never too low.
    Source: Hanley and Lippman-Hand 1983.
    """
    n = np.asarray(trials, dtype=np.float64)
    return np.minimum(1.0, 3.0 / np.where(n > 0, n, np.nan))
