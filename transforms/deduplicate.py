"""Which copy of an event counts and which statement of a fact stands, in any order."""

from __future__ import annotations

import numpy as np

from schemas.observation import ECHO, HOME, RETRACT
from transforms.frame import Frame, choose, rows_of

ID = ("id_high", "id_low")


def first_copies(frame: Frame) -> np.ndarray:
    """Mask with exactly one True for each event id.

    Of copies that differ (a resend with other clocks) the least in (arrived, event_time, all other
    columns) counts, so any order of reading chooses the same: the copy that was here first.
    """
    length = rows_of(frame)
    order = np.argsort(frame["id_high"])
    if _mixed_neighbours(frame, order):
        order = np.lexsort((frame["id_low"], frame["id_high"]))
    new = np.ones(length, dtype=bool)
    new[1:] = (np.diff(frame["id_high"][order]) != 0) | (np.diff(frame["id_low"][order]) != 0)
    starts = np.flatnonzero(new)
    sizes = np.diff(np.append(starts, length))
    chosen = order[starts]
    repeated = np.flatnonzero(sizes > 1)
    if len(repeated):
        chosen[repeated] = _least(frame, order, starts[repeated], sizes[repeated])
    mask = np.zeros(length, dtype=bool)
    mask[chosen] = True
    return mask


def standing(facts: Frame) -> Frame:
    """One statement a fact: the greatest (revision, retraction before insert, event id, statement
    before an echo of it, flags).

    The greatest element of a total order: merging in any order, with copies, gives the same. Its
    flag HOME says whether any statement made the fact live here: one that is neither an echo nor a
    retraction. What only others said of it is no fact of this shard.
    """
    retracts = (facts["flags"] & RETRACT).astype(np.int8)
    said = facts["flags"] & ~HOME
    own = (said & ECHO) == 0
    order = np.lexsort(
        (said, own, facts["id_low"], facts["id_high"], retracts, facts["revision"], facts["fact"])
    )
    arranged = facts["fact"][order]
    last = np.ones(len(order), dtype=bool)
    last[:-1] = arranged[1:] != arranged[:-1]
    if not len(order):
        return facts
    flags = facts["flags"][order]
    home = np.where((flags & (RETRACT | ECHO)) == 0, HOME, flags & HOME).astype(flags.dtype)
    starts = np.concatenate([[0], np.flatnonzero(last)[:-1] + 1])
    stands = choose(facts, order[last])
    stands["flags"] = stands["flags"] | np.bitwise_or.reduceat(home, starts)
    return stands


def _mixed_neighbours(frame: Frame, order: np.ndarray) -> bool:
    """Do two different ids share their first half? (Then one sort key is not enough.)"""
    high, low = frame["id_high"][order], frame["id_low"][order]
    return bool(np.any((np.diff(high) == 0) & (np.diff(low) != 0)))


def _least(frame: Frame, order: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The least row of each group of copies."""
    rows = np.concatenate([order[s : s + n] for s, n in zip(starts, sizes)])
    owner = np.repeat(np.arange(len(starts)), sizes)
    others = sorted(set(frame) - {"arrived", "event_time", *ID})
    keys = [frame[name][rows] for name in (*reversed(others), "event_time", "arrived")]
    arranged = np.lexsort((*keys, owner))
    firsts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    return rows[arranged[firsts]]
