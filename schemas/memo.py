"""Memo: what repeats is read once. Bounded, in memory only, and never a part of any result."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, Generic, TypeVar

import msgspec

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


PAUSE = 16
"""Groups of records read without a memo after one in which most texts were new."""
FEWEST = 64
"""Fewer texts tell nothing about the others."""


class Memo(dict[K, T]):
    """What a function makes of a key, made once while it is remembered; errors are not.

    When full it forgets everything, which is cheaper than to know what is the oldest: what is in
    use comes back at once.
    """

    def __init__(self, make: Callable[[K], T], most: int) -> None:
        super().__init__()
        self._make, self._most = make, most

    def __missing__(self, key: K) -> T:
        made = self._make(key)
        if len(self) >= self._most:
            self.clear()
        self[key] = made
        return made


class _Read(Generic[T]):
    __slots__ = ("raw", "value")

    def __init__(self, raw: msgspec.Raw, value: T) -> None:
        self.raw, self.value = raw, value


_NOTHING: _Read[Any] = _Read(msgspec.Raw(b" "), None)
"""No part of a record is a space."""


class _Last(dict[Hashable, _Read[Any]]):
    """Nothing was read of somebody new. A dictionary that says so is quicker than `get`."""

    def __missing__(self, person: Hashable) -> _Read[Any]:
        return _NOTHING


class Texts(Generic[T]):
    """Parts of records, such as a viewer's context, each distinct text of them read once.

    To hash the four hundred bytes of a context costs as much as half of reading it, so what was
    last read of the same person is compared first. Where nothing repeats all of it is in vain:
    `worthwhile` then says no for a while.
    """

    def __init__(self, read: Callable[[bytes], T], most: int = 32_768) -> None:
        self._last: dict[Hashable, _Read[T]] = _Last()
        self._known: Memo[bytes, _Read[T]] = Memo(self._first, most)
        self._read, self._most = read, most
        self._new = 0
        self._pause = 0

    def _first(self, text: bytes) -> _Read[T]:
        self._new += 1
        return _Read(msgspec.Raw(text), self._read(text))

    def worthwhile(self) -> bool:
        """Did texts repeat when they were last read? Where they did not, one call in PAUSE asks for
        another try."""
        if not self._pause:
            return True
        self._pause -= 1
        return not self._pause

    def read(self, whose: Iterable[Hashable], raws: Iterable[msgspec.Raw]) -> list[T]:
        """What each text says; equal texts give the same object. Raises what `read` raises."""
        last, known = self._last, self._known
        if len(last) > self._most:
            last.clear()
        before = self._new
        values: list[T] = []
        for person, raw in zip(whose, raws):
            found = last[person]
            if found.raw != raw:
                found = last[person] = known[bytes(raw)]
            values.append(found.value)
        self._pause = PAUSE if 2 * (self._new - before) > len(values) >= FEWEST else 0
        return values
