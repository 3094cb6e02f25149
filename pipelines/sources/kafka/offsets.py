"""Offsets: what of a partition is still to be read, as Beam's restriction. It is the only truth."""

from __future__ import annotations

import struct
from typing import NamedTuple

from apache_beam.coders import Coder
from apache_beam.io.iobase import RestrictionProgress, RestrictionTracker
from apache_beam.transforms.core import RestrictionProvider

from pipelines.sources.kafka.settings import KafkaTopic, Partition


class Offsets(NamedTuple):
    """The offsets [next, stop) of a partition; stop None: for ever.

    `era` counts how often the partition was found to go backwards: within an era offsets only grow.
    `topic_id`: the topic that the offsets are of, as the broker calls it; "": not known.
    """

    era: int
    next: int
    stop: int | None = None
    topic_id: str = ""


class OffsetsTracker(RestrictionTracker):
    """Claims everything before a position, where a position is (era, next offset) and only grows.

    One that begins a new era may name the topic that it is of, as a third. Split at a checkpoint
    and nowhere else: a partition has one reader.
    """

    def __init__(self, restriction: Offsets) -> None:
        self._restriction = restriction
        self._at = (restriction.era, restriction.next)
        self._topic_id = restriction.topic_id
        self._handed_on = False

    def current_restriction(self) -> Offsets:
        return self._restriction

    def try_claim(self, position: tuple[int, int] | tuple[int, int, str]) -> bool:
        """Claim the offsets before `position`; False where they are no longer this call's."""
        era, next, *topic_id = position
        if (era, next) <= self._at:
            raise ValueError(f"expected a position after {self._at}, found {position}")
        stop = self._restriction.stop
        if self._handed_on or (stop is not None and next > stop):
            return False
        self._at = era, next
        if topic_id:
            (self._topic_id,) = topic_id
        return True

    def try_split(self, fraction_of_remainder: float) -> tuple[Offsets, Offsets] | None:
        if fraction_of_remainder != 0 or self._handed_on or self._finished():
            return None
        era, next = self._at
        rest = Offsets(era, next, self._restriction.stop, self._topic_id)
        self._restriction = self._restriction._replace(stop=next)
        self._handed_on = True
        return self._restriction, rest

    def check_done(self) -> bool:
        if not (self._handed_on or self._finished()):
            raise ValueError(f"offsets from {self._at[1]} on were neither read nor handed on")
        return True

    def current_progress(self) -> RestrictionProgress:
        start, stop = self._restriction.next, self._restriction.stop
        done = max(self._at[1] - start, 0)
        left = 1 if stop is None else max(stop - self._at[1], 0)
        return RestrictionProgress(completed=done, remaining=left)

    def is_bounded(self) -> bool:
        return self._restriction.stop is not None

    def _finished(self) -> bool:
        return self._restriction.stop is not None and self._at[1] >= self._restriction.stop


class OffsetsCoder(Coder):
    """A fixed layout, so that a savepoint does not depend on where a class lies; then the topic."""

    _FORMAT = struct.Struct(">iq?q")

    def encode(self, value: Offsets) -> bytes:
        endless = value.stop is None
        fixed = self._FORMAT.pack(value.era, value.next, endless, value.stop or 0)
        return fixed + value.topic_id.encode()

    def decode(self, encoded: bytes) -> Offsets:
        era, next, endless, stop = self._FORMAT.unpack_from(encoded)
        topic_id = encoded[self._FORMAT.size :].decode()
        return Offsets(era, next, None if endless else stop, topic_id)

    def is_deterministic(self) -> bool:
        return True


class OffsetsProvider(RestrictionProvider):
    """A partition begins and stops where it says; of a topic, partitions are counted from 0."""

    def initial_restriction(self, element: Partition | KafkaTopic) -> Offsets:
        if isinstance(element, Partition):
            return Offsets(0, element.start, element.stop, element.topic_id)
        return Offsets(0, 0)

    def create_tracker(self, restriction: Offsets) -> OffsetsTracker:
        return OffsetsTracker(restriction)

    def restriction_size(self, element: object, restriction: Offsets) -> int:
        return 1 if restriction.stop is None else max(restriction.stop - restriction.next, 0)

    def restriction_coder(self) -> OffsetsCoder:
        return OffsetsCoder()
