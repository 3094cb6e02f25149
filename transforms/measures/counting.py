"""Counting: people to partial columns, for one traffic and one grouping set after the other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from schemas.observation import SIGNAL_CODE
from schemas.partial import GROUPINGS, WINDOWS
from transforms.calendar import local_windows
from transforms.frame import Frame, choose, group, rows_of, squares
from transforms.measures.changed import Counted
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

_BITS = 60


def count_people(counted: Counted, time_zone: str) -> Iterator[tuple[int, int, Frame]]:
    """(grouping, window, frame) of partial columns; a frame has the dimensions and `start`."""
    for number, dimensions in enumerate(GROUPINGS):
        for window, frame in audience(_in_grouping(counted, dimensions), dimensions, time_zone):
            yield number, window, frame
        for window, start in enumerate(WINDOWS):
            actions = with_dimensions(counted.acts[window], dimensions)
            for frame in count_acts({**actions, "start": actions[start]}, dimensions):
                yield number, window, frame


def _in_grouping(counted: Counted, dimensions: tuple[str, ...]) -> Counted:
    hours = with_dimensions(counted.hours, dimensions)
    alike = counted.days is counted.hours
    return counted._replace(
        hours=hours, days=hours if alike else with_dimensions(counted.days, dimensions)
    )


def with_dimensions(frame: Frame, dimensions: tuple[str, ...]) -> Frame:
    """Rows that have the grouping's content and brand; the others belong to no such group."""
    named = [frame[d] != 0 for d in dimensions if d != "channel"]
    return choose(frame, np.logical_and.reduce(named)) if named else frame


def audience(
    counted: Counted, dimensions: tuple[str, ...], time_zone: str
) -> Iterator[tuple[int, Frame]]:
    """(window, frame) of the columns about who was there; one row a place, person and hour in."""
    if rows_of(counted.hours):
        hours = _by_hour(counted.hours, dimensions)
        yield WINDOWS.index("minute"), _minutes(hours, dimensions)
        seen = choose(hours, hours["seen"] != 0)
        yield WINDOWS.index("hour"), _viewers({**seen, "start": seen["hour"]}, dimensions)
    if rows_of(counted.days):
        if counted.days is not counted.hours:
            hours = _by_hour(counted.days, dimensions)
        # A row without any minute marks who was there on a sealed day: see `sealed_people`.
        marked = (hours["seen"] | (hours["alive"] | hours["fresh"])) == 0
        there = choose(hours, (hours["seen"] != 0) | marked)
        there["day"] = local_windows(there["hour"].astype(np.int64), time_zone)[0]
        yield WINDOWS.index("day"), _days(there, dimensions)


def _by_hour(presence: Frame, dimensions: tuple[str, ...]) -> Frame:
    """One row a person and hour of each group."""
    by_person = group(presence, (*dimensions, "hour", "actor"))
    hours = by_person.first(presence, (*dimensions, "hour", "actor"))
    for name in ("seen", "alive", "fresh"):
        hours[name] = by_person.union(presence[name])
    hours["period"] = by_person.maximum(presence["period"]).astype(np.int64) * 1000
    return hours


def _viewers(people: Frame, dimensions: tuple[str, ...], *counted: str) -> Frame:
    """Viewers of each start, and sums of further columns; one row a person on entry."""
    groups = group(people, (*dimensions, "start"))
    frame = groups.first(people, (*dimensions, "start"))
    frame["viewers"] = groups.sizes()
    frame["heartbeat_ms"] = groups.sum(people["period"])
    return frame | {name: groups.sum(people[name]) for name in counted}


def _days(hours: Frame, dimensions: tuple[str, ...]) -> Frame:
    """Viewers, new and returning people of each local day."""
    by_day = group(hours, (*dimensions, "day", "actor"))
    days = by_day.first(hours, (*dimensions, "day", "actor"))
    days["period"] = by_day.maximum(hours["period"])
    days["seen"] = by_day.union(hours["seen"])
    days["new_people"] = _first_of_days(days, dimensions)
    present = choose({**days, "start": days["day"]}, days["seen"] != 0)
    frame = _viewers(present, dimensions, "new_people")
    return frame | {"returning_people": frame["viewers"] - frame["new_people"]}


def _first_of_days(days: Frame, dimensions: tuple[str, ...]) -> np.ndarray:
    """1 where a row's day is the first of its person in the group, else 0."""
    first = np.ones(rows_of(days), dtype=np.int64)
    if (days["day"] == days["day"][:1]).all():
        return first
    by_person = group(days, (*dimensions, "actor"))
    firsts = np.repeat(by_person.minimum(days["day"]), by_person.sizes())
    first[by_person.order] = days["day"][by_person.order] == firsts
    return first


def _minutes(hours: Frame, dimensions: tuple[str, ...]) -> Frame:
    """Viewers and concurrent viewers of each minute: how often each bit of the masks is set."""
    groups = group(hours, (*dimensions, "hour"))
    keys = groups.first(hours, (*dimensions, "hour"))
    owner = np.empty(rows_of(hours), dtype=np.int64)
    owner[groups.order] = np.repeat(np.arange(len(groups.starts)), groups.sizes())
    cells = len(groups.starts) * _BITS
    seen_rows, seen_bits = set_bits(hours["seen"])
    seen_cells = owner[seen_rows] * _BITS + seen_bits
    # A float64 holds these sums exactly: ten million people's periods are below 2⁵³ milliseconds.
    weights = hours["period"][seen_rows].astype(np.float64)
    sums = {
        "viewers": np.bincount(seen_cells, minlength=cells),
        "heartbeat_ms": np.bincount(seen_cells, weights, minlength=cells).astype(np.int64),
    }
    for name, mask in (("concurrent", "alive"), ("concurrent_fresh", "fresh")):
        rows, bits = set_bits(hours[mask])
        sums[name] = np.bincount(owner[rows] * _BITS + bits, minlength=cells)
    told = np.flatnonzero(sums["viewers"] | sums["concurrent"])
    place, bit = np.divmod(told, _BITS)
    frame = {name: keys[name][place] for name in dimensions}
    frame["start"] = (keys["hour"][place] + bit).astype(np.int32)
    for name, counts in sums.items():
        frame[name] = counts[told]
    return frame


def set_bits(masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(row, bit) of every bit set in uint64 masks; work grows with the bits, not with 64 a row."""
    rows, bits = [], []
    row = np.flatnonzero(masks)
    left = masks[row]
    while len(row):
        lowest = left & (~left + np.uint64(1))
        rows.append(row)
        bits.append(np.bitwise_count(lowest - np.uint64(1)))
        left = left ^ lowest
        more = left != 0
        row, left = row[more], left[more]
    if not rows:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    return np.concatenate(rows), np.concatenate(bits).astype(np.int64)


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
