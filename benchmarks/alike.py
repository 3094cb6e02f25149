"""Are the events of the row by row rival that does the same Moment's, column by column?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pyarrow as pa

from benchmarks.rowwise_same import event_batch
from benchmarks.rowwise_same_event import Decoder, arrived_at
from pipelines.keys import pseudonym_keys
from pipelines.sources.discover import discover
from pipelines.sources.formats import FileFailure
from pipelines.sources.read_payloads import read_payloads
from schemas.channels import registered_channels
from transforms.decode import decode
from transforms.protect import protect
from transforms.screen import screen


def unlike(path: str) -> list[str]:
    """The columns in which the events of an NDJSON file of tracks differ; `rows` where they are
    not as many."""
    channel, keys = registered_channels()["segment"], pseudonym_keys()
    (file,) = discover([path])
    ours = pa.Table.from_batches(
        [
            protect(screen(decode(payloads, channel).events), keys).events
            for payloads in read_payloads(file)
            if not isinstance(payloads, FileFailure)
        ]
    )
    arrived = arrived_at(path)
    row_by_row = Decoder(keys, arrived)
    events = [row_by_row(line) for line in Path(path).read_bytes().splitlines()]
    theirs = event_batch(events, keys.key_id, arrived)
    if ours.num_rows != theirs.num_rows:
        return ["rows"]
    pairs = zip(ours.column_names, ours.columns, theirs.columns)
    return [
        name for name, one, other in pairs if one.combine_chunks().to_pylist() != other.to_pylist()
    ]


def main(arguments: list[str] | None = None) -> int:
    """`python -m benchmarks.alike FILE`. 0: all columns are equal; 1: not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.alike", description=__doc__)
    parser.add_argument("file", help="NDJSON file of Segment tracks")
    differing = unlike(parser.parse_args(arguments).file)
    print(f"row by row, the same: columns that differ: {', '.join(differing) or 'none'}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
