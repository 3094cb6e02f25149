"""Clocks: which of several times an event is said to have happened at."""

from datetime import datetime, timezone

import pyarrow as pa
import pytest

from schemas.clock import settle

INSTANT = pa.timestamp("us", "UTC")
NOON = "12:00:00"


def _instants(text):
    if text is None:
        return None
    hour, minute, second = map(int, text.split(":"))
    return pa.array([datetime(2026, 3, 2, hour, minute, second, tzinfo=timezone.utc)], INSTANT)


# All of one event that arrived here at 12:00:00; event time and basis and collection expected.
#   stated     created    sent       collected   server | event      basis        collected
CASES = {
    "a server's clock is true, and is the collection": (
        ("11:59:50", None, None, None, True),
        ("11:59:50", "true", "11:59:50"),
    ),
    "a server's clock beats what the device says": (
        ("11:59:50", "11:00:00", "11:00:10", "11:59:55", True),
        ("11:59:50", "true", "11:59:55"),
    ),
    "a device an hour slow is corrected by its own delay": (
        (None, "10:59:30", "10:59:40", "11:59:50", False),
        ("11:59:40", "derived", "11:59:50"),
    ),
    "a device an hour fast is corrected by its own delay": (
        (None, "12:59:30", "12:59:40", "11:59:50", False),
        ("11:59:40", "derived", "11:59:50"),
    ),
    "a device kept the event for an hour before it was sent": (
        (None, "10:00:00", "11:00:00", "11:00:05", False),
        ("10:00:05", "derived", "11:00:05"),
    ),
    "without a sent time the device is taken at its word": (
        (None, "11:59:30", None, "11:59:50", False),
        ("11:59:30", "declared", "11:59:50"),
    ),
    "without a sent time and far ahead, collection is all there is": (
        (None, "12:59:30", None, "11:59:50", False),
        ("11:59:50", "collector", "11:59:50"),
    ),
    "without a receipt nothing is derived from the delay": (
        (None, "11:59:30", "11:59:40", None, False),
        ("11:59:30", "declared", NOON),
    ),
    "nothing is said, so it happened when it arrived": (
        (None, None, None, None, False),
        (NOON, "collector", NOON),
    ),
    "a server six minutes ahead is not believed": (
        ("12:06:00", None, None, None, True),
        (NOON, "collector", NOON),
    ),
    "a server four minutes ahead is believed": (
        ("12:04:00", None, None, None, True),
        ("12:04:00", "true", "12:04:00"),
    ),
    "a device six minutes ahead of collection is not believed": (
        (None, "12:05:50", None, "11:59:50", False),
        ("11:59:50", "collector", "11:59:50"),
    ),
    "a device four minutes ahead of collection is believed": (
        (None, "12:03:50", None, "11:59:50", False),
        ("12:03:50", "declared", "11:59:50"),
    ),
    "exactly five minutes ahead is believed": (
        (None, "12:05:00", None, NOON, False),
        ("12:05:00", "declared", NOON),
    ),
    "a vendor's receipt ten minutes after arrival is replaced by arrival": (
        (None, "11:59:30", "11:59:40", "12:10:00", False),
        ("11:59:50", "derived", NOON),
    ),
}


@pytest.mark.parametrize(("given", "expected"), CASES.values(), ids=CASES)
def test_of_several_clocks_the_most_trusted_one_that_is_plausible_counts(given, expected):
    *clocks, server = given
    stated, created, sent, received = map(_instants, clocks)
    settled = settle(stated, created, sent, received, _instants(NOON), server)

    event, basis, collected = expected
    assert settled.event_time == _instants(event)
    assert settled.time_basis.to_pylist() == [basis]
    assert settled.collected_time == _instants(collected)


def test_each_row_is_settled_for_itself_and_none_is_null():
    column = pa.array
    settled = settle(
        stated=column([datetime(2026, 3, 2, 11, tzinfo=timezone.utc), None], INSTANT),
        created=column([None, datetime(2026, 3, 2, 10, tzinfo=timezone.utc)], INSTANT),
        sent=None,
        collected=None,
        arrived=column([datetime(2026, 3, 2, 12, tzinfo=timezone.utc)] * 2, INSTANT),
        server_clock=True,
    )

    assert settled.time_basis.to_pylist() == ["true", "declared"]
    assert [c.null_count for c in settled] == [0, 0, 0]


def test_no_rows_settle_to_no_rows():
    nothing = pa.array([], INSTANT)

    assert [len(c) for c in settle(None, None, None, None, nothing, True)] == [0, 0, 0]
