"""CSV rows become JSON objects of text, and what does not fit costs one line."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.csv_rows import read_rows
from schemas.failure import Reason
from tests.pipelines.files.reading import read, written


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
