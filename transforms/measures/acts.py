"""Acts: what was done, by whom and how well it was liked: rows of actions to partial columns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from schemas.observation import SIGNAL_CODE
from transforms.frame import Frame, Groups, choose, group, rows_of, squares
from transforms.measures.people import codes_of
from transforms.measures.sides import net, sides, unlike

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
    return groups.first(actions, key) | _sums(groups, actions)


def _sums(groups: Groups, actions: Frame) -> Frame:
    """How often it was done, on each side."""
    names = ["count" + side for side, _ in sides(actions)]
    return {name: groups.sum(actions[name]) for name in names}


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
    people = by_person.first(engaged, (*dimensions, "start")) | _sums(by_person, engaged)
    people = unlike(people, "count")
    groups = group(people, (*dimensions, "start"))
    frame = groups.first(people, (*dimensions, "start"))
    frame["engagers"] = _doers(groups, people)
    frame["actions"] = groups.sum(net(people, "count"))
    for side, sign in sides(people):
        squared = _sum_squares(people["count" + side], groups.order, groups.starts)
        frame["action_squares"] = frame.get("action_squares", 0) + sign * squared
    return frame


def _doers(groups: Groups, people: Frame) -> np.ndarray:
    """How many did it at all; one row a person on entry."""
    done = {"done" + side: people["count" + side] != 0 for side, _ in sides(people)}
    return groups.sum(net(done, "done"))


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
    for side, _ in sides(rated):
        people["marks" + side] = by_person.union(marks * (rated["count" + side] != 0))
    people = unlike(people, "marks")
    groups = group(people, (*dimensions, "start"))
    frame = groups.first(people, (*dimensions, "start"))
    for name, bits in (
        ("bored", 1),
        ("satisfied", 2),
        ("dissatisfied", 4),
        ("satisfied_bored", 3),
        ("dissatisfied_bored", 5),
    ):
        having = {m: (people[m] & bits) == bits for m in people if m.startswith("marks")}
        frame[name] = groups.sum(net(having, "marks"))
    return frame


def _items(actions: Frame, dimensions: tuple[str, ...]) -> Frame:
    """Counts, authors, anonymous and favourable answers of each start and signal."""
    keyed = {**actions, "item": actions["signal"]}
    key = (*dimensions, "start", "item")
    groups = group(keyed, key)
    frame = groups.first(keyed, key)
    count = net(keyed, "count")
    frame["count"] = groups.sum(count)
    frame["anonymous"] = groups.sum(count * (keyed["actor"] == 0))
    code = np.arange(int(keyed["signal"].max(initial=0)) + 1)
    positive = _thresholds(POSITIVE, len(code), 2**31 - 1)[keyed["signal"]]
    negative = _thresholds(NEGATIVE, len(code), -1)[keyed["signal"]]
    frame["positive"] = groups.sum(count * (keyed["value"] >= positive))
    frame["negative"] = groups.sum(count * (keyed["value"] <= negative))
    by_person = group(keyed, (*key, "actor"))
    authors = by_person.first(keyed, (*key, "actor")) | _sums(by_person, keyed)
    # Nobody in particular is no author; the row is kept, so that both have the same groups.
    named = {n: v * (authors["actor"] != 0) for n, v in authors.items() if n.startswith("count")}
    frame["authors"] = _doers(group(authors, key), named)
    return frame


def _thresholds(of: dict[str, int], codes: int, otherwise: int) -> np.ndarray:
    table = np.full(max(codes, max(SIGNAL_CODE.values()) + 1), otherwise, dtype=np.int64)
    for name, threshold in of.items():
        table[SIGNAL_CODE[name]] = threshold
    return table
