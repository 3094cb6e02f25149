"""Together: every grouping set, window, traffic and sign counted in one pass, for few rows.

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
from transforms.measures.additive import finest, summed
from transforms.measures.counting import audience, count_acts, with_dimensions
from transforms.measures.people import People

_PLACE = ("traffic", "grouping", "content", "brand", "channel")


def count_together(sides: Sequence[tuple[int, int, People]], time_zone: str) -> Iterator[Frame]:
    """Partial columns of people, each side given as (sign, traffic, people): frames that have all
    dimensions but an item, where none is theirs, as columns. A negative side's counts are negative.
    """
    key = ("sign", *_PLACE)
    presence = _in_groupings([_marked(s, t, people.presence) for s, t, people in sides])
    for window, frame in audience(presence, key, time_zone):
        frame["window"] = np.full(rows_of(frame), window, dtype=np.int8)
        yield _signed(frame)
    acted = _in_windows(_in_groupings([_marked(s, t, people.actions) for s, t, people in sides]))
    for frame in count_acts(acted, (*key, "window")):
        yield _signed(frame)


def additive_together(new: Frame) -> Iterator[Frame]:
    """The columns of `additive`, of observations that count, with all dimensions as columns."""
    if not rows_of(new):
        return
    frame = finest(new)
    frame["traffic"] = np.where(frame["valid"] != 0, BOTH, TRAFFIC.index("gross")).astype(np.int8)
    everywhere = _in_windows(_in_groupings([frame]))
    yield summed(everywhere, (*_PLACE, "window", "start"))


def _marked(sign: int, traffic: int, frame: Frame) -> Frame:
    rows = rows_of(frame)
    signs, traffics = np.full(rows, sign, np.int8), np.full(rows, traffic, np.int8)
    return {**frame, "sign": signs, "traffic": traffics}


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
    kept = {name: v for name, v in frame.items() if name not in WINDOWS}
    parts = [
        {**kept, "start": frame[name], "window": np.full(rows_of(frame), number, dtype=np.int8)}
        for number, name in enumerate(WINDOWS)
    ]
    return stack(parts, parts[0])


_DIMENSIONS = {*_PLACE, "window", "start", "item"}


def _signed(frame: Frame) -> Frame:
    """The counts with their sign, which is then no column any more."""
    sign = frame.pop("sign").astype(np.int64)
    return {n: v if n in _DIMENSIONS else v * sign for n, v in frame.items()}


def few(*people: People) -> bool:
    """Is repeating the rows cheaper than repeating the calls?"""
    return sum(rows_of(frame) for each in people for frame in each) <= FEW_ROWS


FEW_ROWS = 8_192
"""Above it the sorting of repeated rows costs more than the calls saved, and memory grows."""
