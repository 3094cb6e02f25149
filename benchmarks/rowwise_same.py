"""The row by row rival that does the same: EVENT batches and failed records, one dict an event.

Stock Beam, orjson. Its best chance: what all events share is filled in once a batch, pseudonyms,
user agents and consents are cached, and dicts become columns by the thousands.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.coders import BytesCoder
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from benchmarks.rowwise_same_event import Decoder, Fault, arrived_at
from pipelines.keys import pseudonym_keys
from schemas.event import SCHEMA_REF
from schemas.version import VERSION
from transforms.protect import PROTECTED_EVENT, PseudonymKeys

ROWS_A_BATCH = 10_000
_MICROS_A_DAY = 86_400_000_000
_SHARED = {
    "source": "segment",
    "schema_ref": SCHEMA_REF,
    "op": "insert",
    "actor_kind": "person",
    "channel": "segment",
    "media_type": "owned",
    "provenance": "first_party",
    "pipeline_version": VERSION,
}


class Decode(beam.DoFn):
    """Lines to events in `ROWS_A_BATCH`, or less at the end of a bundle; faults to `failed`."""

    def __init__(self, keys: PseudonymKeys, arrived: int) -> None:
        self._keys, self._arrived = keys, arrived

    def start_bundle(self) -> None:
        self._decode = Decoder(self._keys, self._arrived)
        self._events: list[dict[str, Any]] = []

    def process(self, line: bytes) -> Iterator[Any]:
        try:
            event = self._decode(line)
        except Fault as fault:
            yield beam.pvalue.TaggedOutput("failed", (line, fault.reason.value, fault.path))
            return
        if event["consent_basis"] == "denied":
            return
        self._events.append(event)
        if len(self._events) >= ROWS_A_BATCH:
            yield self._batch()

    def finish_bundle(self) -> Iterator[Any]:
        if self._events:
            yield beam.transforms.window.GlobalWindows.windowed_value(self._batch())

    def _batch(self) -> pa.RecordBatch:
        batch = event_batch(self._events, self._keys.key_id, self._arrived)
        self._events = []
        return batch


def event_batch(events: list[dict[str, Any]], key_id: str, arrived: int) -> pa.RecordBatch:
    """PROTECTED_EVENT batch of events."""
    rows = len(events)
    columns: dict[str, pa.Array] = {}
    for field in PROTECTED_EVENT:
        name, kind = field.name, field.type
        if name in _SHARED:
            columns[name] = pa.repeat(pa.scalar(_SHARED[name], kind), rows)
        elif name == "ingested_time":
            columns[name] = pa.repeat(pa.scalar(arrived, pa.int64()).cast(kind), rows)
        elif name == "route":
            words = np.frombuffer(b"".join([e["route"] for e in events]), np.int64)
            columns[name] = pa.array(words[::2])
        elif name == "retention_until":
            days = columns["collected_time"].cast(pa.int64()).to_numpy() // _MICROS_A_DAY + 365
            columns[name] = pa.array(days.astype(np.int32)).cast(kind)
        elif name == "actor_key_id":
            known = columns["actor_id"].is_valid().to_pylist()
            columns[name] = pa.array([key_id if yes else None for yes in known], kind)
        elif name in events[0]:
            columns[name] = pa.array([event[name] for event in events], kind)
        else:
            columns[name] = pa.nulls(rows, kind)
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=PROTECTED_EVENT)


def event_batches(pipeline: beam.Pipeline, path: str) -> beam.pvalue.DoOutputsTuple:
    arrived = arrived_at(path)
    return (
        pipeline
        | "Read" >> beam.io.ReadFromText(path, coder=BytesCoder())
        | "Decode"
        >> beam.ParDo(Decode(pseudonym_keys(), arrived)).with_outputs("failed", main="events")
    )


def run_events(path: str, out: str) -> None:
    """JSON file `out` with the number of events made, and failed records as JSON lines."""
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        made = event_batches(pipeline, path)
        _ = (
            made.events
            | "Rows" >> beam.Map(lambda batch: batch.num_rows)
            | "Sum" >> beam.CombineGlobally(_total)
            | "Write" >> beam.io.WriteToText(out, shard_name_template="")
        )
        _ = (
            made.failed
            | "Lines" >> beam.Map(lambda f: json.dumps([f[0].decode(errors="replace"), *f[1:]]))
            | "Failed" >> beam.io.WriteToText(f"{out}.failed", shard_name_template="")
        )


def _total(counts: Iterable[int]) -> int:
    return sum(counts)


def main(arguments: list[str] | None = None) -> None:
    """`python -m benchmarks.rowwise_same FILE OUT`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rowwise_same", description=__doc__)
    parser.add_argument("file", help="NDJSON file of Segment tracks")
    parser.add_argument("out", help="file of the count")
    given = parser.parse_args(arguments)
    run_events(given.file, given.out)
    print(json.dumps({"job": "events-same", "events": int(Path(given.out).read_text())}))


if __name__ == "__main__":
    main()
