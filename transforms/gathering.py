"""Gathering: batches of a key held back within a bundle, so that a shuffle gets large ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MIN_TIMESTAMP, Timestamp
from apache_beam.utils.windowed_value import WindowedValue


class Gathering:
    """add(key, batch) gives (key, merged) when a key has gathered enough; rest() the others."""

    def __init__(self, rows: int, merged: Callable[[list[pa.RecordBatch]], pa.RecordBatch]) -> None:
        self._rows, self._merged = rows, merged
        self._held: dict[Any, list[pa.RecordBatch]] = {}

    def add(self, key: Any, batch: pa.RecordBatch) -> Iterator[tuple[Any, pa.RecordBatch]]:
        held = self._held.setdefault(key, [])
        held.append(batch)
        if sum(part.num_rows for part in held) >= self._rows:
            yield key, self._merged(self._held.pop(key))

    def rest(self) -> Iterator[tuple[Any, pa.RecordBatch]]:
        """What is left at the end of a bundle."""
        while self._held:
            key, held = self._held.popitem()
            yield key, self._merged(held)


def timeless(element: Any) -> WindowedValue:
    """An output of a bundle's end: event time is data here, so any Beam timestamp will do."""
    return at_time(element, MIN_TIMESTAMP)


def at_time(element: Any, at: Timestamp) -> WindowedValue:
    """An output of a bundle's end with the Beam timestamp of what it was made of."""
    return WindowedValue(element, at, (GlobalWindow(),))
