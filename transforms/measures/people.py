"""PEOPLE: what Attend remembers of persons, in two frames, and how observations reduce to them.

`presence` has a row a person, content, brand, channel, traffic and local hour, with 60-bit masks of
minutes: merging is OR, reach is a bit count, 63 bytes a row (the hour tells the day, periods are in
seconds). `actions` has a row a person,
place, minute and signal with a count.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from schemas.event import ACTION_CLASS
from schemas.observation import SIGNAL_CODE, SIGNALS, VALID
from transforms.calendar import MINUTE_US, local_windows
from transforms.frame import Among, Frame, Groups, choose, group, rows_of, stack

PLACE = ("actor", "content", "brand", "channel", "valid")
PRESENCE_KEY = (*PLACE, "hour")
ACTIONS_KEY = (*PLACE, "minute", "signal", "value")
TOLD_BY_MINUTE = ("hour", "day")
"""Columns of actions that follow from their key."""

_MERGED = {
    "seen": Groups.union,
    "alive": Groups.union,
    "fresh": Groups.union,
    "period": Groups.maximum,
    "count": Groups.sum,
}
"""How the rows of a key become one."""

_DTYPES = {
    "actor": np.int64,
    "content": np.int64,
    "brand": np.int64,
    "channel": np.int64,
    "valid": np.int8,
    "hour": np.int32,
    "day": np.int32,
    "minute": np.int32,
    "signal": np.int16,
    "value": np.int32,
    "count": np.int64,
    "seen": np.uint64,
    "alive": np.uint64,
    "fresh": np.uint64,
    "period": np.int16,
}
_PRESENCE = (*PRESENCE_KEY, "seen", "alive", "fresh", "period")
_ACTIONS = (*ACTIONS_KEY, "hour", "day", "count")
_SEEN_FROM = (*PRESENCE_KEY, "minute", "event_time", "period")
_ACTED_FROM = (*ACTIONS_KEY, "hour", "day")

_MINUTES = 60
"""Minutes of an hour."""

PRESENCE_CLASSES = frozenset(
    ("exposure", "interaction", "redistribution", "advocacy", "conversion", "survey")
)
"""Classes of actions that show somebody was there; being written to or managed does not."""


def codes_of(classes: frozenset[str]) -> np.ndarray:
    """Signal codes of the actions of some classes; ratings belong to `survey`."""
    names = {name for name, of in ACTION_CLASS.items() if of in classes}
    if "survey" in classes:
        names |= {name for name in SIGNALS if name.startswith("rate:")}
    return np.array(sorted(SIGNAL_CODE[name] for name in names), dtype=np.int16)


_PRESENT = codes_of(PRESENCE_CLASSES)
_COUNTED = codes_of(PRESENCE_CLASSES - {"exposure"})


class People(NamedTuple):
    presence: Frame
    actions: Frame


def nobody() -> People:
    return People(
        {name: np.zeros(0, _DTYPES[name]) for name in _PRESENCE},
        {name: np.zeros(0, _DTYPES[name]) for name in _ACTIONS},
    )


def reduce_observations(observations: Frame, time_zone: str) -> People:
    """People of observations that count (deduplicated, no retractions): the batch's own state."""
    frame = dict(observations)
    frame["valid"] = (frame["flags"] & VALID).astype(np.int8)
    frame["minute"] = (frame["event_time"] // MINUTE_US).astype(np.int32)
    return People(_presence(frame, time_zone), _actions(frame))


def merge(parts: list[People]) -> People:
    """One row a key: masks OR-ed, periods maximised, counts added. Each part must be so already."""
    return People(
        _merged([part.presence for part in parts], _merge_presence, nobody().presence),
        _merged([part.actions for part in parts], _merge_actions, nobody().actions),
    )


def _merged(frames: list[Frame], merger: Callable[[Frame], Frame], empty: Frame) -> Frame:
    present = [frame for frame in frames if rows_of(frame)]
    if len(present) < 2:
        return present[0] if present else empty
    return merger(stack(present, empty))


def of_actors(people: People, actors: np.ndarray) -> People:
    """The rows of some actors."""
    return People(*(choose(f, np.isin(f["actor"], actors)) for f in people))


def without_actors(people: People, actors: np.ndarray) -> People:
    """The rows of all other actors."""
    return People(*(choose(f, ~np.isin(f["actor"], actors)) for f in people))


def parted(people: People, among: Among) -> tuple[People, People]:
    """The rows of actors among some, and those of the others."""
    masks = [among(frame["actor"]) for frame in people]
    own = People(*(choose(frame, mask) for frame, mask in zip(people, masks)))
    return own, People(*(choose(frame, ~mask) for frame, mask in zip(people, masks)))


def beside(some: People, others: People) -> People:
    """People of whom no actor is in both."""
    return People(*(stack(frames, frames[0]) for frames in zip(some, others)))


def sealed_people(people: People, closed: int, before: int, time_zone: str) -> People:
    """People with what happened before minute `closed` folded to what open windows need of it.

    What happened before minute `before` is folded already.

    An hour that is sealed needs no minutes: the sealed hours of an open day are one row a place and
    actor. Actions before `closed` are one row a place, signal and value of their hour, and later of
    their day. Of a sealed day a mark stays, a row without any minute, so that the next visit is a
    return. Folded rows say a minute or hour that is sealed: before and after an emission they say
    the same, so nothing of it is in a delta.
    """
    days = local_windows(np.array([closed, max(before, 0)]), time_zone)[0].tolist()
    presence, actions = people
    hours = presence["hour"]
    if days[0] > days[1] or ((hours <= closed - _MINUTES) & (hours > before - _MINUTES)).any():
        presence = _sealed_presence(presence, closed, days[0] - 1, time_zone)
        actions = _sealed_actions(actions, closed, days[0] - 1)
    elif ((actions["minute"] < closed) & (actions["minute"] >= before)).any():
        actions = _sealed_actions(actions, closed, days[0] - 1)
    return People(presence, actions)


def _sealed_presence(presence: Frame, closed: int, last_day: int, time_zone: str) -> Frame:
    sealed = presence["hour"] <= closed - _MINUTES
    if not sealed.any():
        return presence
    gone = choose(presence, sealed)
    gone["day"] = local_windows(gone["hour"].astype(np.int64), time_zone)[0]
    marked = (gone["seen"] | gone["alive"] | gone["fresh"]) == 0
    gone = choose(gone, marked | (gone["seen"] != 0))
    old = gone["day"] <= last_day
    marks, days = choose(gone, old), choose(gone, ~old)
    folded = [_folded(marks, PLACE), _folded(days, (*PLACE, "day"))]
    folded[1]["seen"] = np.ones(rows_of(folded[1]), dtype=np.uint64)
    folded[0]["period"] = np.zeros(rows_of(folded[0]), dtype=np.int16)
    return stack([choose(presence, ~sealed), *folded], presence)


def _folded(rows: Frame, key: tuple[str, ...]) -> Frame:
    """One row a key: its first hour, its longest period, no minute."""
    groups = group(rows, key)
    folded = groups.first(rows, PLACE)
    folded["hour"] = groups.minimum(rows["hour"])
    folded["period"] = groups.maximum(rows["period"])
    for name in ("seen", "alive", "fresh"):
        folded[name] = np.zeros(rows_of(folded), dtype=np.uint64)
    return folded


def _sealed_actions(actions: Frame, closed: int, last_day: int) -> Frame:
    actions = choose(actions, actions["day"] > last_day)
    sealed = actions["minute"] < closed
    if not sealed.any():
        return actions
    gone = choose(actions, sealed)
    whole = gone["hour"] <= closed - _MINUTES
    gone["unit"] = np.where(whole, gone["day"], gone["hour"])
    gone["whole"] = whole
    key = (*PLACE, "unit", "whole", "signal", "value")
    groups = group(gone, key)
    folded = groups.first(gone, (*PLACE, "signal", "value", "day"))
    folded["hour"] = folded["minute"] = groups.minimum(gone["hour"])
    folded["count"] = groups.sum(gone["count"])
    return stack([choose(actions, ~sealed), folded], actions)


def _presence(frame: Frame, time_zone: str) -> Frame:
    mask = np.isin(frame["signal"], _PRESENT) & (frame["actor"] != 0)
    there = choose({name: frame[name] for name in _SEEN_FROM}, mask)
    there["period"] = -(-there["period"].astype(np.int64) // 1000)
    one = np.uint64(1)
    there["seen"] = one << (there["minute"] - there["hour"]).astype(np.uint64)
    for mask in ("alive", "fresh"):
        there[mask] = np.zeros(rows_of(there), dtype=np.uint64)
    rows = {name: there[name].astype(_DTYPES[name], copy=False) for name in _PRESENCE}
    watching = [_watching(there, "alive", 2, time_zone), _watching(there, "fresh", 1, time_zone)]
    return _merge_presence(stack([rows, *watching], nobody().presence))


def _watching(there: Frame, mask: str, periods: int, time_zone: str) -> Frame:
    """Rows that mark at the end of which minutes a heartbeat's viewer still counts as watching.

    A viewer is concurrent at instant t with a heartbeat in (t − 2h, t), h its declared period: one
    lost heartbeat does not make a viewer leave. Within one period the viewer surely is there.
    """
    beats = choose(there, there["period"] > 0)
    to_minute_end = (beats["minute"].astype(np.int64) + 1) * MINUTE_US - beats["event_time"]
    reach = periods * beats["period"] * 1_000_000 - to_minute_end
    parts = []
    later = 0
    while True:
        living = reach > later * MINUTE_US
        if not living.any():
            break
        part = choose(beats, living)
        if later:
            part["minute"] = part["minute"] + np.int32(later)
            _, part["hour"] = local_windows(part["minute"].astype(np.int64), time_zone)
        part[mask] = np.uint64(1) << (part["minute"] - part["hour"]).astype(np.uint64)
        part["seen"] = np.zeros(rows_of(part), dtype=np.uint64)
        # The beat's own hour has its period: later ones would lose it when they are folded.
        part["period"] = np.zeros(rows_of(part), dtype=np.int64)
        parts.append({name: part[name].astype(_DTYPES[name], copy=False) for name in _PRESENCE})
        later += 1
    return stack(parts, nobody().presence)


def _actions(frame: Frame) -> Frame:
    mask = np.isin(frame["signal"], _COUNTED)
    acted = choose({name: frame[name] for name in _ACTED_FROM}, mask)
    rated = acted["signal"] >= SIGNAL_CODE["rate:nps"]
    acted["value"] = np.where(rated, acted["value"], 0)
    acted["count"] = np.ones(rows_of(acted), dtype=np.int64)
    return _merge_actions({n: acted[n].astype(_DTYPES[n], copy=False) for n in _ACTIONS})


def _merge_presence(frame: Frame) -> Frame:
    groups = group(frame, PRESENCE_KEY)
    return groups.first(frame, PRESENCE_KEY) | merged_rows(groups, frame)


def _merge_actions(frame: Frame) -> Frame:
    groups = group(frame, ACTIONS_KEY)
    return groups.first(frame, (*ACTIONS_KEY, *TOLD_BY_MINUTE)) | merged_rows(groups, frame)


def merged_rows(groups: Groups, frame: Frame) -> Frame:
    """What a merged row of each group says beside its key."""
    return {name: merge(groups, frame[name]) for name, merge in _MERGED.items() if name in frame}
