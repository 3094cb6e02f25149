"""PartitionClock: how far the time of one partition has come, and on what that rests.

The watermark of a source is the least over its partitions. The runner takes that least by itself;
here is the rule for one of them, and the Beam estimator that carries it over checkpoints.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
from apache_beam.coders import Coder
from apache_beam.io.iobase import WatermarkEstimator
from apache_beam.transforms.core import WatermarkEstimatorProvider
from apache_beam.utils.timestamp import Timestamp

SECOND = 1_000_000
"""Microseconds: all times here are microseconds since the epoch."""

LEAST_TOLERANCE_SECONDS = 1.0
"""Clocks of broker and worker differ; a message this far ahead of now is not yet a wrong clock."""


class ClockState(NamedTuple):
    """What must survive a checkpoint. `heard`: when a believed message was last read."""

    watermark: int | None
    heard: int
    basis: str = "held"


class PartitionClock:
    """The watermark of one partition, which never goes back.

    It is the broker's time of the latest message less the allowance, basis `messages`. A message
    from the future (more than the allowance ahead of now) is read like any other but moves nothing.
    Silence for less than `idle_after_seconds` leaves the watermark where it is, basis `held`. After
    that, and while the broker says that nothing is unread, it is now less the allowance, basis
    `idle`; None: it never is. Messages of the future alone are silence as well, and the basis then
    is `ahead`, for it is a clock that is to be mended. Times are microseconds since the epoch.
    """

    def __init__(
        self, allowance_seconds: float, idle_after_seconds: float | None, state: ClockState
    ) -> None:
        self._allowance = round(allowance_seconds * SECOND)
        self._tolerance = round(max(allowance_seconds, LEAST_TOLERANCE_SECONDS) * SECOND)
        self._idle_after = None if idle_after_seconds is None else idle_after_seconds * SECOND
        self._state = state
        self._ahead = False

    @classmethod
    def starting(
        cls,
        allowance_seconds: float,
        idle_after_seconds: float | None,
        now: int,
        since: int | None = None,
    ) -> PartitionClock:
        """The clock of a partition not yet read, in which nothing is older than `since`."""
        clock = cls(allowance_seconds, idle_after_seconds, ClockState(None, now))
        if since is not None:
            clock._rise(min(since, now), now, "held")
        return clock

    @property
    def state(self) -> ClockState:
        return self._state

    @property
    def watermark(self) -> int | None:
        """No earlier message is expected; None while nothing is known."""
        return self._state.watermark

    @property
    def basis(self) -> str:
        """One of schemas.source_status.BASES."""
        return self._state.basis

    def hear(self, times: np.ndarray, now: int) -> bool:
        """Messages with these broker times were read (-1: without a time); were any believed."""
        believed = times[(times >= 0) & (times <= now + self._tolerance)]
        self._ahead = not len(believed) and bool((times >= 0).any())
        if self._ahead:
            self._state = self._state._replace(basis="ahead")
        if not len(believed):
            return False
        self._rise(min(int(believed.max()), now), now, "messages")
        return True

    def wait(self, now: int, caught_up: bool, read_until: int | None = None) -> None:
        """No believed message was read. `caught_up`: what the broker had at `read_until` was.

        `read_until` None: at `now`. A partition that cannot be reached or has a backlog is not
        caught up: its next message may be of any age.
        """
        # A clock that was ahead and is set right must not count as an hour or a day of noise.
        heard = min(self._state.heard, now)
        silent = now - heard
        self._state = self._state._replace(heard=heard)
        if caught_up and self._idle_after is not None and silent >= self._idle_after:
            until = now if read_until is None else read_until
            self._rise(until, heard, "ahead" if self._ahead else "idle")
        elif self._ahead:
            return
        elif self.basis in ("idle", "ahead") or silent >= self._allowance:
            # Shorter silence holds nothing back: messages are expected to be this much apart.
            self._state = self._state._replace(basis="held")

    def stamp(self, earliest: int) -> int:
        """Beam timestamp of a batch: its earliest arrival, never below the watermark."""
        return earliest if self.watermark is None else max(earliest, self.watermark)

    def _rise(self, time: int, heard: int, basis: str) -> None:
        watermark = time - self._allowance
        if self.watermark is not None:
            watermark = max(watermark, self.watermark)
        self._state = ClockState(watermark, heard, basis)


class ClockEstimator(WatermarkEstimator):
    """Beam's view of a PartitionClock: follows the state it is shown."""

    def __init__(self, state: ClockState | None) -> None:
        self._state = state

    def observe_timestamp(self, timestamp: Timestamp) -> None:
        """Nothing: the clock hears messages, not batches."""

    def current_watermark(self) -> Timestamp | None:  # type: ignore[override]
        if self._state is None or self._state.watermark is None:
            return None
        return Timestamp(micros=self._state.watermark)

    def get_estimator_state(self) -> ClockState | None:
        return self._state

    def follow(self, state: ClockState) -> None:
        self._state = state


class ClockStateCoder(Coder):
    """A fixed layout, so that a savepoint does not depend on where a class lies."""

    _FORMAT = struct.Struct(">?qq")

    def encode(self, value: ClockState | None) -> bytes:
        if value is None:
            return b""
        known = value.watermark is not None
        return self._FORMAT.pack(known, value.watermark or 0, value.heard) + (value.basis.encode())

    def decode(self, encoded: bytes) -> ClockState | None:
        if not encoded:
            return None
        known, watermark, heard = self._FORMAT.unpack_from(encoded)
        basis = encoded[self._FORMAT.size :].decode()
        return ClockState(watermark if known else None, heard, basis)

    def is_deterministic(self) -> bool:
        return True


class ClockProvider(WatermarkEstimatorProvider):
    """Gives each partition a ClockEstimator; its state is None before the first read."""

    def initial_estimator_state(self, element: object, restriction: object) -> None:
        return None

    def create_watermark_estimator(self, estimator_state: ClockState | None) -> ClockEstimator:
        return ClockEstimator(estimator_state)

    def estimator_state_coder(self) -> ClockStateCoder:
        return ClockStateCoder()
