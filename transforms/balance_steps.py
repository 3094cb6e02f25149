"""Balance as a step of a graph: counts of all stages come together and are added up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import BagStateSpec, TimerSpec, on_timer
from apache_beam.utils.timestamp import MAX_TIMESTAMP

from schemas.coder import RecordBatchCoder
from transforms.balance import Tally, balance, sum_by_hour
from transforms.gathering import at_time
from transforms.keyed_machine import next_beat

BALANCE_EVERY_SECONDS = 10.0


class Balance(beam.PTransform):
    """BALANCE_COUNT batches of all stages → BALANCE batches.

    Bounded: one batch of all. Unbounded: rows that have changed, each ten seconds; the newest
    holds. There an hour of arrival is a key of its own and is never forgotten: it is some hundred
    bytes, and old records may come at any time, from a backlog or a producer whose clock is wrong.
    """

    def __init__(self, every_seconds: float = BALANCE_EVERY_SECONDS) -> None:
        super().__init__()
        self._every = every_seconds

    def expand(self, counts: beam.PCollection) -> beam.PCollection:
        if not counts.is_bounded:
            return (
                counts
                | "ByHour" >> beam.ParDo(_SumByHour()).with_output_types(tuple[int, pa.RecordBatch])
                | "TallyCounts"
                >> beam.ParDo(_TallyKeyed(self._every)).with_output_types(pa.RecordBatch)
            )
        return (
            counts
            | "ToOnePlace" >> beam.WithKeys(0).with_output_types(tuple[int, pa.RecordBatch])
            | "GroupCounts" >> beam.GroupByKey()
            | "SumCounts" >> beam.MapTuple(_sum_counts).with_output_types(pa.RecordBatch)
        )


def _sum_counts(key: int, batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    return balance(batches, datetime.now(timezone.utc))


class _SumByHour(beam.DoFn):
    """Counts of a bundle added up, keyed by their hour of arrival.

    What waits in keyed state for the next row of the balance is then an element a bundle, and not
    one for each batch that was decoded.
    """

    def start_bundle(self) -> None:
        self._counts: list[pa.RecordBatch] = []
        self._at = MAX_TIMESTAMP

    def process(self, counts: pa.RecordBatch, at: Any = beam.DoFn.TimestampParam) -> None:
        self._counts.append(counts)
        self._at = min(self._at, at)

    def finish_bundle(self) -> Iterator[Any]:
        for element in sum_by_hour(self._counts):
            yield at_time(element, self._at)


class _TallyKeyed(beam.DoFn):
    """Counts wait in a bag; a timer adds them to what is remembered and writes what changed."""

    PENDING = BagStateSpec("pending", RecordBatchCoder())
    COUNTED = BagStateSpec("counted", RecordBatchCoder())
    WRITE = TimerSpec("write", TimeDomain.REAL_TIME)

    def __init__(self, every_seconds: float) -> None:
        self._every = every_seconds

    def process(
        self,
        element: tuple[int, pa.RecordBatch],
        pending: Any = beam.DoFn.StateParam(PENDING),
        write: Any = beam.DoFn.TimerParam(WRITE),
    ) -> None:
        pending.add(element[1])
        write.set(next_beat(self._every))

    @on_timer(WRITE)
    def write(
        self,
        pending: Any = beam.DoFn.StateParam(PENDING),
        counted: Any = beam.DoFn.StateParam(COUNTED),
    ) -> Iterator[pa.RecordBatch]:
        tally = Tally()
        for batch in counted.read():
            tally.add(batch)
        tally.written()
        for batch in pending.read():
            tally.add(batch)
        rows = tally.rows(datetime.now(timezone.utc))
        pending.clear()
        counted.clear()
        for batch in tally.memory():
            counted.add(batch)
        if rows.num_rows:
            yield rows
