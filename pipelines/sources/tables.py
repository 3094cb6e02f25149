"""Tables: what rows of CSV and of Parquet have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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


def distinct_names(given: Sequence[str]) -> list[str]:
    """Names of columns, each once.

    An empty or repeated one is `column_3`, after its place; `column_3_` where another is so called.
    """
    known = set(given)
    names: dict[str, None] = {}
    for place, name in enumerate(given, 1):
        if not name or name in names:
            name = f"column_{place}"
            while name in known:
                name += "_"
            known.add(name)
        names[name] = None
    return list(names)
