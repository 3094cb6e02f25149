"""Appenders to default streams, kept by the process: a bundle takes one and gives it back.

A runner makes a new DoFn where an earlier one waits for its finalizer, and runs bundles of one
table at once in several threads. A connection of its own for each would be opened and thrown away
with each bundle; one that all share at once would mix their rows and their errors.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Hashable

from pipelines.sinks.bigquery.append import Appender


class Pool:
    """Idle appenders by key: as many as bundles of that key ever ran at once, mostly one."""

    def __init__(self) -> None:
        self._idle: dict[Hashable, list[Appender]] = defaultdict(list)
        self._lock = threading.Lock()

    def take(self, key: Hashable, make: Callable[[], Appender]) -> Appender:
        """An idle appender, or a new one. Nobody else has it until it is given back."""
        with self._lock:
            idle = self._idle[key]
            return idle.pop() if idle else make()

    def give_back(self, key: Hashable, appender: Appender) -> None:
        """Of a bundle that flushed. After an error it is closed instead, and forgotten."""
        with self._lock:
            self._idle[key].append(appender)

    def close(self, key: Hashable) -> None:
        """End the idle connections of a key: at teardown. A later bundle opens another."""
        with self._lock:
            idle = self._idle.pop(key, [])
        for appender in idle:
            appender.close()

    def idle(self, key: Hashable) -> int:
        """How many wait to be taken."""
        with self._lock:
            return len(self._idle[key])


POOL = Pool()
"""The one of this process."""
