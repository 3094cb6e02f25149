"""Coverage: how much of what should be heard was heard, attached to every figure.

A channel is expected in a minute when it was steady in the hour before: silence would then be no
chance. The hour before is all that is looked at, never what came later, so the figure of a minute
is the same when it is published and a month after, and a channel that breaks off is missed at once.
"""

from __future__ import annotations

import numpy as np

from schemas.partial import GROUPING_NAMES
from transforms.derive_windows import DAY, HOUR, MINUTE, lookup
from transforms.frame import Frame, choose, group, mix, rows_of

LOOK_BACK_MINUTES = 60
SILENCE_RATE = 6.9
"""Events expected in a minute above which none is no chance: e^−6.9 = 0.001."""
STEADY_MINUTES = 20
"""Minutes of the last sixty in which a channel must have been heard: a burst is no promise."""

CHILD = {"total": "channel", "brand": "brand_channel", "content": "content_channel"}
EXPECTED_OF = ("content", "brand", "traffic")
FEWEST = int(SILENCE_RATE * LOOK_BACK_MINUTES) + 1
"""Events of the hour before from which on a channel is expected."""


def expected_and_missed(
    people: Frame, asked: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """What should have been heard in each row's window, and what of it was not, in events.

    A minute expects of each steady channel as many events as it sent in the sixty minutes before,
    as far as they are of the same local day; it misses those of the channels that are silent in it.
    An hour or day is the sum of its minutes. Rows of a channel expect nothing. Whole numbers, so
    that they do not depend on the order of rows. `asked` is the mask of the rows in question: the
    other minutes are looked back at, and sums are without them.
    """
    asked = np.ones(rows_of(people), dtype=bool) if asked is None else asked
    expected = np.zeros(rows_of(people), dtype=np.int64)
    missed = np.zeros(rows_of(people), dtype=np.int64)
    for parent, child in CHILD.items():
        of_parent = people["grouping"] == GROUPING_NAMES.index(parent)
        rows = np.flatnonzero(of_parent & (people["window"] == MINUTE) & asked)
        of_child = people["grouping"] == GROUPING_NAMES.index(child)
        heard = choose(people, of_child & (people["window"] == MINUTE) & (people["events"] > 0))
        if not len(rows) or not rows_of(heard):
            continue
        minutes = choose(people, rows)
        expected[rows], missed[rows] = _of_minutes(minutes, heard)
        for window, start in ((HOUR, "hour_of"), (DAY, "day_of")):
            whole = np.flatnonzero(of_parent & (people["window"] == window))
            groups = group(minutes, (*EXPECTED_OF, start))
            right = mix(list(groups.first(minutes, (*EXPECTED_OF, start)).values()))
            left = mix([*(people[name][whole] for name in EXPECTED_OF), people["start"][whole]])
            for sums in (expected, missed):
                sums[whole] = lookup(left, right, groups.sum(sums[rows]))
    return expected, missed


def coverage_of(people: Frame) -> np.ndarray:
    """Share of the expected sources heard in each row's window, 0 to 1.

    A row with a channel: 1 if it was heard in the window, else 0. Any other row: what was heard of
    what was expected; 1 where nothing was.
    """
    of_channel = people["channel"] != 0
    share = 1.0 - people["missed"] / np.maximum(people["expected"], 1)
    return np.where(of_channel, np.where(people["events"] > 0, 1.0, 0.0), share)


def _of_minutes(minutes: Frame, heard: Frame) -> tuple[np.ndarray, np.ndarray]:
    """Events expected and missed in each minute, from the minutes in which channels were heard."""
    of_series = (*EXPECTED_OF, "day_of", "channel")
    series = group(heard, of_series)
    number = np.empty(rows_of(heard), dtype=np.int64)
    number[series.order] = np.repeat(np.arange(len(series.starts)), series.sizes())
    order = np.lexsort((heard["start"], number))
    at = _moment(number[order], heard["start"][order])
    before = np.concatenate(([0], np.cumsum(heard["events"][order])))
    busy = (series.sum(heard["events"]) >= FEWEST) & (series.sizes() >= STEADY_MINUTES)
    steady = np.flatnonzero(busy)
    first = choose(series.first(heard, of_series), steady)
    row, chosen = _pairs(_key(minutes), _key(first))
    own, start = steady[chosen], minutes["start"][row].astype(np.int64)
    low = np.searchsorted(at, _moment(own, start - LOOK_BACK_MINUTES))
    high = np.searchsorted(at, _moment(own, start))
    sent = before[high] - before[low]
    promised = np.where((sent >= FEWEST) & (high - low >= STEADY_MINUTES), sent, 0)
    found = at[np.minimum(high, len(at) - 1)] == _moment(own, start)
    silent = np.where(found, 0, promised)
    count = rows_of(minutes)
    return _added(row, promised, count), _added(row, silent, count)


def _moment(series: np.ndarray, minute: np.ndarray) -> np.ndarray:
    """One number a series and minute, in the order of both."""
    return (series << np.int64(32)) + minute.astype(np.int64)


def _added(rows: np.ndarray, values: np.ndarray, length: int) -> np.ndarray:
    sums = np.zeros(length, dtype=np.int64)
    np.add.at(sums, rows, values)
    return sums


def _pairs(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every (row of left, row of right) of equal keys: a join."""
    order = np.argsort(right, kind="stable")
    first = np.searchsorted(right[order], left, side="left")
    count = np.searchsorted(right[order], left, side="right") - first
    row = np.repeat(np.arange(len(left)), count)
    within = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    return row, order[np.repeat(first, count) + within]


def _key(frame: Frame) -> np.ndarray:
    return mix([frame[name] for name in (*EXPECTED_OF, "day_of")])
