"""Lag: how long after the beat of the shards the families publish, learnt from what came when.

What a shard emits at a beat passes two bundles before it is at a family: half a second where there
is little to do, two and more where both cores are busy. Who publishes before it is there publishes
it with the next beat, a cadence later; who always waits for the slowest is late for nothing.
"""

from __future__ import annotations

FIRST, MOST = 0.4, 0.8
"""Parts of the cadence: how long is waited while nothing is known, and what is no lag any more."""
MARGIN = 0.02
"""Part of the cadence after the last that came: others of the same beat are on the way."""
DECAY = 0.9


class Lag:
    """came(now) where something of a beat comes; publish `seconds` after the beat.

    As long as the last of it took at the beat before, and at most a tenth less than was waited
    then. A cadence of 0 seconds has no beats and no lag.
    """

    def __init__(self, every_seconds: float) -> None:
        self._every = every_seconds
        self._part = FIRST
        self._beat = 0
        self._last = 0.0

    @property
    def seconds(self) -> float:
        return self._part * self._every

    def came(self, now: float) -> None:
        """Something that was emitted at the beat before `now`, in seconds, is here."""
        if not self._every:
            return
        beat, since = divmod(now, self._every)
        needed = since / self._every + MARGIN
        # Later than that it may as well be of no beat: shards also emit when they close.
        if needed > MOST:
            return
        if beat != self._beat:
            if self._last:
                self._part = max(self._last, DECAY * self._part)
            self._beat, self._last = int(beat), 0.0
        self._last = max(self._last, needed)
        # What is later than the others is waited for from now on.
        self._part = max(self._part, needed)
