"""Lines and JSON documents: every record once, with its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.discover import discover
from pipelines.sources.formats import read_document
from pipelines.sources.read_payloads import read_payloads
from schemas.payload import MAXIMUM_PAYLOAD_BYTES
from tests.pipelines.files.reading import LINES, RECORDS, lines_of, read, written


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


@pytest.mark.parametrize("size", [1, 2, 3, 9])
def test_an_overlong_line_that_begins_with_white_space_is_a_record_wherever_the_rest_is(size):
    data = b"    {}\n     \n"
    blocks = [data[i : i + size] for i in range(0, len(data), size)]

    assert lines_of(blocks, 2) == [(1, b"   ")]


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


def test_json_lines_of_which_the_first_is_large_are_still_lines(tmp_path):
    long = b'{"id":"' + b"x" * (3 << 20) + b'"}'
    longest = b'{"id":"' + b"x" * (MAXIMUM_PAYLOAD_BYTES - 9) + b'"}'

    for first in (long, longest):
        content = first + b'\n{"id":2}\n{"id":3}\n'
        records, failures = read(written(tmp_path, "a.json", content))
        assert [(n, len(payload)) for n, payload in records] == [(1, len(first)), (2, 8), (3, 8)]
        assert failures == []


def test_a_json_file_whose_first_line_is_no_record_is_one_document_cut_for_decode(tmp_path):
    content = b'{"id":"' + b"x" * MAXIMUM_PAYLOAD_BYTES + b'"}\n{"id":2}\n'
    ((position, payload),), failures = read(written(tmp_path, "a.json", content))

    assert (position, len(payload), failures) == (1, MAXIMUM_PAYLOAD_BYTES + 1, [])


def test_json_lines_behind_more_white_space_than_a_record_may_have_are_read(tmp_path):
    blank = b" " * (2 * MAXIMUM_PAYLOAD_BYTES)

    assert read(written(tmp_path, "a.json", b'{"id":1}\n' + blank + b'\n{"id":2}\n[3]\n')) == (
        [(1, b'{"id":1}'), (3, b'{"id":2}'), (4, b"[3]")],
        [],
    )
    assert read(written(tmp_path, "b.json", blank + b'\n{"id":1}\n')) == ([(2, b'{"id":1}')], [])
    assert read(written(tmp_path, "c.json", blank)) == ([], [])


@pytest.mark.parametrize("before", [b"", b'{\n"id":1}', b"no json"])
def test_what_follows_much_white_space_in_a_json_file_makes_a_record_that_is_too_long(
    tmp_path, before
):
    content = before + b" " * (2 * MAXIMUM_PAYLOAD_BYTES) + b"x"
    ((position, payload),), failures = read(written(tmp_path, "a.json", content))

    assert (position, len(payload), failures) == (1, MAXIMUM_PAYLOAD_BYTES + 1, [])


def test_white_space_behind_a_json_document_does_not_count(tmp_path):
    content = b'{\n"id":1}' + b"\n" * (2 * MAXIMUM_PAYLOAD_BYTES)

    assert read(written(tmp_path, "a.json", content)) == ([(1, b'{\n"id":1}')], [])


def document_of(blocks, maximum):
    return [
        pair
        for found in read_document(blocks, maximum)
        for pair in zip(found.positions.to_pylist(), found.payloads.to_pylist())
    ]


@given(
    st.lists(st.sampled_from([b"\n", b" ", b"     ", b"{}", b"[1]", b"{", b"x", b"\xef\xbb\xbf"])),
    st.integers(1, 9),
    st.integers(2, 9),
)
def test_json_files_are_the_same_however_the_bytes_are_cut_and_never_silent(pieces, size, maximum):
    data = b"".join(pieces)
    blocks = [data[i : i + size] for i in range(0, len(data), size)]
    records = document_of(blocks, maximum)

    assert records == document_of([data] if data else [], maximum)
    assert bool(records) == bool(data.removeprefix(b"\xef\xbb\xbf").strip())
