"""What stays possible when the question was not asked of the same, or of all, people."""

from __future__ import annotations

import numpy as np

from transforms.statistics.interval import Bounds, Floats, Numbers


def frechet(p: Numbers, q: Numbers) -> Bounds:
    """Bounds of the share that is both A and B, of the shares p of A and q of B alone.

    max(0, p+q−1) to min(p, q): nothing narrower follows from the two shares. nan where a share is
    null or outside [0, 1]. Source: Fréchet 1951, Hoeffding 1940.
    """
    first, second = _shares(p, q)
    return Bounds(np.maximum(0.0, first + second - 1.0), np.minimum(first, second))


def manski(response_rate: Numbers, p: Numbers) -> Bounds:
    """Bounds of a share among everybody, of the share p among those who answered.

    r·p (all who are silent say no) to r·p + 1 − r (all say yes). nan where a share is null or
    outside [0, 1]. Source: Manski 1989.
    """
    rate, share = _shares(response_rate, p)
    low = rate * share
    return Bounds(low, np.minimum(1.0, low + (1.0 - rate)))


def _shares(p: Numbers, q: Numbers) -> tuple[Floats, Floats]:
    first, second = np.broadcast_arrays(
        np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    )
    possible = (first >= 0) & (first <= 1) & (second >= 0) & (second <= 1)
    return np.where(possible, first, np.nan), np.where(possible, second, np.nan)
