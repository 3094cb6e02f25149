"""A dataset of a folder as rows of BigQuery, and what then stands there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.runs import Runs
from pipelines.sinks.bigquery.append import USUAL
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.bigquery.sink import AppendToDefault
from pipelines.sinks.table import Table
from pipelines.sinks.tables import TABLES
from tests.bigquery_tables import one, rows

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class InBigQuery:
    """Tables of BigQuery with the rows of a folder, the raw input of these, and a client."""

    to: Destination
    inputs: list[str]
    client: Any

    def standing(self) -> set[tuple[Any, ...]]:
        """Figures that stand, as tests.pipelines.refill.STANDING has them."""
        without = ("epoch", "revision", "cause", "published_time", "day")
        view = f"`{self.to.project}.{self.to.views_dataset}.metrics_latest`"
        found = self.client.query(
            f"SELECT * FROM {view} WHERE suppressed_reason IS DISTINCT FROM 'withdrawn'"
        ).result()
        return {tuple(v for k, v in row.items() if k not in without) for row in found}

    def rows(self, table: Table, where: str = "TRUE") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = rows(self.client, self.to, table, where)
        return found

    def count(self, table: Table, where: str = "TRUE") -> int:
        sql = f"SELECT count(*) FROM `{self.to.name(table)}` WHERE day > '1970-01-01' AND {where}"
        return int(one(self.client, sql))


def write(table: Table, batches: list[pa.RecordBatch], to: Destination) -> None:
    """Rows as a stream writes them."""
    writer: Any = AppendToDefault(table, to, USUAL)
    writer.start_bundle()
    for batch in batches:
        writer.process(batch)
    assert list(writer.finish_bundle()) == []
    writer.teardown()


def copy_table(table: Table, dataset: Path, to: Destination) -> None:
    """Write what a folder has of a table."""
    files = sorted((dataset / table.name).rglob("*.parquet"))
    batches = [b for f in files for b in pq.read_table(f, partitioning=None).to_batches()]
    if batches:
        write(table, batches, to)


def copy_of(dataset: Path, to: Destination) -> None:
    """Write all that a folder has, its options as a row of `runs`."""
    for table in TABLES:
        copy_table(table, dataset, to)
    record = json.loads((dataset / "run.json").read_text())
    streaming = bool(record.get("streaming"))
    Runs(to, streaming).write("started" if streaming else "finished", record)


def killed_when(
    seen: Callable[[], bool], place: InBigQuery, *given: str, verb: str = "backfill"
) -> None:
    """Run `moment backfill`, or another verb, in a process of its own; kill it when that is seen."""
    command = [sys.executable, "-m", "pipelines", verb, str(place.to), *given]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, env=os.environ)
    try:
        deadline = time.monotonic() + 240
        while not seen():
            assert process.poll() is None, "expected it to live until then"
            assert time.monotonic() < deadline, "expected to see that in four minutes"
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
