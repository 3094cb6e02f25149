"""Intervals of a ratio of sums over people: actions per person, seconds per session.

One person may act forty times, so actions are no independent trials and the ratio may exceed 1:
the variance is taken between people.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.statistics.interval import Z_95, Floats, Interval, Numbers
from transforms.statistics.proportion import wilson_interval

_SPLITTER = 134_217_729.0
"""2**27 + 1 halves the 53 bits of a float64 (Dekker 1971)."""


class Moments(NamedTuple):
    """A ratio and the variance of its estimate."""

    value: Floats
    variance: Floats


def clustered_ratio(
    sum_actions: Numbers, sum_squares: Numbers, people: Numbers, z: float = Z_95
) -> Interval:
    """Actions per person R = Σa/n, with the interval R ± z √V, low not below 0.

    `sum_actions` is Σa over people, `sum_squares` is Σa² of each person's own count, `people` is
    n. V = Σ(a−R)² / (n(n−1)). nan bounds where n < 2, nan value where n < 1: one person's variance
    is unknown, not zero. Where all act alike V is 0, which a sample cannot vouch for: z √V is then
    Wilson's bound for the share of people not seen yet, who may act once more or less. That bound,
    for all whom nobody saw act, is also the least that high can be. Accuracy of V: see
    `ratio_of_sums`; with exact sums a few rounding errors.
    """
    value, variance = ratio_of_sums(sum_actions, people, sum_squares, sum_actions, people, people)
    reach = z * np.sqrt(variance)
    unseen = wilson_interval(0, np.asarray(people, dtype=np.float64), z).high
    reach = np.where(reach == 0, unseen, reach)
    high = np.fmax(value + reach, np.where(np.isnan(reach), np.nan, unseen))
    return Interval(value, np.maximum(0.0, value - reach), high)


def ratio_of_sums(
    sum_a: Numbers, sum_d: Numbers, sum_aa: Numbers, sum_ad: Numbers, sum_dd: Numbers, n: Numbers
) -> Moments:
    """R = Σa/Σd over n people, and V = Σ(a−R·d)² / (n(n−1)·d̄²), by linearisation.

    Sums are numbers or arrays of them, up to 1e60. Whole numbers of any size (int arrays, object
    arrays of Python ints or Decimals) are worked exactly. Floats are worked in compensated
    arithmetic, because Σa² − (Σa)²/n cancels when people are alike: of exact sums the relative
    error of V is below 10 ε (1 + 2|R|·sd(d)/sd(a−R·d)), ε = 2⁻⁵³; of rounded sums their own error,
    ε (1 + mean²/variance), comes on top. nan variance where n < 2, nan in both where Σd is 0.
    Source: Cochran 1977, 2.11.
    """
    given = (sum_a, sum_d, sum_aa, sum_ad, sum_dd, n)
    whole = [_whole_numbers(v) for v in given]
    if any(v is None for v in whole):
        whole = [np.asarray(v).astype(np.float64) for v in given]
    a, d, aa, ad, dd, count = np.broadcast_arrays(*whole)  # type: ignore[arg-type]
    known, enough = np.asarray(d != 0, dtype=bool), np.asarray(count > 1, dtype=bool)
    d, count = np.where(known, d, 1), np.where(enough, count, 2)
    # Σ(a−R·d)²·(Σd)² as differences that vanish exactly where theory says so (d all 1).
    across = _difference_of_products(d, aa, a, ad)
    along = _difference_of_products(d, ad, a, dd)
    spread = _difference_of_products(d, across, a, along)
    # V = spread/Σd² / (n(n−1)·(Σd/n)²) = spread·n / ((n−1)·Σd⁴)
    value = np.asarray(a / d, dtype=np.float64)
    variance = np.asarray(spread * count / ((count - 1) * (d * d * d * d)), dtype=np.float64)
    return Moments(
        np.where(known, value, np.nan),
        np.where(known & enough, np.maximum(variance, 0.0), np.nan),
    )


def _whole_numbers(values: Numbers) -> npt.NDArray[np.object_] | None:
    """The values as an object array of Python ints, or None if one of them is not whole."""
    array = np.asarray(values)
    if np.issubdtype(array.dtype, np.integer):
        return array.astype(object)
    if array.dtype != object:
        return None
    whole = np.empty(array.shape, dtype=object)
    for index, value in np.ndenumerate(array):
        if not isinstance(value, (int, np.integer, Decimal)) or value != int(value):
            return None
        whole[index] = int(value)
    return whole


def _difference_of_products(a: Any, b: Any, c: Any, d: Any) -> Any:
    """a·b − c·d; exact for ints, with the products' rounding errors added back for floats."""
    if a.dtype == object:
        return a * b - c * d
    first, first_error = _product(a, b)
    second, second_error = _product(c, d)
    return (first - second) + (first_error - second_error)


def _product(a: Any, b: Any) -> tuple[Any, Any]:
    """a·b and what its rounding lost (Dekker's two-product)."""
    product = a * b
    a_high, b_high = _upper_half(a), _upper_half(b)
    a_low, b_low = a - a_high, b - b_high
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, error


def _upper_half(a: Any) -> Any:
    scaled = _SPLITTER * a
    return scaled - (scaled - a)
