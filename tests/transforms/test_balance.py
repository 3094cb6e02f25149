"""Balance: counts of every door added up, and whether both equations close."""

from collections import Counter
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.utils.timestamp import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from pipelines.measure import IN_PROCESS
from schemas.balance import BALANCE, BALANCE_COUNT
from schemas.identity import label_key
from tests.transforms.events import NOON, event, native
from tests.transforms.keyed_state import Bag
from transforms import balance_steps
from transforms.balance import (
    Tally,
    balance,
    count_batch,
    count_events,
    outcome_batch,
    sum_by_hour,
)
from transforms.balance_steps import Balance, _SumByHour, _TallyKeyed

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
    batch = balance([_decoded(), _decided(DECIDED)], NOON)

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
            "published_time": NOON,
        }
    ]


@pytest.mark.parametrize("outcome", ["accepted", "duplicate", "withheld"])
def test_an_event_that_is_lost_on_the_way_opens_the_balance(outcome):
    (row,) = balance([_decoded(), _decided({**DECIDED, outcome: 0})], NOON).to_pylist()

    assert row["balanced"] is False


def test_an_event_counted_twice_opens_the_balance():
    (row,) = balance([_decoded(), _decided(DECIDED), _decided({"late": 1})], NOON).to_pylist()

    assert row["balanced"] is False


def test_a_record_that_is_lost_opens_the_balance():
    counts = [("received", 4), *DECODED[1:]]
    (row,) = balance([_decoded(counts), _decided(DECIDED)], NOON).to_pylist()

    assert row["balanced"] is False


def test_one_open_row_does_not_hide_behind_the_others():
    lost, found = {**DECIDED, "accepted": 0}, {**DECIDED, "accepted": 2}
    batches = [
        _decoded(),
        _decoded(hour=HOUR + 1),
        _decided(lost),
        _decided(found, hour=HOUR + 1),
    ]

    assert balance(batches, NOON).column("balanced").to_pylist() == [False, False]


def test_inputs_hours_and_channels_have_rows_of_their_own_in_order():
    places = [("b", "app", 1), ("a", "site", 1), ("a", "app", 2), ("a", "app", 1)]
    batch = balance([_decoded([("received", 1)], *place) for place in places], NOON)
    found = [(r["input"], r["arrival_hour"].hour, r["channel"]) for r in batch.to_pylist()]

    assert found == [("a", 1, "app"), ("a", 1, "site"), ("a", 2, "app"), ("b", 1, "app")]


def test_records_of_no_recognised_channel_are_counted_as_unknown():
    (row,) = balance([_decoded([("received", 1), ("failed", 1)], channel="")], NOON).to_pylist()

    assert (row["channel"], row["balanced"]) == ("unknown", True)


def test_outcomes_of_a_channel_nobody_decoded_are_an_error_not_a_nameless_row():
    with pytest.raises(ValueError, match="texts of every input and channel"):
        balance([_decided(DECIDED)], NOON)


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
    assert balance([], NOON).num_rows == 0
    assert outcome_batch(Counter()).num_rows == 0


@given(st.permutations([*([_decoded()] * 3), *([_decided(DECIDED)] * 3), _decoded(hour=1)]))
def test_the_balance_does_not_depend_on_the_order_of_counts(batches):
    found = balance(batches, NOON)

    assert found.column("received").to_pylist() == [3, 9]
    assert found.column("balanced").to_pylist() == [False, True]


def test_the_step_gives_one_batch_of_all_counts():
    with beam.Pipeline(runner=IN_PROCESS) as root:
        counts = root | beam.Create([_decoded(), _decided(DECIDED), _decoded(hour=1)])
        rows = counts | Balance() | beam.Map(lambda b: b.column("balanced").to_pylist())
        assert_that(rows, equal_to([[False, True]]))


def test_a_stream_writes_the_rows_that_changed_and_no_others():
    tally, later = Tally(), NOON + timedelta(minutes=1)
    tally.add(_decoded())
    tally.add(_decoded(channel="site"))
    (app, site) = tally.rows(NOON).to_pylist()
    tally.add(_decided(DECIDED))
    (again,) = tally.rows(later).to_pylist()

    assert (app["channel"], app["balanced"], app["published_time"]) == ("app", False, NOON)
    assert (site["channel"], site["balanced"]) == ("site", False)
    assert (again["channel"], again["balanced"], again["published_time"]) == ("app", True, later)
    assert tally.rows(later).num_rows == 0


