"""Rows of CSV: each a JSON object of text by the header's names."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from pipelines.sources.compression import Broken
from pipelines.sources.formats import BOM, HEAD_BYTES, FileFailure, Read, raising
from pipelines.sources.tables import Group, distinct_names
from schemas.failure import Reason
from schemas.payload import MAXIMUM_PAYLOAD_BYTES

_DELIMITERS = (",", ";", "\t", "|")


def read_rows(blocks: Iterable[bytes], delimiter: str | None, rows: int, size: int) -> Read:
    """Each CSV row after the header row is a JSON object of text values by the header's names.

    `delimiter` None: comma, semicolon, tab or bar, whichever the header has most of. An empty or
    repeated name is called after its place: `column_3`. Empty lines are no records. A row with
    another number of cells than the header, an open quote, a cell over 131,072 characters (the csv
    module's own limit) or bytes that are not UTF-8 is a FileFailure with its bytes; reading goes on
    with the line after the one it began at, so a stray quote costs one line, also where the content
    breaks off behind it. Groups are of at most `rows` records or about `size` bytes.
    """
    lines = _Lines(blocks)
    reader: Any = None
    names: list[str] = []
    group = Group()
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
            if len(lines.taken) < 2:
                yield from group.take()
                payload = b"".join(lines.taken) + broken.raw
                yield FileFailure(lines.start, broken.detail, payload[:HEAD_BYTES])
                return
            # It breaks off again behind the lines that are returned.
            lines.raw = raising(broken)
        except UnicodeDecodeError:
            reason, detail = Reason.ENCODING, "expected UTF-8"
        except csv.Error as error:
            reason, detail = Reason.SYNTAX, f"expected a row of CSV: {error}"
        else:
            if len(cells) < 2 and not "".join(cells).strip():
                continue
            if not names:
                names = distinct_names([cell.strip() for cell in cells])
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


def _delimiter(lines: _Lines) -> str:
    header = lines.peek()
    return max(_DELIMITERS, key=lambda mark: header.count(mark.encode()))
