"""The windows and places of derived frames, and finding a row by its key."""

from __future__ import annotations

import numpy as np

from schemas.partial import WINDOWS
from transforms.frame import Frame, mix

PLACE = ("grouping", "content", "brand", "channel", "traffic")
KEY = (*PLACE, "window", "start")
MINUTE, HOUR, DAY = range(len(WINDOWS))


def lookup(left: np.ndarray, right: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The value of each left key among unique right keys; 0 where there is none."""
    if not len(right):
        return np.zeros(len(left), dtype=values.dtype)
    order = np.argsort(right)
    place = np.minimum(np.searchsorted(right[order], left), len(right) - 1)
    found = right[order][place] == left
    return np.where(found, values[order][place], 0).astype(values.dtype)


def key_of(frame: Frame, names: tuple[str, ...]) -> np.ndarray:
    return mix([frame[name] for name in names])
