"""CSV rows become JSON objects of text, and what does not fit costs one line."""

import csv
import gzip
import io
import json

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.csv_rows import read_rows
from schemas.failure import Reason
from tests.pipelines.files.reading import read, written

CHECKED = zstandard.ZstdCompressor(write_checksum=True)


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


@pytest.mark.parametrize(
    ("header", "record"),
    [
        (b"a,column_3,a", b'{"a":"1","column_3":"2","column_3_":"3"}'),
        (b"a,a,column_2", b'{"a":"1","column_2_":"2","column_2":"3"}'),
        (b"column_3_,column_3,", b'{"column_3_":"1","column_3":"2","column_3__":"3"}'),
    ],
)
def test_a_name_after_its_place_is_no_other_column(tmp_path, header, record):
    assert read(written(tmp_path, "a.csv", header + b"\n1,2,3\n")) == ([(2, record)], [])


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


def test_a_quote_open_to_the_break_of_a_packed_file_costs_one_line(tmp_path):
    rows = [b"id,name\n", b'1,"open\n', *(b"%d,b\n" % n for n in range(2, 100)), b"100,br"]
    content = b"".join(rows)
    path = written(tmp_path, "a.csv.gz", gzip.compress(content, mtime=0)[:-8])
    records, failures = read(path)

    assert [n for n, _ in records] == list(range(3, 101))
    assert records[-1] == (100, b'{"id":"99","name":"b"}')
    assert [(f.position, f.reason, f.payload) for f in failures] == [
        (2, Reason.SYNTAX, b'1,"open\n'),
        (101, Reason.CORRUPT_FILE, b"100,br"),
    ]


@pytest.mark.parametrize("quotes", [0, 1, 2, 30])
def test_a_wrong_checksum_at_the_end_of_a_packed_csv_costs_no_row(tmp_path, quotes):
    rows = [b'%d,"open\n' % n if n <= quotes else b"%d,b\n" % n for n in range(1, 100)]
    packed = bytearray(CHECKED.compress(b"id,name\n" + b"".join(rows)))
    packed[-1] ^= 0xFF
    records, failures = read(written(tmp_path, "a.csv.zst", bytes(packed)))

    assert [n for n, _ in records] == list(range(2 + quotes, 101))
    assert [f.reason for f in failures] == [Reason.SYNTAX] * quotes + [Reason.CORRUPT_FILE]
    assert [f.position for f in failures] == [*range(2, 2 + quotes), 101]


def test_the_line_that_a_packed_file_breaks_in_fails_with_what_there_is_of_it(tmp_path):
    content = gzip.compress(b'id,name\n1,a\n2,"two\nlin', mtime=0)
    records, failures = read(written(tmp_path, "a.csv.gz", content[:-8]))

    assert records == [(2, b'{"id":"1","name":"a"}')]
    assert [(f.position, f.reason, f.payload) for f in failures] == [
        (3, Reason.CORRUPT_FILE, b'2,"two\nlin'),
    ]


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
