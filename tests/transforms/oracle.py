"""The slow, obvious version of Attend: dictionaries and sets, one row after the other."""

from __future__ import annotations

import struct
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import datetime, timezone

from schemas.event import ACTION_CLASS
from tests.transforms.observations import Place, Said, id_bytes, local_day, local_hour

_GROUPINGS = {
    "total": (),
    "channel": ("channel",),
    "brand": ("brand",),
    "brand_channel": ("brand", "channel"),
    "content": ("content",),
    "content_channel": ("content", "channel"),
}
_DIMENSIONS = ("content", "brand", "channel")
_ABSENT_FROM_THE_AUDIENCE = ("contact", "control")
_ENGAGING = ("interaction", "redistribution", "advocacy", "conversion")
_FAVOURABLE = {
    "rate:nps": 900_000,
    "rate:csat": 750_000,
    "rate:ces": 666_666,
    "rate:boredom": 500_000,
}
_UNFAVOURABLE = {"rate:nps": 600_000, "rate:csat": 250_000, "rate:ces": 333_334}


def _class_of(row: Said) -> str:
    return "survey" if row.signal.startswith("rate:") else ACTION_CLASS[row.signal]


def _accepted(rows: list[Said]) -> list[Said]:
    """Each id once; copies must be alike."""
    return list({row.id: row for row in rows}.values())


def _counted(accepted: list[Said]) -> list[Said]:
    """Immutable rows, and of each fact the last statement unless it retracts."""
    standing: dict[int, Said] = {}
    for row in accepted:
        if row.fact:
            old = standing.get(row.fact)
            if old is None or _rank(old) < _rank(row):
                standing[row.fact] = row
    kept = [row for row in standing.values() if not row.retract]
    return [row for row in accepted if not row.fact] + kept


def _rank(row: Said) -> tuple[int, bool, tuple[int, ...]]:
    return row.revision, row.retract, struct.unpack("<qq", id_bytes(row))


def _places(row: Said, traffic: str) -> list[tuple[str, str, str, str, str]]:
    if traffic == "valid" and not row.valid:
        return []
    places = []
    for name, dimensions in _GROUPINGS.items():
        texts = {d: getattr(row, d) if d in dimensions else "" for d in _DIMENSIONS}
        if all(texts[d] for d in dimensions):
            places.append((name, texts["content"], texts["brand"], texts["channel"], traffic))
    return places


def _windows(row: Said, time_zone: str) -> list[tuple[str, int]]:
    minute = row.micros // 60_000_000
    return [
        ("minute", minute),
        ("hour", local_hour(row, time_zone)),
        ("day", local_day(row, time_zone)),
    ]


def _watched(row: Said) -> list[tuple[Said, int]]:
    """The row at each minute that its time watched is of, and milliseconds of it."""
    if row.signal != "heartbeat":
        return []
    if row.value <= 60_000:
        return [(row, row.value)]
    watched, start = [], row.micros // 1000
    while start < row.micros // 1000 + row.value:
        end = min(start // 60_000 * 60_000 + 60_000, row.micros // 1000 + row.value)
        at = datetime.fromtimestamp(start / 1000, timezone.utc)
        watched.append((replace(row, at=at), end - start))
        start = end
    return watched


def _at_minute_ends(row: Said, periods: int) -> list[int]:
    """Minutes at whose end t the heartbeat lies in (t − periods · h, t]."""
    minutes, minute = [], row.micros // 60_000_000
    while (minute + 1) * 60_000_000 - row.micros < periods * row.period * 1000:
        minutes.append(minute)
        minute += 1
    return minutes


def oracle(rows: list[Said], time_zone: str) -> dict[tuple[Place, str], int]:
    """Every partial column but heartbeat_ms, where it is not zero."""
    sums: Counter[tuple[Place, str]] = Counter()
    people: dict[tuple[Place, str], set[str]] = defaultdict(set)
    own: Counter[tuple[Place, str]] = Counter()
    days: dict[tuple[tuple[str, str, str, str, str], str], set[int]] = defaultdict(set)
    accepted = _accepted(rows)
    for row in accepted:
        for traffic in ("gross", "valid"):
            for place in _places(row, traffic):
                for window in _windows(row, time_zone):
                    key = (*place, *window, "")
                    sums[key, "events"] += 1
                    sums[key, "heartbeat_events"] += row.period > 0
                for minute, watched in _watched(row):
                    for window in _windows(minute, time_zone):
                        sums[(*place, *window, ""), "watched_ms"] += watched
    for row in _counted(accepted):
        if _class_of(row) in _ABSENT_FROM_THE_AUDIENCE:
            continue
        for traffic in ("gross", "valid"):
            for place in _places(row, traffic):
                if row.actor:
                    days[place, row.actor].add(local_day(row, time_zone))
                    for name, periods in (("concurrent", 2), ("concurrent_fresh", 1)):
                        for minute in _at_minute_ends(row, periods):
                            people[(*place, "minute", minute, ""), name].add(row.actor)
                for window in _windows(row, time_zone):
                    _count(row, (*place, *window, ""), people, own)
                    _count_item(row, (*place, *window, row.signal), people, sums)
    for (place, _), seen in days.items():
        for day in seen:
            new = "new_people" if day == min(seen) else "returning_people"
            sums[(*place, "day", day, ""), new] += 1
    for (key, _), actions in own.items():
        sums[key, "actions"] += actions
        sums[key, "action_squares"] += actions * actions
    for (key, name), actors in people.items():
        sums[key, name] += len(actors)
    for key in {key for key, name in people}:
        bored = people.get((key, "bored"), set())
        for mood in ("satisfied", "dissatisfied"):
            sums[key, f"{mood}_bored"] += len(bored & people.get((key, mood), set()))
    return {key: value for key, value in sums.items() if value}


def _count(
    row: Said,
    key: Place,
    people: dict[tuple[Place, str], set[str]],
    own: Counter[tuple[Place, str]],
) -> None:
    if not row.actor:
        return
    people[key, "viewers"].add(row.actor)
    if _class_of(row) in _ENGAGING:
        people[key, "engagers"].add(row.actor)
        own[key, row.actor] += 1
    if row.signal == "rate:boredom" and row.value >= 500_000:
        people[key, "bored"].add(row.actor)
    if row.signal == "rate:csat":
        people[key, "satisfied" if row.value >= 750_000 else "dissatisfied"].add(row.actor)


def _count_item(
    row: Said,
    key: Place,
    people: dict[tuple[Place, str], set[str]],
    sums: Counter[tuple[Place, str]],
) -> None:
    if _class_of(row) == "exposure":
        return
    sums[key, "count"] += 1
    sums[key, "positive"] += row.value >= _FAVOURABLE.get(row.signal, 2**31)
    sums[key, "negative"] += row.value <= _UNFAVOURABLE.get(row.signal, -1)
    if row.actor:
        people[key, "authors"].add(row.actor)
    else:
        sums[key, "anonymous"] += 1
