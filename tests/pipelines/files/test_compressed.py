"""Packed files: everything before a break, and one failure for the rest."""

import gzip
import os
import tracemalloc
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.compression import Broken, read_blocks
from schemas.failure import Reason
from schemas.payload import MAXIMUM_PAYLOAD_BYTES
from tests.pipelines.files.reading import LINES, RECORDS, read, written

PACKERS = {"gz": gzip.compress, "zst": zstandard.ZstdCompressor(write_checksum=True).compress}
MANY = b"".join(b'{"id":%d}\n' % (i * 7919) for i in range(100_000))


@pytest.mark.parametrize("kind", PACKERS)
def test_a_packed_file_reads_as_its_content_member_after_member(tmp_path, kind):
    pack = PACKERS[kind]
    half = len(MANY) // 2 + 3
    content = pack(MANY[:half]) + pack(b"") + pack(MANY[half:]) + b"\0" * 512
    path = written(tmp_path, f"a.ndjson.{kind}", content)

    assert b"".join(read_blocks(path, kind)) == MANY
    records, failures = read(path)
    assert (len(records), failures) == (100_000, [])
    assert records[-1] == (100_000, b'{"id":%d}' % (99_999 * 7919))


def test_a_packed_file_without_the_extension_is_known_by_its_magic(tmp_path):
    assert read(written(tmp_path, "a.ndjson", gzip.compress(LINES))) == (RECORDS, [])


@pytest.mark.parametrize("kind", PACKERS)
def test_a_file_that_is_not_packed_as_it_says_is_one_failure_with_its_bytes(tmp_path, kind):
    records, (failure,) = read(written(tmp_path, f"a.ndjson.{kind}", LINES))

    assert records == []
    assert (failure.position, failure.reason) == (1, Reason.CORRUPT_FILE)
    assert LINES.endswith(failure.payload)
    assert failure.payload


@pytest.mark.parametrize("kind", PACKERS)
def test_an_empty_packed_file_is_a_failure_not_an_empty_file(tmp_path, kind):
    records, (failure,) = read(written(tmp_path, f"a.ndjson.{kind}", b""))

    assert records == []
    assert "found the end of the file" in failure.detail


@pytest.mark.parametrize("kind", PACKERS)
def test_a_file_cut_short_gives_every_whole_line_before_the_cut(tmp_path, kind):
    content = PACKERS[kind](MANY)
    path = written(tmp_path, f"a.ndjson.{kind}", content[: len(content) * 2 // 3])
    records, (failure,) = read(path)

    assert len(records) > 30_000
    assert records == [(n, line) for n, line in enumerate(MANY.split(b"\n")[: len(records)], 1)]
    assert failure.position == len(records) + 1
    assert MANY.split(b"\n")[len(records)].startswith(failure.payload)


@pytest.mark.parametrize("kind", PACKERS)
def test_a_wrong_checksum_is_a_failure_after_every_line(tmp_path, kind):
    content = bytearray(PACKERS[kind](MANY))
    content[-8 if kind == "gz" else -1] ^= 1
    records, (failure,) = read(written(tmp_path, f"a.ndjson.{kind}", bytes(content)))

    assert len(records) == 100_000
    assert failure.position == 100_001


def test_what_inflates_a_thousandfold_is_not_held_whole(tmp_path):
    size = 200 * 1024 * 1024
    packer = zlib.compressobj(wbits=31)
    content = b"".join([packer.compress(bytes(size)), packer.flush()])
    path = written(tmp_path, "bomb.ndjson.gz", content)
    tracemalloc.start()
    records, failures = read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [(n, len(payload)) for n, payload in records] == [(1, MAXIMUM_PAYLOAD_BYTES + 1)]
    assert failures == []
    assert peak < size * 3 // 4


def test_a_member_that_is_garbage_leaves_the_members_before_it(tmp_path):
    path = written(tmp_path, "a.ndjson.gz", gzip.compress(LINES) + b"garbage")
    records, (failure,) = read(path)

    assert records == RECORDS
    assert (failure.position, b"garbage".endswith(failure.payload)) == (4, True)


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_wrong_byte_anywhere_never_passes_for_the_whole_content(tmp_path_factory, place, value):
    whole = b"".join(b"%d\n" % (i * i) for i in range(300))
    content = bytearray(gzip.compress(whole, mtime=0))
    content[10 + place % (len(content) - 18)] = value
    path = written(tmp_path_factory.getbasetemp(), "flipped.gz", bytes(content))
    pieces, broke = [], False
    try:
        for piece in read_blocks(path, "gz"):
            pieces.append(piece)
    except Broken:
        broke = True

    assert broke or b"".join(pieces) == whole


@pytest.mark.parametrize("name", ["a.csv", "a.json"])
def test_a_break_is_one_failure_in_every_format(tmp_path, name):
    content = (
        b"id,name\n" + b"1,a\n" * 10_000
        if name == "a.csv"
        else b'["' + os.urandom(9999).hex().encode() + b'"]'
    )
    packed = gzip.compress(content)
    records, failures = read(written(tmp_path, name + ".gz", packed[: len(packed) - 12]))

    assert len(failures) == 1
    assert failures[0].reason is Reason.CORRUPT_FILE
    assert len(failures[0].payload) <= 1024
    assert len(records) == failures[0].position - (2 if name == "a.csv" else 1)
