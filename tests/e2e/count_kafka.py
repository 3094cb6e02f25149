"""A small streaming job: what the Kafka source gave, and how its watermark moved, as files.

Two readings side by side: `held`, in which a silent partition holds the watermark for ever, and
`live`, in which it does not. Each file is written once under a name of its own and then renamed.
"""

from __future__ import annotations

import argparse
import json
import time
import uuid
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import TimerSpec, on_timer

from pipelines.flink_slots import Slots
from pipelines.sources.kafka.source import KafkaSettings, KafkaTopic, ReadKafka
from pipelines.sources.streaming import StreamSettings

STEP_SECONDS = {"held": 10, "live": 1}
"""How far apart the instants are at which the watermark is watched."""

AHEAD = 30
"""So many instants after each batch are watched. All are set at once: a timer set by a timer fires
when the watermark moves again, and one that is held does not."""


def write(folder: str, kind: str, row: dict[str, Any]) -> None:
    """One row into a file of its own."""
    path = Path(folder, f"{kind}-{uuid.uuid4().hex}.json")
    path.with_suffix(".new").write_text(json.dumps({**row, "wall": time.time()}))
    path.with_suffix(".new").rename(path)


class WritePayloads(beam.DoFn):
    """The offsets of a batch, with its Beam timestamp; hands the batch on."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def process(self, batch: pa.RecordBatch, stamp: Any = beam.DoFn.TimestampParam) -> Any:
        arrived = batch.column("arrived_time").cast("int64").to_pylist()
        row = {
            "input": batch.schema.metadata[b"input"].decode(),
            "offsets": batch.column("position").to_pylist(),
            "earliest": min(arrived) / 1e6,
            "stamp": stamp.micros / 1e6,
        }
        write(self._folder, "payloads", row)
        yield batch


class WatchWatermark(beam.DoFn):
    """A row for each instant that the watermark of what is read has passed."""

    AT = TimerSpec("at", TimeDomain.WATERMARK)

    def __init__(self, folder: str, name: str) -> None:
        self._folder, self._name, self._step = folder, name, STEP_SECONDS[name]

    def process(
        self,
        element: tuple[int, pa.RecordBatch],
        stamp: Any = beam.DoFn.TimestampParam,
        at: Any = beam.DoFn.TimerParam(AT),  # noqa: B008
    ) -> None:
        first = (stamp.micros // 1_000_000 // self._step + 1) * self._step
        for instant in range(first, first + AHEAD * self._step, self._step):
            at.set(instant, dynamic_timer_tag=str(instant))

    @on_timer(AT)
    def passed(self, instant: Any = beam.DoFn.DynamicTimerTagParam) -> None:
        write(self._folder, f"watermark-{self._name}", {"passed": int(instant)})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--servers", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--slots", type=int, required=True)
    given, beam_arguments = parser.parse_known_args()
    kafka = KafkaSettings(discover_every_seconds=1)
    settings = {
        "held": StreamSettings(allowance_seconds=10, idle_after_seconds=None),
        "live": StreamSettings(allowance_seconds=1, idle_after_seconds=2, status_every_seconds=1),
    }
    slots = Slots(given.slots, 128)
    options = PipelineOptions(
        [*beam_arguments, f"--parallelism={given.slots}", "--max_parallelism=128"], streaming=True
    )
    pipeline = beam.Pipeline(options=options)
    for name, stream in settings.items():
        topic = KafkaTopic(given.servers, name, "segment")
        read = pipeline | f"Read_{name}" >> ReadKafka([topic], stream, kafka, slots)
        _ = (
            read.payloads
            | f"Write_{name}"
            >> beam.ParDo(WritePayloads(given.output)).with_output_types(pa.RecordBatch)
            | f"Key_{name}" >> beam.WithKeys(0).with_output_types(tuple[int, pa.RecordBatch])
            | f"Watch_{name}" >> beam.ParDo(WatchWatermark(given.output, name))
        )
        _ = read.status | f"Status_{name}" >> beam.Map(
            lambda batch, folder: [
                write(folder, "status", json.loads(json.dumps(row, default=str)))
                for row in batch.to_pylist()
            ],
            given.output,
        )
    pipeline.run().wait_until_finish()


if __name__ == "__main__":
    main()