def test_what_is_decided_before_it_is_named_waits_for_its_name():
    tally = Tally()
    tally.add(_decided(DECIDED))
    assert tally.rows(NOON).num_rows == 0
    tally.add(_decoded())

    assert tally.rows(NOON).column("balanced").to_pylist() == [True]


@given(st.permutations([_decoded(), _decided({"accepted": 1}), _decided({"duplicate": 2})]))
def test_a_tally_that_is_forgotten_and_recalled_counts_on(batches):
    tally = Tally()
    for batch in batches:
        memory = tally.memory()
        tally = Tally()
        for remembered in [*memory, batch]:
            tally.add(remembered)
    (row,) = tally.rows(NOON).to_pylist()

    assert {o: row[o] for o in ("received", "events", "accepted", "duplicate")} == {
        "received": 3,
        "events": 4,
        "accepted": 1,
        "duplicate": 2,
    }
    assert row["balanced"]


def test_counts_go_to_the_hour_in_which_records_arrived_with_their_texts():
    both = pa.concat_batches([_decoded([("received", 3)]), _decoded([("received", 4)], hour=1)])
    labels = _decoded().schema.metadata
    parts = dict(sum_by_hour([both.replace_schema_metadata(labels)]))

    assert list(parts) == [1, HOUR]
    assert [parts[hour].column("count").to_pylist() for hour in (1, HOUR)] == [[4], [3]]
    assert [part.schema.metadata for part in parts.values()] == [labels, labels]


def test_what_a_bundle_counted_is_an_element_an_hour_as_old_as_its_oldest():
    step = _SumByHour()
    step.start_bundle()
    for hour, at in ((HOUR, 30), (1, 20), (HOUR, 40)):
        step.process(_decoded([("received", 3), ("decoded", 2)], hour=hour), Timestamp(at))

    found = list(step.finish_bundle())

    assert [(one.value[0], one.timestamp) for one in found] == [(1, 20), (HOUR, 20)]
    assert [one.value[1].column("count").to_pylist() for one in found] == [[3, 2], [6, 4]]
    step.start_bundle()
    assert list(step.finish_bundle()) == []


def test_counts_added_up_leave_the_times_of_earlier_rows_as_they_were():
    tally = Tally()
    tally.add(_decoded())
    tally.rows(NOON)
    for _, summed in sum_by_hour([_decided(DECIDED)]):
        tally.add(summed)

    (row,) = tally.rows(NOON - timedelta(hours=1)).to_pylist()
    assert row["published_time"] > NOON


def _told(step, pending, counted, batch):
    """BALANCE rows of a stream's key after one more batch, its timer fired."""
    pending.add(batch)
    return [row for rows in step.write(pending, counted) for row in rows.to_pylist()]


def test_an_hour_of_a_stream_counts_on_however_much_later_others_were():
    """A record whose producer said 2099, or none, comes among others of four days ago."""
    step, state = _TallyKeyed(10.0), {}
    rows = []
    for hour in (HOUR, HOUR + 100 * 24, HOUR):
        ((key, part),) = sum_by_hour([_decoded([("received", 3), ("failed", 3)], hour=hour)])
        rows += _told(step, *state.setdefault(key, (Bag(), Bag())), part)

    assert [(row["received"], row["balanced"]) for row in rows] == [(3, True), (3, True), (6, True)]


def test_a_row_of_a_stream_is_newer_than_the_one_before_though_the_clock_was_set_back(monkeypatch):
    clock = iter([NOON, NOON - timedelta(hours=1)])
    monkeypatch.setattr(balance_steps, "datetime", SimpleNamespace(now=lambda zone: next(clock)))
    step, state = _TallyKeyed(10.0), (Bag(), Bag())
    (first,) = _told(step, *state, _decoded())
    (again,) = _told(step, *state, _decided(DECIDED))

    assert (first["published_time"], first["balanced"]) == (NOON, False)
    assert again["published_time"] > NOON
    assert again["balanced"]
