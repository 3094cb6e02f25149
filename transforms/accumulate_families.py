"""AccumulateFamilies: the Accumulate machine on Beam, grouped or, unbounded, with keyed state."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
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

from schemas.coder import Packed, PackedCoder
from transforms.accumulate import TOTALS_FAMILY, Accumulate, recall
from transforms.fragments import kind_of
from transforms.keyed_machine import KeyedMachine, new_step, next_beat
from transforms.lag import Lag
from transforms.partials import split_labels
from transforms.rules import PublishRules

PUBLISH_EVERY_SECONDS = 5.0
"""The cadence of early rows: what a person watching can follow."""
PARTIALS_A_BATCH = 256
"""Rows of at most 32 KB each: a batch of 8 MB."""


def _add(machine: Accumulate, batches: Iterable[Packed]) -> None:
    for packed in batches:
        batch = packed.unpack()
        kind = kind_of(batch)
        if kind == "label":
            machine.name(batch)
        elif kind == "mark":
            machine.mark(batch)
        elif kind == "sketch":
            machine.sketch(batch)
        else:
            machine.add(batch)


def _published(machine: Accumulate, now: datetime) -> Iterator[Any]:
    for final, batch in machine.rows(now):
        yield batch if final else beam.pvalue.TaggedOutput("live", batch)


def _in_pieces(partials: pa.RecordBatch) -> Iterator[Any]:
    for start in range(0, partials.num_rows, PARTIALS_A_BATCH):
        yield beam.pvalue.TaggedOutput("partials", partials.slice(start, PARTIALS_A_BATCH))


class _AccumulateGrouped(beam.DoFn):
    """Bounded: all deltas of a family at once, everything published once."""

    def __init__(self, rules: PublishRules) -> None:
        self._rules = rules

    def process(self, family: tuple[int, Iterable[Packed]]) -> Iterator[Any]:
        machine = Accumulate(self._rules, totals_family=family[0] == TOTALS_FAMILY)
        _add(machine, family[1])
        now = datetime.now(timezone.utc)
        yield from _published(machine, now)
        yield from _in_pieces(machine.day_partials(now))


class _AccumulateKeyed(beam.DoFn):
    """Unbounded: deltas wait in a bag; a timer lets the machine publish what changed, and sealed
    days. It is set for when what the shards emit at a beat is there."""

    PENDING = BagStateSpec("pending", PackedCoder())
    FRAGMENTS = BagStateSpec("fragments", PackedCoder())
    TOKEN = ReadModifyWriteStateSpec("token", beam.coders.BytesCoder())
    PUBLISH = TimerSpec("publish", TimeDomain.REAL_TIME)

    def __init__(self, rules: PublishRules, every_seconds: float) -> None:
        self._rules, self._every = rules, every_seconds
        self._step = new_step()

    def setup(self) -> None:
        self._machines = KeyedMachine[Accumulate](
            self._step,
            lambda family, memory, lost_before: recall(
                self._rules, family == TOTALS_FAMILY, memory, lost_before
            ),
        )
        self._lag = Lag(self._every)

    def process(
        self,
        element: tuple[int, Packed],
        pending: Any = beam.DoFn.StateParam(PENDING),
        publish: Any = beam.DoFn.TimerParam(PUBLISH),
    ) -> None:
        pending.add(element[1])
        if kind_of(element[1].unpack()) == "partial":
            self._lag.came(time.time())
        publish.set(next_beat(self._every, self._lag.seconds))

    @on_timer(PUBLISH)
    def publish(
        self,
        family: Any = beam.DoFn.KeyParam,
        pending: Any = beam.DoFn.StateParam(PENDING),
        fragments: Any = beam.DoFn.StateParam(FRAGMENTS),
        token: Any = beam.DoFn.StateParam(TOKEN),
        publish: Any = beam.DoFn.TimerParam(PUBLISH),
    ) -> Iterator[Any]:
        machine = self._machines.wake(family, fragments, token)
        _add(machine, pending.read())
        pending.clear()
        now = self._machines.stamp(family)
        sealed = machine.sealed_partials(now)
        rows = [] if sealed is None else list(_in_pieces(sealed))
        rows += _published(machine, now)
        self._machines.remember(family, machine, fragments, token)
        if machine.waiting and self._every:
            publish.set(next_beat(self._every, self._lag.seconds))
        yield from rows


def _routed(labels: pa.RecordBatch, families: int) -> Iterator[tuple[int, Packed]]:
    for family, part in split_labels(labels, families):
        yield family, Packed.pack(part)


class RouteLabels(beam.PTransform):
    """LABEL batches → the same, keyed by the family shards whose figures they name."""

    def __init__(self, families: int) -> None:
        super().__init__()
        self._families = families

    def expand(self, labels: beam.PCollection) -> beam.PCollection:
        return labels | "SplitLabels" >> beam.FlatMap(_routed, self._families).with_output_types(
            tuple[int, Packed]
        )


class AccumulateFamilies(beam.PTransform):
    """PARTIAL and LABEL batches keyed by family shard → METRIC batches of what changed.

    `metrics` are final: on time, and their revisions. `live` are early; bounded input has none.
    `partials` are DAY_PARTIAL batches, of the SKETCH batches among what comes in: in a stream of a
    day when all shards have sealed it, once.
    """

    def __init__(self, rules: PublishRules, every_seconds: float = PUBLISH_EVERY_SECONDS) -> None:
        super().__init__()
        self._rules, self._every = rules, every_seconds

    def expand(self, partials: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        if partials.is_bounded:
            grouped = partials | "GroupByFamily" >> beam.GroupByKey()
            accumulate: beam.DoFn = _AccumulateGrouped(self._rules)
        else:
            grouped, accumulate = partials, _AccumulateKeyed(self._rules, self._every)
        return grouped | "AccumulateFamily" >> beam.ParDo(accumulate).with_output_types(
            pa.RecordBatch, live=pa.RecordBatch, partials=pa.RecordBatch
        ).with_outputs("live", "partials", main="metrics")
