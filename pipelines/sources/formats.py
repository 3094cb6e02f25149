"""Records of text: lines, or one JSON document. What every reader of files yields.

Every reader yields `Records` and, for what cannot be a record, `FileFailure`. Positions are line
numbers (Parquet: row numbers) from 1, and grow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa

from pipelines.sources.compression import Broken, Windows, windows
from schemas.failure import Reason
from schemas.payload import MAXIMUM_PAYLOAD_BYTES

HEAD_BYTES = 1024
BOM = b"\xef\xbb\xbf"
_NEWLINE, _RETURN, _SPACE = 10, 13, 32


class FileFailure(NamedTuple):
    """What cannot be a record: of the first line or row it concerns, with the bytes to look at.

    `path` is the column where one of them is at fault.
    """

    position: int
    detail: str
    payload: bytes
    reason: Reason = Reason.CORRUPT_FILE
    path: str = "$"


class Records(NamedTuple):
    """Records one after the other; `arrived` is null (None) where the file's own time holds."""

    payloads: pa.LargeBinaryArray
    positions: pa.Int64Array
    arrived: pa.TimestampArray | None = None


Read: TypeAlias = Iterator[Records | FileFailure]


def read_lines(blocks: Windows, maximum: int = MAXIMUM_PAYLOAD_BYTES) -> Read:
    """Each line is a record, the last one with or without its newline.

    A carriage return before the newline and a byte order mark at the start belong to no record.
    Lines of nothing but white space are none. A line over `maximum` is cut to `maximum` + 1 bytes,
    for Decode to refuse, and never held whole. At a break the unfinished line is no record: its
    bytes are the failure's payload.
    """
    number = 1
    carry = b""
    overlong = blank = False
    fresh = True
    try:
        data = next(blocks, None)
        while data is not None:
            if fresh and len(data) >= len(BOM):
                data, fresh = data[len(BOM) :] if data[: len(BOM)] == BOM else data, False
            view = np.frombuffer(data, np.uint8)
            stops = _newlines(view)
            if overlong:
                end = int(stops[0]) if len(stops) else len(data)
                blank = blank and not bytes(data[:end]).strip()
                if not len(stops):
                    data = _next(blocks, b"")
                    continue
                if not blank:
                    yield _one(carry, number)
                number, overlong = number + 1, False
                data, view, stops = data[end + 1 :], view[end + 1 :], stops[1:] - (end + 1)
            end = int(stops[-1]) + 1 if len(stops) else 0
            if end:
                fresh = False
                records = _cut(data, view, stops, number, maximum)
                number += len(stops)
                if len(records.positions):
                    yield records
            carry = bytes(data[end : end + maximum + 2])
            overlong = len(carry) == maximum + 2
            if overlong:
                # All that is here of it: behind the cut there may be more than white space.
                blank = not bytes(data[end:]).strip()
                carry = carry[:-1]
            data = _next(blocks, b"" if overlong else carry)
    except Broken as broken:
        yield FileFailure(number, broken.detail, (carry or broken.raw)[:HEAD_BYTES])
        return
    if overlong and not blank:
        yield _one(carry, number)
    elif carry and not overlong:
        last = np.frombuffer(carry + b"\n", np.uint8)
        records = _cut(last, last, np.array([len(carry)]), number, maximum)
        if len(records.positions):
            yield records


def _next(blocks: Windows, carry: bytes) -> bytes | memoryview | None:
    try:
        return blocks.send(carry)
    except StopIteration:
        return None


def _cut(data: Any, view: np.ndarray, stops: np.ndarray, number: int, maximum: int) -> Records:
    """The lines that end at `stops` and are records; `view` is `data` as an array.

    Lines and what lies between them are laid out as elements of one binary array without a copy;
    taking every other element copies the records alone.
    """
    starts = np.empty_like(stops)
    starts[0], starts[1:] = 0, stops[:-1] + 1
    count = len(stops)
    stops = stops - ((stops > starts) & (view[stops - 1] == _RETURN))
    keep = stops > starts
    for row in np.flatnonzero(keep & (view[starts] <= _SPACE)):
        keep[row] = not bytes(data[starts[row] : stops[row]]).isspace()
    stops = np.minimum(stops, starts + maximum + 1)
    offsets = np.empty(2 * count, dtype=np.int64)
    offsets[0::2], offsets[1::2] = starts, stops
    elements = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), 2 * count - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )
    rows = np.flatnonzero(keep)
    return Records(elements.take(pa.array(2 * rows)), pa.array(rows + number))


def _newlines(view: np.ndarray) -> np.ndarray:
    """Where the newlines are.

    They are rare, so they are looked for by eight bytes at a time: half the time of looking at
    every byte.
    """
    found = view == _NEWLINE
    aligned = len(found) & ~7
    eights = found[:aligned].reshape(-1, 8)
    hits = np.flatnonzero(found[:aligned].view(np.uint64) != 0)
    within = np.flatnonzero(eights[hits])
    places = hits[within >> 3] * 8 + (within & 7)
    return np.concatenate([places, aligned + np.flatnonzero(found[aligned:])])


def _one(payload: bytes, number: int) -> Records:
    return Records(pa.array([payload], pa.large_binary()), pa.array([number], pa.int64()))


def read_document(blocks: Iterable[bytes], maximum: int = MAXIMUM_PAYLOAD_BYTES) -> Read:
    """The whole content as one record, or its lines where most of the first are whole JSON values.

    Exports named .json are one document, or one document a line. A document over `maximum` is cut
    to `maximum` + 1 bytes, for Decode to refuse; a JSON array is one document, for its channel to
    unwrap. White space behind a document does not count. Where more than `maximum` of it comes
    first, the content is read as lines.
    """
    rest = iter(blocks)
    data = b""
    ended = False
    broken: Broken | None = None
    try:
        for block in rest:
            data += block
            if len(data) > maximum + len(BOM):
                break
        else:
            ended = True
    except Broken as error:
        broken = error
    content = data.removeprefix(BOM)
    head = content if ended or broken else content[: maximum + 1]
    document = head.strip()
    whole = broken is None and len(document) <= maximum and _is_json(document)
    lines = not (document or ended or broken) or looks_like_lines(data, maximum)
    if lines and not (whole and ended):
        yield from read_lines(windows(chain([data], raising(broken), rest)), maximum)
        return
    if whole and not ended:
        try:
            whole = not any(block.strip() for block in chain([content[len(head) :]], rest))
        except Broken as error:
            broken = error
    if broken is not None:
        yield FileFailure(1, broken.detail, (data or broken.raw)[:HEAD_BYTES])
    elif document:
        # Of one that does not end here, its white space makes it too long.
        yield _one((document if whole or ended else head)[: maximum + 1], 1)


def raising(broken: Broken | None) -> Iterator[bytes]:
    """No blocks or lines any more, and the break, if there is one."""
    if broken is not None:
        raise broken
    yield from ()


def looks_like_lines(head: bytes, maximum: int = MAXIMUM_PAYLOAD_BYTES) -> bool:
    """Are at least half of the first lines whole JSON objects or arrays? The last may be cut.

    Where none ends within the first `maximum` + 1 bytes, it is no record, and there are no lines.
    """
    head = head.removeprefix(BOM)[: maximum + 1]
    lines = head.split(b"\n", 17)
    if len(lines) == 1 and len(head) > maximum:
        return False
    lines = [line.strip() for line in (lines[:-1] or lines) if line.strip()]
    whole = [line for line in lines if line[:1] in (b"{", b"[") and _is_json(line)]
    return len(whole) * 2 >= len(lines) > 0


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
