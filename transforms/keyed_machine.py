"""KeyedMachine: machines that live in a worker's memory and are remembered in keyed state.

State is a bag of fragments and a token. While the token in state is the one this worker left there,
its machine in memory is what the state says and the bag is not read. After a restore, a retry of a
bundle, or a move of the key, the token differs, and the machine is recalled from the bag. A token
ends in the last time that its machine has given to rows.
"""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, cast

import pyarrow as pa
from apache_beam.utils.timestamp import Timestamp

from schemas.coder import Packed
from transforms.stamps import Stamps

MOST_FRAGMENTS = 64
FEWEST_BYTES = 16_384
SLACK = 0.25
"""The bag is replaced by one merged memory when it holds more batches than MOST_FRAGMENTS, and when
what was appended since is more than this part of the memory then, and than FEWEST_BYTES, as they
are written. So state is at most a quarter more than what is remembered, which is written five times
at most."""
_STAMP_BYTES = 8
IN_USE = b""
"""The token of a machine between `wake` and `remember`: state never holds it."""


class Remembering(Protocol):
    def learnt(self) -> list[pa.RecordBatch]: ...

    def memory(self) -> list[pa.RecordBatch]: ...


Machine = TypeVar("Machine", bound=Remembering)


class _Awake(NamedTuple):
    """A machine, the token that it left, the times of its rows, and the bag: batches, bytes of the
    last memory, and of what was appended since."""

    token: bytes
    stamps: Stamps
    machine: Any
    batches: int
    remembered: int
    appended: int


_AWAKE: dict[str, dict[Any, _Awake]] = {}
"""Of the process, by step: a runner makes several DoFns of one step and gives a key to any of them,
though never to two at a time."""
_BEGAN: dict[str, float] = {}
"""When this process began with a step, in seconds."""


class KeyedMachine(Generic[Machine]):
    """wake(key) gives the machine as state remembers it; remember(key) writes what it learnt.

    Fragments are Packed: as they are written, so that they are weighed as they are written.

    `recall` is also given the time, in seconds, before which a life that state does not remember
    may have ended: when this process began, or now, where the process itself knows more than state.
    A key that another process had meanwhile, which knew all that state says, has lost none.

    `step` names the machines that are shared within a process.
    """

    def __init__(
        self, step: str, recall: Callable[[Any, list[pa.RecordBatch], float], Machine]
    ) -> None:
        self._recall = recall
        self._awake: dict[Any, _Awake] = _AWAKE.setdefault(step, {})
        self._began = _BEGAN.setdefault(step, time.time())

    def wake(self, key: Any, fragments: Any, token: Any) -> Machine:
        awake = self._awake.get(key)
        written = token.read()
        if awake and written == awake.token:
            # Of a bundle that fails before `remember` the machine knows more than state does.
            self._awake[key] = awake._replace(token=IN_USE)
            return cast(Machine, awake.machine)
        bag, stamps = list(fragments.read()), _stamps_in(written)
        undone = awake is not None and stamps.last < awake.stamps.last
        lost_before = time.time() if undone else self._began
        machine = self._recall(key, [packed.unpack() for packed in bag], lost_before)
        # How much of it is one memory is not known any more: as if all had been appended.
        self._awake[key] = _Awake(IN_USE, stamps, machine, len(bag), 0, _bytes(bag))
        return machine

    def put_back(self, key: Any, token: Any) -> None:
        """The machine that was awake has learnt nothing: it is as state has it."""
        self._awake[key] = self._awake[key]._replace(token=token.read() or IN_USE)

    def stamp(self, key: Any) -> datetime:
        """Now, for rows of which the newest stands: later than what state remembers of the key."""
        return self._awake[key].stamps.next(datetime.now(timezone.utc))

    def glimpse(self, key: Any) -> Machine | None:
        """The machine as it was last awake in this process, true or not: a hint, at no cost."""
        awake = self._awake.get(key)
        return awake.machine if awake else None

    def remember(self, key: Any, machine: Machine, fragments: Any, token: Any) -> None:
        _, stamps, _, batches, remembered, appended = self._awake[key]
        learnt = [Packed.keep(batch) for batch in machine.learnt()]
        batches += len(learnt)
        appended += _bytes(learnt)
        if batches > MOST_FRAGMENTS or appended > max(SLACK * remembered, FEWEST_BYTES):
            learnt = [Packed.keep(batch) for batch in machine.memory()]
            fragments.clear()
            batches, remembered, appended = len(learnt), _bytes(learnt), 0
        for packed in learnt:
            fragments.add(packed)
        left = uuid.uuid4().bytes + stamps.last.to_bytes(_STAMP_BYTES, "big")
        token.write(left)
        self._awake[key] = _Awake(left, stamps, machine, batches, remembered, appended)


def _stamps_in(token: bytes | None) -> Stamps:
    return Stamps(int.from_bytes(token[-_STAMP_BYTES:], "big") if token else 0)


def _bytes(fragments: list[Packed]) -> int:
    return sum(len(packed.encoded) for packed in fragments)


def new_step() -> str:
    """A name for the machines of one step of one graph."""
    return uuid.uuid4().hex


def next_beat(every_seconds: float, lag_seconds: float = 0.0) -> Timestamp:
    """The next beat of a cadence by the wall's clock; without a cadence: now."""
    if not every_seconds:
        return Timestamp.now()
    return Timestamp(seconds=beat_after(time.time(), every_seconds, lag_seconds))


def beat_after(now: float, every_seconds: float, lag_seconds: float) -> float:
    """The first whole multiple of a cadence, and a lag after it, that is later than `now`, in
    seconds. It is the same however often it is asked for: a timer set again is not put off."""
    beats = math.floor((now - lag_seconds) / every_seconds) + 1
    return beats * every_seconds + lag_seconds
