"""A definition that contradicts itself is refused with its name."""

from typing import Any

import pytest

from transforms.measures import DICTIONARY
from transforms.measures.measure import Measure

GOOD: dict[str, Any] = {
    "name": "m",
    "title": "M",
    "value_kind": "count",
    "unit": "people",
    "formula": "f",
    "uncertainty_kind": "census",
    "interval_method": "exact",
    "additivity": "additive",
    "source": "R01",
    "figure": DICTIONARY[0].figure,
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"value_kind": "percentage"},
        {"uncertainty_kind": "certain"},
        {"windows": ("minute", "week")},
        {"groupings": ("total", "campaign")},
    ],
)
def test_an_unknown_kind_window_or_grouping_is_refused(wrong):
    assert Measure(**GOOD).name == "m"
    with pytest.raises(ValueError, match="measure m:"):
        Measure(**(GOOD | wrong))
