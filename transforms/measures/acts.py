"""Acts: what was done, by whom and how well it was liked: rows of actions to partial columns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from schemas.observation import SIGNAL_CODE
from transforms.frame import Frame, choose, group, rows_of, squares
from transforms.measures.people import codes_of

ENGAGEMENT = codes_of(frozenset(("interaction", "redistribution", "advocacy", "conversion")))
"""What « actions » are in « Taux d'engagement (actions/audience) »; answering a survey is not."""

SATISFIED = 750_000
BORED = 500_000
"""Thresholds in millionths of the scale: 4 and 5 of 5; half of the boredom scale."""

POSITIVE = {"rate:nps": 900_000, "rate:csat": SATISFIED, "rate:ces": 666_666, "rate:boredom": BORED}
NEGATIVE = {"rate:nps": 600_000, "rate:csat": 250_000, "rate:ces": 333_334, "rate:boredom": -1}
"""Favourable at or above, unfavourable at or below: NPS 9-10 and 0-6 of 10; CSAT 4-5 and 1-2 of 5;
CES 5-7 and 1-3 of 7."""


def by_act(actions: Frame, dimensions: tuple[str, ...]) -> Frame:
    """One row a person, start, signal and value of each group."""
    key = (*dimensions, "start", "actor", "signal", "value")
    groups = group(actions, key)
    return {**groups.first(actions, key), "count": groups.sum(actions["count"])}


def count_acts(actions: Frame, dimensions: tuple[str, ...]) -> Iterator[Frame]:
    """Frames of the columns about what was done, of each `start` of the actions."""
    if not rows_of(actions):
        return
    identified = actions["actor"] != 0
    engaged = choose(actions, identified & np.isin(actions["signal"], ENGAGEMENT))
    if rows_of(engaged):
        yield _engagement(engaged, dimensions)
    rated = actions["signal"] >= SIGNAL_CODE["rate:nps"]
    if rated.any():
        yield _affect(choose(actions, identified & rated), dimensions)
    yield _items(actions, dimensions)


def _engagement(engaged: Frame, dimensions: tuple[str, ...]) -> Frame:
    """Engagers, actions and squared actions of each start."""
    by_person = group(engaged, (*dimensions, "start", "actor"))
    people = by_person.first(engaged, (*dimensions, "start"))
    own = by_person.sum(engaged["count"])
    groups = group(people, (*dimensions, "start"))
    frame = groups.first(people, (*dimensions, "start"))
    frame["engagers"] = groups.sizes()
    frame["actions"] = groups.sum(own)
    frame["action_squares"] = _sum_squares(own, groups.order, groups.starts)
    return frame


def _sum_squares(values: np.ndarray, order: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Exact sums of squares per group: int64 where they must fit, else decimal128, as objects."""
    most = int(np.abs(values).max(initial=0))
    if most * most * max(len(values), 1) < 2**62:
        sums = np.add.reduceat((values * values)[order], starts) if len(starts) else values[:0]
        return sums.astype(object)
    table = pa.table(
        {
            "group": np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(order)))),
            "square": squares(values[order]),
        }
    )
    summed = table.group_by("group", use_threads=False).aggregate([("square", "sum")])
    return np.array([int(v) for v in summed.sort_by("group")["square_sum"].to_pylist()], object)


def _affect(rated: Frame, dimensions: tuple[str, ...]) -> Frame:
    """Distinct people bored, satisfied, dissatisfied and both, of each start."""
    csat = rated["signal"] == SIGNAL_CODE["rate:csat"]
    high = rated["value"] >= SATISFIED
    bored = (rated["signal"] == SIGNAL_CODE["rate:boredom"]) & (rated["value"] >= BORED)
    marks = bored * 1 | (csat & high) * 2 | (csat & ~high) * 4
    by_person = group(rated, (*dimensions, "start", "actor"))
    people = by_person.first(rated, (*dimensions, "start"))
    marked = by_person.union(marks.astype(np.int64))
    groups = group(people, (*dimensions, "start"))
    frame = groups.first(people, (*dimensions, "start"))
    for name, bits in (
        ("bored", 1),
        ("satisfied", 2),
        ("dissatisfied", 4),
        ("satisfied_bored", 3),
        ("dissatisfied_bored", 5),
    ):
        frame[name] = groups.sum((marked & bits) == bits)
    return frame


def _items(actions: Frame, dimensions: tuple[str, ...]) -> Frame:
    """Counts, authors, anonymous and favourable answers of each start and signal."""
    keyed = {**actions, "item": actions["signal"]}
    key = (*dimensions, "start", "item")
    groups = group(keyed, key)
    frame = groups.first(keyed, key)
    frame["count"] = groups.sum(keyed["count"])
    frame["anonymous"] = groups.sum(keyed["count"] * (keyed["actor"] == 0))
    code = np.arange(int(keyed["signal"].max(initial=0)) + 1)
    positive = _thresholds(POSITIVE, len(code), 2**31 - 1)[keyed["signal"]]
    negative = _thresholds(NEGATIVE, len(code), -1)[keyed["signal"]]
    frame["positive"] = groups.sum(keyed["count"] * (keyed["value"] >= positive))
    frame["negative"] = groups.sum(keyed["count"] * (keyed["value"] <= negative))
    by_person = group(keyed, (*key, "actor"))
    authors = by_person.first(keyed, (*key, "actor"))
    per_item = group(authors, key)
    frame["authors"] = per_item.sum(authors["actor"] != 0)
    return frame


def _thresholds(of: dict[str, int], codes: int, otherwise: int) -> np.ndarray:
    table = np.full(max(codes, max(SIGNAL_CODE.values()) + 1), otherwise, dtype=np.int64)
    for name, threshold in of.items():
        table[SIGNAL_CODE[name]] = threshold
    return table
