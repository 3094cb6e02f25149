"""The property's civil time: local day and local hour of instants, and back."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MINUTE_US = 60_000_000
NEVER = -(2**31)
"""Of minutes and of days: before all of them."""
_EPOCH = date(1970, 1, 1)


def local_windows(event_minute: np.ndarray, time_zone: str) -> tuple[np.ndarray, np.ndarray]:
    """Local day number and the minute number at which the local hour starts, for minute numbers.

    Minute numbers count from the epoch in UTC. A local hour starts where the zone's clock shows
    :00, so it contains 60 consecutive minutes also where offsets are not whole hours. Only distinct
    minutes are converted. In the night the clock goes back, the two hours 2:00 are two hours.
    """
    minutes, places = _distinct(event_minute)
    instants = pa.array(minutes * MINUTE_US, pa.timestamp("us", "UTC"))
    local = pc.local_timestamp(instants.cast(pa.timestamp("us", time_zone)))
    local_minute = local.cast(pa.int64()).to_numpy() // MINUTE_US
    day = (local_minute // 1440).astype(np.int32)
    hour = (minutes - local_minute % 60).astype(np.int32)
    return day[places], hour[places]


def _distinct(minutes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Minutes in order, all that there are among them, and the place of each in these."""
    if len(minutes):
        first, last = int(minutes.min()), int(minutes.max())
        # Within a few days it costs less to convert every minute than to look which there are.
        if last - first < max(len(minutes), 60):
            return np.arange(first, last + 1), minutes - first
    return np.unique(minutes, return_inverse=True)


@lru_cache(maxsize=4096)
def day_bounds(day: int, time_zone: str) -> tuple[datetime, datetime]:
    """UTC start and end of a local day number: 23, 24 or 25 hours apart."""
    zone = ZoneInfo(time_zone)
    first = _EPOCH + timedelta(days=day)

    def midnight(of: date) -> datetime:
        return datetime(of.year, of.month, of.day, tzinfo=zone).astimezone(timezone.utc)

    return midnight(first), midnight(first + timedelta(days=1))


def day_of(moment: datetime, time_zone: str) -> int:
    """Local day number of an aware instant."""
    return (moment.astimezone(ZoneInfo(time_zone)).date() - _EPOCH).days


def window_starts(figures: dict[str, np.ndarray], time_zone: str) -> np.ndarray:
    """Minute number at which each window starts.

    Columns `window` (0 minute, 1 hour, 2 day) and `start`.
    """
    return _days_as_minutes(figures, time_zone, 0)


def window_ends(figures: dict[str, np.ndarray], time_zone: str) -> np.ndarray:
    """Minute number at which each window has ended; columns as for `window_starts`."""
    lengths = np.where(figures["window"] == 1, 60, 1)
    starts = _days_as_minutes(figures, time_zone, 1)
    return np.where(figures["window"] == 2, starts, starts + lengths)


def _days_as_minutes(figures: dict[str, np.ndarray], time_zone: str, bound: int) -> np.ndarray:
    """Starts as minute numbers; of days the given bound (0 start, 1 end) instead."""
    starts = figures["start"].astype(np.int64)
    is_day = figures["window"] == 2
    for day in np.unique(starts[is_day]).tolist():
        minute = int(day_bounds(day, time_zone)[bound].timestamp()) // 60
        starts = np.where(is_day & (figures["start"] == day), minute, starts)
    return starts
