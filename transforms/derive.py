"""Derive: totals of partials to the columns formulas read, siblings brought together.

A formula may need its minutes (peak, minutes on air), its items (interactions, likes) or the rows
that are missing because nobody spoke (silence). All of them are in the same family, so this is done
once here, and formulas stay one line.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from schemas.identity import NO_LABEL
from schemas.observation import SIGNAL_CODE
from schemas.partial import GROUPING_NAMES, SQUARES
from transforms.calendar import local_windows
from transforms.coverage import expected_and_missed
from transforms.derive_windows import DAY, HOUR, KEY, MINUTE, PLACE, key_of, lookup
from transforms.frame import Frame, choose, group, mix, rows_of, stack
from transforms.measures.acts import ENGAGEMENT
from transforms.quiet import quiet_minutes
from transforms.sealed_hours import NOTHING_SEALED, SealedHours, add_sealed

_COMMENTS = (SIGNAL_CODE["comment"], SIGNAL_CODE["reply"])


class Derived(NamedTuple):
    """Frames ready for formulas: rows about people, rows about items.

    `quiet` are minutes that have no row and no figure: what was expected and missed in them.
    """

    people: Frame
    items: Frame
    quiet: Frame


def derive(
    totals: pa.RecordBatch,
    time_zone: str,
    registered: np.ndarray,
    totals_family: bool,
    reached: int | None = None,
    sealed: SealedHours = NOTHING_SEALED,
) -> Derived:
    """Derived frames of summed partials of one family.

    `registered` are the label keys of the registered channels; in the family of totals each of them
    and the total get rows of zeros in every minute of an hour, every hour and every day in which
    any channel was heard. `reached` is the minute a stream has reached: later ones are not silent
    yet. Minutes before `sealed.through` are looked back at, and have no rows.
    """
    frame = _numbers(totals)
    people, items = choose(frame, frame["item"] == 0), choose(frame, frame["item"] != 0)
    people = _with_missing_rows(people, items)
    people["silent"] = np.zeros(rows_of(people), dtype=np.int64)
    if totals_family:
        silence = _silence(people, time_zone, registered, reached, sealed.through)
        people = stack([people, silence], people)
    people["hour_of"], people["day_of"] = _windows_of(people, time_zone)
    is_open = (people["window"] != MINUTE) | (people["start"] >= sealed.through)
    quiet = quiet_minutes(people, time_zone, reached, sealed.through)
    is_open = np.append(is_open, np.ones(rows_of(quiet), dtype=bool))
    published = rows_of(people)
    people = stack([people, _zeros(quiet, people)], people)
    people["expected"], people["missed"] = expected_and_missed(people, is_open)
    is_quiet = np.arange(len(is_open)) >= published
    quiet, people = choose(people, is_quiet), choose(people, is_open & ~is_quiet)
    _from_minutes(people)
    add_sealed(people, sealed)
    _from_items(people, items)
    _interactions(items)
    items["day_of"] = _windows_of(items, time_zone)[1]
    return Derived(people, items, quiet)


def _numbers(totals: pa.RecordBatch) -> Frame:
    return {
        field.name: (
            totals.column(index).cast(pa.float64())
            if field.type == SQUARES
            else totals.column(index)
        ).to_numpy(zero_copy_only=False)
        for index, field in enumerate(totals.schema)
    }


def _with_missing_rows(people: Frame, items: Frame) -> Frame:
    """A row about people for every place and window that has items only."""
    groups = group(items, KEY)
    wanted = groups.first(items, KEY)
    missing = ~np.isin(key_of(wanted, KEY), key_of(people, KEY)) if rows_of(wanted) else slice(0, 0)
    return stack([people, _zeros(choose(wanted, missing), people)], people)


def _zeros(keys: Frame, like: Frame) -> Frame:
    length = rows_of(keys)
    return {
        name: keys[name].astype(values.dtype)
        if name in keys
        else np.zeros(length, dtype=values.dtype)
        for name, values in like.items()
    }


def _windows_of(frame: Frame, time_zone: str) -> tuple[np.ndarray, np.ndarray]:
    """Minute number of the local hour, and local day number, of each row's start."""
    is_day = frame["window"] == DAY
    minutes = np.where(is_day, 0, frame["start"]).astype(np.int64)
    day, hour = local_windows(minutes, time_zone)
    return np.where(is_day, 0, hour), np.where(is_day, frame["start"], day)


