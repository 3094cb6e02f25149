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

_BITS = 60


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
    for name in ("seen", "alive", "fresh"):
        hours[name] = by_person.union(presence[name])
    hours["period"] = by_person.maximum(presence["period"])
    return hours


def _of_hours(hours: Frame, dimensions: tuple[str, ...]) -> Iterator[tuple[int, Frame]]:
    if not rows_of(hours):
        return
    hours = _in_milliseconds(hours)
    yield WINDOWS.index("minute"), _minutes(hours, dimensions)
    seen = choose(hours, hours["seen"] != 0)
    yield WINDOWS.index("hour"), _viewers({**seen, "start": seen["hour"]}, dimensions)


def _of_days(
    hours: Frame, dimensions: tuple[str, ...], time_zone: str
) -> Iterator[tuple[int, Frame]]:
    if not rows_of(hours):
        return
    # A row without any minute marks who was there on a sealed day: see `sealed_people`.
    marked = (hours["seen"] | (hours["alive"] | hours["fresh"])) == 0
    there = choose(_in_milliseconds(hours), (hours["seen"] != 0) | marked)
    there["day"] = local_windows(there["hour"].astype(np.int64), time_zone)[0]
    yield WINDOWS.index("day"), _days(there, dimensions)


def _in_milliseconds(hours: Frame) -> Frame:
    return {**hours, "period": hours["period"].astype(np.int64) * 1000}


def _viewers(people: Frame, dimensions: tuple[str, ...], *counted: str) -> Frame:
    """Viewers of each start, and sums of further columns; one row a person on entry."""
    groups = group(people, (*dimensions, "start"))
    frame = groups.first(people, (*dimensions, "start"))
    frame["viewers"] = groups.sizes()
    frame["heartbeat_ms"] = groups.sum(people["period"])
    return frame | {name: groups.sum(people[name]) for name in counted}


def _days(hours: Frame, dimensions: tuple[str, ...]) -> Frame:
    """Viewers, new and returning people of each local day."""
    by_day = group(hours, (*dimensions, "day", "actor"))
    days = by_day.first(hours, (*dimensions, "day", "actor"))
    days["period"] = by_day.maximum(hours["period"])
    days["seen"] = by_day.union(hours["seen"])
    days["new_people"] = _first_of_days(days, dimensions)
    present = choose({**days, "start": days["day"]}, days["seen"] != 0)
    frame = _viewers(present, dimensions, "new_people")
    return frame | {"returning_people": frame["viewers"] - frame["new_people"]}


def _first_of_days(days: Frame, dimensions: tuple[str, ...]) -> np.ndarray:
    """1 where a row's day is the first of its person in the group, else 0."""
    first = np.ones(rows_of(days), dtype=np.int64)
    if (days["day"] == days["day"][:1]).all():
        return first
    by_person = group(days, (*dimensions, "actor"))
    firsts = np.repeat(by_person.minimum(days["day"]), by_person.sizes())
    first[by_person.order] = days["day"][by_person.order] == firsts
    return first


def _minutes(hours: Frame, dimensions: tuple[str, ...]) -> Frame:
    """Viewers and concurrent viewers of each minute: how often each bit of the masks is set."""
    groups = group(hours, (*dimensions, "hour"))
    keys = groups.first(hours, (*dimensions, "hour"))
    owner = np.empty(rows_of(hours), dtype=np.int64)
    owner[groups.order] = np.repeat(np.arange(len(groups.starts)), groups.sizes())
    cells = len(groups.starts) * _BITS
    seen_rows, seen_bits = set_bits(hours["seen"])
    seen_cells = owner[seen_rows] * _BITS + seen_bits
    # A float64 holds these sums exactly: ten million people's periods are below 2⁵³ milliseconds.
    weights = hours["period"][seen_rows].astype(np.float64)
    sums = {
        "viewers": np.bincount(seen_cells, minlength=cells),
        "heartbeat_ms": np.bincount(seen_cells, weights, minlength=cells).astype(np.int64),
    }
    for name, mask in (("concurrent", "alive"), ("concurrent_fresh", "fresh")):
        rows, bits = set_bits(hours[mask])
        sums[name] = np.bincount(owner[rows] * _BITS + bits, minlength=cells)
    told = np.flatnonzero(sums["viewers"] | sums["concurrent"])
    place, bit = np.divmod(told, _BITS)
    frame = {name: keys[name][place] for name in dimensions}
    frame["start"] = (keys["hour"][place] + bit).astype(np.int32)
    for name, counts in sums.items():
        frame[name] = counts[told]
    return frame


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
