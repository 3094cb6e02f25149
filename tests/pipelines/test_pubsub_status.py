"""What the source of Pub/Sub says of itself."""

from __future__ import annotations

from datetime import datetime, timezone

from pipelines.sources.pubsub.status import SourceStatus
from schemas.source_status import SOURCE_STATUS
from tests.pipelines.deliveries import PATH, SECOND


def test_status_is_a_row_each_ten_seconds_and_at_each_change_of_basis():
    status = SourceStatus("pubsub:" + PATH + "#1", seconds=10)
    asked = [(0, "held"), (5, "held"), (6, "messages"), (15, "messages"), (16, "messages")]

    rows = [status.row(at * SECOND, None, basis, 0) for at, basis in asked]

    assert [row is not None for row in rows] == [True, False, True, False, True]


def test_a_row_of_status_says_how_much_was_read_and_not_how_much_is_left():
    row = SourceStatus("pubsub:" + PATH + "#1", 10).row(2 * SECOND, SECOND, "full", 50_000)

    assert row is not None
    assert row.schema.equals(SOURCE_STATUS, check_metadata=False)
    assert row.to_pylist() == [
        {
            "input": "pubsub:projects/example/subscriptions/viewers#1",
            "observed_time": datetime(1970, 1, 1, 0, 0, 2, tzinfo=timezone.utc),
            "watermark": datetime(1970, 1, 1, 0, 0, 1, tzinfo=timezone.utc),
            "basis": "full",
            "position": 50_000,
            "behind": None,
        }
    ]
