"""Laws of Decode and of the steps after it, over arbitrary bytes, JSON and mutated fixtures."""

import json
import random
from datetime import datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from schemas.channels import registered_channels
from schemas.clock import settle
from schemas.event import INSTANT
from schemas.payload import payload_batch
from schemas.times import EARLIEST, LATEST, instants_from_epoch, instants_from_text
from tests.laws import examples
from tests.mutations import WILD_TEXTS, fixture_lines, mutate
from tests.test_fuzz import check_laws, check_steps_after
from transforms.decode import decode

CHANNELS = registered_channels()
FEW = examples(30, suppress_health_check=[HealthCheck.too_slow], database=None)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def nearly_records(draw, channel):
    """Records of a channel with one to three faults each."""
    lines = fixture_lines(channel)
    chance = random.Random(draw(st.integers(0, 2**32)))
    count = draw(st.integers(1, 6))
    return [mutate(chance.choice(lines), chance.choice(lines), chance) for _ in range(count)]


@pytest.mark.parametrize("channel", CHANNELS)
@given(records=st.lists(st.binary(max_size=60), min_size=1, max_size=5))
@FEW
def test_arbitrary_bytes_are_decoded_or_failed(channel, records):
    check_laws(records, CHANNELS[channel])


@pytest.mark.parametrize("channel", CHANNELS)
@given(values=st.lists(json_values, min_size=1, max_size=5))
@FEW
def test_arbitrary_json_is_decoded_or_failed(channel, values):
    check_laws(
        [json.dumps(value).encode("utf-8", "surrogatepass") for value in values], CHANNELS[channel]
    )


@pytest.mark.parametrize("channel", CHANNELS)
@given(data=st.data())
@FEW
def test_nearly_good_records_are_decoded_or_failed_and_then_measured(channel, data):
    events = check_laws(data.draw(nearly_records(channel)), CHANNELS[channel])

    check_steps_after(events)


def objects_of(channel):
    """A good record of a channel with arbitrary values in some of its fields."""
    good = [json.loads(line) for line in fixture_lines(channel) if line[:1] == b"{"]
    return st.builds(
        lambda record, key, value: {**record, sorted(record)[key % len(record)]: value},
        st.sampled_from(good),
        st.integers(0, 30),
        json_values | st.sampled_from(WILD_TEXTS),
    )


@pytest.mark.parametrize("channel", [name for name in CHANNELS if name != "access_log"])
@given(data=st.data())
@FEW
def test_a_good_record_with_one_arbitrary_field_is_decoded_or_failed(channel, data):
    records = data.draw(st.lists(objects_of(channel), min_size=1, max_size=3))

    check_laws([json.dumps(record).encode() for record in records], CHANNELS[channel])


# Times and clocks

moments = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(
    lambda moment: moment.isoformat() + "Z"
)
texts = moments | st.text(max_size=30) | st.sampled_from(WILD_TEXTS) | st.none()


@given(st.lists(texts, max_size=6))
def test_times_are_read_alone_as_among_others(values):
    together, bad = instants_from_text(values)
    alone = [instants_from_text([value]) for value in values]

    assert together.to_pylist() == [array[0].as_py() for array, _ in alone]
    assert bad.tolist() == [bool(mask[0]) for _, mask in alone]


@given(st.lists(texts, max_size=6))
def test_a_text_is_null_and_bad_or_a_time_of_1990_to_2100(values):
    instants, bad = instants_from_text(values)

    for value, instant, wrong in zip(values, instants.to_pylist(), bad):
        assert wrong == (value is not None and instant is None)
        assert instant is None or EARLIEST <= instant < LATEST


@given(
    st.lists(st.integers() | st.floats() | st.none(), max_size=6),
    st.sampled_from(["s", "ms", "us", "auto"]),
)
def test_a_number_is_null_and_bad_or_a_time_of_1990_to_2100(values, unit):
    instants, bad = instants_from_epoch(values, unit)

    for value, instant, wrong in zip(values, instants.to_pylist(), bad):
        assert wrong == (value is not None and instant is None)
        assert instant is None or EARLIEST <= instant < LATEST


plausible = st.none() | st.datetimes(
    datetime(1990, 1, 1), datetime(2099, 12, 31), timezones=st.just(timezone.utc)
)


@given(
    st.lists(st.tuples(plausible, plausible, plausible, plausible), min_size=1, max_size=5),
    plausible.filter(bool),
    st.booleans(),
)
def test_wild_clocks_settle_on_a_plausible_time_not_after_arrival(rows, arrived, server):
    stated, created, sent, collected = (pa.array(column, INSTANT) for column in zip(*rows))
    settled = settle(
        stated, created, sent, collected, pa.array([arrived] * len(rows), INSTANT), server
    )

    for time, received in zip(settled.event_time.to_pylist(), settled.collected_time.to_pylist()):
        assert (
            EARLIEST <= time <= received + timedelta(minutes=5) <= arrived + timedelta(minutes=10)
        )


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("arrived", [EARLIEST, LATEST - timedelta(microseconds=1)])
def test_arrivals_at_the_ends_of_time_do_not_overflow(channel, arrived):
    lines = list(fixture_lines(channel))
    events = check_laws(lines, CHANNELS[channel], arrived)

    assert events.num_rows
    check_steps_after(events)


def test_positions_are_64_bits_wide():
    ends = np.array([-(2**63), 2**63 - 1])
    batch = payload_batch(
        pa.array([b"{", b"["], pa.large_binary()),
        pa.array(ends),
        pa.array([EARLIEST, EARLIEST], INSTANT),
        input="fixture",
        channel="segment",
    )
    assert decode(batch, CHANNELS["segment"]).failed.column("position").to_pylist() == ends.tolist()
