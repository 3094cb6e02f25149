"""The coder: batches cross a shuffle as Arrow IPC, small, whole, and never pickled."""

import pickle

import pyarrow as pa
from apache_beam import coders, typehints

from schemas import coder
from schemas.coder import Packed, RecordBatchCoder, decode_batch, encode_batch
from schemas.event import EVENT
from schemas.metric import METRIC
from schemas.observation import OBSERVATION
from schemas.partial import PARTIAL
from tests.checks import codec_of


def _batch():
    schema = pa.schema(
        [
            pa.field("name", pa.string(), metadata={"meaning": "a name"}),
            pa.field("count", pa.int64(), nullable=False),
        ],
        metadata={"name": "people", "input": "a.ndjson"},
    )
    return pa.record_batch([pa.array(["Ana", None, "Cléo"]), pa.array([1, 2, 3])], schema=schema)


def test_a_batch_comes_back_with_its_values_its_schema_and_all_metadata():
    back = decode_batch(encode_batch(_batch()))

    assert back.equals(_batch())
    assert back.schema.equals(_batch().schema, check_metadata=True)
    assert back.schema.metadata == {b"name": b"people", b"input": b"a.ndjson"}
    assert back.schema.field("name").metadata == {b"meaning": b"a name"}


def test_a_batch_without_rows_keeps_its_schema():
    for schema in (EVENT, OBSERVATION, PARTIAL, METRIC):
        empty = pa.RecordBatch.from_pylist([], schema=schema)
        back = decode_batch(encode_batch(empty))

        assert back.num_rows == 0
        assert back.schema.equals(schema, check_metadata=True)


def test_ten_rows_of_a_million_row_batch_do_not_carry_the_million():
    million = pa.record_batch({"n": pa.array(range(1_000_000), pa.int64())})
    ten = million.slice(500_000, 10)

    assert len(encode_batch(ten)) < 1_000
    assert len(pickle.dumps(ten)) > 1_000_000  # what the fallback coder would have sent
    assert decode_batch(encode_batch(ten)).column("n").to_pylist() == [*range(500_000, 500_010)]


def test_a_small_batch_is_written_plainly_others_by_lz4_and_what_stays_by_zstandard():
    few, many = (pa.record_batch({"n": pa.array([*range(1_000)] * n, pa.int64())}) for n in (1, 20))
    found = [
        (codec_of(Packed.pack(batch).encoded), codec_of(Packed.keep(batch).encoded))
        for batch in (few, many)
    ]

    assert found == [("none", "none"), ("lz4", "zstd")]
    assert len(Packed.keep(many).encoded) < len(Packed.pack(many).encoded) < many.nbytes
    assert Packed.keep(many).unpack() == Packed.pack(many).unpack() == many


def test_columns_are_written_and_read_in_the_thread_that_asks():
    """A task of Arrow's pool for each column costs as much as to compress it."""
    options = (coder._PLAIN, coder._PASSING, coder._LASTING, coder._READ)
    assert [each.use_threads for each in options] == [False] * 4


def test_the_coder_is_found_through_the_type_hint_of_a_batch():
    assert isinstance(coders.registry.get_coder(pa.RecordBatch), RecordBatchCoder)


def test_the_coder_is_found_inside_a_keyed_pair_and_nothing_falls_back():
    hint = typehints.native_type_compatibility.convert_to_beam_type(tuple[int, pa.RecordBatch])
    pair = coders.registry.get_coder(hint)

    assert isinstance(pair, coders.TupleCoder)
    assert [type(c) for c in pair.coders()] == [coders.VarIntCoder, RecordBatchCoder]
    key, batch = pair.decode(pair.encode((7, _batch())))
    assert (key, batch) == (7, _batch())


def test_a_batch_is_never_a_key():
    assert not RecordBatchCoder().is_deterministic()
    assert RecordBatchCoder() == RecordBatchCoder()
    assert RecordBatchCoder() != coders.BytesCoder()
