"""The beats of a stream's cadence; how machines are recalled is in test_recall."""

from __future__ import annotations

import pytest

from transforms.keyed_machine import beat_after


@pytest.mark.parametrize(
    ("now", "every", "lag", "beat"),
    [
        (100.0, 5.0, 0.0, 105.0),
        (104.9, 5.0, 0.0, 105.0),
        (100.0, 5.0, 1.0, 101.0),
        (100.9, 5.0, 1.0, 101.0),
        (101.0, 5.0, 1.0, 106.0),
    ],
)
def test_a_beat_is_the_next_multiple_of_the_cadence_and_its_lag(now, every, lag, beat):
    assert beat_after(now, every, lag) == beat
