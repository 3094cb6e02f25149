"""Theta sketches: sets of people in at most 32 KB that are united, and counted with bounds.

A sketch holds the k least hashes of its members and the bound below which they lie, and nothing of
the order in which they came or of how they were cut: trimmed and ordered, equal sets have equal
bytes. The bytes are those of Apache DataSketches (compact, uncompressed), whatever reads them: its
functions for BigQuery with their own defaults, Java, C++.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from datasketches import compact_theta_sketch, theta_union, update_theta_sketch

LOG_K = 12
"""4,096 hashes: exact below, a standard error of 1.6 % above. What BigQuery's functions assume."""
SEED = 9001
STANDARD_DEVIATIONS = 2
"""Of the bounds: 95 % of cases."""


def sketch_of(members: np.ndarray) -> bytes:
    """The sketch of a set of int64, each as often as it likes."""
    sketch = update_theta_sketch(LOG_K, 1.0, SEED)
    # The library takes one at a time; this is its loop without a line of Python for each.
    deque(map(sketch.update, members.tolist()), maxlen=0)
    sketch.trim()
    return bytes(sketch.compact(True).serialize())


EMPTY = sketch_of(np.zeros(0, dtype=np.int64))


def union_of(sketches: Iterable[bytes]) -> bytes:
    """The sketch of everybody in any of the sketches; of none, the empty one.

    Equal to the sketch of all members at once, byte by byte. ValueError for bytes that are none.
    """
    union = theta_union(LOG_K, 1.0, SEED)
    for sketch in sketches:
        union.update(_read(sketch))
    return bytes(union.get_result(True).serialize())


class Distinct(NamedTuple):
    """How many distinct members, and between which bounds."""

    value: float
    low: float
    high: float


def people_in(sketch: bytes) -> Distinct:
    """How many are in it, and the bounds of 95 %: all three equal where the count is exact."""
    read, deviations = _read(sketch), STANDARD_DEVIATIONS
    return Distinct(
        float(read.get_estimate()),
        float(read.get_lower_bound(deviations)),
        float(read.get_upper_bound(deviations)),
    )


def _read(sketch: bytes) -> compact_theta_sketch:
    try:
        return compact_theta_sketch.deserialize(sketch, SEED)
    except (RuntimeError, ValueError, IndexError) as error:
        raise ValueError(
            f"expected a theta sketch of seed {SEED}, found {len(sketch)} bytes that are none:"
            f" {error}"
        ) from error
