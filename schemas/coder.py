"""The Beam coder of Arrow record batches: IPC, compressed. Importing registers it.

The fallback coder would pickle, and pickle a slice of ten rows with the whole million-row buffer
behind it. Zstandard at level 1 brings what waits between stages from 104 to 28 bytes an
observation, where there are eight thousand; LZ4 to 34.
"""

from __future__ import annotations

import pyarrow as pa
from apache_beam import coders

# With threads each column would be a task of Arrow's pool, which costs as much as to compress it.
_PLAIN = pa.ipc.IpcWriteOptions(use_threads=False)
_PASSING = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
_LASTING = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", 1), use_threads=False)
_READ = pa.ipc.IpcReadOptions(use_threads=False)

FEWEST_BYTES = 16_384
"""Smaller batches are not compressed: that begins anew with every column, and of the few rows that
a stream gives at a time it took 0.2 ms to write and as much to read, ten times the rest."""


def encode_batch(batch: pa.RecordBatch, lasting: bool = False) -> bytes:
    """IPC stream of exactly one batch, schema and its metadata included.

    By LZ4, which begins sooner: of a thousand observations it takes 0.14 µs a row to write and to
    read, and Zstandard 0.54, of eight thousand 0.09 and 0.18. `lasting`: by Zstandard, which makes
    observations smaller by a fifth and what is known of people by half.
    """
    sink = pa.BufferOutputStream()
    compressed = _LASTING if lasting else _PASSING
    options = compressed if batch.nbytes >= FEWEST_BYTES else _PLAIN
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def decode_batch(encoded: bytes) -> pa.RecordBatch:
    """The batch of `encode_batch`."""
    with pa.ipc.open_stream(encoded, options=_READ) as reader:
        return reader.read_next_batch()


class Packed:
    """A record batch as its encoded bytes, for the way through a shuffle.

    A runner that groups in memory keeps what the coder decodes: of a batch its whole columns, of
    this the quarter that compression leaves. Keyed state takes it as it is. Whoever needs the batch
    unpacks it, once.
    """

    __slots__ = ("encoded",)

    def __init__(self, encoded: bytes) -> None:
        self.encoded = encoded

    @classmethod
    def pack(cls, batch: pa.RecordBatch) -> Packed:
        """For the way through a shuffle, and to wait there for the next beat."""
        return cls(encode_batch(batch))

    @classmethod
    def keep(cls, batch: pa.RecordBatch) -> Packed:
        """For what stays: state, and of a bounded run all that waits for its end."""
        return cls(encode_batch(batch, lasting=True))

    def unpack(self) -> pa.RecordBatch:
        return decode_batch(self.encoded)


class PackedCoder(coders.Coder):
    """The bytes as they are. Not deterministic: batches are values, never keys."""

    def encode(self, value: Packed) -> bytes:
        return value.encoded

    def decode(self, encoded: bytes) -> Packed:
        return Packed(encoded)

    def estimate_size(self, value: Packed) -> int:
        return len(value.encoded)

    def is_deterministic(self) -> bool:
        return False

    def to_type_hint(self) -> type[Packed]:
        return Packed

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))


class RecordBatchCoder(coders.Coder):
    """Arrow IPC. Not deterministic: batches are values, never keys."""

    def encode(self, value: pa.RecordBatch) -> bytes:
        return encode_batch(value)

    def decode(self, encoded: bytes) -> pa.RecordBatch:
        return decode_batch(encoded)

    def estimate_size(self, value: pa.RecordBatch) -> int:
        """Bytes in memory: Beam samples sizes, and must not encode a batch only to weigh it."""
        return int(value.nbytes)

    def is_deterministic(self) -> bool:
        return False

    def to_type_hint(self) -> type[pa.RecordBatch]:
        return pa.RecordBatch

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))


coders.registry.register_coder(pa.RecordBatch, RecordBatchCoder)
coders.registry.register_coder(Packed, PackedCoder)
