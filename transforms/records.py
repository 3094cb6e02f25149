"""Records: the payloads of a batch, containers unwrapped, and what a parser complains of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import copy
from itertools import chain, repeat
from traceback import walk_tb
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.channel import Channel, ParseError, Rows
from schemas.failure import Reason
from schemas.payload import MAXIMUM_PAYLOAD_BYTES
from transforms.failures import Failure

_PATH = re.compile(r" - at `(?P<path>[^`]*)`")
_FIELD = re.compile(r"missing required field `(?P<field>[^`]*)`")
PARSE_ERRORS = (ParseError, msgspec.DecodeError, UnicodeError, RecursionError)
"""What `Channel.parse` and `Channel.unwrap` may raise; anything else is a `decoder_error`."""
_LIBRARIES = ("pyarrow", "numpy", "msgspec")

PAYLOADS_A_CALL = 512
_BRACE, _CLOSING_BRACE = b"{}"
_NEWLINE = pa.scalar(b"\n", pa.large_binary())


class Records:
    """The parsed records of a batch, containers unwrapped, with where each came from."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self.positions = batch.column("position")
        self.arrived = batch.column("arrived_time")
        self.received = 0
        self.failures: list[Failure] = []
        self.rows: Rows = []
        """Native rows, as `Channel.parse` or `Channel.columns` gives them."""
        self.column = batch.column("payload")
        self.items: list[bytes] = []
        """The bytes of the last rows, which were in containers."""
        self.whole = 0
        """How many rows were a payload of their own."""
        self.source = np.zeros(0, dtype=np.int64)
        """The row of the batch that each row was in."""
        self.item = np.zeros(0, dtype=np.int64)
        """The place of each row in its container; 0 where there is none."""

    def arrived_of(self, rows: np.ndarray) -> pa.Array:
        return self.arrived.take(pa.array(self.source[rows]))

    def part(self, first: int, last: int) -> Records:
        """Rows first to last; failures go to the same list."""
        part = copy(self)
        part.rows = self.rows[first:last]
        part.source, part.item = self.source[first:last], self.item[first:last]
        part.items = self.items[max(first - self.whole, 0) : max(last - self.whole, 0)]
        part.whole = len(part.rows) - len(part.items)
        return part

    def fail(self, row: int, reason: Reason, path: str, detail: str) -> None:
        source, item = int(self.source[row]), int(self.item[row])
        self.fail_payload(self.payload(row), source, reason, path, detail, item)

    def payload(self, row: int) -> bytes:
        """The bytes of a row."""
        if row >= self.whole:
            return self.items[row - self.whole]
        return bytes(self.column[int(self.source[row])].as_py())

    def fail_payload(
        self, payload: bytes, source: int, reason: Reason, path: str, detail: str, item: int = 0
    ) -> None:
        position, arrived = self.positions[source].as_py(), self.arrived[source].as_py()
        failure = Failure(payload, position, arrived, "decode", reason, path, detail, item)
        self.failures.append(failure)


def read_records(batch: pa.RecordBatch, channel: Channel) -> Records:
    """Every record of a PAYLOAD batch, parsed or failed.

    What `parse` refuses may be a container: its items are records, and each fails alone.
    """
    records = Records(batch)
    column = batch.column("payload")
    too_large = _too_large(column, records)
    rows, refused = _parse(column, channel, too_large)
    items: list[bytes] = []
    container: list[int] = []
    places: list[int] = []
    for index, error in refused:
        inner = _items(column[index].as_py(), error, index, records, channel)
        items += inner
        container += [index] * len(inner)
        places += range(len(inner))
    gone = [*too_large, *(index for index, _ in refused)]
    source = np.delete(np.arange(len(column)), gone)
    item = np.zeros(len(source), dtype=np.int64)
    records.received = len(source) + len(records.failures) + len(items)
    if items:
        inner_rows, refused = _parse(pa.array(items, pa.large_binary()), channel, [])
        for index, error in refused:
            found = explain(items[index], error)
            records.fail_payload(items[index], container[index], *found, places[index])
        left = np.delete(np.arange(len(items)), [index for index, _ in refused])
        rows += inner_rows
        records.items = [items[i] for i in left]
        source = np.concatenate([source, np.asarray(container, dtype=np.int64)[left]])
        item = np.concatenate([item, np.asarray(places, dtype=np.int64)[left]])
    records.rows, records.source, records.item = _joined(rows, channel), source, item
    records.whole = len(source) - len(records.items)
    return records


