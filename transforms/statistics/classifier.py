"""Shares measured by a classifier that errs, put right by its measured sensitivity and specificity.

Both functions assume that sensitivity and specificity are those of the labelled sample; a wave of
irony breaks that, and only fresh labels show it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.statistics.interval import Z_95, Floats, Numbers


class Corrected(NamedTuple):
    """Corrected share, not clipped; `identifiable` says whether it may be published."""

    value: Floats
    identifiable: npt.NDArray[np.bool_]


class CorrectedInterval(NamedTuple):
    """Corrected share, not clipped, its interval in [0, 1], and whether it may be published."""

    value: Floats
    low: Floats
    high: Floats
    identifiable: npt.NDArray[np.bool_]


def rogan_gladen(p: Numbers, sensitivity: Numbers, specificity: Numbers) -> Corrected:
    """True share π = (p + Sp − 1)/(Se + Sp − 1) of the share p the classifier found.

    Not identifiable where the classifier is no better than chance (Se + Sp ≤ 1: value nan), or
    where π leaves [0, 1]: then Se and Sp are not those of these messages. Source: Rogan and Gladen
    1978.
    """
    found, se, sp = np.broadcast_arrays(
        *(np.asarray(v, dtype=np.float64) for v in (p, sensitivity, specificity))
    )
    power = se + sp - 1.0
    value = (found + sp - 1.0) / np.where(power > 0, power, np.nan)
    # Nothing found by a classifier of exactly 1 − Sp gives −1e-17, which is 0.
    value = np.where(np.abs(value) < 1e-12, 0.0, value)
    value = np.where(np.abs(value - 1.0) < 1e-12, 1.0, value)
    return Corrected(value, (value >= 0.0) & (value <= 1.0))


def lang_reiczigel(
    positives: Numbers,
    classified: Numbers,
    true_positives: Numbers,
    labelled_positive: Numbers,
    true_negatives: Numbers,
    labelled_negative: Numbers,
    z: float = Z_95,
) -> CorrectedInterval:
    """True share with an interval that carries the sampling errors of p, Se and Sp together.

    Arguments are counts: `positives` among `classified` messages; the classifier was right on
    `true_positives` of `labelled_positive` and on `true_negatives` of `labelled_negative` messages
    a person labelled. Value and identifiability are those of `rogan_gladen`, and more is asked:
    Se + Sp must exceed 1 by more than its own error. nan bounds where the adjusted Se + Sp ≤ 1, a
    sample is empty or counts are impossible. Source: Lang and Reiczigel 2014.
    """
    x, n, hits, n_se, passes, n_sp = np.broadcast_arrays(
        *(
            np.asarray(v, dtype=np.float64)
            for v in (
                positives,
                classified,
                true_positives,
                labelled_positive,
                true_negatives,
                labelled_negative,
            )
        )
    )
    possible = np.ones(x.shape, dtype=bool)
    for part, whole in ((x, n), (hits, n_se), (passes, n_sp)):
        possible &= (whole > 0) & (part >= 0) & (part <= whole)
    x, n, n_se, n_sp = (np.where(possible, v, np.nan) for v in (x, n, n_se, n_sp))
    point = rogan_gladen(x / n, hits / n_se, passes / n_sp)

    p, trials = (x + z * z / 2) / (n + z * z), n + z * z
    se, se_trials = (hits + 1) / (n_se + 2), n_se + 2
    sp, sp_trials = (passes + 1) / (n_sp + 2), n_sp + 2
    power = np.where(se + sp > 1, se + sp - 1, np.nan)
    share = (p + sp - 1) / power
    se_variance, sp_variance = se * (1 - se) / se_trials, sp * (1 - sp) / sp_trials
    shift = 2 * z * z * (share * se_variance - (1 - share) * sp_variance)
    rest = 1 - share
    # Not powers: numpy rounds one differently for a number alone than for a column.
    spread: Any = share * share * se_variance + rest * rest * sp_variance
    variance = p * (1 - p) / trials + spread
    reach = z * np.sqrt(variance) / power
    return CorrectedInterval(
        point.value,
        np.clip(share + shift - reach, 0.0, 1.0),
        np.clip(share + shift + reach, 0.0, 1.0),
        point.identifiable & (power > z * np.sqrt(se_variance + sp_variance)),
    )
