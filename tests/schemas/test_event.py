"""The schemas: every column says what it means, and is of a type every edge can take."""

import pyarrow as pa
import pytest

from schemas.balance import BALANCE, BALANCE_COUNT
from schemas.event import ACTION_CLASS, EVENT, MODALITIES, NATIVE_EVENT, RAW_COLUMNS
from schemas.failure import FAILED_EVENT
from schemas.metric import KEY, METRIC
from schemas.observation import LABEL, OBSERVATION, SIGNAL_CODE, SIGNALS
from schemas.partial import COLUMN_NAMES, DIMENSION_NAMES, GROUPING_NAMES, GROUPINGS, PARTIAL
from schemas.payload import PAYLOAD

ALL = (
    BALANCE,
    BALANCE_COUNT,
    EVENT,
    FAILED_EVENT,
    LABEL,
    METRIC,
    NATIVE_EVENT,
    OBSERVATION,
    PARTIAL,
    PAYLOAD,
)


@pytest.mark.parametrize("schema", ALL, ids=lambda s: s.metadata[b"name"].decode())
def test_every_column_has_a_meaning_and_every_schema_a_name(schema):
    for field in schema:
        assert field.metadata.get(b"meaning", b"").strip(), field.name
    assert schema.metadata[b"name"]
    assert len(set(schema.names)) == len(schema)


@pytest.mark.parametrize("schema", ALL, ids=lambda s: s.metadata[b"name"].decode())
def test_columns_are_plain_no_dictionaries_no_lists_no_structures(schema):
    assert [f.name for f in schema if pa.types.is_nested(f.type)] == []
    assert [f.name for f in schema if pa.types.is_dictionary(f.type)] == []


def test_raw_columns_are_in_no_written_schema():
    raw = {column.name for column in RAW_COLUMNS}

    assert (
        raw & {name for schema in ALL if schema != NATIVE_EVENT for name in schema.names} == set()
    )
    assert NATIVE_EVENT.names == [*EVENT.names, *(column.name for column in RAW_COLUMNS)]


def test_no_modality_is_biometric():
    assert set(MODALITIES) & {"face", "voice", "gaze", "gait", "heart_rate"} == set()


def test_signal_codes_live_in_state_so_they_are_pinned():
    assert SIGNALS[0] == "none"
    assert [SIGNAL_CODE[s] for s in ("view", "heartbeat", "like", "comment")] == [1, 2, 10, 13]
    assert [SIGNAL_CODE[s] for s in ("rate:nps", "rate:csat", "rate:ces", "rate:boredom")] == [
        39,
        40,
        41,
        42,
    ]
    assert list(ACTION_CLASS) == list(SIGNALS[1:39])


def test_the_key_of_a_figure_is_columns_of_the_metric_schema():
    assert set(KEY) <= set(METRIC.names)


def test_a_partial_is_dimensions_and_columns_that_add():
    assert list(PARTIAL.names) == [*DIMENSION_NAMES, *COLUMN_NAMES]
    for name in COLUMN_NAMES:
        type = PARTIAL.field(name).type
        assert pa.types.is_integer(type) or type == pa.decimal128(38, 0)


def test_grouping_names_are_those_of_the_dimensions():
    assert dict(zip(GROUPING_NAMES, GROUPINGS))["brand_channel"] == ("brand", "channel")
    assert GROUPING_NAMES[0] == "total"
