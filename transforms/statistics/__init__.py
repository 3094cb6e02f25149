"""Statistics behind the published figures: numbers or arrays in, float64 arrays out, no Beam."""

from transforms.statistics.bounds import frechet, manski
from transforms.statistics.capture_recapture import Estimate, chapman
from transforms.statistics.classifier import (
    Corrected,
    CorrectedInterval,
    lang_reiczigel,
    rogan_gladen,
)
from transforms.statistics.composition import ratio_of_counts
from transforms.statistics.interval import Z_95, Bounds, Interval
from transforms.statistics.proportion import rule_of_three, wilson_interval
from transforms.statistics.ratio import Moments, clustered_ratio, ratio_of_sums
from transforms.statistics.score import net_promoter_score, top_box_share

__all__ = [
    "Z_95",
    "Bounds",
    "Corrected",
    "CorrectedInterval",
    "Estimate",
    "Interval",
    "Moments",
    "chapman",
    "clustered_ratio",
    "frechet",
    "lang_reiczigel",
    "manski",
    "net_promoter_score",
    "ratio_of_counts",
    "ratio_of_sums",
    "rogan_gladen",
    "rule_of_three",
    "top_box_share",
    "wilson_interval",
]
