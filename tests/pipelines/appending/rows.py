"""Rows, streams and a clock: what the tests of appending share."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from pipelines.sinks.bigquery.append import Patience
from tests.storage_write import Answer, Request, StorageWrite

SCHEMA = pa.schema([pa.field("n", pa.int64(), False), pa.field("text", pa.string())])
TABLE = "projects/a-project/datasets/d/tables/t"
DEFAULT = f"{TABLE}/streams/_default"
QUICK = Patience(
    most_bytes=2000,
    reply_seconds=5,
    reconnect_seconds=30,
    back_off_seconds=60,
    propagate_seconds=600,
)


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.pauses: list[float] = []

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds


def rows(first: int, count: int, text: str = "what was said") -> pa.RecordBatch:
    return pa.record_batch(
        [pa.array(range(first, first + count), pa.int64()), [text] * count], schema=SCHEMA
    )


def own_stream(server: StorageWrite) -> str:
    from tests.storage_write import Stream

    name = f"{TABLE}/streams/{len(server.streams):016x}"
    server.streams[name] = Stream(name)
    return name


def seen(server: StorageWrite) -> list[int]:
    """The numbers in the table, in order of writing."""
    table = server.table(TABLE)
    return table["n"].to_pylist() if table.num_columns else []


def held(server: StorageWrite, stream: str) -> list[int]:
    """The numbers in a pending stream."""
    return [n for batch in server.streams[stream].batches for n in batch["n"].to_pylist()]


def at(number: int, answer: Answer, times: int = 1) -> Callable[[Request], Answer | None]:
    """A plan: this answer to so many requests from that one on."""
    return lambda request: answer if number <= request.number < number + times else None
