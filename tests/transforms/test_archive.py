from __future__ import annotations

from datetime import date, datetime, timezone

from tests.checks import payloads_of
from transforms.archive import archive

LATE = datetime(2026, 3, 31, 23, 59, 59, tzinfo=timezone.utc)


def test_a_record_is_kept_as_it_was_received_with_where_it_came_from_and_until_when():
    rows = archive(payloads_of([b"\xff\x00", b""], "survey", LATE)).to_pylist()

    assert rows == [
        {
            "input": "fixture",
            "position": position,
            "channel": "survey",
            "arrived_time": LATE,
            "payload": payload,
            "expires_on": date(2026, 4, 30),
        }
        for position, payload in ((1, b"\xff\x00"), (2, b""))
    ]


def test_a_channel_that_nobody_named_is_null():
    (row,) = archive(payloads_of([b"{}"])).to_pylist()

    assert row["channel"] is None
