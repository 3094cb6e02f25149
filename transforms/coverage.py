"""Coverage: how much of what should be heard was heard, attached to every figure."""

from __future__ import annotations

import numpy as np

from schemas.partial import GROUPING_NAMES
from transforms.derive import DAY, lookup
from transforms.frame import Frame, choose, group, mix, rows_of

SILENCE_RATE = 6.9
"""Events expected in a window above which none is no chance: e^−6.9 = 0.001."""

_CHILD = {"total": "channel", "brand": "brand_channel", "content": "content_channel"}
_PLACE = ("content", "brand", "traffic")


def coverage_of(people: Frame) -> np.ndarray:
    """Share of the expected sources heard in each row's window, 0 to 1.

    A row with a channel: 1 if the channel was heard in the window, else 0. Any other row: 1 less
    the weights of the silent channels, a channel's weight being its share of the place's events of
    the day, and silent meaning nothing heard, between the first and the last time it was heard that
    day, where chance alone would leave it silent in one window of a thousand. Weights are whole
    events, divided once, so that coverage does not depend on the order of rows.
    """
    covered = np.where(people["events"] > 0, 1.0, 0.0)
    for parent, child in _CHILD.items():
        rows = np.flatnonzero(people["grouping"] == GROUPING_NAMES.index(parent))
        children = choose(people, people["grouping"] == GROUPING_NAMES.index(child))
        if len(rows):
            covered[rows] = _weighted(choose(people, rows), children)
    return covered


def _weighted(parents: Frame, children: Frame) -> np.ndarray:
    """Coverage of rows without a channel, from the rows of their channels."""
    days = choose(children, (children["window"] == DAY) & (children["events"] > 0))
    per_day = group(days, (*_PLACE, "start"))
    whole = lookup(
        _key(parents, "day_of"),
        _key(per_day.first(days, (*_PLACE, "start")), "start"),
        per_day.sum(days["events"]),
    )
    missed = np.zeros(rows_of(parents), dtype=np.int64)
    for window in np.unique(parents["window"]):
        if window != DAY:
            rows = np.flatnonzero(parents["window"] == window)
            heard = choose(children, (children["window"] == window) & (children["events"] > 0))
            missed[rows] = _missed(choose(parents, rows), heard, days)
    return np.clip(1.0 - missed / np.maximum(whole, 1), 0.0, 1.0)


def _missed(parents: Frame, heard: Frame, days: Frame) -> np.ndarray:
    """The day's events of each row's channels that were silent in its window beyond chance."""
    windows = group(parents, (*_PLACE, "day_of"))
    windows_key = _key(windows.first(parents, (*_PLACE, "day_of")), "day_of")
    active = lookup(_key(days, "start"), windows_key, windows.sizes())
    steady = choose(days, days["events"] / np.maximum(active, 1) > SILENCE_RATE)
    own = mix([steady[name] for name in (*_PLACE, "start", "channel")])
    of_day = (*_PLACE, "day_of", "channel")
    spans = group(heard, of_day)
    spans_key = mix(list(spans.first(heard, of_day).values()))
    began = lookup(own, spans_key, spans.minimum(heard["start"]))
    ended = lookup(own, spans_key, spans.maximum(heard["start"]))
    row, channel = _pairs(_key(parents, "day_of"), _key(steady, "start"))
    start = parents["start"][row]
    expected = (start >= began[channel]) & (start <= ended[channel])
    weight = np.where(expected, steady["events"][channel], 0)
    owed = np.bincount(row, weight, minlength=rows_of(parents)).astype(np.int64)
    present = lookup(mix([heard[name] for name in of_day]), own, steady["events"])
    came = group(heard, (*_PLACE, "start"))
    came_key = _key(came.first(heard, (*_PLACE, "start")), "start")
    return np.maximum(owed - lookup(_key(parents, "start"), came_key, came.sum(present)), 0)


def _pairs(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every (row of left, row of right) of equal keys: a join."""
    order = np.argsort(right, kind="stable")
    first = np.searchsorted(right[order], left, side="left")
    count = np.searchsorted(right[order], left, side="right") - first
    row = np.repeat(np.arange(len(left)), count)
    within = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    return row, order[np.repeat(first, count) + within]


def _key(frame: Frame, time: str) -> np.ndarray:
    return mix([frame[name] for name in (*_PLACE, time)])
