"""Records of tables: CSV rows and Parquet rows, each a JSON object by column names."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.sources.compression import Broken
from pipelines.sources.formats import BOM, HEAD_BYTES, FileFailure, Read, Records
from pipelines.storage import in_bucket, open_random
from schemas.event import INSTANT
from schemas.failure import Reason
from schemas.payload import MAXIMUM_PAYLOAD_BYTES
from schemas.times import EARLIEST, LATEST

_DELIMITERS = (",", ";", "\t", "|")


def read_rows(blocks: Iterable[bytes], delimiter: str | None, rows: int, size: int) -> Read:
    """Each CSV row after the header row is a JSON object of text values by the header's names.

    `delimiter` None: comma, semicolon, tab or bar, whichever the header has most of. An empty or
    repeated name becomes `column_3`, after its place. Empty lines are no records. A row with
    another number of cells than the header, an open quote, a cell over 131,072 characters (the csv
    module's own limit) or bytes that are not UTF-8 is a FileFailure with its bytes; reading goes on
    with the line after the one it began at, so a stray quote costs one line. Groups are of at most
    `rows` records or about `size` bytes.
    """
    lines = _Lines(blocks)
    reader: Any = None
    names: list[str] = []
    group = _Group()
    encode = msgspec.json.Encoder().encode
    while True:
        lines.begin()
        try:
            if reader is None:
                reader = csv.reader(lines, delimiter=delimiter or _delimiter(lines), strict=True)
            cells = next(reader)
        except StopIteration:
            break
        except Broken as broken:
            yield from group.take()
            payload = b"".join(lines.taken) + broken.raw
            yield FileFailure(lines.start, broken.detail, payload[:HEAD_BYTES])
            return
        except UnicodeDecodeError:
            reason, detail = Reason.ENCODING, "expected UTF-8"
        except csv.Error as error:
            reason, detail = Reason.SYNTAX, f"expected a row of CSV: {error}"
        else:
            if len(cells) < 2 and not "".join(cells).strip():
                continue
            if not names:
                names = _names(cells)
                continue
            if len(cells) == len(names):
                group.add(encode(dict(zip(names, cells))), lines.start)
                if len(group.payloads) >= rows or group.size >= size:
                    yield from group.take()
                continue
            reason = Reason.WRONG_SHAPE
            detail = f"expected {len(names)} cells as in the header, found {len(cells)}"
        if len(lines.taken) > 1:
            # Whatever showed it, the row went on over its line because of a quote.
            reason, detail = Reason.SYNTAX, "expected a quoted cell to end and its row to fit"
        first = lines.return_all_but_first()
        if not names:
            yield FileFailure(lines.start, f"header row: {detail}", first[:HEAD_BYTES])
            return
        yield FileFailure(lines.start, detail, first[:MAXIMUM_PAYLOAD_BYTES], reason)
    yield from group.take()


class _Lines:
    """Lines of text for the csv module, with the raw ones of the row it is at."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self.raw = _raw_lines(blocks)
        self.returned: deque[bytes] = deque()
        self.taken: list[bytes] = []
        self.start = 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.returned.popleft() if self.returned else next(self.raw)
        self.taken.append(line)
        return line.decode()

    def begin(self) -> None:
        self.start += len(self.taken)
        self.taken = []

    def return_all_but_first(self) -> bytes:
        first, *others = self.taken
        self.returned.extendleft(reversed(others))
        self.taken = [first]
        return first

    def peek(self) -> bytes:
        if not self.returned:
            self.returned.append(next(self.raw))
        return self.returned[0]


def _raw_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines with their newlines, without a byte order mark; one over the maximum is cut."""
    mark, carry = BOM, b""
    try:
        for block in blocks:
            *lines, carry = (carry + block).split(b"\n")
            for line in lines:
                yield line.removeprefix(mark) + b"\n"
                mark = b""
            # The middle of such a line is dropped: it is refused for its length whatever it holds.
            carry = carry[: MAXIMUM_PAYLOAD_BYTES + 1]
    except Broken as broken:
        raise Broken(broken.detail, carry or broken.raw) from None
    if carry:
        yield carry.removeprefix(mark)


class _Group:
    """Records gathered until there are enough for a batch."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.positions: list[int] = []
        self.size = 0

    def add(self, payload: bytes, position: int) -> None:
        self.payloads.append(payload)
        self.positions.append(position)
        self.size += len(payload)

    def take(self) -> Iterator[Records]:
        if self.payloads:
            payloads = pa.array(self.payloads, pa.large_binary())
            yield Records(payloads, pa.array(self.positions, pa.int64()))
            self.payloads, self.positions, self.size = [], [], 0


def _delimiter(lines: _Lines) -> str:
    header = lines.peek()
    return max(_DELIMITERS, key=lambda mark: header.count(mark.encode()))


def _names(cells: list[str]) -> list[str]:
    names: list[str] = []
    for place, cell in enumerate(cells, 1):
        name = cell.strip()
        names.append(name if name and name not in names else f"column_{place}")
    return names


def read_parquet(path: str, source: Any, rows: int, size: int) -> Read:
    """Each row is a record: its column `payload` if that is bytes or text, else all as JSON.

    With `payload` go `position` (integers) and `arrived_time` (timestamps; UTC if they say nothing)
    where the file has them; nulls, and times outside 1990 to 2100, take the row's number and the
    file's own time, a null payload is empty. As JSON, times are ISO 8601, decimals
    text, bytes base64. What is read at a time follows from the size the file states for its rows. A
    fault ends the file: FileFailure of the next row. `source` is what of the file is read: its path
    or an open file.
    """
    number, offset = 1, 0
    try:
        with pq.ParquetFile(source, pre_buffer=in_bucket(path)) as file:
            for index in range(file.num_row_groups):
                group = file.metadata.row_group(index)
                per_row = max(1, group.total_byte_size // max(1, group.num_rows))
                at_once = max(1, min(rows, size // per_row))
                for batch in file.iter_batches(at_once, row_groups=[index]):
                    yield from _records(batch, number)
                    number += batch.num_rows
                offset = _end(group) or offset
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        found = str(error).partition("\n")[0][:200]
        payload = _from(path, max(0, offset))
        yield FileFailure(number, f"expected sound Parquet, found: {found}", payload)


def _from(path: str, offset: int) -> bytes:
    """The bytes of a file to look at, as they are in it."""
    source = open_random(path)
    with open(source, "rb") if isinstance(source, str) else source as raw:
        raw.seek(offset)
        found: bytes = raw.read(HEAD_BYTES)
        return found


def _end(group: pq.RowGroupMetaData) -> int:
    """Where the pages of a row group end, 0 if it has none.

    Only of a group that has been read: looking at the columns of one that lies ends the process.
    """
    if not group.num_rows:
        return 0
    columns = [group.column(place) for place in range(group.num_columns)]
    starts = [column.dictionary_page_offset or column.data_page_offset for column in columns]
    return max((s + c.total_compressed_size for s, c in zip(starts, columns)), default=0)


def _records(batch: pa.RecordBatch, number: int) -> Read:
    positions = pa.array(np.arange(number, number + batch.num_rows))
    payload, position, arrived_time = (
        _only(batch, name) for name in ("payload", "position", "arrived_time")
    )
    if payload is not None and _is_bytes(payload.type):
        payloads = payload.cast(pa.large_binary()).fill_null(b"")
        if position is not None and pa.types.is_integer(position.type):
            if pa.types.is_uint64(position.type):
                small = pc.less(position, pa.scalar(2**63, pa.uint64()))
                position = pc.if_else(small, position, pa.scalar(None, pa.uint64()))
            positions = pc.coalesce(position.cast(pa.int64()), positions)
        arrived = None
        if arrived_time is not None and pa.types.is_timestamp(arrived_time.type):
            arrived = _instants(arrived_time)
        yield Records(payloads, positions, arrived)
        return
    batch = _without_nanoseconds(batch)
    try:
        encoded = [_ENCODE(row) for row in batch.to_pylist()]
    except _UNHOLDABLE:
        # Text that is not UTF-8 or a value Python cannot hold: one row must not stop the others.
        yield from _one_by_one(batch, number)
    else:
        yield Records(pa.array(encoded, pa.large_binary()), positions)


def _one_by_one(batch: pa.RecordBatch, number: int) -> Read:
    group = _Group()
    for row in range(batch.num_rows):
        try:
            group.add(_ENCODE(batch.slice(row, 1).to_pylist()[0]), number + row)
        except _UNHOLDABLE as error:
            encoding = isinstance(error, UnicodeDecodeError)
            reason = Reason.ENCODING if encoding else Reason.INVALID_VALUE
            detail = "expected UTF-8" if encoding else "expected values that JSON can hold"
            yield FileFailure(number + row, detail, b"", reason)
    yield from group.take()


def _only(batch: pa.RecordBatch, name: str) -> pa.Array | None:
    """The column of a name; None if there is none, or several."""
    index = batch.schema.get_field_index(name)
    return None if index < 0 else batch.column(index)


_UNHOLDABLE = (ValueError, OverflowError, LookupError)
"""Values Python cannot hold: text that is not UTF-8, the year 10000, a time zone of no place."""
_ENCODE = msgspec.json.Encoder(enc_hook=str).encode


def _is_bytes(kind: pa.DataType) -> bool:
    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_string)
    return any(test(kind) for test in (*tests, pa.types.is_large_string))


def _instants(times: pa.Array) -> pa.Array:
    if times.type.tz is None:
        times = times.cast(pa.timestamp(times.type.unit, "UTC"))
    micros = times.cast(INSTANT, safe=False)
    believable = pc.and_(
        pc.greater_equal(micros, pa.scalar(EARLIEST, INSTANT)),
        pc.less(micros, pa.scalar(LATEST, INSTANT)),
    )
    return pc.if_else(believable, micros, pa.scalar(None, INSTANT))


def _without_nanoseconds(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Times in microseconds, which is what Python's own can hold."""
    fields = [
        field.with_type(pa.timestamp("us", field.type.tz))
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns"
        else field
        for field in batch.schema
    ]
    return pa.record_batch(
        [c.cast(f.type, safe=False) for c, f in zip(batch.columns, fields)], pa.schema(fields)
    )
