"""Balance: counts of every door added up, and whether both equations close."""

from collections import Counter
from datetime import datetime, timezone

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given
from hypothesis import strategies as st

from pipelines.measure import IN_PROCESS
from schemas.balance import BALANCE, BALANCE_COUNT
from schemas.identity import label_key
from tests.transforms.events import NOON, event, native
from transforms.balance import Balance, balance, count_batch, count_events, outcome_batch

HOUR = int(NOON.timestamp()) // 3600
DECODED = [("received", 3), ("decoded", 2), ("failed", 1), ("events", 4), ("ignored", 1)]
"""Three records: one failed, two became four events, one of them ignored."""
DECIDED = {"accepted": 1, "duplicate": 1, "withheld": 1}
"""What became of the other three events."""


def _decided(counts, input="day.ndjson", channel="app", hour=HOUR):
    keys = (label_key(input), hour, label_key(channel))
    return outcome_batch(Counter({(*keys, outcome): n for outcome, n in counts.items()}))


def _decoded(counts=DECODED, input="day.ndjson", channel="app", hour=HOUR):
    return count_batch(input, hour, channel, counts)


def test_counts_of_all_stages_close_both_equations():
    batch = balance([_decoded(), _decided(DECIDED)])

    assert batch.schema.equals(BALANCE, check_metadata=True)
    assert batch.to_pylist() == [
        {
            "input": "day.ndjson",
            "arrival_hour": NOON,
            "channel": "app",
            "received": 3,
            "decoded": 2,
            "failed": 1,
            "events": 4,
            "accepted": 1,
            "duplicate": 1,
            "withheld": 1,
            "ignored": 1,
            "late": 0,
            "balanced": True,
        }
    ]


@pytest.mark.parametrize("outcome", ["accepted", "duplicate", "withheld"])
def test_an_event_that_is_lost_on_the_way_opens_the_balance(outcome):
    (row,) = balance([_decoded(), _decided({**DECIDED, outcome: 0})]).to_pylist()

    assert row["balanced"] is False


def test_an_event_counted_twice_opens_the_balance():
    (row,) = balance([_decoded(), _decided(DECIDED), _decided({"late": 1})]).to_pylist()

    assert row["balanced"] is False


def test_a_record_that_is_lost_opens_the_balance():
    counts = [("received", 4), *DECODED[1:]]
    (row,) = balance([_decoded(counts), _decided(DECIDED)]).to_pylist()

    assert row["balanced"] is False


def test_one_open_row_does_not_hide_behind_the_others():
    lost, found = {**DECIDED, "accepted": 0}, {**DECIDED, "accepted": 2}
    batches = [
        _decoded(),
        _decoded(hour=HOUR + 1),
        _decided(lost),
        _decided(found, hour=HOUR + 1),
    ]

    assert balance(batches).column("balanced").to_pylist() == [False, False]


def test_inputs_hours_and_channels_have_rows_of_their_own_in_order():
    places = [("b", "app", 1), ("a", "site", 1), ("a", "app", 2), ("a", "app", 1)]
    batch = balance(_decoded([("received", 1)], *place) for place in places)
    found = [(r["input"], r["arrival_hour"].hour, r["channel"]) for r in batch.to_pylist()]

    assert found == [("a", 1, "app"), ("a", 1, "site"), ("a", 2, "app"), ("b", 1, "app")]


def test_records_of_no_recognised_channel_are_counted_as_unknown():
    (row,) = balance([_decoded([("received", 1), ("failed", 1)], channel="")]).to_pylist()

    assert (row["channel"], row["balanced"]) == ("unknown", True)


def test_outcomes_of_a_channel_nobody_decoded_are_an_error_not_a_nameless_row():
    with pytest.raises(KeyError):
        balance([_decided(DECIDED)])


def test_events_are_counted_by_the_hour_they_arrived_in():
    later = datetime(2026, 3, 2, 13, 59, 59, tzinfo=timezone.utc)
    events = native(event(), event(), event(channel="site"), event(ingested_time=later))
    batch = count_events(events, "day.ndjson", "withheld")

    assert batch.schema.equals(BALANCE_COUNT, check_metadata=True)
    assert Counter(tuple(row.values()) for row in batch.to_pylist()) == {
        (label_key("day.ndjson"), HOUR, label_key("app"), "withheld", 2): 1,
        (label_key("day.ndjson"), HOUR, label_key("site"), "withheld", 1): 1,
        (label_key("day.ndjson"), HOUR + 1, label_key("app"), "withheld", 1): 1,
    }


def test_nothing_counted_is_an_empty_balance():
    assert balance([]).num_rows == 0
    assert outcome_batch(Counter()).num_rows == 0


@given(st.permutations([*([_decoded()] * 3), *([_decided(DECIDED)] * 3), _decoded(hour=1)]))
def test_the_balance_does_not_depend_on_the_order_of_counts(batches):
    found = balance(batches)

    assert found.column("received").to_pylist() == [3, 9]
    assert found.column("balanced").to_pylist() == [False, True]


def test_the_step_gives_one_batch_of_all_counts():
    with beam.Pipeline(runner=IN_PROCESS) as root:
        counts = root | beam.Create([_decoded(), _decided(DECIDED), _decoded(hour=1)])
        rows = counts | Balance() | beam.Map(lambda b: b.column("balanced").to_pylist())
        assert_that(rows, equal_to([[False, True]]))
