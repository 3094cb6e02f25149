"""Changed: of people after and before, the rows by which their partial columns can differ.

Of what both sides say alike the counts cancel. Counts are of groups of an actor's rows in a window,
and a person who comes again touches few of those: the minutes and the hour, and the day only with
the first visit to a place in its hours. So before anything is counted, each side is reduced to the
actors' windows in which a row differs, whatever the grouping set.

A window is found by a hash into a table that holds, of each side, the sum of what its rows say:
two windows that share a cell are counted both, which changes nothing. That a change is overlooked
has the probability with which two groups meet (`frame.mix`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from schemas.partial import WINDOWS
from transforms.calendar import local_windows
from transforms.frame import Frame, cells_of, choose, mix, power_of_two, rows_of
from transforms.measures.people import People


class Counted(NamedTuple):
    """Rows of people that are counted: presence for minutes and hours, and for days; actions for
    each kind of window. Where all are counted, each frame is the whole."""

    hours: Frame
    days: Frame
    acts: tuple[Frame, ...]


def everybody(people: People) -> Counted:
    """All rows, for all windows."""
    return Counted(people.presence, people.presence, (people.actions,) * len(WINDOWS))


def changed(after: People, before: People, time_zone: str) -> tuple[Counted, Counted]:
    """What is to be counted of people after and before: counts of the first less those of the
    second are as if all had been."""
    if not rows_of(before.presence) and not rows_of(before.actions):
        return everybody(after), everybody(before)
    presence, actions = (after.presence, before.presence), (after.actions, before.actions)
    hours = _differing(presence, ("actor", "hour"), presence)
    days = _differing(presence, ("actor",), [_of_days(side, time_zone) for side in presence])
    acts = [_differing(actions, ("actor", start), actions) for start in WINDOWS]
    return (
        Counted(hours[0], days[0], tuple(window[0] for window in acts)),
        Counted(hours[1], days[1], tuple(window[1] for window in acts)),
    )


def _of_days(presence: Frame, time_zone: str) -> Frame:
    """What the rows of a presence say of days: where, on which day, whether seen, how long a
    heartbeat vouches for. Of an hour they say no more than that it has such a row."""
    any_minute = presence["seen"] | presence["alive"] | presence["fresh"]
    return {
        **{name: presence[name] for name in ("actor", "content", "brand", "channel", "period")},
        "day": local_windows(presence["hour"].astype(np.int64), time_zone)[0],
        # 0: seen; 1: a mark; 2: still counted as watching, after the hour of the last heartbeat.
        "kind": np.where(presence["seen"] != 0, 0, np.where(any_minute == 0, 1, 2)),
    }


def _differing(
    sides: tuple[Frame, Frame], window: Sequence[str], said: Sequence[Frame]
) -> tuple[Frame, Frame]:
    """The rows of two sides in the windows of which they do not say the same.

    `said`: of each side the columns by which its rows are compared.
    """
    most = max(map(rows_of, sides))
    if not most:
        return sides
    # Eight cells a row: of the windows that are the same one in ten shares a cell with another.
    sums = np.zeros(power_of_two(8 * most), dtype=np.uint64)
    places = []
    for sign, side, columns in zip((1, -1), sides, said):
        place = cells_of([side[name] for name in window], sums)
        places.append(place)
        said_by = mix([columns[name] for name in sorted(columns)])
        np.add.at(sums, place, said_by if sign > 0 else -said_by)
    unlike = sums != 0
    kept = [choose(side, unlike[place]) for side, place in zip(sides, places)]
    return kept[0], kept[1]
