"""What files give: discovery, every format, and everything readable before a break."""

import csv
import gzip
import io
import json
import os
import tracemalloc
import zlib
from datetime import datetime, timezone

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.compression import Broken, read_blocks, windows
from pipelines.sources.files import (
    FileFailure,
    InputError,
    discover,
    read_payloads,
    recognise_channel,
)
from pipelines.sources.formats import read_lines
from pipelines.sources.tables import read_rows
from schemas.channels import segment
from schemas.failure import Reason
from schemas.payload import MAXIMUM_PAYLOAD_BYTES, PAYLOAD

LINES = b'{"id":1}\n{"id":2}\n{"id":3}\n'
RECORDS = [(1, b'{"id":1}'), (2, b'{"id":2}'), (3, b'{"id":3}')]


def written(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(path)


def read(path, **limits):
    """(position, payload) of every record, and the failures."""
    (file,) = discover([path])
    records, failures = [], []
    for found in read_payloads(file, **limits):
        if isinstance(found, FileFailure):
            failures.append(found)
        else:
            assert found.schema.equals(PAYLOAD)
            found.validate(full=True)
            records += zip(found["position"].to_pylist(), found["payload"].to_pylist())
    return records, failures


def lines_of(blocks, maximum=MAXIMUM_PAYLOAD_BYTES):
    return [
        pair
        for found in read_lines(windows(blocks), maximum)
        for pair in zip(found.positions.to_pylist(), found.payloads.to_pylist())
    ]


# Discovery


def test_a_directory_gives_its_known_files_to_the_bottom_in_order(tmp_path):
    for name in ["b.log", "a.ndjson.gz", "deep/c.csv", "access.log.1", "access.log-20260301.zst"]:
        written(tmp_path, name, gzip.compress(b"") if name.endswith("gz") else b"")
    for name in ["README.md", ".hidden.log", ".git/d.log", "notes.txt"]:
        written(tmp_path, name, b"text")

    found = [
        (os.path.relpath(f.path, tmp_path), f.format, f.compression)
        for f in discover([str(tmp_path)])
    ]

    assert found == [
        ("a.ndjson.gz", "ndjson", "gz"),
        ("access.log-20260301.zst", "log", "zst"),
        ("access.log.1", "log", None),
        ("b.log", "log", None),
        ("deep/c.csv", "csv", None),
    ]


def test_a_file_named_twice_is_read_once(tmp_path):
    path = written(tmp_path, "a.ndjson", LINES)

    assert len(discover([path, str(tmp_path / "*.ndjson"), str(tmp_path)])) == 1


def test_a_file_carries_its_size_and_its_time_of_change_in_utc(tmp_path):
    path = written(tmp_path, "a.ndjson", LINES)
    os.utime(path, (1_772_452_800, 1_772_452_800))
    (file,) = discover([path])

    assert (file.size_bytes, file.channel) == (27, None)
    assert file.arrived == datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)
    (batch,) = read_payloads(file)
    assert batch["arrived_time"].to_pylist() == [file.arrived] * 3
    assert batch.schema.metadata[b"input"] == path.encode()
    assert b"channel" not in batch.schema.metadata


def test_an_existing_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path):
    path = written(tmp_path, "a[1].ndjson", LINES)

    assert [f.path for f in discover([path])] == [path]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (LINES, "ndjson"),
        (b'[\n {"id": 1},\n {"id": 2}\n]', "json"),
        (b'192.0.2.1 - - [02/Mar/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 1\n', "log"),
        (b"id;name\n1;Ann\n", "csv"),
        (b"id\tname\n1\tAnn\n", "tsv"),
        (b"", "log"),
    ],
)
def test_a_file_of_unknown_extension_is_told_by_its_content(tmp_path, content, expected):
    assert discover([written(tmp_path, "export.txt", content)])[0].format == expected
    (packed,) = discover([written(tmp_path, "export", gzip.compress(content))])
    assert (packed.format, packed.compression) == (expected, "gz")


