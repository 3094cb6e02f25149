"""Additive: the columns that need no memory of people: events and time watched."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from schemas.observation import SIGNAL_CODE, VALID
from schemas.partial import BOTH, GROUPINGS, TRAFFIC, WINDOWS
from transforms.calendar import MINUTE_US
from transforms.frame import Frame, choose, group, rows_of

_ADDED = ("events", "heartbeat_events", "watched_ms")


def additive(new: Frame) -> Iterator[tuple[int, int, int, Frame]]:
    """(grouping, traffic, window, frame) of the columns of _ADDED, of observations that count."""
    if not rows_of(new):
        return
    events = finest(new)
    valid = events["valid"] != 0
    for traffic, rows in (
        (BOTH, choose(events, valid)),
        (TRAFFIC.index("gross"), choose(events, ~valid)),
    ):
        for number, dimensions in enumerate(GROUPINGS):
            named = [rows[d] != 0 for d in dimensions if d != "channel"]
            some = choose(rows, np.logical_and.reduce(named)) if named else rows
            for window, start in enumerate(WINDOWS):
                keyed = {**some, "start": some[start]}
                yield number, traffic, window, summed(keyed, (*dimensions, "start"))


def finest(new: Frame) -> Frame:
    """The columns of _ADDED by everything that a window or grouping set tells apart."""
    beats = new["signal"] == SIGNAL_CODE["heartbeat"]
    frame = {name: new[name] for name in ("content", "brand", "channel", "hour", "day")}
    frame["minute"] = (new["event_time"] // MINUTE_US).astype(np.int32)
    frame["valid"] = new["flags"] & VALID
    frame["events"] = np.ones(rows_of(new), dtype=np.int64)
    frame["heartbeat_events"] = (new["period"] > 0).astype(np.int64)
    frame["watched_ms"] = np.where(beats, new["value"], 0).astype(np.int64)
    return summed(frame, ("content", "brand", "channel", "hour", "day", "minute", "valid"))


def summed(frame: Frame, key: tuple[str, ...]) -> Frame:
    """Sums of the columns of _ADDED by key."""
    groups = group(frame, key)
    summed = groups.first(frame, key)
    for name in _ADDED:
        summed[name] = groups.sum(frame[name])
    return summed
