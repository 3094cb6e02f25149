"""SourceStatus: rows that say how far a puller has read, at most one each few seconds."""

from __future__ import annotations

import pyarrow as pa

from pipelines.sources.pubsub.watermark import MICROSECONDS
from schemas.source_status import SOURCE_STATUS


class SourceStatus:
    """A row each `seconds`, and whenever the basis changes. Times are microseconds."""

    def __init__(self, input: str, seconds: float) -> None:
        self._input = input
        self._pause = int(seconds * MICROSECONDS)
        self._last: tuple[int, str] | None = None

    def row(self, now: int, watermark: int | None, basis: str, read: int) -> pa.RecordBatch | None:
        """SOURCE_STATUS of one row where one is due. How much is left to read is not known."""
        if self._last and basis == self._last[1] and now - self._last[0] < self._pause:
            return None
        self._last = now, basis
        found = {
            "input": self._input,
            "observed_time": now,
            "watermark": watermark,
            "basis": basis,
            "position": read,
            "behind": None,
        }
        return pa.RecordBatch.from_pylist([found], schema=SOURCE_STATUS)
