"""What a replay must know before it starts: channels, counts, and the first and last arrival."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from pipelines.sources.files import InputFile
from pipelines.sources.read_payloads import read_payloads
from pipelines.sources.recognise import with_channel
from pipelines.sources.replay_arrivals import arrivals_in_file, micros

SAMPLE = 1_000
"""Records decoded at the start and at the end of each file."""
_WILD = 100
"""One sampled arrival in so many may be a wrong clock."""


@dataclass(frozen=True)
class PlannedFile:
    """A file with its channel recognised (None: it cannot be) and the number of its records."""

    file: InputFile
    records: int


@dataclass(frozen=True)
class ReplayPlan:
    """Files to replay, and the arrivals between which they lie, µs since the epoch."""

    files: tuple[PlannedFile, ...]
    origin: int
    end: int


def plan_replay(files: Sequence[InputFile]) -> ReplayPlan:
    """The plan of a replay: every file is read once, and of each the ends are decoded.

    The origin is the earliest arrival among the first thousand records of the files, the end the
    latest among the last thousand; one in a hundred of a file's is passed over at either side, so
    that one wrong clock does not make a replay wait for years. Files that tell no arrival count
    with the time they were changed, where no other file tells one. OSError where a disk fails;
    ValueError without files.
    """
    if not files:
        raise ValueError("expected at least one file to replay, found none: name one.")
    planned: list[PlannedFile] = []
    first: list[int] = []
    last: list[int] = []
    for file in files:
        found, times = _scan(file)
        planned.append(found)
        if times is not None:
            first.append(times[0])
            last.append(times[1])
    changed = [micros(file.arrived) for file in files]
    origin = min(first or changed)
    return ReplayPlan(tuple(planned), origin, max(origin, *(last or changed)))


def _scan(file: InputFile) -> tuple[PlannedFile, tuple[int, int] | None]:
    head: pa.RecordBatch | None = None
    tail: deque[pa.RecordBatch] = deque(maxlen=2)
    records = 0
    name = file.channel
    for found, channel in with_channel(read_payloads(file), file.channel):
        name = channel or name
        if not isinstance(found, pa.RecordBatch):
            records += 1
            continue
        records += len(found)
        head = found.slice(0, SAMPLE) if head is None else head
        # The last batch may be short: with the one before it, there are enough.
        tail.append(found.slice(max(0, len(found) - SAMPLE)))
    if head is None:
        return PlannedFile(file, records), None
    planned = PlannedFile(replace(file, channel=name), records)
    early, late = _arrivals([head], planned.file), _arrivals(list(tail), planned.file)
    if not len(early) and not len(late):
        return planned, None
    every = np.concatenate([early, late])
    earliest = early[len(early) // _WILD] if len(early) else every[0]
    latest = late[-1 - len(late) // _WILD] if len(late) else every[-1]
    return planned, (int(earliest), int(max(earliest, latest)))


def _arrivals(batches: list[pa.RecordBatch], file: InputFile) -> np.ndarray:
    """The known arrivals of some batches, sorted."""
    times = [arrivals_in_file(batch, file) for batch in batches]
    known = [time.drop_null().cast(pa.int64()).to_numpy() for time in times]
    return np.sort(np.concatenate(known))