def test_parquet_of_unknown_extension_is_told_by_its_magic(tmp_path):
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": [1]}), sink)

    assert discover([written(tmp_path, "part-0", sink.getvalue())])[0].format == "parquet"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("missing.ndjson", "found nothing at"),
        ("*.ndjson", "expected files that match"),
        ("", "found none: name files"),
        ("notes.txt", "expected JSON, an access log, CSV or Parquet"),
        ("pipe.log", "found something else: copy it to a file"),
    ],
)
def test_an_input_that_cannot_be_read_is_one_clear_sentence(tmp_path, given, words):
    written(tmp_path, "notes.txt", b"Dear diary,\nnothing happened.\n")
    os.mkfifo(tmp_path / "pipe.log")
    if given == "":
        (tmp_path / "pipe.log").unlink()

    with pytest.raises(InputError, match=words) as error:
        discover([str(tmp_path / given)])
    assert str(error.value).count("\n") == 0


# Lines


def expected_lines(data, maximum):
    lines = [line.removesuffix(b"\r") for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    return [(n, line[: maximum + 1]) for n, line in enumerate(lines, 1) if line.strip()]


@given(
    st.lists(st.binary(max_size=12) | st.sampled_from([b"\n", b"\r\n", b" ", b"\xef\xbb\xbf"])),
    st.integers(1, 7),
    st.integers(1, 9),
)
def test_records_are_the_lines_minus_blanks_however_the_bytes_are_cut(pieces, size, maximum):
    data = b"".join(pieces)
    blocks = [data[i : i + size] for i in range(0, len(data), size)]

    assert lines_of(blocks, maximum) == expected_lines(data, maximum)
    assert lines_of([data] if data else [], maximum) == expected_lines(data, maximum)


def test_positions_count_blank_lines_and_the_last_line_needs_no_newline(tmp_path):
    path = written(tmp_path, "a.log", b"\xef\xbb\xbfone\r\n\n  \t\ntwo\n\nthree")

    assert read(path) == ([(1, b"one"), (4, b"two"), (6, b"three")], [])


def test_a_batch_has_at_most_the_rows_asked_for(tmp_path):
    (file,) = discover([written(tmp_path, "a.ndjson", LINES)])

    assert [b["position"].to_pylist() for b in read_payloads(file, rows_per_batch=2)] == [
        [1, 2],
        [3],
    ]


def test_an_overlong_line_is_cut_for_decode_to_refuse_and_its_neighbours_live(tmp_path):
    long = b"x" * (3 * MAXIMUM_PAYLOAD_BYTES)
    records, failures = read(written(tmp_path, "a.ndjson", b"a\n" + long + b"\nb\n" + long))

    assert failures == []
    assert [(n, len(payload)) for n, payload in records] == [
        (1, 1),
        (2, MAXIMUM_PAYLOAD_BYTES + 1),
        (3, 1),
        (4, MAXIMUM_PAYLOAD_BYTES + 1),
    ]


def test_a_line_of_exactly_the_maximum_is_whole_even_before_a_carriage_return():
    blocks = [b"abcd", b"efgh\r", b"\nz\n"]

    assert lines_of(blocks, maximum=8) == [(1, b"abcdefgh"), (2, b"z")]


# JSON documents


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'[\n {"id": 1},\n {"id": 2}\n]\n', [(1, b'[\n {"id": 1},\n {"id": 2}\n]')]),
        (b'\xef\xbb\xbf{"id": 1}', [(1, b'{"id": 1}')]),
        (LINES, RECORDS),
        (b'{"id":1}\n{"id":\n{"id":3}\n', [(1, b'{"id":1}'), (2, b'{"id":'), (3, b'{"id":3}')]),
        (b'{\n "id": 1,\n', [(1, b'{\n "id": 1,')]),
        (b" \n", []),
    ],
)
def test_json_is_one_document_or_one_a_line(tmp_path, content, expected):
    assert read(written(tmp_path, "a.json", content)) == (expected, [])


def test_a_json_document_over_the_maximum_is_cut_for_decode_to_refuse(tmp_path):
    content = b'["' + b"x" * (2 * MAXIMUM_PAYLOAD_BYTES) + b'"]'
    ((position, payload),), failures = read(written(tmp_path, "a.json", content))

    assert (position, len(payload), failures) == (1, MAXIMUM_PAYLOAD_BYTES + 1, [])


