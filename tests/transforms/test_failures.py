"""Failures: FAILED_EVENT rows with the bytes, the reason, and an id that a replay repeats."""

from datetime import date, datetime, timezone

import pytest

from schemas.failure import FAILED_EVENT, Reason
from transforms.failures import Failure, failed_batch

ARRIVED = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)
NOW = datetime(2026, 3, 3, 9, 30, tzinfo=timezone.utc)
BROKEN = Failure(b'{"ev', 7, ARRIVED, "decode", Reason.SYNTAX, "$", "expected well-formed JSON")


def _ids(*failures, input="day.ndjson"):
    return failed_batch(failures, input, "mailjet", NOW).column("failure_id").to_pylist()


def test_a_failure_keeps_the_bytes_where_they_were_and_why():
    batch = failed_batch([BROKEN], "day.ndjson", "mailjet", NOW)
    (row,) = batch.to_pylist()

    assert batch.schema.equals(FAILED_EVENT, check_metadata=True)
    assert len(row.pop("failure_id")) == 16
    assert row == {
        "input": "day.ndjson",
        "position": 7,
        "channel": "mailjet",
        "stage": "decode",
        "reason": "invalid_syntax",
        "path": "$",
        "detail": "expected well-formed JSON",
        "arrived_time": ARRIVED,
        "failed_time": NOW,
        "payload": b'{"ev',
        "expires_on": date(2026, 4, 1),
    }


def test_the_payload_expires_thirty_days_after_it_arrived_not_after_it_failed():
    late = failed_batch([BROKEN], "day.ndjson", None, datetime(2027, 1, 1, tzinfo=timezone.utc))

    assert late.column("expires_on").to_pylist() == [date(2026, 4, 1)]
    assert late.column("channel").to_pylist() == [None]


def test_the_same_failure_has_the_same_id_whenever_it_is_found():
    mended = BROKEN._replace(reason=Reason.WRONG_SHAPE, detail="expected an object")
    again = failed_batch([mended], "day.ndjson", None, ARRIVED).column("failure_id").to_pylist()

    assert _ids(BROKEN) == again


@pytest.mark.parametrize(
    "other",
    [{"position": 8}, {"item": 1}, {"payload": b'{"eve'}],
    ids=["position", "item", "payload"],
)
def test_another_place_or_other_bytes_make_another_id(other):
    first, second = _ids(BROKEN, BROKEN._replace(**other))

    assert first != second
    assert _ids(BROKEN) != _ids(BROKEN, input="night.ndjson")


def test_no_failures_are_no_rows():
    assert failed_batch([], "day.ndjson", "mailjet").num_rows == 0


def test_without_a_time_given_the_failure_is_of_now():
    before = datetime.now(timezone.utc)
    (found,) = failed_batch([BROKEN], "day.ndjson", None).column("failed_time").to_pylist()

    assert before <= found <= datetime.now(timezone.utc)
