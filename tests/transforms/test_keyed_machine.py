"""The beats of a stream's cadence; how machines are recalled is in test_recall."""

from __future__ import annotations

import pytest

from transforms.accumulate_families import LAG
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


def test_what_shards_emit_at_a_beat_families_publish_before_the_next_one():
    """Bundles of two stages are on the way: most of it is there a second and a half later."""
    publishing = 5.0
    for now, seconds in ((100.0, 4.5), (102.5, 2.0)):
        emission = beat_after(now, publishing / 2, 0.0)
        assert beat_after(emission + 1.5, publishing, LAG * publishing) - emission == seconds
