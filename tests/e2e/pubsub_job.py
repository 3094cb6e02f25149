"""A streaming Beam job that reads Pub/Sub and keeps every payload's number in keyed state.

What it writes is what its *state* holds, each second, one file a key: after a crash the state is
that of the last checkpoint, so a message acknowledged too early is missing for ever. Beside it,
every number that is read is appended to a log, which shows what was read twice.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.coders import BytesCoder
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    ReadModifyWriteStateSpec,
    TimerSpec,
    on_timer,
)
from apache_beam.utils.timestamp import Timestamp

from pipelines.sources.pubsub.source import PullSettings, ReadPubSub, Subscription
from pipelines.sources.streaming import StreamSettings

KEYS = 2
WRITE = TimerSpec("write", TimeDomain.REAL_TIME)
TIMER = beam.DoFn.TimerParam(WRITE)
STATE = beam.DoFn.StateParam(ReadModifyWriteStateSpec("known", BytesCoder()))


def numbers_of(batch: pa.RecordBatch) -> np.ndarray:
    """The number that each payload begins with."""
    return np.array([int(payload.split(b" ", 1)[0]) for payload in batch["payload"].to_pylist()])


class AppendAndKey(beam.DoFn):
    def __init__(self, folder: str) -> None:
        self._folder = folder

    def process(self, batch: pa.RecordBatch) -> Iterator[tuple[int, bytes]]:
        numbers = numbers_of(batch)
        with open(f"{self._folder}/read-{os.getpid()}.log", "a") as log:
            log.write("".join(f"{number}\n" for number in numbers.tolist()))
        for key in range(KEYS):
            mine = numbers[numbers % KEYS == key]
            if len(mine):
                yield key, mine.astype(np.int64).tobytes()


class Remember(beam.DoFn):
    def __init__(self, folder: str) -> None:
        self._folder = folder

    def process(
        self,
        element: tuple[int, bytes],
        known: Any = STATE,
        write: Any = TIMER,
    ) -> None:
        before = known.read() or b""
        if not before:
            write.set(Timestamp.now() + 1)
        both = np.frombuffer(before + element[1], np.int64)
        known.write(np.unique(both).tobytes())

    @on_timer(WRITE)
    def written(
        self,
        key: Any = beam.DoFn.KeyParam,
        known: Any = STATE,
        write: Any = TIMER,
    ) -> None:
        numbers = np.frombuffer(known.read() or b"", np.int64).tolist()
        replace(Path(self._folder, f"state-{key}.json"), numbers)
        write.set(Timestamp.now() + 1)


class WriteStatus(beam.DoFn):
    def __init__(self, folder: str) -> None:
        self._folder = folder

    def process(self, batch: pa.RecordBatch) -> None:
        (row,) = batch.to_pylist()
        found = {"basis": row["basis"], "position": row["position"], "at": time.time()}
        found["watermark"] = row["watermark"] and row["watermark"].timestamp()
        number = row["input"].rpartition("#")[2]
        replace(Path(self._folder, f"status-{number}.json"), found)


def replace(path: Path, found: Any) -> None:
    beside = path.with_suffix(f".{os.getpid()}")
    beside.write_text(json.dumps(found))
    beside.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", required=True)
    parser.add_argument("--subscription", required=True)
    parser.add_argument("--emulator", required=True)
    given, beam_arguments = parser.parse_known_args()
    stream = StreamSettings(idle_after_seconds=4.0, status_every_seconds=1.0)
    pulls = PullSettings(lease_seconds=10)
    subscriptions = [Subscription(given.subscription, "unnamed", pullers=2)]
    options = PipelineOptions(beam_arguments, streaming=True, save_main_session=False)
    with beam.Pipeline(options=options) as pipeline:
        read = pipeline | "ReadPubSub" >> ReadPubSub(subscriptions, stream, pulls, given.emulator)
        _ = read.status | "WriteStatus" >> beam.ParDo(WriteStatus(given.output))
        _ = (
            read.payloads
            | "Append"
            >> beam.ParDo(AppendAndKey(given.output)).with_output_types(tuple[int, bytes])
            | "Remember" >> beam.ParDo(Remember(given.output))
        )


if __name__ == "__main__":
    main()