def _too_large(column: pa.Array, records: Records) -> list[int]:
    """The rows of payloads that are too large; they are failed here."""
    sizes = pc.binary_length(column).to_numpy(zero_copy_only=False)
    rows: list[int] = np.flatnonzero(sizes > MAXIMUM_PAYLOAD_BYTES).tolist()
    for row in rows:
        detail = f"expected at most {MAXIMUM_PAYLOAD_BYTES} bytes, found {sizes[row]}"
        records.fail_payload(column[row].as_py(), row, Reason.TOO_LARGE, "$", detail)
    return rows


def _parse(
    column: pa.Array, channel: Channel, passed_over: list[int]
) -> tuple[list[Rows], list[tuple[int, Exception]]]:
    """Rows of the payloads that parse, in parts, and (index, error) of the others.

    Where the channel can, lines are parsed some hundred at a call: a fifth faster than one by one.
    A group with anything unusual in it is parsed payload by payload.
    """
    indices = np.delete(np.arange(len(column)), passed_over) if passed_over else None
    chosen = column if indices is None else column.take(pa.array(indices))
    parts: list[Rows] = []
    refused: list[tuple[int, Exception]] = []
    groups = _grouped(chosen) if channel.parse_lines else repeat(None)
    for start, lines in zip(range(0, len(chosen), PAYLOADS_A_CALL), groups):
        group = chosen.slice(start, PAYLOADS_A_CALL)
        parsed = _parse_lines(lines, len(group), channel.parse_lines)
        if parsed is None:
            parsed, errors = _parse_alone(group.to_pylist(), channel)
            refused += [(start + index, error) for index, error in errors]
        if len(parsed):
            parts.append(parsed)
    if indices is not None:
        refused = [(int(indices[index]), error) for index, error in refused]
    return parts, refused


def _joined(parts: list[Any], channel: Channel) -> Any:
    """The rows of all parts."""
    if not parts:
        return []
    if channel.columns is None:
        return list(chain.from_iterable(parts))
    first, *others = parts
    return first.concat(others) if others else first


def _grouped(payloads: pa.Array) -> Iterator[memoryview | None]:
    """The payloads of each group as lines; None for a group that may not be parsed as lines.

    Every payload of a group must begin with `{` and end with `}`. Then no two payloads can make one
    value between them: a newline before `{` stands at the end of a value or is an error. So each
    makes one or more, and as many rows as payloads are a row a payload. (A payload may well hold
    lines of its own: what would be rows too many is seen by their number.)
    """
    if not len(payloads):
        return
    offsets = np.frombuffer(payloads.buffers()[1], np.int64, len(payloads) + 1, payloads.offset * 8)
    data = np.frombuffer(payloads.buffers()[2] or b"", np.uint8)
    starts, ends = offsets[:-1], offsets[1:]
    whole = ends > starts
    whole[whole] = (data[starts[whole]] == _BRACE) & (data[ends[whole] - 1] == _CLOSING_BRACE)
    sound = whole.all()
    for start in range(0, len(payloads), PAYLOADS_A_CALL):
        end = min(start + PAYLOADS_A_CALL, len(payloads))
        if not sound and not whole[start:end].all():
            yield None
            continue
        # Joined just before they are parsed: they are in the processor's cache then.
        group = payloads.slice(start, end - start)
        one_list = pa.ListArray.from_arrays(pa.array([0, len(group)], pa.int32()), group)
        yield memoryview(pc.binary_join(one_list, _NEWLINE).buffers()[2])


