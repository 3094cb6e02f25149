"""Stamps: instants that say which of several rows of one thing is the newest."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
STEP = 2
"""Microseconds between two stamps at least: what belongs just before one has room."""


class Stamps:
    """next(now) → `now`, or an instant just after the last one where `now` is not later.

    Clocks are set back, and a key moves to a machine whose clock is behind. With the last stamp in
    its state, what it says next is nevertheless the newest of what it said.
    """

    def __init__(self, last: int = 0) -> None:
        self.last = last
        """Microseconds since the epoch of the last stamp."""

    def next(self, now: datetime) -> datetime:
        self.last = max((now - _EPOCH) // _MICROSECOND, self.last + STEP)
        return _EPOCH + self.last * _MICROSECOND
