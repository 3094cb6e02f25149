"""Counting: people to partial columns, of one traffic: who was there, and what `acts` finds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from schemas.partial import WINDOWS
from transforms.calendar import local_windows
from transforms.frame import Frame, choose, group, rows_of
from transforms.measures.acts import by_act, count_acts
from transforms.measures.changed import Counted
from transforms.measures.grouping_sets import for_each_grouping
from transforms.measures.sides import BEFORE, THERE, net, sides, unlike

_BITS = 60
_NO_DAY = np.iinfo(np.int32).max


def count_people(counted: Counted, time_zone: str) -> Iterator[tuple[int, int, Frame]]:
    """(grouping, window, frame) of partial columns; a frame has the dimensions and `start`."""

    of_days = partial(_of_days, time_zone=time_zone)

    def of_both(hours: Frame, dimensions: tuple[str, ...]) -> Iterator[tuple[int, Frame]]:
        yield from _of_hours(hours, dimensions)
        yield from of_days(hours, dimensions)

    if counted.days is counted.hours:
        yield from for_each_grouping(counted.hours, of_both, _by_hour)
    else:
        yield from for_each_grouping(counted.hours, _of_hours, _by_hour)
        yield from for_each_grouping(counted.days, of_days, _by_hour)
    for window, acts in enumerate(counted.acts):
        rows = {**acts, "start": acts[WINDOWS[window]]}
        yield from for_each_grouping(rows, partial(_of_acts, window=window), by_act)


def audience(
    counted: Counted, dimensions: tuple[str, ...], time_zone: str
) -> Iterator[tuple[int, Frame]]:
    """(window, frame) of the columns about who was there; one row a place, person and hour in."""
    hours = _by_hour(counted.hours, dimensions)
    yield from _of_hours(hours, dimensions)
    if counted.days is not counted.hours:
        hours = _by_hour(counted.days, dimensions)
    yield from _of_days(hours, dimensions, time_zone)


def _by_hour(presence: Frame, dimensions: tuple[str, ...]) -> Frame:
    """One row a person and hour of each group."""
    by_person = group(presence, (*dimensions, "hour", "actor"))
    hours = by_person.first(presence, (*dimensions, "hour", "actor"))
    for side, _ in sides(presence):
        for name in ("seen", "alive", "fresh"):
            hours[name + side] = by_person.union(presence[name + side])
        hours["period" + side] = by_person.maximum(presence["period" + side])
        if THERE + side in presence:
            hours[THERE + side] = by_person.maximum(presence[THERE + side])
    return hours


def _of_hours(hours: Frame, dimensions: tuple[str, ...]) -> Iterator[tuple[int, Frame]]:
    if not rows_of(hours):
        return
    hours = _in_milliseconds(hours)
    yield WINDOWS.index("minute"), _minutes(hours, dimensions)
    yield WINDOWS.index("hour"), _viewers({**hours, "start": hours["hour"]}, dimensions)


def _of_days(
    hours: Frame, dimensions: tuple[str, ...], time_zone: str
) -> Iterator[tuple[int, Frame]]:
    if not rows_of(hours):
        return
    present = [_present_on_day(hours, side) for side, _ in sides(hours)]
    there = _in_milliseconds(hours)
    for (side, _), mask in zip(sides(hours), present):
        there[THERE + side] = mask
    there = choose(there, np.logical_or.reduce(present))
    there["day"] = local_windows(there["hour"].astype(np.int64), time_zone)[0]
    yield WINDOWS.index("day"), _days(there, dimensions)


def _present_on_day(hours: Frame, side: str) -> np.ndarray:
    """Who was seen in an hour, or is remembered by a mark: a row without any minute marks who was
    there on a sealed day, see `sealed_people`."""
    seen, alive, fresh = (hours[name + side] for name in ("seen", "alive", "fresh"))
    marked = (seen | alive | fresh) == 0
    there = hours.get(THERE + side)
    return (seen != 0) | (marked if there is None else marked & there)


def _in_milliseconds(hours: Frame) -> Frame:
    periods = ["period" + side for side, _ in sides(hours)]
    return {**hours, **{name: hours[name].astype(np.int64) * 1000 for name in periods}}


def _viewers(people: Frame, dimensions: tuple[str, ...], *counted: str) -> Frame:
    """Viewers of each start, and sums of further columns; one row a person on entry.

    Who was not seen has no period: it is that of the hour of a heartbeat.
    """
    key, summed = (*dimensions, "start"), ("viewers", "heartbeat_ms", *counted)
    rows = {name: people[name] for name in key}
    for side, _ in sides(people):
        seen = people["seen" + side] != 0
        rows["viewers" + side] = seen
        rows["heartbeat_ms" + side] = people["period" + side]
        for name in counted:
            rows[name + side] = people[name + side] & seen
    rows = unlike(choose(rows, _on_any_side(rows, "viewers")), *summed)
    groups = group(rows, key)
    frame = groups.first(rows, key)
    return frame | {name: groups.sum(net(rows, name)) for name in summed}


def _on_any_side(rows: Frame, name: str) -> np.ndarray:
    return np.logical_or.reduce([rows[name + side] for side, _ in sides(rows)])


def _days(hours: Frame, dimensions: tuple[str, ...]) -> Frame:
    """Viewers, new and returning people of each local day."""
    by_day = group(hours, (*dimensions, "day", "actor"))
    days = by_day.first(hours, (*dimensions, "day", "actor"))
    for side, _ in sides(hours):
        days["period" + side] = by_day.maximum(hours["period" + side])
        days["seen" + side] = by_day.union(hours["seen" + side])
        days[THERE + side] = by_day.maximum(hours[THERE + side])
    for side, _ in sides(hours):
        days["new_people" + side] = _first_of_days(days, dimensions, days[THERE + side])
    frame = _viewers({**days, "start": days["day"]}, dimensions, "new_people")
    return frame | {"returning_people": frame["viewers"] - frame["new_people"]}


def _first_of_days(days: Frame, dimensions: tuple[str, ...], there: np.ndarray) -> np.ndarray:
    """Is a row's day the first on which its person was there in the group?"""
    if (days["day"] == days["day"][:1]).all():
        return there
    by_person = group(days, (*dimensions, "actor"))
    day = np.where(there, days["day"], _NO_DAY)
    firsts = np.repeat(by_person.minimum(day), by_person.sizes())
    first = np.empty(rows_of(days), dtype=bool)
    first[by_person.order] = day[by_person.order] == firsts
    return first & there


