"""Identity: ids that a replay gives again, and keys of texts."""

import numpy as np
import pyarrow as pa

from schemas.event import UUID
from schemas.identity import (
    NO_LABEL,
    event_ids,
    label_key,
    label_keys,
    payload_ids,
    words,
)


def test_an_event_id_is_the_same_for_ever():
    (found,) = event_ids("mailjet", ["1234"]).to_pylist()

    assert found.hex() == "a475186423d3c5b7187bab859d2cb93b"


def test_source_and_native_id_together_make_the_id():
    ids = [
        *event_ids("mailjet", ["1", "2"]).to_pylist(),
        *event_ids("segment", ["1"]).to_pylist(),
        *event_ids("mailjet1", [""]).to_pylist(),
    ]

    assert len(set(ids)) == 4


def test_events_of_one_payload_have_ids_by_their_place_in_it():
    ids = payload_ids([b"one", b"one", b"two"], [0, 1, 0]).to_pylist()

    assert len(set(ids)) == 3
    assert payload_ids([b"one"], [0]).to_pylist() == ids[:1]


def test_label_keys_are_those_of_the_texts_and_null_is_no_label():
    keys, texts = label_keys(pa.array(["live", None, "film", "live"]))

    assert keys.tolist() == [label_key("live"), NO_LABEL, label_key("film"), label_key("live")]
    assert texts == {label_key("live"): "live", label_key("film"): "film"}
    assert label_keys(pa.nulls(2, pa.string()))[0].tolist() == [NO_LABEL, NO_LABEL]
    assert label_keys(pa.array([], pa.string()))[1] == {}


def test_a_slice_of_a_column_has_the_keys_of_its_own_rows():
    column = pa.array(["a", "b", None, "c"])

    assert label_keys(column.slice(1))[0].tolist() == label_keys(column)[0].tolist()[1:]


def test_words_are_the_two_halves_of_an_id_also_in_a_slice_and_null_is_zero():
    first, second = bytes([1] + [0] * 7 + [2] + [0] * 7), bytes([255] * 16)
    ids = pa.array([first, second, None, first], UUID)

    assert words(ids).tolist() == [[1, 2], [-1, -1], [0, 0], [1, 2]]
    assert words(ids.slice(1, 2)).tolist() == [[-1, -1], [0, 0]]
    assert words(pa.array([], UUID)).shape == (0, 2)
    assert words(ids).dtype == np.int64
