"""A worker that appends bundles of failed events, to be killed: `python -m … FIRST COUNT ROWS`.

It says each bundle that is acknowledged, as a runner would record it in a checkpoint.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime, timezone

import pyarrow as pa

from pipelines.sinks.bigquery.append import USUAL
from pipelines.sinks.bigquery.destination import parse_destination
from pipelines.sinks.bigquery.sink import AppendToDefault
from pipelines.sinks.tables import FAILED_EVENTS
from schemas.failure import Reason
from transforms.failures import Failure, failed_batch

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)


def failures(bundle: int, rows: int) -> pa.RecordBatch:
    """The rows of a bundle: the same whenever they are made."""
    told = [
        Failure(b"%d" % n, n, NOON, "decode", Reason.SYNTAX, "$", "expected JSON")
        for n in range(bundle * rows, (bundle + 1) * rows)
    ]
    return failed_batch(told, "a-file", "app", NOON)


def main(output: str, first: int, count: int, rows: int) -> None:
    destination = parse_destination(output, os.environ)
    writer = AppendToDefault(FAILED_EVENTS, destination, USUAL)
    for bundle in range(first, first + count):
        writer.start_bundle()
        writer.process(failures(bundle, rows))
        assert list(writer.finish_bundle()) == []
        print(bundle, flush=True)
    writer.teardown()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