def _minutes(hours: Frame, dimensions: tuple[str, ...]) -> Frame:
    """Viewers and concurrent viewers of each minute: how often each bit of the masks is set."""
    groups = group(hours, (*dimensions, "hour"))
    keys = groups.first(hours, (*dimensions, "hour"))
    owner = np.empty(rows_of(hours), dtype=np.int64)
    owner[groups.order] = np.repeat(np.arange(len(groups.starts)), groups.sizes())
    names = ("viewers", "heartbeat_ms", "concurrent", "concurrent_fresh")
    cells = len(groups.starts) * _BITS
    sums = {name: np.zeros(cells, dtype=np.int64) for name in names}
    for side, sign in sides(hours):
        rows, bits = set_bits(_own(hours, "seen", side, beside="period"))
        place = owner[rows] * _BITS + bits
        # A float64 holds sums exactly: ten million people's periods are below 2⁵³ milliseconds.
        periods = hours["period" + side][rows].astype(np.float64)
        sums["viewers"] += sign * np.bincount(place, minlength=cells)
        sums["heartbeat_ms"] += sign * np.bincount(place, periods, cells).astype(np.int64)
        for name, mask in (("concurrent", "alive"), ("concurrent_fresh", "fresh")):
            rows, bits = set_bits(_own(hours, mask, side))
            sums[name] += sign * np.bincount(owner[rows] * _BITS + bits, minlength=cells)
    told = np.flatnonzero(np.bitwise_or.reduce([*sums.values()]))
    place, bit = np.divmod(told, _BITS)
    frame = {name: keys[name][place] for name in dimensions}
    frame["start"] = (keys["hour"][place] + bit).astype(np.int32)
    for name, counts in sums.items():
        frame[name] = counts[told]
    return frame


def _own(hours: Frame, mask: str, side: str, beside: str = "") -> np.ndarray:
    """The minutes of a side that the other side has not, or not with the same value beside it."""
    if len(sides(hours)) == 1:
        return hours[mask]
    other = hours[mask + ("" if side else BEFORE)]
    if beside:
        other = np.where(hours[beside] == hours[beside + BEFORE], other, np.uint64(0))
    return hours[mask + side] & ~other


def set_bits(masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(row, bit) of every bit set in uint64 masks; work grows with the bits, not with 64 a row."""
    rows, bits = [], []
    row = np.flatnonzero(masks)
    left = masks[row]
    while len(row):
        lowest = left & (~left + np.uint64(1))
        rows.append(row)
        bits.append(np.bitwise_count(lowest - np.uint64(1)))
        left = left ^ lowest
        more = left != 0
        row, left = row[more], left[more]
    if not rows:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    return np.concatenate(rows), np.concatenate(bits).astype(np.int64)


def _of_acts(
    actions: Frame, dimensions: tuple[str, ...], window: int
) -> Iterator[tuple[int, Frame]]:
    return ((window, frame) for frame in count_acts(actions, dimensions))
