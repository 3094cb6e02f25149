"""Geometry: where minutes and values lie in a drawing, and where axes end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pipelines.report.query import Row

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Span:
    """The minutes a chart shows, the end exclusive, and the zone its clock is in."""

    start: datetime
    end: datetime
    zone: ZoneInfo

    @property
    def minutes(self) -> int:
        return int((self.end - self.start) / MINUTE)

    def of(self, rows: Sequence[Row], field: str = "value") -> list[Row]:
        """The rows within, whose field has a number."""
        return [
            row
            for row in rows
            if self.start <= row["window_start"] < self.end and row[field] is not None
        ]


@dataclass(frozen=True)
class Panel:
    """A rectangle of a drawing with a time axis and a value axis from 0 to `highest`."""

    left: float
    top: float
    width: float
    height: float
    span: Span
    highest: float

    @property
    def bottom(self) -> float:
        return self.top + self.height

    @property
    def minute_width(self) -> float:
        return self.width / max(self.span.minutes, 1)

    def x(self, instant: datetime) -> float:
        return self.left + (instant - self.span.start) / MINUTE * self.minute_width

    def middle(self, row: Row) -> float:
        return self.x(row["window_start"]) + self.minute_width / 2

    def y(self, value: float) -> float:
        return self.bottom - value / self.highest * self.height


def ceiling(highest: float) -> float:
    """The least round number not below `highest`: 1, 1.5, 2, 2.5 … times a power of ten."""
    if highest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(highest))
    steps = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
    return next(step * power for step in steps if step * power >= highest * (1 - 1e-9))


def scale(highest: float, most: int) -> tuple[float, int]:
    """The end of an axis of counts that reaches `highest`, and its number of steps, at most `most`:
    steps are whole, and 1, 2 or 5 times a power of ten."""
    step = 1.0
    while step * most < highest:
        step *= 2.5 if f"{step:.0f}"[0] == "2" else 2
    steps = max(math.ceil(highest / step), 1)
    return step * steps, steps
