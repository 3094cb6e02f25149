"""Sides: people as they are after an emission and as they were before it, in the same rows.

A delta is a count after less the same count before. So what stands after and what stood before of
the same person, place and time are columns of one row, `seen` and `seen_before`: rows are grouped
once for both, and a minute or a person that both say is not counted at all. Who had no row on a
side has zeros there. Where nothing stood before, people have the columns of one side only, and what
counts them counts that.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from transforms.frame import Frame, choose, group, rows_of, stack
from transforms.measures.people import (
    ACTIONS_KEY,
    PRESENCE_KEY,
    TOLD_BY_MINUTE,
    People,
    merged_rows,
)

BEFORE = "_before"
"""What the columns of the side before end in."""

THERE = "there"
"""The column that says whether a row of presence was on a side: a mark has no minute either."""

_ONE = (("", 1),)
_BOTH = (("", 1), (BEFORE, -1))


def sides(rows: Frame) -> Sequence[tuple[str, int]]:
    """What the columns of each side end in, and its sign."""
    return _BOTH if any(name.endswith(BEFORE) for name in rows) else _ONE


def net(rows: Frame, name: str) -> np.ndarray:
    """A column of numbers after less that before, as int64."""
    after = rows[name].astype(np.int64, copy=False)
    before = rows.get(name + BEFORE)
    return after if before is None else after - before


def unlike(rows: Frame, *names: str) -> Frame:
    """The rows whose sides differ in some columns; where there is one side, all."""
    if sides(rows) is _ONE:
        return rows
    differ = [rows[name] != rows[name + BEFORE] for name in names]
    return choose(rows, np.logical_or.reduce(differ))


def grown(before: People, arrived: People) -> People:
    """People before, and after what arrived is merged with them; what arrived, if nobody was."""
    if not _somebody(before):
        return arrived
    return People(
        _grown(before.presence, arrived.presence, PRESENCE_KEY, ()),
        _grown(before.actions, arrived.actions, ACTIONS_KEY, TOLD_BY_MINUTE),
    )


def side_by_side(after: People, before: People) -> People:
    """One row for those of both sides that have the same key; `after` itself if nothing was before.

    Each side must have one row a key.
    """
    if not _somebody(before):
        return after
    return People(
        _joined(after.presence, before.presence, PRESENCE_KEY, ()),
        _joined(after.actions, before.actions, ACTIONS_KEY, TOLD_BY_MINUTE),
    )


def after_of(people: People) -> People:
    """The side after of people of whom nothing was taken back, in as many rows."""
    return People(*(_side_after(frame) for frame in people))


def _somebody(people: People) -> bool:
    return bool(rows_of(people.presence) or rows_of(people.actions))


def _side_after(frame: Frame) -> Frame:
    kept = [n for n in frame if not n.endswith(BEFORE) and n != THERE]
    return {name: frame[name] for name in kept}


def _grown(before: Frame, arrived: Frame, key: Sequence[str], told: Sequence[str]) -> Frame:
    both, earlier = stack([before, arrived], before), rows_of(before)
    groups = group(both, key)
    first = groups.order[groups.starts]
    # Rows of a group come as they were stacked: that of before, if any, is the first of it.
    then = first < earlier
    people = {name: both[name][first] for name in (*key, *told)}
    for name, values in merged_rows(groups, both).items():
        people[name] = values
        people[name + BEFORE] = _of(before[name], first, then)
    people[THERE], people[THERE + BEFORE] = np.ones(len(first), dtype=bool), then
    return people


def _joined(after: Frame, before: Frame, key: Sequence[str], told: Sequence[str]) -> Frame:
    names, earlier = (*key, *told), rows_of(before)
    keys = [{name: side[name] for name in names} for side in (before, after)]
    both = stack(keys, keys[0])
    groups = group(both, key)
    ends = groups.starts + groups.sizes() - 1
    first, last = groups.order[groups.starts], groups.order[ends]
    here, then = last >= earlier, first < earlier
    people = {name: both[name][first] for name in names}
    for name in (name for name in after if name not in names):
        people[name] = _of(after[name], last - earlier, here)
        people[name + BEFORE] = _of(before[name], first, then)
    people[THERE], people[THERE + BEFORE] = here, then
    return people


def _of(column: np.ndarray, rows: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The values of some rows where the mask is set, else 0."""
    if mask.all():
        return column[rows]
    values = np.zeros(len(rows), dtype=column.dtype)
    values[mask] = column[rows[mask]]
    return values
