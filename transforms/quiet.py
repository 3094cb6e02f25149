"""Quiet minutes: those of contents and brands in which nobody was heard, where somebody might be.

Rows of zeros of the total say so themselves. A content or brand has a row for what came only; what
its hours and days were to hear and did not is summed over these minutes as well, and no figure is
published of them: a brand is silent most of the time, and nobody asks for each minute of it.
"""

from __future__ import annotations

import numpy as np

from schemas.partial import GROUPING_NAMES
from transforms.calendar import local_windows
from transforms.coverage import CHILD, EXPECTED_OF, FEWEST, LOOK_BACK_MINUTES
from transforms.derive_windows import HOUR, MINUTE, key_of
from transforms.frame import Frame, choose, group, rows_of, stack

_PARENTS = [GROUPING_NAMES.index(parent) for parent in CHILD if parent != "total"]
_CHILDREN = [GROUPING_NAMES.index(CHILD[parent]) for parent in CHILD if parent != "total"]
_HOUR = ("grouping", *EXPECTED_OF, "hour_of")
_KEY = ("grouping", *EXPECTED_OF, "start")


def quiet_minutes(people: Frame, time_zone: str, reached: int | None, open_from: int) -> Frame:
    """Minutes without a row, of the hours in which a content or brand was heard.

    Columns `grouping`, EXPECTED_OF, `window`, `start`, `hour_of` and `day_of`. Only of hours in
    which, or before which, so much was heard that a channel may be expected to go on. `reached` is
    the minute that a stream has reached: later ones are not quiet yet. Minutes before `open_from`
    are over.
    """
    of_place = np.isin(people["grouping"], _PARENTS)
    hours = choose(
        people,
        of_place
        & (people["window"] == HOUR)
        & (people["events"] > 0)
        & (people["start"] >= open_from),
    )
    likely = _likely(people, time_zone)
    hours = choose(hours, np.isin(key_of(hours, _HOUR), likely))
    count = rows_of(hours)
    starts = hours["start"].astype(np.int64)[:, None] + np.arange(60)[None, :]
    quiet = {name: np.repeat(hours[name], 60) for name in (*_HOUR, "day_of")}
    quiet["start"] = starts.ravel().astype(people["start"].dtype)
    quiet["window"] = np.full(count * 60, MINUTE)
    # In a night of half an hour two local hours overlap: a minute belongs to one of them.
    wanted = (
        local_windows(starts.ravel(), time_zone)[1] == quiet["hour_of"] if count else slice(0, 0)
    )
    quiet = choose(quiet, wanted)
    if reached is not None:
        quiet = choose(quiet, quiet["start"] < reached)
    there = choose(people, of_place & (people["window"] == MINUTE))
    return choose(quiet, ~np.isin(key_of(quiet, _KEY), key_of(there, _KEY)))


def _likely(people: Frame, time_zone: str) -> np.ndarray:
    """Keys of the places and hours in which, or in the hour before, enough events were heard."""
    heard = choose(
        people,
        np.isin(people["grouping"], _CHILDREN)
        & (people["window"] == MINUTE)
        & (people["events"] > 0),
    )
    parent = np.zeros(len(GROUPING_NAMES), dtype=heard["grouping"].dtype)
    parent[_CHILDREN] = _PARENTS
    own = {name: heard[name] for name in (*EXPECTED_OF, "hour_of", "events")}
    own["grouping"] = parent[heard["grouping"]]
    later = heard["start"].astype(np.int64) + LOOK_BACK_MINUTES
    following = own | {"hour_of": local_windows(later, time_zone)[1].astype(own["hour_of"].dtype)}
    both = stack([own, following], own)
    groups = group(both, _HOUR)
    first = choose(groups.first(both, _HOUR), groups.sum(both["events"]) >= FEWEST)
    return key_of(first, _HOUR)