def _silence(
    people: Frame,
    time_zone: str,
    registered: np.ndarray,
    reached: int | None,
    open_from: int,
) -> Frame:
    """Rows of zeros for registered channels, and for the total of all, of windows near which one
    was heard.

    The total of a minute in which nothing at all came is what tells an outage from no minute. A row
    that is there without an event, for somebody still watches what a heartbeat vouched for, is
    marked as silent.
    """
    total = choose(
        people, (people["grouping"] == GROUPING_NAMES.index("total")) & (people["events"] != 0)
    )
    heard = total["start"][total["window"] == MINUTE].astype(np.int64)
    heard = heard[heard >= open_from]
    within = np.unique(local_windows(heard, time_zone)[1])
    hours = np.unique(total["start"][total["window"] == HOUR])
    days = np.unique(total["start"][total["window"] == DAY])
    minutes = np.unique((within[:, None] + np.arange(60)[None, :]).ravel())
    if reached is not None:
        minutes = minutes[minutes <= heard.max(initial=reached - 1)]
    # In a night of half an hour two local hours overlap: a minute belongs to one of them.
    minutes = minutes[np.isin(local_windows(minutes.astype(np.int64), time_zone)[1], within)]
    starts = np.concatenate([minutes, hours, days])
    windows = np.repeat([MINUTE, HOUR, DAY], [len(minutes), len(hours), len(days)])
    # No channel is the total; without registered channels nobody was expected.
    channels = np.append(registered, NO_LABEL) if len(registered) else registered
    channel = np.tile(np.repeat(channels, len(starts)), 2)
    keys = {
        "grouping": np.where(
            channel == NO_LABEL, GROUPING_NAMES.index("total"), GROUPING_NAMES.index("channel")
        ),
        "channel": channel,
        "traffic": np.repeat([0, 1], len(starts) * len(channels)),
        "window": np.tile(windows, len(channels) * 2),
        "start": np.tile(starts, len(channels) * 2),
        "content": np.zeros(len(channel), dtype=np.int64),
        "brand": np.zeros(len(channel), dtype=np.int64),
    }
    quiet = people["events"] == 0
    people["silent"][quiet] = np.isin(key_of(choose(people, quiet), KEY), key_of(keys, KEY))
    absent = ~np.isin(key_of(keys, KEY), key_of(people, KEY))
    rows = _zeros(choose(keys, absent), people)
    rows["silent"] = np.ones(rows_of(rows), dtype=np.int64)
    return rows


def _from_minutes(people: Frame) -> None:
    """Peak of concurrent viewers and minutes on air of hours and days, from their minutes."""
    minute = people["window"] == MINUTE
    # A heartbeat of long period is of the minutes after it, too: somebody watches, nothing comes.
    watched = (people["heartbeat_events"] > 0) | (people["watched_ms"] > 0)
    people["on_air_minutes"] = (minute & watched).astype(np.int64)
    for name in ("concurrent", "concurrent_fresh"):
        people[f"{name}_peak"] = np.where(minute, people[name], 0)
    minutes = choose(people, minute)
    for window, start in ((HOUR, "hour_of"), (DAY, "day_of")):
        groups = group(minutes, (*PLACE, start))
        first = groups.first(minutes, (*PLACE, start))
        right = key_of(first, (*PLACE, start))
        rows = np.flatnonzero(people["window"] == window)
        left = mix([*(people[name][rows] for name in PLACE), people["start"][rows]])
        on_air = groups.sum(minutes["on_air_minutes"])
        people["on_air_minutes"][rows] = lookup(left, right, on_air)
        for name in ("concurrent", "concurrent_fresh"):
            people[f"{name}_peak"][rows] = lookup(left, right, groups.maximum(minutes[name]))


def _from_items(people: Frame, items: Frame) -> None:
    """Likes, comments, who is at least behind them all, and behind the kind of them that has the
    fewest, for each row about people."""
    left = key_of(people, KEY)
    groups = group(items, KEY)
    right = key_of(groups.first(items, KEY), KEY) if rows_of(items) else np.zeros(0, np.uint64)
    is_comment = np.isin(items["item"], _COMMENTS)
    is_like = items["item"] == SIGNAL_CODE["like"]
    for name, chosen in (("comments", is_comment), ("likes", is_like)):
        people[name] = lookup(left, right, groups.sum(items["count"] * chosen))
    of_mix = is_comment | is_like
    people["mix_authors"] = lookup(left, right, groups.maximum(items["authors"] * of_mix))
    authors = np.where(of_mix, items["authors"], np.iinfo(np.int64).max)
    fewest = lookup(left, right, groups.minimum(authors))
    people["mix_fewest_authors"] = np.minimum(fewest, people["mix_authors"])


def _interactions(items: Frame) -> None:
    """All engagement actions of the row's place and window: what a mix is a share of."""
    groups = group(items, KEY)
    summed = groups.sum(items["count"] * np.isin(items["item"], ENGAGEMENT))
    items["interactions"] = np.zeros(rows_of(items), dtype=np.int64)
    items["interactions"][groups.order] = np.repeat(summed, groups.sizes())
