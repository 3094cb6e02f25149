"""Instants from what vendors write: ISO 8601 text or epoch numbers, columns at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.columns import numbers_of, validity_of
from schemas.event import INSTANT

EARLIEST = datetime(1990, 1, 1, tzinfo=timezone.utc)
"""No channel existed before: an earlier time is a broken clock (year 0, the epoch), not a fact."""
LATEST = datetime(2100, 1, 1, tzinfo=timezone.utc)
_EARLIEST_US = int(EARLIEST.timestamp()) * 1_000_000
_LATEST_US = int(LATEST.timestamp()) * 1_000_000

_PARTS = ("year", "month", "day", "hour", "minute", "second")
_ISO_8601 = re.compile(
    r"""(?P<year>\d{4}) (?P<dash>-?) (?P<month>\d\d) (?P=dash) (?P<day>\d\d)
    (?: [Tt\ ] (?P<hour>\d\d)
        (?: (?P<colon>:?) (?P<minute>\d\d)
            (?: (?P=colon) (?P<second>\d\d) (?: [.,] (?P<fraction>\d+) )? )? )?
        \s* (?: [Zz] | UTC | (?P<sign>[+-]) (?P<hours>\d\d) (?: :? (?P<minutes>[0-5]\d) )? )?
    )?""",
    re.ASCII | re.VERBOSE,
)
"""Dates of the calendar with or without dashes, then hours, with or without colons."""


def instants_from_text(
    values: Sequence[str | None] | pa.Array,
) -> tuple[pa.TimestampArray, np.ndarray]:
    """Timestamps (µs, UTC) of ISO 8601 text, and the mask of texts that are none.

    Text without an offset is UTC. Null in, null out. A bad text is null and True in the mask. A
    leap second (23:59:60 UTC) is the second before it, so that it stays within its day.
    The whole column is cast at once; only a column with a surprise is read value by value.
    """
    text = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
    try:
        parsed = text.cast(INSTANT)
    except pa.ArrowInvalid:
        parsed = pa.array([_instant(v) for v in text.to_pylist()], INSTANT)
    return _within_reason(parsed, text)


def instants_from_epoch(
    values: Sequence[int | float | None], unit: str = "auto"
) -> tuple[pa.TimestampArray, np.ndarray]:
    """Timestamps (µs, UTC) of epoch numbers, and the mask of numbers that are no plausible time.

    `unit` is s, ms, us, or auto: the unit that puts the number between 1990 and 2100.
    """
    try:
        column = pa.array(values, pa.float64())
    except (pa.ArrowInvalid, OverflowError):
        column = pa.array([_float(value) for value in values], pa.float64())
    present = np.asarray(column.is_valid())
    numbers = column.to_numpy(zero_copy_only=False)
    usable = np.abs(numbers) < 1e18
    numbers = np.where(usable, numbers, 0.0)
    if unit == "auto":
        factor = np.select(
            [np.abs(numbers) < 1e11, np.abs(numbers) < 1e14], [1_000_000, 1_000], default=1
        )
    else:
        factor = np.full(len(numbers), {"s": 1_000_000, "ms": 1_000, "us": 1}[unit])
    scaled = numbers * factor
    bad = present & (~usable | (scaled < _EARLIEST_US) | (scaled >= _LATEST_US))
    missing = ~present | bad
    micros = np.where(missing, 0, np.rint(np.where(missing, 0, scaled))).astype(np.int64)
    return pa.array(micros, mask=missing).cast(INSTANT), bad


def _float(value: int | float | None) -> float | None:
    try:
        return None if value is None else float(value)
    except OverflowError:
        return float("inf")


def _instant(value: str | None) -> datetime | None:
    """The instant of one text, by rules of our own: each Python reads other forms of ISO 8601."""
    found = _ISO_8601.fullmatch(value.strip()) if value is not None else None
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.group(*_PARTS))
    micros = int((found["fraction"] or "")[:6].ljust(6, "0"))
    ahead = timedelta(hours=int(found["hours"] or 0), minutes=int(found["minutes"] or 0))
    leap = second == 60
    try:
        moment = datetime(year, month, day, hour, minute, 59 if leap else second, micros)
        # A clock in year 1 or 9999 cannot always be moved to UTC.
        moment = moment + ahead if found["sign"] == "-" else moment - ahead
    except (ValueError, OverflowError):
        return None
    if leap and (moment.hour, moment.minute) != (23, 59):
        return None
    return moment.replace(tzinfo=timezone.utc)


def _within_reason(parsed: pa.TimestampArray, text: pa.Array) -> tuple[pa.Array, np.ndarray]:
    micros, valid = numbers_of(parsed), validity_of(parsed)
    plausible = (micros >= _EARLIEST_US) & (micros < _LATEST_US)
    if valid is not None:
        plausible &= valid
    present = validity_of(text)
    bad = ~plausible if present is None else present & ~plausible
    if not bad.any():
        return parsed, bad
    return pc.if_else(pa.array(plausible), parsed, pa.scalar(None, INSTANT)), bad
