"""Changed: of people after and before, the rows by which their partial columns can differ.

Of what both sides say alike the counts cancel. Counts are of groups of an actor's rows in a window,
and a person who comes again touches few of those: the minutes and the hour, and the day only with
the first visit to a place in its hours. So before anything is counted, people are reduced to the
actors' windows in which the sides of a row differ, whatever the grouping set.

A window is found by a hash in a table of bits: one that shares a cell with a window that differs is
counted, too, which changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from schemas.partial import WINDOWS
from transforms.frame import Frame, cells_of, choose, power_of_two, rows_of
from transforms.measures.people import People
from transforms.measures.sides import BEFORE, THERE, sides

MANY = 0.5
"""Above so many rows that days count, of one that hours do, both are counted together: what is
counted needlessly costs less than arranging the rows of each."""


class Counted(NamedTuple):
    """Rows of people that are counted: presence for minutes and hours, and for days; actions for
    each kind of window. Where all are counted, each frame is the whole."""

    hours: Frame
    days: Frame
    acts: tuple[Frame, ...]


def everybody(people: People) -> Counted:
    """All rows, for all windows."""
    return Counted(people.presence, people.presence, (people.actions,) * len(WINDOWS))


def changed(people: People) -> Counted:
    """What is to be counted of people of two sides: as if all were. Of one side: all."""
    presence, actions = people
    if len(sides(presence)) == 1:
        return everybody(people)
    hours = _windows(presence, ("actor", "hour"), _unlike_in_hours(presence))
    days = _windows(presence, ("actor",), _unlike_in_days(presence))
    if np.count_nonzero(days) > MANY * np.count_nonzero(hours):
        hours = days = hours | days
    of_hours = choose(presence, hours)
    acted = actions["count"] != actions["count" + BEFORE]
    return Counted(
        of_hours,
        of_hours if days is hours else choose(presence, days),
        tuple(choose(actions, _windows(actions, ("actor", s), acted)) for s in WINDOWS),
    )


def _unlike_in_hours(presence: Frame) -> np.ndarray:
    columns = ("seen", "alive", "fresh", "period", THERE)
    return np.logical_or.reduce([presence[name] != presence[name + BEFORE] for name in columns])


def _unlike_in_days(presence: Frame) -> np.ndarray:
    """Of an hour the rows say no more of its day than that there is such a row, and for how long a
    heartbeat vouches."""
    kinds = [_kind_in_days(presence, side) for side, _ in sides(presence)]
    return (kinds[0] != kinds[1]) | (presence["period"] != presence["period" + BEFORE])


def _kind_in_days(presence: Frame, side: str) -> np.ndarray:
    """0: no row; 1: seen; 2: a mark; 3: still counted as watching, after the hour of the last
    heartbeat."""
    seen, alive, fresh, there = (presence[n + side] for n in ("seen", "alive", "fresh", THERE))
    return there * np.where(seen != 0, 1, np.where(alive | fresh, 3, 2))


def _windows(rows: Frame, window: Sequence[str], differ: np.ndarray) -> np.ndarray:
    """Mask of the rows of windows in which a row differs."""
    # Eight cells a row: of the windows that are the same one in ten shares a cell with another.
    table = np.zeros(power_of_two(8 * rows_of(rows)), dtype=bool)
    cells = cells_of([rows[name] for name in window], table)
    table[cells[differ]] = True
    return table[cells]
