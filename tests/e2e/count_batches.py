"""A small Beam batch job whose Arrow batches cross a shuffle: rows and sum of each key."""

from __future__ import annotations

import argparse
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions

from schemas.coder import RecordBatchCoder

KEYS = 4


def keyed_batch(number: int) -> tuple[int, pa.RecordBatch]:
    """A batch of `number` rows that each hold `number`, under one of four keys."""
    return number % KEYS, pa.record_batch({"value": pa.array([number] * number, pa.int64())})


def write(key: int, batches: list[pa.RecordBatch], folder: str) -> None:
    """Write `rows sum` of one key into the file `key`; again the same where a bundle is retried."""
    values = [value for batch in batches for value in batch["value"].to_pylist()]
    Path(folder, str(key)).write_text(f"{len(values)} {sum(values)}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", required=True)
    given, beam_arguments = parser.parse_known_args()
    assert isinstance(beam.coders.registry.get_coder(pa.RecordBatch), RecordBatchCoder)
    with beam.Pipeline(options=PipelineOptions(beam_arguments)) as pipeline:
        _ = (
            pipeline
            | "Create" >> beam.Create(range(1, 101))
            | "Spread" >> beam.Reshuffle()
            | "Batch" >> beam.Map(keyed_batch).with_output_types(tuple[int, pa.RecordBatch])
            | "Group" >> beam.GroupByKey()
            | "Write" >> beam.MapTuple(lambda key, batches: write(key, batches, given.output))
        )


if __name__ == "__main__":
    main()
