"""Conform: a sheet becomes a NATIVE_EVENT batch with constants, ids, clocks and facts filled in."""

from datetime import date, datetime, timezone

import numpy as np
import pyarrow as pa
import pytest

from schemas.channel import Channel, Kind, Sheet
from schemas.conform import Kinds, conform
from schemas.event import NATIVE_EVENT
from schemas.identity import event_ids, payload_ids
from schemas.version import VERSION

INSTANT = pa.timestamp("us", "UTC")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)
OPEN = Kind("open", action="open")
LIKE = Kind("like", action="like", modality="gesture_ui", mutable=True)
UNLIKE = Kind("unlike", action="like", op="retract", modality="gesture_ui")
KINDS = (OPEN, LIKE, UNLIKE)
CHANNEL = Channel(
    name="board",
    title="Board",
    document="https://example.com/board",
    media_type="owned",
    provenance="first_party",
    kinds=KINDS,
    parse=bytes,
    fill=lambda rows, sheet: None,
    recognise=lambda sample: True,
    kind_path="$.kind",
)


def _conform(kinds, payloads=None, origin=None, **columns):
    sheet = Sheet(len(kinds) if origin is None else max(origin) + 1)
    if origin is not None:
        sheet.expand(origin)
    for name, values in columns.items():
        sheet.put(name, values)
    payloads = payloads or [b"record %d" % n for n in range(len(kinds))]
    codes = Kinds(np.array([KINDS.index(kind) for kind in kinds], dtype=np.int64), KINDS)
    arrived = pa.array([NOON] * len(kinds), INSTANT)
    return conform(sheet, CHANNEL, codes, lambda: payloads, arrived)


def test_a_row_that_says_nothing_has_the_channel_s_constants_and_defaults():
    batch = _conform([OPEN])
    (row,) = batch.to_pylist()

    assert batch.schema.equals(NATIVE_EVENT, check_metadata=True)
    assert {name: value for name, value in row.items() if value is not None} == {
        "event_id": payload_ids([b"record 0"], [0])[0].as_py(),
        "source": "board",
        "event_type": "board.open",
        "schema_ref": "moment:event/1-0-0",
        "op": "insert",
        "event_time": NOON,
        "time_basis": "collector",
        "collected_time": NOON,
        "ingested_time": NOON,
        "actor_basis": "none",
        "actor_kind": "person",
        "action": "open",
        "action_class": "exposure",
        "channel": "board",
        "media_type": "owned",
        "modality": "passive",
        "ivt_class": "unknown",
        "consent_basis": "unknown",
        "provenance": "first_party",
        "retention_until": date(2027, 3, 2),
        "pipeline_version": VERSION,
    }


def test_required_columns_are_never_null():
    batch = _conform([OPEN, LIKE, UNLIKE], fact_key=[None, "a", "a"])

    for field in NATIVE_EVENT:
        assert field.nullable or batch.column(field.name).null_count == 0


def test_each_row_has_what_its_own_kind_declares():
    batch = _conform([LIKE, OPEN, UNLIKE])

    assert batch.column("event_type").to_pylist() == ["board.like", "board.open", "board.unlike"]
    assert batch.column("op").to_pylist() == ["insert", "insert", "retract"]
    assert batch.column("modality").to_pylist() == ["gesture_ui", "passive", "gesture_ui"]
    assert batch.column("action_class").to_pylist() == ["interaction", "exposure", "interaction"]


def test_a_native_id_makes_the_event_id_and_a_row_without_one_its_record():
    batch = _conform([OPEN, OPEN], source_event_id=["1234", None])

    assert batch.column("event_id").to_pylist() == [
        event_ids("board", ["1234"])[0].as_py(),
        payload_ids([b"record 1"], [0])[0].as_py(),
    ]


def test_an_id_that_holds_an_identifier_is_hashed_and_not_written_as_the_native_id():
    batch = _conform([OPEN], id_key=["open:ana@example.com"])

    assert (
        batch.column("event_id")[0].as_py()
        == event_ids("board", ["open:ana@example.com"])[0].as_py()
    )
    assert batch.column("source_event_id").to_pylist() == [None]


def test_events_of_one_record_have_different_ids():
    batch = _conform([OPEN, OPEN, OPEN], payloads=[b"a", b"a", b"b"], origin=[0, 0, 1])

    assert len(set(batch.column("event_id").to_pylist())) == 3


def test_a_fact_and_its_retraction_share_the_fact_id_and_are_ordered_by_their_times():
    batch = _conform(
        [LIKE, UNLIKE],
        fact_key=["like:7", "like:7"],
        event_time=pa.array([NOON.replace(hour=10), NOON.replace(hour=11)], INSTANT),
    )

    assert batch.column("fact_id")[0] == batch.column("fact_id")[1]
    first, second = batch.column("revision").to_pylist()
    assert second - first == 3_600_000_000


def test_a_native_revision_goes_before_the_time():
    batch = _conform([LIKE, LIKE], fact_key=["a", "a"], revision=[7, None])

    assert batch.column("revision").to_pylist() == [7, int(NOON.timestamp()) * 1_000_000]


def test_immutable_kinds_and_empty_keys_state_no_fact():
    batch = _conform([OPEN, LIKE, LIKE], fact_key=["a", None, ""])

    assert batch.column("fact_id").null_count == 3
    assert batch.column("revision").null_count == 3


def test_one_native_id_of_two_sources_is_two_events():
    batch = _conform([OPEN, OPEN], source=["one", "two"], source_event_id=["1", "1"])

    assert len(set(batch.column("event_id").to_pylist())) == 2


def test_the_id_of_a_source_does_not_depend_on_what_other_sources_are_in_the_batch():
    alone = _conform([OPEN], source="one", source_event_id=["1"])
    listed = _conform([OPEN, OPEN], source=["one", "two"], source_event_id=["1", "1"])

    assert listed.column("event_id")[0] == alone.column("event_id")[0]


def test_no_rows_make_an_empty_batch():
    assert _conform([]).num_rows == 0


def test_amounts_are_decimals():
    batch = _conform([OPEN], amount=[12.5])

    assert str(batch.column("amount")[0].as_py()) == "12.500000"


@pytest.mark.parametrize(
    "declared",
    [
        {"action": "open", "ignored": "both"},
        {},
        {"action": "levitate"},
        {"action": "open", "modality": "face"},
        {"action": "open", "op": "delete"},
    ],
)
def test_a_kind_that_contradicts_itself_is_refused_with_its_name(declared):
    with pytest.raises(ValueError, match="'k'"):
        Kind("k", **declared)
