"""Where reading goes on when the next offset of a partition is no longer there."""

from __future__ import annotations

from typing import NamedTuple


class GoesOn(NamedTuple):
    """At which offset, whether that is a step back and so a new era, and what has happened."""

    offset: int
    back: bool
    happened: str


def goes_on(expected: int, low: int, high: int, stop: int | None, same_topic: bool) -> GoesOn:
    """Of a partition that has the offsets from `low` to before `high`, without `expected`.

    Deleted offsets are left behind. Of the same topic, an end before what was read is what its
    broker lost, by a crash before it was on another's disk, and what was read stands; of another
    topic, or where nobody can tell, all is read from its beginning.
    """
    if high >= expected:
        offset = low if stop is None else min(low, stop)
        return GoesOn(offset, False, f"{low - expected} offsets were deleted before they were read")
    if same_topic:
        lost = f"the broker has lost {expected - high} messages that were read, and they stand"
        return GoesOn(high, True, lost)
    return GoesOn(low, True, "the partition goes backwards, as after the topic was made anew")
