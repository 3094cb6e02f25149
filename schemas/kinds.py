"""Kinds of rows as codes: encoded once, and which rows are of some kinds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class Otherwise(dict[Any, int]):
    """What becomes of each name, and of every name that is not listed."""

    def __init__(self, otherwise: int, listed: dict[str, int]) -> None:
        super().__init__(listed)
        self._otherwise = otherwise

    def __missing__(self, name: Any) -> int:
        return self._otherwise


class KindColumn:
    """The kind of each row: its place in a list of names, of which a batch has a few."""

    def __init__(self, places: np.ndarray, names: Sequence[str]) -> None:
        seen = np.flatnonzero(np.bincount(places, minlength=len(names)))
        codes = np.zeros(len(names), dtype=np.int32)
        codes[seen] = np.arange(len(seen))
        self.codes = codes[places]
        self.distinct = [names[place] for place in seen.tolist()]
        self.column = pa.DictionaryArray.from_arrays(
            pa.array(self.codes), pa.array(self.distinct, pa.string())
        )

    def has(self, *kinds: str) -> bool:
        return not set(kinds).isdisjoint(self.distinct)

    def mask(self, kinds: Collection[str]) -> np.ndarray:
        among = [kind in kinds for kind in self.distinct]
        if all(among) or not any(among):
            return np.full(len(self.codes), all(among))
        return np.array(among, dtype=bool)[self.codes]

    def only(self, kinds: Collection[str], values: pa.Array) -> pa.Array:
        """The values in rows of these kinds, null in others."""
        if all(kind in kinds for kind in self.distinct):
            return values
        return pc.if_else(pa.array(self.mask(kinds)), values, pa.scalar(None, values.type))