def test_json_lines_over_the_maximum_together_are_still_lines(tmp_path):
    line = b'{"id":"' + b"x" * 100_000 + b'"}\n'
    records, failures = read(written(tmp_path, "a.json", line * 100))

    assert (len(records), {len(payload) for _, payload in records}, failures) == (
        100,
        {len(line) - 1},
        [],
    )


# CSV


def test_csv_rows_are_json_objects_of_text_by_the_header(tmp_path):
    content = b'\xef\xbb\xbfid,name,note\r\n1,Zo\xc3\xab,"two\nlines, ""quoted"""\r\n\r\n2,,\r\n'

    assert read(written(tmp_path, "a.csv", content)) == (
        [
            (2, '{"id":"1","name":"Zoë","note":"two\\nlines, \\"quoted\\""}'.encode()),
            (5, b'{"id":"2","name":"","note":""}'),
        ],
        [],
    )


@pytest.mark.parametrize(
    ("name", "mark"), [("a.csv", b";"), ("a.csv", b"|"), ("a.csv", b"\t"), ("a.tsv", b"\t")]
)
def test_csv_is_cut_at_what_the_header_is_cut_at(tmp_path, name, mark):
    content = mark.join([b"id", b"price"]) + b"\n" + mark.join([b"1", b"2,5"]) + b"\n"

    assert read(written(tmp_path, name, content)) == ([(2, b'{"id":"1","price":"2,5"}')], [])


def test_absent_and_repeated_names_are_called_after_their_place(tmp_path):
    assert read(written(tmp_path, "a.csv", b"id,,id\n1,2,3\n"))[0] == [
        (2, b'{"id":"1","column_2":"2","column_3":"3"}')
    ]


def test_a_csv_row_that_does_not_fit_costs_one_line(tmp_path):
    content = b'id,name\n1,a\n2\n3,c,c\n4,"open\n5,e\n6,\xe9\n7,"g"g\n8,h\n'
    records, failures = read(written(tmp_path, "a.csv", content))

    assert records == [
        (2, b'{"id":"1","name":"a"}'),
        (6, b'{"id":"5","name":"e"}'),
        (9, b'{"id":"8","name":"h"}'),
    ]
    assert [(f.position, f.reason, f.payload) for f in failures] == [
        (3, Reason.WRONG_SHAPE, b"2\n"),
        (4, Reason.WRONG_SHAPE, b"3,c,c\n"),
        (5, Reason.SYNTAX, b'4,"open\n'),
        (7, Reason.ENCODING, b"6,\xe9\n"),
        (8, Reason.SYNTAX, b'7,"g"g\n'),
    ]
    assert failures[0].detail == "expected 2 cells as in the header, found 1"


def test_a_quote_open_to_the_end_of_the_file_does_not_swallow_it(tmp_path):
    content = b'id,name\n1,"open\n' + b"2,b\n" * 50_000
    records, failures = read(written(tmp_path, "a.csv", content))

    assert len(records) == 50_000
    assert [(f.position, f.payload) for f in failures] == [(2, b'1,"open\n')]


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
        min_size=2,
        max_size=2,
    ),
    st.integers(1, 9),
)
def test_any_text_survives_csv(cells, size):
    sink = io.StringIO()
    csv.writer(sink, quoting=csv.QUOTE_ALL).writerows([["id", "name"], cells])
    data = sink.getvalue().encode()
    (records,) = read_rows((data[i : i + size] for i in range(0, len(data), size)), None, 9, 99)

    assert json.loads(records.payloads[0].as_py()) == {"id": cells[0], "name": cells[1]}


# Parquet


def parquet(table, **options):
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def test_parquet_rows_are_json_objects_of_their_columns(tmp_path):
    table = pa.table(
        {
            "id": [1, 2],
            "at": pa.array([1_772_452_800_000_000_001, None], pa.timestamp("ns", "UTC")),
            "tags": [["a"], []],
        }
    )

    assert read(written(tmp_path, "a.parquet", parquet(table))) == (
        [
            (1, b'{"id":1,"at":"2026-03-02T12:00:00Z","tags":["a"]}'),
            (2, b'{"id":2,"at":null,"tags":[]}'),
        ],
        [],
    )


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.string(), pa.large_string()])
def test_parquet_with_payloads_gives_them_back_with_position_and_time(tmp_path, kind):
    then = datetime(2026, 3, 1, tzinfo=timezone.utc)
    table = pa.table(
        {
            "payload": pa.array(["a", None, "c"], kind),
            "position": pa.array([70, None, 90], pa.int32()),
            "arrived_time": pa.array([then.replace(tzinfo=None), None, None], pa.timestamp("ms")),
        }
    )
    (file,) = discover([written(tmp_path, "a.parquet", parquet(table))])
    (batch,) = read_payloads(file)

    assert batch.to_pylist() == [
        {"payload": b"a", "position": 70, "arrived_time": then},
        {"payload": b"", "position": 2, "arrived_time": file.arrived},
        {"payload": b"c", "position": 90, "arrived_time": file.arrived},
    ]


