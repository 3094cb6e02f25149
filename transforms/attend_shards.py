"""AttendShards: the Attend machine on Beam, over grouped shards or, unbounded, with keyed state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa

from schemas.coder import Packed
from transforms.attend import Attend, Attended
from transforms.attend_keyed import AttendKeyed
from transforms.balance import outcome_batch
from transforms.gathering import Gathering, timeless
from transforms.partials import split_by_family, sum_partials
from transforms.rules import AttendRules

ROWS_AN_ELEMENT = 32_768
"""Delta rows of a family gathered before they cross the shuffle: about 7 MB in memory."""

MOST_LANES = 16
"""Groupings that bounded input is split into. The in-process runner copies what it groups five
times over before the first group is read: lane by lane, a sixteenth of it at a time."""

EMIT_EVERY_SECONDS = 1.0
"""How long an observation waits for company before its deltas are computed."""


class _AttendGrouped(beam.DoFn):
    """Bounded: a shard is added whole, emitted once, and nothing is ever late. Its people follow,
    as sketches of their days.

    The deltas of a bundle's shards are gathered by family and added up before they cross the second
    shuffle: fewer, larger elements.
    """

    def __init__(self, rules: AttendRules, families: int) -> None:
        self._rules, self._families = rules, families

    def start_bundle(self) -> None:
        self._gathering = Gathering(ROWS_AN_ELEMENT, sum_partials)

    def process(self, shard: tuple[int, Iterable[Packed]]) -> Iterator[Any]:
        machine = Attend(self._rules)
        for packed in shard[1]:
            machine.add(packed.unpack())
        attended = machine.emit()
        yield from _counts(attended)
        for family, deltas in split_by_family(attended.partials, self._families):
            yield from _packed(self._gathering.add(family, deltas))
        yield from _packed(split_by_family(machine.sketches(), self._families))

    def finish_bundle(self) -> Iterator[Any]:
        for element in _packed(self._gathering.rest()):
            yield timeless(element)


def _packed(elements: Iterable[tuple[int, pa.RecordBatch]]) -> Iterator[tuple[int, Packed]]:
    for family, deltas in elements:
        yield family, Packed.keep(deltas)


def _counts(attended: Attended) -> Iterator[Any]:
    if attended.outcomes:
        yield beam.pvalue.TaggedOutput("counts", outcome_batch(attended.outcomes))


class AttendShards(beam.PTransform):
    """Observations keyed by shard → `partials` keyed by family shard, `counts` (BALANCE_COUNT).

    Bounded input is grouped; unbounded input meets keyed state in the global window (AttendKeyed)
    and gives `late` (LATE_EVENT) too. The machine is the same, and so are the sums of what comes
    out. Among `partials` are SKETCH batches of people: of everybody, or of each day that is sealed.
    """

    def __init__(
        self,
        rules: AttendRules,
        families: int,
        shards: int,
        epoch: int = 0,
        every_seconds: float = EMIT_EVERY_SECONDS,
    ) -> None:
        super().__init__()
        self._rules, self._families, self._epoch = rules, families, epoch
        self._every = every_seconds
        self._lanes = min(shards, MOST_LANES)

    def expand(self, observations: beam.PCollection) -> dict[str, beam.PCollection]:
        if not observations.is_bounded:
            keyed = AttendKeyed(self._rules, self._families, self._epoch, self._every)
            attended = observations | "AttendShard" >> beam.ParDo(keyed).with_output_types(
                tuple[int, Packed], counts=pa.RecordBatch, late=pa.RecordBatch
            ).with_outputs("counts", "late", main="partials")
            return {name: attended[name] for name in ("partials", "counts", "late")}
        outputs = [
            observations
            | f"ChooseLane{lane}"
            >> beam.Filter(_of_lane, lane, self._lanes).with_output_types(tuple[int, Packed])
            | f"GroupLane{lane}" >> beam.GroupByKey()
            | f"AttendLane{lane}"
            >> beam.ParDo(_AttendGrouped(self._rules, self._families))
            .with_output_types(tuple[int, Packed], counts=pa.RecordBatch)
            .with_outputs("counts", main="partials")
            for lane in range(self._lanes)
        ]
        return {
            "partials": [o.partials for o in outputs] | "AllPartials" >> beam.Flatten(),
            "counts": [o.counts for o in outputs] | "AllCounts" >> beam.Flatten(),
        }


def _of_lane(element: tuple[int, Packed], lane: int, lanes: int) -> bool:
    return element[0] % lanes == lane
