"""Additive: the columns that need no memory of people: events and time watched."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from schemas.observation import SIGNAL_CODE, VALID
from schemas.partial import BOTH, GROUPINGS, TRAFFIC, WINDOWS
from transforms.calendar import MINUTE_US, local_windows
from transforms.frame import Frame, choose, group, rows_of, stack

_ADDED = ("events", "heartbeat_events", "watched_ms")
_MINUTE_MS = 60_000


def additive(new: Frame, time_zone: str) -> Iterator[tuple[int, int, int, Frame]]:
    """(grouping, traffic, window, frame) of the columns of _ADDED, of observations that count."""
    if not rows_of(new):
        return
    events = finest(new, time_zone)
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


def finest(new: Frame, time_zone: str) -> Frame:
    """The columns of _ADDED by everything that a window or grouping set tells apart.

    Time watched is of the minute of its heartbeat, which tells it to within one period; of a
    heartbeat that vouches for more than a minute, of each minute that it vouches for.
    """
    beats = new["signal"] == SIGNAL_CODE["heartbeat"]
    frame = {name: new[name] for name in ("content", "brand", "channel", "hour", "day")}
    frame["minute"] = (new["event_time"] // MINUTE_US).astype(np.int32)
    frame["valid"] = new["flags"] & VALID
    frame["events"] = np.ones(rows_of(new), dtype=np.int64)
    frame["heartbeat_events"] = (new["period"] > 0).astype(np.int64)
    frame["watched_ms"] = np.where(beats, new["value"], 0).astype(np.int64)
    long = frame["watched_ms"] > _MINUTE_MS
    if long.any():
        since = (new["event_time"] % MINUTE_US // 1000)[long]
        spread = _minute_by_minute(choose(frame, long), since, time_zone)
        frame = stack([choose(frame, ~long), spread], frame)
    return summed(frame, ("content", "brand", "channel", "hour", "day", "minute", "valid"))


def summed(frame: Frame, key: tuple[str, ...]) -> Frame:
    """Sums of the columns of _ADDED by key."""
    groups = group(frame, key)
    summed = groups.first(frame, key)
    for name in _ADDED:
        summed[name] = groups.sum(frame[name])
    return summed


def _minute_by_minute(frame: Frame, since: np.ndarray, time_zone: str) -> Frame:
    """A row for each minute that the time watched reaches into; the event is of the first.

    `since` is how far into its minute each row begins, in milliseconds.
    """
    until = since + frame["watched_ms"]
    minutes = -(-until // _MINUTE_MS)
    rows = np.repeat(np.arange(len(minutes)), minutes)
    later = np.arange(len(rows)) - np.repeat(np.cumsum(minutes) - minutes, minutes)
    begin = np.maximum(since[rows], later * _MINUTE_MS)
    end = np.minimum(until[rows], (later + 1) * _MINUTE_MS)
    spread = choose(frame, rows)
    spread["watched_ms"] = end - begin
    for name in ("events", "heartbeat_events"):
        spread[name] = np.where(later == 0, spread[name], 0)
    spread["minute"] = spread["minute"] + later.astype(np.int32)
    spread["day"], spread["hour"] = local_windows(spread["minute"].astype(np.int64), time_zone)
    return spread