def test_parquet_is_read_in_batches_that_fit_the_bytes_asked_for(tmp_path):
    table = pa.table({"payload": [os.urandom(1000) for _ in range(100)]})
    (file,) = discover([written(tmp_path, "a.parquet", parquet(table))])

    assert [b.num_rows for b in read_payloads(file, bytes_per_batch=25_000)] == [24] * 4 + [4]


def test_parquet_text_that_is_not_utf8_fails_its_row_alone(tmp_path):
    text = pa.array([b"a", b"\xff", b"c"], pa.binary()).view(pa.string())
    records, failures = read(written(tmp_path, "a.parquet", parquet(pa.table({"name": text}))))

    assert records == [(1, b'{"name":"a"}'), (3, b'{"name":"c"}')]
    assert [(f.position, f.reason) for f in failures] == [(2, Reason.ENCODING)]


def test_a_broken_parquet_gives_the_rows_before_the_break_and_one_failure(tmp_path):
    table = pa.table({"payload": [b"%06d" % i for i in range(3000)]})
    content = bytearray(
        parquet(table, row_group_size=1000, use_dictionary=False, compression="gzip")
    )
    start = pq.ParquetFile(io.BytesIO(content)).metadata.row_group(1).column(0).data_page_offset
    content[start : start + 200] = b"\xff" * 200
    records, (failure,) = read(written(tmp_path, "a.parquet", bytes(content)))

    assert [n for n, _ in records] == list(range(1, 1001))
    assert (failure.position, failure.reason) == (1001, Reason.CORRUPT_FILE)
    assert failure.payload[:200] == b"\xff" * 200
    assert len(failure.payload) <= 1024


def test_a_file_that_is_no_parquet_is_one_failure(tmp_path):
    assert read(written(tmp_path, "a.parquet", b"PAR1 and then nothing of use"))[0] == []
    _, (failure,) = read(written(tmp_path, "b.parquet", b"hello"))

    assert (failure.position, failure.payload) == (1, b"hello")


def test_a_packed_parquet_is_unpacked_first(tmp_path):
    packed = gzip.compress(parquet(pa.table({"id": [1]})))

    assert read(written(tmp_path, "a.parquet.gz", packed)) == ([(1, b'{"id":1}')], [])
    assert len(read(written(tmp_path, "b.parquet.gz", packed[:-20]))[1]) == 1


# Compression

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


# Channel

CALL = b'{"type":"track","messageId":"m1","event":"Product Viewed"}'


class Other:
    """A channel as far as recognition goes."""

    def __init__(self, recognise):
        self.recognise = recognise


def test_the_channel_that_recognises_most_records_is_the_channel():
    channels = {"segment": segment.CHANNEL, "other": Other(lambda record: b"other" in record)}

    assert recognise_channel([CALL, CALL, b"?"], channels) == "segment"
    assert recognise_channel([CALL, b"?", b"?"], channels) is None
    assert recognise_channel([CALL, b"?"], channels) is None
    assert recognise_channel([], channels) is None
    assert recognise_channel([CALL], {}) is None


def test_a_tie_is_no_channel():
    channels = {"one": Other(lambda record: True), "two": Other(lambda record: True)}

    assert recognise_channel([CALL], channels) is None


def test_a_channel_whose_code_raises_has_not_recognised():
    def broken(record):
        raise RuntimeError

    assert recognise_channel([CALL], {"a": Other(broken), "segment": segment.CHANNEL}) == "segment"


def test_only_the_first_fifty_records_are_asked():
    assert recognise_channel([CALL] * 50 + [b"?"] * 500, {"segment": segment.CHANNEL}) == "segment"
