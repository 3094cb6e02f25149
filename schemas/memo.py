"""Memo: what repeats is read once. Bounded, in memory only, and never a part of any result.

A worker decodes several bundles at a time, on threads of one process that share what is remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import islice
from threading import Lock
from typing import Generic, TypeVar

import msgspec
import numpy as np

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
B = TypeVar("B", bound="Book")


PAUSE = 16
"""Groups of records read without a memo after one in which most texts were new."""
FEWEST = 64
"""Fewer texts tell nothing about the others."""


class Memo(dict[K, T]):
    """What a function makes of a key, made once while it is remembered; errors are not.

    When full it forgets the half that it has known longest: to know what was not used for longest
    costs more than to read again what comes back.
    """

    def __init__(self, make: Callable[[K], T], most: int) -> None:
        super().__init__()
        self._make, self._most = make, most
        self._lock = Lock()

    def __missing__(self, key: K) -> T:
        made = self._make(key)
        with self._lock:
            if len(self) >= self._most:
                for old in list(islice(self, (self._most + 1) // 2)):
                    del self[old]
            self[key] = made
        return made


class Book(dict[bytes, int], Generic[T]):
    """Texts by number, in the order in which they were first seen, and what each of them says.

    `lock` is held by who writes in it. A number is given when what it says is there.
    """

    def __init__(self, read: Callable[[bytes], T]) -> None:
        super().__init__()
        self.said: list[T] = []
        self.lock = Lock()
        self._read = read

    def __missing__(self, text: bytes) -> int:
        said = self._read(text)
        with self.lock:
            if text in self:
                return self[text]
            number = len(self.said)
            self.said.append(said)
            self[text] = number
        return number


class Texts(Generic[B]):
    """Parts of records, such as a viewer's context: each distinct text of them is read once.

    They are told apart by their bytes and become numbers, so that rows share whole columns of what
    was read. To hash the four hundred bytes of a context costs half of reading it: where nothing
    repeats that is in vain, and `worthwhile` says no for a while.
    """

    def __init__(self, book: Callable[[], B], most: int = 32_768) -> None:
        self._new_book, self._most = book, most
        self._book = book()
        self._pause = 0

    def worthwhile(self) -> bool:
        """Did texts repeat when they were last read? Where they did not, one call in PAUSE asks for
        another try."""
        if not self._pause:
            return True
        self._pause -= 1
        return not self._pause

    def numbers(self, raws: Sequence[msgspec.Raw]) -> tuple[B, np.ndarray]:
        """A book, and the number in it of each text. Raises what reading raises.

        A full book is not written in any more; rows that have its numbers keep it.
        """
        if len(self._book) >= self._most:
            self._book = self._new_book()
        book = self._book
        before = len(book)
        numbers = np.array(list(map(book.__getitem__, map(bytes, raws))), dtype=np.int32)
        self._pause = PAUSE if 2 * (len(book) - before) > len(raws) >= FEWEST else 0
        return book, numbers
