"""Acknowledgements: which messages may be acknowledged, and when that is safe.

A runner that keeps its state in checkpoints tells a source "this bundle is final" when a checkpoint
completes, and tells it for every bundle that had ended by then: also for one that ended after the
checkpoint's snapshot, whose output a crash now takes away. One such word is therefore not enough.

    call 1 ends · snapshot · call 2 ends · "1 and 2 are final" · call 3 · snapshot · "3 is final"
                                  └ not in the snapshot              └ began after that word

The word on call 2 proves only that call 2 has ended. Call 3 began after that word, so the word on
call 3 comes with a later checkpoint. The snapshot of that one was taken after the earlier word, and
therefore after call 2 had ended: call 2 is in it. So what a word finds ended is *marked*, and marks
are acknowledged by the word on a call that began after them.

Needed of the runner: one checkpoint at a time (Flink's default), and its word reaches the source
before the source's next snapshot. After a crash nothing here is known: the broker delivers again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass
class Delivery:
    """Messages that came together. Times are microseconds since the epoch.

    `oldest` is the earliest publish time that is believed, None where none is. `leased_until` is
    when the broker will deliver them again unless the lease is extended.
    """

    ids: Sequence[str]
    oldest: int | None
    received: int
    leased_until: int


class Acknowledgements:
    """Messages emitted and not yet acknowledged, by the call that emitted them.

    Calls follow each other: one begins when the one before has ended. Not safe for threads.
    """

    def __init__(self) -> None:
        self._calls = 0
        self._marked = 0
        self._marked_at_begin: dict[int, int] = {}
        self._waiting: deque[tuple[int, Delivery]] = deque()
        self.outstanding = 0

    def begin(self) -> int:
        """Number of a call that begins now, from 1."""
        self._calls += 1
        self._marked_at_begin[self._calls] = self._marked
        return self._calls

    def add(self, delivery: Delivery) -> None:
        """What the call that began last emits."""
        self._waiting.append((self._calls, delivery))
        self.outstanding += len(delivery.ids)

    def final(self, call: int) -> list[Delivery]:
        """Deliveries to acknowledge now that the runner says a call is final; they are forgotten.

        The word may come late, twice, out of order or never: a word on a later call does as well,
        for all calls before it have ended too.
        """
        safe = self._marked_at_begin.get(call, 0)
        self._marked = max(self._marked, call)
        self._marked_at_begin = {
            number: marked for number, marked in self._marked_at_begin.items() if number > call
        }
        released = []
        while self._waiting and self._waiting[0][0] <= safe:
            delivery = self._waiting.popleft()[1]
            self.outstanding -= len(delivery.ids)
            released.append(delivery)
        return released

    def oldest(self) -> int | None:
        """Earliest believed publish time of what is outstanding; None where there is none."""
        times = [found.oldest for _, found in self._waiting if found.oldest is not None]
        return min(times, default=None)

    def deliveries(self) -> Iterator[Delivery]:
        """What is outstanding, in the order it came."""
        return (delivery for _, delivery in self._waiting)
