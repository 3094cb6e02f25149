"""Local days of a property: their bounds as instants, and the days UTC that they have a part of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from transforms.calendar import day_bounds

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class LocalDay:
    """A day of the property's time zone; `begin` and `end` are instants."""

    day: date
    begin: datetime
    end: datetime

    @property
    def bounds(self) -> dict[str, Any]:
        """Named as SQL here has them."""
        return {"begin": self.begin, "finish": self.end}

    @property
    def partitions(self) -> list[date]:
        """The days UTC that it has a part of."""
        last = (self.end - timedelta(microseconds=1)).date()
        count = (last - self.begin.date()).days + 1
        return [self.begin.date() + timedelta(days=each) for each in range(count)]


def local_day(day: date, time_zone: str) -> LocalDay:
    """The day and its bounds in UTC, 23 to 25 hours apart."""
    return LocalDay(day, *day_bounds((day - _EPOCH).days, time_zone))
