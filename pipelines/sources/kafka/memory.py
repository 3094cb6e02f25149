"""Memories: where the values of a batch lay, for those of the next one when the batch has gone.

New memory costs what copying costs: the kernel clears each page, and gives it at a fault.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from io import BytesIO

MOST_KEPT, LARGEST_KEPT = 4, 32 * 1024 * 1024
"""As many as a worker reads at once, each of what a batch takes: 16 MB and one more piece."""


@dataclass
class Memories:
    """Memory of this process that batches are made in; the last ones given are kept."""

    _kept: list[BytesIO] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> BytesIO:
        """Memory at its beginning that nobody else has; what was written there may still be."""
        with self._lock:
            free = next((at for at, each in enumerate(self._kept) if _is_free(each)), None)
            memory = BytesIO() if free is None else self._kept.pop(free)
        memory.seek(0)
        return memory

    def give(self, memory: BytesIO) -> None:
        """To be taken again once there is no view of it; the giver writes no more.

        What a single large message has made larger than batches are is not kept.
        """
        if memory.getbuffer().nbytes > LARGEST_KEPT:
            return
        with self._lock:
            self._kept.append(memory)
            del self._kept[:-MOST_KEPT]


def _is_free(memory: BytesIO) -> bool:
    """Python refuses to write where there is a view."""
    try:
        memory.write(b"")
    except BufferError:
        return False
    return True


MEMORIES = Memories()
"""Those of this process."""
