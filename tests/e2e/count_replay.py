"""A small streaming Beam job: a replay decoded, every record written down, a timer that fires."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.coders import BooleanCoder
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec, TimerSpec, on_timer
from apache_beam.utils.timestamp import Timestamp

from pipelines.sources.discover import discover
from pipelines.sources.replay import Replay
from pipelines.sources.replay_plan import plan_replay
from schemas.identity import label_key
from transforms.event_steps import Decode


def write(folder: str, name: str, lines: list[str]) -> None:
    """Append lines to a file, together: bundles run at the same time."""
    text = "".join(f"{line}\n" for line in lines).encode()
    file = os.open(Path(folder, name), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, text)
    finally:
        os.close(file)


def records_of(batch: pa.RecordBatch) -> list[str]:
    """`input position` of each record of a PAYLOAD batch."""
    name = batch.schema.metadata[b"input"].decode()
    return [f"{name} {position}" for position in batch.column("position").to_pylist()]


def counts_of(batch: pa.RecordBatch) -> list[str]:
    """`outcome count` of each row of a BALANCE_COUNT batch."""
    return [f"{row['outcome']} {row['count']}" for row in batch.to_pylist()]


def status_of(batch: pa.RecordBatch) -> list[str]:
    """`input basis behind` of each row of a SOURCE_STATUS batch."""
    return [f"{row['input']} {row['basis']} {row['behind']}" for row in batch.to_pylist()]


def keyed(batch: pa.RecordBatch) -> tuple[int, pa.RecordBatch]:
    """A batch of events under the key of its input."""
    return label_key(batch.schema.metadata[b"input"].decode()), batch


class FireAt(beam.DoFn):
    """Once for each key, a line when the watermark has come to a time."""

    SEEN = ReadModifyWriteStateSpec("seen", BooleanCoder())
    TIMER = TimerSpec("at", TimeDomain.WATERMARK)

    def __init__(self, folder: str, moment: float) -> None:
        self.folder, self.moment = folder, moment

    def process(
        self,
        keyed: tuple[int, pa.RecordBatch],
        seen: Any = beam.DoFn.StateParam(SEEN),  # noqa: B008
        timer: Any = beam.DoFn.TimerParam(TIMER),  # noqa: B008
    ) -> Iterator[Any]:
        if not seen.read():
            timer.set(Timestamp.of(self.moment))
            seen.write(True)
        yield from ()

    @on_timer(TIMER)
    def fire(self, key: Any = beam.DoFn.KeyParam) -> Iterator[Any]:
        write(self.folder, "fired", [str(key)])
        yield from ()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--speed", type=float, default=0.0)
    parser.add_argument("--fire-at", type=datetime.fromisoformat, required=True)
    given, beam_arguments = parser.parse_known_args()
    plan = plan_replay(discover([given.input]))
    folder = given.output
    with beam.Pipeline(options=PipelineOptions(beam_arguments)) as root:
        read = root | "Replay" >> Replay(plan, given.speed)
        _ = read.payloads | "Records" >> beam.Map(lambda b: write(folder, "records", records_of(b)))
        _ = read.status | "Status" >> beam.Map(lambda b: write(folder, "status", status_of(b)))
        decoded = read.payloads | "Decode" >> Decode()
        _ = decoded.counts | "Counts" >> beam.Map(lambda b: write(folder, "counts", counts_of(b)))
        _ = (
            decoded.events
            | "Key" >> beam.Map(keyed).with_output_types(tuple[int, pa.RecordBatch])
            | "Fire" >> beam.ParDo(FireAt(folder, given.fire_at.timestamp()))
        )


if __name__ == "__main__":
    main()