def _parse_lines(
    lines: memoryview | None, count: int, parse: Callable[[memoryview], Rows] | None
) -> Rows | None:
    """A row a payload; None where they cannot be parsed as lines, one a payload."""
    if lines is None or parse is None:
        return None
    try:
        rows = parse(lines)
    except Exception:  # whatever it is, the payload that causes it will raise it again, alone
        return None
    return rows if len(rows) == count else None


def _parse_alone(
    payloads: list[bytes], channel: Channel
) -> tuple[Rows, list[tuple[int, Exception]]]:
    """The rows of payloads parsed one by one, and (index, error) of those refused."""
    rows, refused = _parse_each(payloads, channel.parse)
    columns, parse = channel.columns, channel.parse
    if columns is None or not rows:
        return rows, refused
    try:
        return columns(rows), refused
    except Exception:  # the channel's code cannot take a row: which one, each tells alone
        parts, refused = _parse_each(payloads, lambda payload: columns([parse(payload)]))
        return _joined(parts, channel), refused


def _parse_each(
    payloads: list[bytes], parse: Callable[[bytes], Any]
) -> tuple[list[Any], list[tuple[int, Exception]]]:
    rows: list[Any] = []
    refused: list[tuple[int, Exception]] = []
    append = rows.append
    remaining = iter(payloads)
    while True:
        try:
            for payload in remaining:
                append(parse(payload))
            return rows, refused
        except Exception as error:  # kept with its record: a channel may be a third party's code
            refused.append((len(rows) + len(refused), error))


def _items(
    payload: bytes, error: Exception, row: int, records: Records, channel: Channel
) -> list[bytes]:
    """The items of a container; none, and a failure, where the payload is no container."""
    if not payload or payload.isspace():
        detail = "expected a record, found no bytes"
        records.fail_payload(payload, row, Reason.EMPTY, "$", detail)
        return []
    try:
        items = channel.unwrap(payload)
    except Exception as refusal:  # kept with its record, as in `_parse_each`
        items, error = None, refusal
    if items is None:
        records.fail_payload(payload, row, *explain(payload, error))
    return items or []


def explain(payload: bytes, error: Exception) -> tuple[Reason, str, str]:
    """Stable reason, path and a sentence without values for a parser's complaint."""
    if isinstance(error, ParseError):
        return error.reason, error.path, error.detail
    if not isinstance(error, PARSE_ERRORS):
        return decoder_error(error)
    text = str(error)
    found = _PATH.search(text)
    path = found["path"] if found else "$"
    if isinstance(error, RecursionError):
        return Reason.TOO_DEEP, "$", "expected JSON nested less deeply"
    if isinstance(error, UnicodeError) or not _is_utf8(payload):
        return Reason.ENCODING, path, "expected UTF-8"
    missing = _FIELD.search(text)
    if missing:
        return Reason.MISSING_FIELD, f"{path}.{missing['field']}", "expected a value, found none"
    if isinstance(error, msgspec.ValidationError):
        return Reason.WRONG_SHAPE, path, text[: found.start()] if found else text
    return Reason.SYNTAX, path, "expected well-formed JSON"


def decoder_error(error: Exception) -> tuple[Reason, str, str]:
    """What to say of an error that no record may cause: the channel's code is to be mended.

    Where it was raised, but not its words: they may hold what the record says.
    """
    frames = [*walk_tb(error.__traceback__)]
    places = [(frame.f_globals.get("__name__", ""), line) for frame, line in frames]
    own = [place for place in places if place[0].partition(".")[0] not in _LIBRARIES]
    where = " in {} line {}".format(*own[-1]) if own else ""
    return Reason.DECODER_ERROR, "$", f"the channel's code raised {type(error).__name__}{where}"


def _is_utf8(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True
