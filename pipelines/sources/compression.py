"""Bytes of a file, decompressed as a stream, up to where it breaks."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, TypeAlias

import zstandard

from pipelines.storage import open_sequential

BLOCK_BYTES = 8 * 1024 * 1024
"""Measured: larger blocks leave the processor's cache, smaller ones pay more for each batch."""

Windows: TypeAlias = Generator["bytes | memoryview", "bytes | None", None]
"""Blocks of a content one after the other, each behind what its reader sent back of the last one.

A window is good until the next is asked for: its memory may be used again.
"""

_READ_BYTES = {"gz": 16 * 1024, "zst": 2 * 1024}
"""What is inflated at a time. It bounds memory: deflate grows at most 1,032-fold, and four bytes of
zstd may say 128 KiB, so a hostile file makes 16 MiB or 64 MiB at once, never more."""

MAGIC = {b"\x1f\x8b": "gz", b"\x28\xb5\x2f\xfd": "zst"}
_ERRORS = (zlib.error, zstandard.ZstdError)
_FACTORY: dict[str, Callable[[], Any]] = {
    "gz": lambda: zlib.decompressobj(wbits=31),
    "zst": lambda: zstandard.ZstdDecompressor().decompressobj(),
}


class Broken(Exception):
    """The file cannot be read further. `raw` is what could not be, as it is in the file."""

    def __init__(self, detail: str, raw: bytes) -> None:
        super().__init__(detail)
        self.detail, self.raw = detail, raw


def read_blocks(path: str, compression: str | None, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Blocks of about `size` bytes of the file's content; `compression` is gz, zst or None.

    Several gzip members or zstd frames one after the other are one content. Raises Broken after the
    last byte that could be decompressed: wrong magic, corrupt data, checksum, end of file too soon.
    """
    if compression is not None:
        yield from _gathered(_inflated(path, compression), size)
        return
    with open_sequential(path) as file:
        while block := file.read(size):
            yield block


def read_windows(path: str, size: int = BLOCK_BYTES) -> Windows:
    """Windows of a file that is not compressed, all in the same memory.

    To have new memory for every block costs as much as to read it.
    """
    buffer = bytearray(size)
    carry: bytes | None = None
    with open_sequential(path) as file:
        while True:
            held = len(carry) if carry else 0
            if held + size > len(buffer):
                buffer = bytearray(held + size)
            buffer[:held] = carry or b""
            count = file.readinto(memoryview(buffer)[held : held + size])
            if not count:
                return
            carry = yield memoryview(buffer)[: held + count]


def windows(blocks: Iterable[bytes]) -> Windows:
    """Windows of any blocks."""
    carry: bytes | None = None
    for block in blocks:
        carry = yield carry + block if carry else block


def _gathered(pieces: Iterator[bytes], enough: int) -> Iterator[bytes]:
    """The pieces joined to blocks; what is held is given before an error is."""
    held: list[bytes] = []
    size = 0
    broken: Broken | None = None
    while True:
        try:
            piece = next(pieces, None)
        except Broken as error:
            piece, broken = None, error
        if piece is not None:
            held.append(piece)
            size += len(piece)
        if held and (piece is None or size >= enough):
            yield b"".join(held)
            held, size = [], 0
        if broken is not None:
            raise broken
        if piece is None:
            return


class _Inflater:
    """Decompresses member after member. `started` is True inside one."""

    def __init__(self, compression: str) -> None:
        self.new = _FACTORY[compression]
        self.member = self.new()
        self.started = False
        self.members = 0

    def feed(self, data: bytes) -> bytes:
        out: list[bytes] = []
        while data:
            if not self.started and self.members:
                # Tapes and some tools pad the end with zeros; gzip itself ignores them.
                data = data.lstrip(b"\0")
                if not data:
                    break
            self.started = True
            out.append(self.member.decompress(data))
            data = b""
            if self.member.eof:
                data = self.member.unused_data
                self.member = self.new()
                self.started = False
                self.members += 1
        return b"".join(out)


def _inflated(path: str, compression: str) -> Iterator[bytes]:
    size = _READ_BYTES[compression]
    inflater = _Inflater(compression)
    offset = 0
    with open_sequential(path) as file:
        while data := file.read(size):
            try:
                piece = inflater.feed(data)
            except _ERRORS:
                yield from _up_to_break(path, compression, offset, data)
                return
            if piece:
                yield piece
            offset += len(data)
    if inflater.started or not inflater.members:
        detail = f"expected the end of the {compression} stream, found the end of the file"
        raise Broken(detail, b"")


def _up_to_break(path: str, compression: str, offset: int, data: bytes) -> Iterator[bytes]:
    """What `data`, read at `offset`, still gives byte by byte; then Broken.

    A decompressor that fails gives nothing of the call that failed and cannot be rewound, so the
    way there is gone again. Only broken files pay for it.
    """
    inflater = _Inflater(compression)
    with open_sequential(path) as file:
        size = _READ_BYTES[compression]
        done = 0
        while done < offset and (piece := file.read(min(size, offset - done))):
            inflater.feed(piece)
            done += len(piece)
    for index in range(len(data)):
        try:
            piece = inflater.feed(data[index : index + 1])
        except _ERRORS:
            detail = (
                f"expected a sound {compression} stream, found a fault at byte {offset + index}"
            )
            raise Broken(detail, data[index:]) from None
        if piece:
            yield piece
    raise Broken(f"expected a sound {compression} stream", data)
