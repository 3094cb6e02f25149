"""Together: every grouping set, window and traffic counted in one pass, for few rows.

`count_people` and `additive` take one grouping set after the other, which keeps memory flat for
millions of rows and costs some hundred numpy calls however few there are. An emission of a stream
has few: it repeats its rows instead, once for each grouping set and window they belong to, with
what told the passes apart as columns of the key. Sums are the same, to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from schemas.partial import BOTH, GROUPINGS, TRAFFIC, WINDOWS
from transforms.frame import Frame, rows_of, stack
from transforms.measures.acts import count_acts
from transforms.measures.additive import finest, summed
from transforms.measures.changed import Counted
from transforms.measures.counting import audience
from transforms.measures.grouping_sets import with_dimensions

_PLACE = ("traffic", "grouping", "content", "brand", "channel")


def count_together(counted: Sequence[tuple[int, Counted]], time_zone: str) -> Iterator[Frame]:
    """Partial columns of people, given as (traffic, rows counted): frames that have all dimensions
    but an item, where none is theirs, as columns.
    """
    hours = _everywhere(counted, [rows.hours for _, rows in counted])
    alike = all(rows.days is rows.hours for _, rows in counted)
    days = hours if alike else _everywhere(counted, [rows.days for _, rows in counted])
    for window, frame in audience(Counted(hours, days, ()), _PLACE, time_zone):
        frame["window"] = np.full(rows_of(frame), window, dtype=np.int8)
        yield frame
    acted = [
        _in_window(_everywhere(counted, [rows.acts[window] for _, rows in counted]), window)
        for window in range(len(WINDOWS))
    ]
    yield from count_acts(stack(acted, acted[0]), (*_PLACE, "window"))


def _everywhere(counted: Sequence[tuple[int, Counted]], frames: Sequence[Frame]) -> Frame:
    """A frame of each traffic below the other, in all grouping sets, with what tells them apart."""
    marked = [_marked(traffic, frame) for (traffic, _), frame in zip(counted, frames)]
    return _in_groupings(marked)


def additive_together(new: Frame, time_zone: str) -> Iterator[Frame]:
    """The columns of `additive`, of observations that count, with all dimensions as columns."""
    if not rows_of(new):
        return
    frame = finest(new, time_zone)
    frame["traffic"] = np.where(frame["valid"] != 0, BOTH, TRAFFIC.index("gross")).astype(np.int8)
    everywhere = _in_windows(_in_groupings([frame]))
    yield summed(everywhere, (*_PLACE, "window", "start"))


def _marked(traffic: int, frame: Frame) -> Frame:
    return {**frame, "traffic": np.full(rows_of(frame), traffic, np.int8)}


def _in_groupings(frames: Sequence[Frame]) -> Frame:
    """The rows once for each grouping set they belong to, without the dimensions it lacks."""
    whole = stack(frames, frames[0])
    nothing = np.zeros(rows_of(whole), dtype=np.int64)
    parts = []
    for number, dimensions in enumerate(GROUPINGS):
        others = {d: nothing for d in ("content", "brand", "channel") if d not in dimensions}
        grouping = np.full(rows_of(whole), number, dtype=np.int8)
        parts.append(with_dimensions({**whole, **others, "grouping": grouping}, dimensions))
    return stack(parts, parts[0])


def _in_windows(frame: Frame) -> Frame:
    """The rows once for each kind of window, `start` being where theirs starts."""
    parts = [_in_window(frame, number) for number in range(len(WINDOWS))]
    return stack(parts, parts[0])


def _in_window(frame: Frame, number: int) -> Frame:
    kept = {name: v for name, v in frame.items() if name not in WINDOWS}
    start = frame[WINDOWS[number]]
    return {**kept, "start": start, "window": np.full(rows_of(frame), number, dtype=np.int8)}


def few(*counted: Counted) -> bool:
    """Is repeating the rows cheaper than repeating the calls?"""
    return sum(map(_rows_counted, counted)) <= FEW_ROWS


def _rows_counted(counted: Counted) -> int:
    """Rows of presence and of actions, whatever of them is counted for several windows."""
    presence = max(rows_of(counted.hours), rows_of(counted.days))
    return presence + max(map(rows_of, counted.acts))


FEW_ROWS = 8_192
"""Above it the sorting of repeated rows costs more than the calls saved, and memory grows."""
