"""Parquet rows become JSON objects, or the payloads that they hold."""

import gzip
import io
import os
from datetime import datetime, timezone

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.sources.discover import discover
from pipelines.sources.read_payloads import read_payloads
from schemas.failure import Reason
from tests.pipelines.files.reading import read, written

AT = 1_772_452_800_000_000_001
NS = pa.timestamp("ns", "UTC")
NOT_UTF8 = pa.array([b"\xff"]).view(pa.string())


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


def column_of(texts, kind):
    if isinstance(kind, pa.DictionaryType):
        return pa.array(texts, kind.value_type).dictionary_encode()
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, pa.array(texts, kind.storage_type))
    return pa.array(texts, kind)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([{"seen": AT}], pa.struct([("seen", NS)])), b'{"seen":"2026-03-02T12:00:00Z"}'),
        (pa.array([[AT, None]], pa.list_(NS)), b'["2026-03-02T12:00:00Z",null]'),
        (pa.array([[AT]], pa.large_list(NS)), b'["2026-03-02T12:00:00Z"]'),
        (pa.array([[AT]], pa.list_(NS, 1)), b'["2026-03-02T12:00:00Z"]'),
        (pa.array([[("a", AT)]], pa.map_(pa.string(), NS)), b'[["a","2026-03-02T12:00:00Z"]]'),
        (pa.array([1_001], pa.time64("ns")), b'"00:00:00.000001"'),
        (pa.array([1_001], pa.duration("ns")), b'"PT0.000001S"'),
        (
            pa.array([[{"seen": [AT]}]], pa.list_(pa.struct([("seen", pa.list_(NS))]))),
            b'[{"seen":["2026-03-02T12:00:00Z"]}]',
        ),
    ],
    ids=lambda given: str(given.type) if isinstance(given, pa.Array) else "",
)
def test_nanoseconds_are_cut_to_microseconds_wherever_they_are(tmp_path, column, expected):
    path = written(tmp_path, "a.parquet", parquet(pa.table({"value": column})))

    assert read(path) == ([(1, b'{"value":' + expected + b"}")], [])


def test_columns_of_one_name_or_none_keep_their_values(tmp_path):
    columns = [pa.array([value]) for value in ("x", "y", "z", "w")]
    table = pa.Table.from_arrays(columns, ["type", "type", "", "column_2"])

    assert read(written(tmp_path, "a.parquet", parquet(table))) == (
        [(1, b'{"type":"x","column_2_":"y","column_3":"z","column_2":"w"}')],
        [],
    )


@pytest.mark.parametrize(
    "kind",
    [
        pa.binary(),
        pa.large_binary(),
        pa.binary(1),
        pa.binary_view(),
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.dictionary(pa.int32(), pa.string()),
        pa.json_(),
    ],
    ids=str,
)
def test_parquet_with_payloads_gives_them_back_with_position_and_time(tmp_path, kind):
    then = datetime(2026, 3, 1, tzinfo=timezone.utc)
    table = pa.table(
        {
            "payload": column_of(["a", None, "c"], kind),
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


@pytest.mark.parametrize(
    ("column", "stored", "reason"),
    [
        (NOT_UTF8, b'"/w=="', Reason.ENCODING),
        (pa.array([2**60], pa.timestamp("ms")), b"%d" % 2**60, Reason.INVALID_VALUE),
        (pa.array([2**30], pa.date32()), b"1073741824", Reason.INVALID_VALUE),
        (pa.array([2**62], pa.duration("s")), b"%d" % 2**62, Reason.INVALID_VALUE),
        (
            pa.StructArray.from_arrays([NOT_UTF8, pa.array([1])], ["a", "b"]),
            b'{"a":"/w==","b":1}',
            Reason.ENCODING,
        ),
        (
            pa.array([[2**62]], pa.list_(pa.timestamp("us", "UTC"))),
            b"[%d]" % 2**62,
            Reason.INVALID_VALUE,
        ),
    ],
    ids=lambda given: str(given.type) if isinstance(given, pa.Array) else "",
)
def test_a_row_that_json_cannot_hold_fails_with_all_its_values_and_names_the_column(
    tmp_path, column, stored, reason
):
    table = pa.table({"id": ["m1"], "value": column, "tags": [["a"]]})
    records, (failure,) = read(written(tmp_path, "a.parquet", parquet(table)))

    assert records == []
    assert (failure.position, failure.reason, failure.path) == (1, reason, "$.value")
    assert failure.payload == b'{"id":"m1","value":' + stored + b',"tags":["a"]}'


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
