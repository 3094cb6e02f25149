"""Moment as a contender in the race to events: bytes of a file to unified event batches."""

from __future__ import annotations

import argparse
import json

from pipelines.keys import pseudonym_keys
from pipelines.sources.discover import discover
from pipelines.sources.formats import FileFailure
from pipelines.sources.read_payloads import read_payloads
from schemas.channels import registered_channels
from transforms.decode import decode
from transforms.garbage import seldom_look_for_garbage
from transforms.protect import protect
from transforms.screen import screen


def count_events(path: str) -> int:
    """Events of an NDJSON file of Segment tracks, made batch by batch and dropped.

    Typed, timestamps parsed, automata flagged, ids and pseudonyms hashed, texts redacted: the
    batches that `moment measure` writes. Raises ValueError where a record fails: the race is of
    files without faults.
    """
    # As each worker of the job does before its first batch.
    seldom_look_for_garbage()
    channel, keys = registered_channels()["segment"], pseudonym_keys()
    (file,) = discover([path])
    events = 0
    for payloads in read_payloads(file):
        if isinstance(payloads, FileFailure):
            raise ValueError(f"{path}: expected records only, found {payloads.reason}")
        decoded = decode(payloads, channel)
        if decoded.failed.num_rows:
            raise ValueError(
                f"{path}: expected Segment tracks only, found {decoded.failed.num_rows} failed"
            )
        events += protect(screen(decoded.events), keys).events.num_rows
    return events


def main(arguments: list[str] | None = None) -> None:
    """`python -m benchmarks.ours FILE`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ours", description=__doc__)
    parser.add_argument("file", help="NDJSON file of Segment tracks")
    given = parser.parse_args(arguments)
    print(json.dumps({"job": "events-arrow", "events": count_events(given.file)}))


if __name__ == "__main__":
    main()
