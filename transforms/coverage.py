"""Coverage: how much of what should be heard was heard, attached to every figure."""

from __future__ import annotations

import numpy as np

from schemas.partial import GROUPING_NAMES
from transforms.derive import DAY, lookup
from transforms.frame import Frame, choose, group, mix, rows_of

SILENCE_RATE = 6.9
"""Events expected in a window above which none is no chance: e^−6.9 = 0.001."""

_CHILD = {"total": "channel", "brand": "brand_channel", "content": "content_channel"}


def coverage_of(people: Frame) -> np.ndarray:
    """Share of the expected sources heard in each row's window, 0 to 1.

    A row with a channel: 1 if the channel was heard in the window, else 0. Any other row: 1 less
    the weights of the silent channels, a channel's weight being its share of the place's events of
    the day, and silent meaning nothing heard, between the first and the last time it was heard that
    day, where chance alone would leave it silent in one window of a thousand.
    """
    covered = np.where(people["events"] > 0, 1.0, 0.0)
    for parent, child in _CHILD.items():
        rows = np.flatnonzero(people["grouping"] == GROUPING_NAMES.index(parent))
        children = choose(people, people["grouping"] == GROUPING_NAMES.index(child))
        if len(rows):
            covered[rows] = _weighted(choose(people, rows), children)
    return covered


def _weighted(parents: Frame, children: Frame) -> np.ndarray:
    place = ("content", "brand", "traffic")
    days = choose(children, children["window"] == DAY)
    per_day = group(days, (*place, "start"))
    whole = per_day.sum(days["events"])
    share = np.zeros(rows_of(days))
    share[per_day.order] = days["events"][per_day.order] / np.repeat(
        np.maximum(whole, 1), per_day.sizes()
    )
    missed = np.zeros(rows_of(parents))
    for window in np.unique(parents["window"]):
        if window == DAY:
            continue
        rows = np.flatnonzero(parents["window"] == window)
        some = choose(parents, rows)
        windows = group(some, (*place, "day_of"))
        windows_key = _key(windows.first(some, (*place, "day_of")), "day_of")
        active = lookup(_key(days, "start"), windows_key, windows.sizes())
        own = mix([*(days[name] for name in (*place, "start", "channel"))])
        heard = choose(children, (children["window"] == window) & (children["events"] > 0))
        spans = group(heard, (*place, "day_of", "channel"))
        spans_key = mix([*spans.first(heard, (*place, "day_of", "channel")).values()])
        first = lookup(own, spans_key, spans.minimum(heard["start"]))
        last = lookup(own, spans_key, spans.maximum(heard["start"]))
        weight = np.where(days["events"] / np.maximum(active, 1) > SILENCE_RATE, share, 0.0)
        expected = _from(weight, days, first, some) - _from(weight, days, last + 1, some)
        heard_weight = lookup(mix([heard[n] for n in (*place, "day_of", "channel")]), own, weight)
        present = _total(heard_weight, heard, "start", _key(some, "start"))
        missed[rows] = np.maximum(expected - present, 0.0)
    return np.clip(1.0 - missed, 0.0, 1.0)


def _from(weights: np.ndarray, days: Frame, moments: np.ndarray, wanted: Frame) -> np.ndarray:
    """Sum of the weights of each wanted place's channels whose moment is at or before its start."""
    total = np.zeros(rows_of(wanted))
    places, wanted_places = _key(days, "start"), _key(wanted, "day_of")
    for row in np.flatnonzero(weights):
        # One turn a steady channel, place and day: a handful, for most channels are not.
        total += weights[row] * ((wanted_places == places[row]) & (wanted["start"] >= moments[row]))
    return total


def _key(frame: Frame, time: str) -> np.ndarray:
    return mix([frame[name] for name in ("content", "brand", "traffic", time)])


def _total(weights: np.ndarray, frame: Frame, time: str, wanted: np.ndarray) -> np.ndarray:
    """Sum of weights of each wanted (place, time)."""
    key = _key(frame, time)
    unique, inverse = np.unique(key, return_inverse=True)
    sums = np.bincount(inverse, weights=weights, minlength=len(unique))
    return lookup(wanted, unique, sums)
