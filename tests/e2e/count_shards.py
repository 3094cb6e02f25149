"""A small streaming Beam job: shards' keys twice a second, counted in state that is kept.

A shard of the second half comes three times as often, so that it shows which subtask has which.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec

from pipelines.flink import FlinkJob, flink_job


class Count(beam.DoFn):
    """How often a key came."""

    SEEN = ReadModifyWriteStateSpec("seen", beam.coders.VarIntCoder())

    def process(
        self,
        element: tuple[int, int],
        seen: Any = beam.DoFn.StateParam(SEEN),  # noqa: B008 (Beam's way)
    ) -> Iterator[int]:
        count = (seen.read() or 0) + 1
        seen.write(count)
        yield count


def weighted(keys: tuple[int, ...]) -> list[tuple[int, int]]:
    """The elements of a tick: each key of the first half once, of the second three times."""
    half = len(keys) // 2
    return [(key, 1) for key in (*keys[:half], *keys[half:] * 3)]


def build(root: beam.Pipeline, job: FlinkJob) -> None:
    _ = (
        root
        | "Tick" >> PeriodicImpulse(fire_interval=0.5)
        | "Shards"
        >> beam.FlatMap(lambda tick, keys: weighted(keys), job.keys).with_output_types(
            tuple[int, int]
        )
        | "Count" >> beam.ParDo(Count())
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shards", type=int, required=True)
    given, beam_arguments = parser.parse_known_args()
    job = flink_job(beam_arguments, given.shards)
    with beam.Pipeline(options=PipelineOptions(list(job.arguments))) as pipeline:
        build(pipeline, job)


if __name__ == "__main__":
    main()
