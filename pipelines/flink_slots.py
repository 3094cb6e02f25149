"""Which slot of Flink reads an element of a source: a partition, a puller, a file.

Flink keys the elements of an unbounded splittable DoFn by their coded bytes, and all that follows
up to the next shuffle runs where they are read. Left to the hash, both of two elements fall on one
slot of two every second time. So an element carries a salt that takes it to the slot it is due to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.flink_keys import key_group_of_coded


@dataclass(frozen=True)
class Slots:
    """How many subtasks a job on Flink has, and how many key groups."""

    parallelism: int
    max_parallelism: int

    def key_group(self, place: int) -> int:
        """The key group of the element of a place, from 0: places go round the slots in order.

        Those of one slot lie as far from each other in its key groups as can be, so that they
        part where the job goes on with more slots.
        """
        turn, slot = divmod(place, self.parallelism)
        first, end = self._begin(slot), self._begin(slot + 1)
        return first + int(_halving(turn) * (end - first))

    def _begin(self, slot: int) -> int:
        return -(-slot * self.max_parallelism // self.parallelism)


def salt_of(place: int, coded_with: Callable[[int], bytes], slots: Slots | None) -> int:
    """The least salt whose element falls into the key group of a place; 0 without `slots`.

    `coded_with` gives the bytes that the element's coder makes of it with a salt. One salt in
    `max_parallelism` fits.
    """
    if slots is None:
        return 0
    wanted, salt = slots.key_group(place), 0
    while key_group_of_coded(coded_with(salt), slots.max_parallelism) != wanted:
        salt += 1
    return salt


def _halving(turn: int) -> float:
    """0, 1/2, 1/4, 3/4, 1/8 …: each as far from all before it as can be, in [0, 1)."""
    found, step = 0.0, 0.5
    while turn:
        found += step * (turn & 1)
        turn, step = turn >> 1, step / 2
    return found
