"""AttendShards: the Attend machine on Beam, over grouped shards or, unbounded, with keyed state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    BagStateSpec,
    ReadModifyWriteStateSpec,
    TimerSpec,
    on_timer,
)

from schemas.coder import RecordBatchCoder
from transforms.attend import Attend, Attended, AttendRules, recall
from transforms.balance import outcome_batch
from transforms.keyed_machine import KeyedMachine, next_beat
from transforms.partials import split_by_family

EMIT_EVERY_SECONDS = 1.0
"""How long an observation waits for company before its deltas are computed."""


def _outputs(attended: Attended, families: int) -> Iterator[Any]:
    if attended.partials.num_rows:
        yield from split_by_family(attended.partials, families)
    if attended.outcomes:
        yield beam.pvalue.TaggedOutput("counts", outcome_batch(attended.outcomes))


class _AttendGrouped(beam.DoFn):
    """Bounded: a shard is added whole, emitted once, and nothing is ever late."""

    def __init__(self, rules: AttendRules, families: int) -> None:
        self._rules, self._families = rules, families

    def process(self, shard: tuple[int, Iterable[pa.RecordBatch]]) -> Iterator[Any]:
        machine = Attend(self._rules)
        for batch in shard[1]:
            machine.add(batch)
        yield from _outputs(machine.emit(), self._families)


class _AttendKeyed(beam.DoFn):
    """Unbounded: observations wait in a bag; a timer lets the machine emit and remember."""

    PENDING = BagStateSpec("pending", RecordBatchCoder())
    FRAGMENTS = BagStateSpec("fragments", RecordBatchCoder())
    TOKEN = ReadModifyWriteStateSpec("token", beam.coders.BytesCoder())
    EMIT = TimerSpec("emit", TimeDomain.REAL_TIME)

    def __init__(self, rules: AttendRules, families: int, every_seconds: float) -> None:
        self._rules, self._families, self._every = rules, families, every_seconds

    def setup(self) -> None:
        self._machines = KeyedMachine[Attend](lambda key, memory: recall(self._rules, memory))

    def process(
        self,
        element: tuple[int, pa.RecordBatch],
        pending: Any = beam.DoFn.StateParam(PENDING),
        emit: Any = beam.DoFn.TimerParam(EMIT),
    ) -> None:
        pending.add(element[1])
        emit.set(next_beat(self._every))

    @on_timer(EMIT)
    def emit(
        self,
        shard: Any = beam.DoFn.KeyParam,
        pending: Any = beam.DoFn.StateParam(PENDING),
        fragments: Any = beam.DoFn.StateParam(FRAGMENTS),
        token: Any = beam.DoFn.StateParam(TOKEN),
    ) -> Iterator[Any]:
        machine = self._machines.wake(shard, fragments, token)
        for batch in pending.read():
            machine.add(batch)
        pending.clear()
        attended = machine.emit()
        self._machines.remember(shard, machine, fragments, token)
        yield from _outputs(attended, self._families)


class AttendShards(beam.PTransform):
    """Observations keyed by shard → `partials` keyed by family shard, `counts` (BALANCE_COUNT).

    Bounded input is grouped; unbounded input meets keyed state in the global window. The machine is
    the same, and so are the sums of what comes out.
    """

    def __init__(
        self, rules: AttendRules, families: int, every_seconds: float = EMIT_EVERY_SECONDS
    ) -> None:
        super().__init__()
        self._rules, self._families, self._every = rules, families, every_seconds

    def expand(self, observations: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        if observations.is_bounded:
            grouped = observations | "GroupByShard" >> beam.GroupByKey()
            attend: beam.DoFn = _AttendGrouped(self._rules, self._families)
        else:
            grouped = observations
            attend = _AttendKeyed(self._rules, self._families, self._every)
        return grouped | "AttendShard" >> beam.ParDo(attend).with_output_types(
            tuple[int, pa.RecordBatch], counts=pa.RecordBatch
        ).with_outputs("counts", main="partials")
