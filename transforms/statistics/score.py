"""Satisfaction scores: net promoter score in points, share of satisfied answers."""

from __future__ import annotations

import numpy as np

from transforms.statistics.interval import Z_95, Interval, Numbers
from transforms.statistics.proportion import wilson_interval

_FEWEST_OUTSIDE = 5
"""Answers outside the largest class from which on the normal approximation holds, by the usual rule
of expected counts."""


def net_promoter_score(
    promoters: Numbers, detractors: Numbers, respondents: Numbers, z: float = Z_95
) -> Interval:
    """Promoters (9, 10) less detractors (0 to 6), in points of −100 to 100, with its interval.

    Variance [p₊ + p₋ − (p₊ − p₋)²]/n, p in shares. Where fewer than five answers are outside one
    class that variance is nearly 0, which a sample cannot vouch for: there each count takes one
    more of promoters and detractors, and the interval is centred on the shrunken score, as Bonett
    and Price 2012 do for a difference of paired proportions. nan where respondents are zero or
    counts are impossible.
    """
    plus, minus, n = np.broadcast_arrays(
        *(np.asarray(v, dtype=np.float64) for v in (promoters, detractors, respondents))
    )
    possible = (n > 0) & (plus >= 0) & (minus >= 0) & (plus + minus <= n)
    n = np.where(possible, n, np.nan)
    largest = np.maximum(np.maximum(plus, minus), n - plus - minus)
    more = (n - largest < _FEWEST_OUTSIDE).astype(np.float64)
    value = (plus - minus) / n
    trials = n + 2 * more
    centre = (plus - minus) / trials
    variance = ((plus + minus + 2 * more) / trials - centre * centre) / trials
    reach = z * np.sqrt(np.maximum(variance, 0.0))
    return Interval(
        100 * value,
        100 * np.clip(centre - reach, -1.0, value),
        100 * np.clip(centre + reach, value, 1.0),
    )


def top_box_share(answers_in_top: Numbers, respondents: Numbers, z: float = Z_95) -> Interval:
    """Share of respondents whose answer is in the top boxes (4 and 5 of 5), Wilson interval."""
    return wilson_interval(answers_in_top, respondents, z)
