"""Literal derived rows and the numbers a measure makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from transforms.measures import DICTIONARY, Measure

MEASURES = {measure.name: measure for measure in DICTIONARY}


def measure_of(name: str) -> Measure:
    return MEASURES[name]


def figure(name: str, **columns: float) -> dict[str, Any]:
    """Value, numerator, denominator, low, high, n, published, unmeasurable of one derived row.

    Columns that are not given are zero; null is None.
    """
    given: Any = _Zeros({key: np.array([value]) for key, value in columns.items()})
    found = MEASURES[name].figure(given)
    values: dict[str, Any] = {
        key: None if v is None else v[0] for key, v in found._asdict().items() if key != "fewest"
    }
    for key in ("value", "numerator", "denominator", "low", "high"):
        values[key] = None if np.isnan(values[key]) else float(values[key])
    values["unmeasurable"] = bool(values["unmeasurable"])
    values["published"] = bool(values["published"])
    values["n"] = int(values["n"])
    return values


class _Zeros(dict[str, np.ndarray]):
    def __missing__(self, name: str) -> np.ndarray:
        return np.zeros(1, dtype=np.int64)
