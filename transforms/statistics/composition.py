"""How a mix of interactions is composed: comments per like."""

from __future__ import annotations

import numpy as np

from transforms.statistics.interval import Z_95, Interval, Numbers
from transforms.statistics.proportion import wilson_interval


def ratio_of_counts(x: Numbers, y: Numbers, z: float = Z_95) -> Interval:
    """x/y with its interval, x and y two counts of one mix (22 comments, 39 likes).

    Given their total, x is binomial (as for two Poisson counts), so the interval is Wilson's on
    x/(x+y), carried over by p/(1−p). Infinite value and high where y alone is 0; nan where both
    are, or where a count is negative or null. Source: Przyborowski and Wilenski 1940.
    """
    first, second = np.broadcast_arrays(
        np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    )
    first = np.where((first >= 0) & (second >= 0), first, np.nan)
    total = first + second
    share = wilson_interval(first, total, z)
    # 1 − p is the other count's own bound: subtracting would lose it near p = 1.
    rest = wilson_interval(second, total, z)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = first / second
        low, high = share.low / rest.high, share.high / rest.low
    return Interval(value, np.minimum(low, value), np.maximum(high, value))
