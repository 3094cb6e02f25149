"""Read: the records of a file as PAYLOAD batches, and what of it cannot be one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import pyarrow as pa

from pipelines.sources.compression import BLOCK_BYTES, Broken, read_blocks, read_windows, windows
from pipelines.sources.csv_rows import read_rows
from pipelines.sources.files import InputFile
from pipelines.sources.formats import FileFailure, Read, Records, read_document, read_lines
from pipelines.sources.parquet import read_parquet
from pipelines.storage import open_random
from schemas.event import INSTANT
from schemas.payload import payload_batch


def read_payloads(
    file: InputFile, rows_per_batch: int = 16_384, bytes_per_batch: int = 16 * 1024 * 1024
) -> Iterator[pa.RecordBatch | FileFailure]:
    """PAYLOAD batches of a file's records, and a FileFailure for each thing that cannot be one.

    The caller makes failed events of the failures, stage `read`, with their `reason`. A compressed
    file or Parquet that breaks gives every record before the break, then one failure, reason
    `corrupt_file`, with at most 1,024 bytes of what could not be read. A CSV row that does not fit
    its header is a failure with its own reason and all its bytes, and the rows after it are read.
    Memory does not grow with the file. A batch has at most `rows_per_batch` records and about
    `bytes_per_batch` bytes, or one record. Positions: line numbers; row numbers in Parquet; 1 for a
    JSON document. OSError where the disk itself fails.
    """
    for found in _read(file, rows_per_batch, bytes_per_batch):
        if isinstance(found, FileFailure):
            yield found
            continue
        for start in range(0, len(found.positions), rows_per_batch):
            yield _batch(found, start, rows_per_batch, file)


def _read(file: InputFile, rows: int, size: int) -> Read:
    if file.format == "parquet":
        return _read_parquet(file, rows, size)
    size_of_block = min(size, BLOCK_BYTES)
    if file.format in ("ndjson", "log") and file.compression is None:
        return read_lines(read_windows(file.path, size_of_block))
    blocks = read_blocks(file.path, file.compression, size_of_block)
    if file.format == "json":
        return read_document(blocks)
    if file.format in ("csv", "tsv"):
        return read_rows(blocks, "\t" if file.format == "tsv" else None, rows, size)
    return read_lines(windows(blocks))


def _read_parquet(file: InputFile, rows: int, size: int) -> Read:
    if file.compression is None:
        yield from read_parquet(file.path, open_random(file.path), rows, size)
        return
    with tempfile.TemporaryFile() as copy:
        try:
            for block in read_blocks(file.path, file.compression):
                copy.write(block)
        except Broken as broken:
            yield FileFailure(1, broken.detail, broken.raw[:1024])
            return
        copy.seek(0)
        yield from read_parquet(file.path, copy, rows, size)


def _batch(records: Records, start: int, rows: int, file: InputFile) -> pa.RecordBatch:
    payloads = records.payloads.slice(start, rows)
    own = pa.scalar(file.arrived, INSTANT)
    if records.arrived is None:
        arrived = pa.repeat(own, len(payloads))
    else:
        arrived = records.arrived.slice(start, rows).fill_null(own)
    positions = records.positions.slice(start, rows)
    return payload_batch(payloads, positions, arrived, file.path, file.channel)
