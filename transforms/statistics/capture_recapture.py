"""How many events there were, of what two independent routes (webhook and poll) saw of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from transforms.statistics.interval import Floats, Numbers


class Estimate(NamedTuple):
    """An estimated count and its standard error."""

    value: Floats
    standard_error: Floats


def chapman(first: Numbers, second: Numbers, both: Numbers) -> Estimate:
    """Events there were, of `first` seen on one route, `second` on the other, `both` on both.

    N = (n₁+1)(n₂+1)/(m+1) − 1, V = (n₁+1)(n₂+1)(n₁−m)(n₂−m)/((m+1)²(m+2)). Routes that fail
    together make N too low. nan where counts are null, negative, or m exceeds n₁ or n₂. Source:
    Chapman 1951, Seber 1970.
    """
    n1, n2, m = np.broadcast_arrays(
        *(np.asarray(v, dtype=np.float64) for v in (first, second, both))
    )
    m = np.where((m >= 0) & (m <= n1) & (m <= n2), m, np.nan)
    pairs = (n1 + 1) * (n2 + 1)
    # Not a power: numpy rounds one differently for a number alone than for a column.
    variance = pairs * (n1 - m) * (n2 - m) / ((m + 1) * (m + 1) * (m + 2))
    return Estimate(pairs / (m + 1) - 1, np.sqrt(variance))
