"""RecordBegun: a job in a jar records itself where it is started."""

from __future__ import annotations

from collections.abc import Callable

import apache_beam as beam


class _Record(beam.DoFn):
    def __init__(self, record: Callable[[], None]) -> None:
        self._record = record

    def process(self, element: bytes) -> None:
        self._record()


class RecordBegun(beam.PTransform):
    """Records that the job has begun, when it has: once, and again where that was not kept.

    A jar is written before, and started later, again or never. A job that goes on from a savepoint
    has recorded itself before it.
    """

    def __init__(self, record: Callable[[], None]) -> None:
        super().__init__()
        self._record = record

    def expand(self, root: beam.Pipeline) -> beam.pvalue.PDone:
        root | beam.Impulse() | "Record" >> beam.ParDo(_Record(self._record))
        return beam.pvalue.PDone(root)
