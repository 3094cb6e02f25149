"""Axes and ceilings of charts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.report.geometry import ceiling, scale


@given(st.integers(0, 10**12), st.integers(2, 6))
def test_an_axis_of_counts_reaches_its_highest_in_few_whole_steps(highest: int, most: int) -> None:
    end, steps = scale(highest, most)

    assert 1 <= steps <= most
    assert highest <= end
    assert end / steps == int(end / steps)
    assert end < 2.5 * max(highest, 1) + 1 or steps == 1


@given(st.floats(1e-6, 1e12))
def test_a_ceiling_is_at_least_its_value_and_less_than_twice_it(highest: float) -> None:
    assert highest * (1 - 1e-6) <= ceiling(highest) < 2 * highest
