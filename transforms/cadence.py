"""Cadence: which windows are published at a beat, and which rows their figures need.

Minutes at every beat, hours each minute, days each five minutes, and hours and days also whenever
the stream has come a quarter of an hour further: then they may be final. A beat that owes only
minutes computes those that changed, not the whole day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from schemas.partial import WINDOWS
from transforms.calendar import NEVER
from transforms.coverage import LOOK_BACK_MINUTES
from transforms.derive_windows import DAY, HOUR, MINUTE
from transforms.frame import Frame

SECONDS = {HOUR: 60.0, DAY: 300.0}
QUARTER = 15
EVER = -(2**31)


@dataclass(frozen=True)
class Due:
    """Minutes from `from_minute` on, and the other windows that are due."""

    windows: frozenset[int]
    from_minute: int

    @property
    def whole(self) -> bool:
        """Are hours and days in question too, so that all totals are needed?"""
        return len(self.windows) == len(WINDOWS)

    def needed(self, totals: pa.RecordBatch) -> pa.RecordBatch:
        """The totals that the figures in question are made of."""
        if len(self.windows) > 1:
            return totals
        first = self.from_minute - LOOK_BACK_MINUTES
        is_minute = totals.column("window").to_numpy() == MINUTE
        return totals.filter(pa.array(is_minute & (totals.column("start").to_numpy() >= first)))

    def covers(self, figures: Frame) -> np.ndarray:
        """Mask of the figures in question."""
        window = figures["window"]
        early = (window == MINUTE) & (figures["start"] < self.from_minute)
        return np.isin(window, list(self.windows)) & ~early


class Cadence:
    """change(deltas) … due(now, reached). One a family; `always`: everything is due each time."""

    def __init__(self, always: bool) -> None:
        self._always = always
        self._touched = EVER
        self._last: dict[int, float] = {}
        self._quarter = NEVER
        self._reached = NEVER
        self._owed: set[int] = set()
        self._hours: set[int] = set()

    def change(self, deltas: pa.RecordBatch) -> None:
        """Note what deltas touch."""
        window, start = deltas.column("window").to_numpy(), deltas.column("start").to_numpy()
        self._owed |= set(np.unique(window).tolist())
        # The first event of an hour makes rows of zeros for the silent minutes before it. A long
        # heartbeat of the hour before is none of it, though it reaches over.
        heard = (window == HOUR) & (deltas.column("events").to_numpy() != 0)
        hours = set(np.unique(start[heard]).tolist())
        touched = set(np.unique(start[window == MINUTE]).tolist()) | (hours - self._hours)
        self._hours |= hours
        if touched and self._touched != EVER:
            self._touched = min(self._touched, *touched)

    def everything(self) -> None:
        """All windows may have changed."""
        self._touched = EVER
        self._owed |= {MINUTE, HOUR, DAY}

    def due(self, now: datetime, reached: int | None) -> Due:
        """What is in question now; it is then no longer owed."""
        if self._always or reached is None:
            return Due(frozenset((MINUTE, HOUR, DAY)), EVER)
        windows = {MINUTE}
        quarter = NEVER if reached == NEVER else reached // QUARTER
        for window, seconds in SECONDS.items():
            waited = now.timestamp() - self._last.get(window, 0.0) >= seconds
            if quarter > self._quarter or (window in self._owed and waited):
                windows.add(window)
                self._last[window] = now.timestamp()
        first = EVER if self._touched == EVER else min(self._touched, self._reached)
        # Without anything touched later, the next beat owes what is final between the two.
        self._touched, self._reached, self._quarter = 2**31 - 1, reached, quarter
        self._owed -= windows
        return Due(frozenset(windows), first)

    @property
    def waiting(self) -> bool:
        return bool(self._owed)
