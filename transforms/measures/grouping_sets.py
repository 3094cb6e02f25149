"""Grouping sets: rows counted for each, what is alike once, and coarse sets from fine ones.

A dimension of which all rows say the same parts none of them: grouping sets that differ in such
dimensions only have the same groups, and the same counts. What a reduction leaves of the rows by a
set's dimensions is what a set of fewer dimensions is reduced from (Gray and others, « Data Cube »,
1997): of a person at five places four rows are gone after the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from schemas.partial import GROUPINGS
from transforms.frame import Frame, choose, rows_of

Dimensions = tuple[str, ...]
Windows = Iterable[tuple[int, Frame]]
"""(window, frame) of partial columns."""


def with_dimensions(frame: Frame, dimensions: Dimensions) -> Frame:
    """Rows that have the grouping's content and brand; the others belong to no such group."""
    named = [frame[d] != 0 for d in dimensions if d != "channel"]
    return choose(frame, np.logical_and.reduce(named)) if named else frame


def for_each_grouping(
    rows: Frame,
    count: Callable[[Frame, Dimensions], Windows],
    reduce: Callable[[Frame, Dimensions], Frame],
) -> Iterator[tuple[int, int, Frame]]:
    """(grouping, window, frame) that `count` finds in what `reduce` leaves of the rows.

    `reduce` must give the same of rows as of what it has left of them by more dimensions.
    """
    if not rows_of(rows):
        return
    alike = _alike(rows)
    parting = [tuple(d for d in dimensions if d not in alike) for dimensions in GROUPINGS]
    coarser: dict[Dimensions | None, list[Dimensions]] = {}
    for dimensions in dict.fromkeys(parting):
        coarser.setdefault(_finer(dimensions, parting), []).append(dimensions)
    found: dict[Dimensions, list[tuple[int, Frame]]] = {}

    def visit(dimensions: Dimensions, source: Frame) -> None:
        reduced = reduce(source, dimensions)
        found[dimensions] = list(count(with_dimensions(reduced, dimensions), dimensions))
        for fewer in coarser.get(dimensions, ()):
            visit(fewer, reduced)

    for finest in coarser[None]:
        visit(finest, rows)
    for number, dimensions in enumerate(GROUPINGS):
        for window, frame in found[parting[number]]:
            said = {d: np.repeat(alike[d], rows_of(frame)) for d in dimensions if d in alike}
            yield number, window, {**frame, **said}


def _alike(rows: Frame) -> Frame:
    """The dimensions of which all rows say the same, and which leave none of them out."""
    found = {}
    for dimension in sorted({d for dimensions in GROUPINGS for d in dimensions}):
        first = rows[dimension][:1]
        if (first[0] != 0 or dimension == "channel") and (rows[dimension] == first).all():
            found[dimension] = first
    return found


def _finer(dimensions: Dimensions, sets: Sequence[Dimensions]) -> Dimensions | None:
    """The first of the sets that have more dimensions, and as few as possible; None: no set has."""
    return min((s for s in sets if set(s) > set(dimensions)), key=len, default=None)
