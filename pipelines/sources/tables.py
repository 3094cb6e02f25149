"""Tables: what rows of CSV and of Parquet have in common."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from pipelines.sources.formats import Records


class Group:
    """Records gathered until there are enough for a batch."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.positions: list[int] = []
        self.size = 0

    def add(self, payload: bytes, position: int) -> None:
        self.payloads.append(payload)
        self.positions.append(position)
        self.size += len(payload)

    def take(self) -> Iterator[Records]:
        if self.payloads:
            payloads = pa.array(self.payloads, pa.large_binary())
            yield Records(payloads, pa.array(self.positions, pa.int64()))
            self.payloads, self.positions, self.size = [], [], 0


def distinct_names(cells: list[str]) -> list[str]:
    names: list[str] = []
    for place, cell in enumerate(cells, 1):
        name = cell.strip()
        names.append(name if name and name not in names else f"column_{place}")
    return names
