"""Clients: those of Kafka that this process has, borrowed for a bundle and kept for the next.

A runner may build a new DoFn for each bundle; connections and what they have fetched ahead live
here instead, and are never pickled.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pipelines.sources.kafka.client import KafkaClient

UNUSED_SECONDS = 60.0


@dataclass
class Clients:
    """Clients of this process by key; one that nobody borrowed for a minute is closed."""

    unused_seconds: float = UNUSED_SECONDS
    _free: dict[Any, list[tuple[float, KafkaClient]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _sweeps: bool = False

    @contextmanager
    def borrow(self, key: Any, make: Any) -> Iterator[Any]:
        """A free client under a key, or a new one. After an exception it is closed, not kept."""
        with self._lock:
            waiting = self._free.get(key)
            client = waiting.pop()[1] if waiting else None
        client = client or make()
        try:
            yield client
        except BaseException:
            client.close()
            raise
        with self._lock:
            self._free.setdefault(key, []).append((time.monotonic(), client))
            if not self._sweeps:
                self._sweeps = True
                threading.Thread(target=self._sweep, name="moment-kafka", daemon=True).start()

    def close_unused(self, seconds: float) -> int:
        """Close what was free for so long; how many are left."""
        with self._lock:
            limit = time.monotonic() - seconds
            old = [(k, e) for k, entries in self._free.items() for e in entries if e[0] <= limit]
            for key, entry in old:
                self._free[key].remove(entry)
            self._free = {key: entries for key, entries in self._free.items() if entries}
            left = sum(map(len, self._free.values()))
        for _, (_, client) in old:
            client.close()
        return left

    def _sweep(self) -> None:
        while True:
            time.sleep(self.unused_seconds / 4)
            self.close_unused(self.unused_seconds)
            with self._lock:
                if not self._free:
                    self._sweeps = False
                    return


CLIENTS = Clients()
"""The one pool of this process."""
