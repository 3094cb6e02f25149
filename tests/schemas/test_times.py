"""Times: what vendors write, read as instants or marked as none."""

from datetime import datetime, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.times import EARLIEST, LATEST, instants_from_epoch, instants_from_text

TEN = datetime(2026, 3, 2, 10, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T10:00:00Z",
        "2026-03-02T10:00:00z",
        "2026-03-02 10:00:00Z",
        "2026-03-02T10:00Z",
        "2026-03-02T10:00:00.000Z",
        "2026-03-02T10:00:00.000000Z",
        "2026-03-02T10:00:00+00:00",
        "2026-03-02T11:00:00+01:00",
        "2026-03-02T15:30:00+0530",
        "2026-03-02T05:00:00-05:00",
        "2026-03-02 11:00:00 +01:00",
        "2026-03-02 11:00:00 +0100",
        "2026-03-02 10:00:00 UTC",
        "2026-03-02T10:00:00",
        " 2026-03-02T10:00:00Z ",
        "2026-03-02t10:00:00Z",
        "2026-03-02T10:00:00.0000000Z",
        "2026-03-02T10:00:00,000Z",
        "2026-03-02T10Z",
        "2026-03-02T1000",
        "2026-03-02T11+01",
        "20260302T100000Z",
        "20260302T1530+0530",
    ],
)
def test_iso_8601_in_all_its_dress_is_ten_o_clock(text):
    for column in ([text], [text, "2026-03-02T10:00:00.5Z"], [text, None]):
        instants, bad = instants_from_text(column)

        assert instants[0].as_py() == TEN
        assert not bad.any()


@pytest.mark.parametrize(
    "text",
    [
        "2016-12-31T23:59:60Z",
        "2016-12-31 23:59:60",
        "2017-01-01T00:59:60+01:00",
        "2017-01-01T05:29:60+05:30",
        "2016-12-31T23:59:60.0Z",
    ],
)
def test_a_leap_second_is_the_second_before_it(text):
    instants, bad = instants_from_text([text, "2026-03-02T10:00:00Z"])

    assert instants[0].as_py() == datetime(2016, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
    assert not bad.any()


def test_fractions_are_kept_to_the_microsecond_and_cut_below():
    texts = [
        "2026-03-02T10:00:00.1Z",
        "2026-03-02T10:00:00.123456Z",
        "2026-03-02T10:00:00.1234569Z",
    ]
    instants, bad = instants_from_text(texts)

    assert [i.microsecond for i in instants.to_pylist()] == [100_000, 123_456, 123_456]
    assert not bad.any()


@pytest.mark.parametrize(
    "text",
    [
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "1970-01-01T00:00:00Z",
        "1989-12-31T23:59:59Z",
        "2100-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-12:00",
        "2026-02-30T00:00:00Z",
        "2026-03-02T24:30:00Z",
        "2026-03-02T10:00:60Z",
        "2016-12-31T23:59:60+01:00",
        "2016-12-31T23:59:61Z",
        "2026-03-02T24:00:00Z",
        "2026-03-02T10:0000Z",
        "2026-0302T10:00:00Z",
        "2026-03-02T10:00:00+01:60",
        "2026-03-02_10:00:00Z",
        "2026-W10-1",
        "2026-061",
        "٢٠٢٦-03-02T10:00:00Z",
        "yesterday",
        "10:00",
        "",
        "   ",
    ],
)
def test_text_that_is_no_plausible_time_is_marked_and_spoils_no_neighbour(text):
    instants, bad = instants_from_text(["2026-03-02T10:00:00Z", text, None])

    assert instants.to_pylist() == [TEN, None, None]
    assert bad.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("number", "unit"),
    [
        (1_772_445_600, "s"),
        (1_772_445_600.0, "s"),
        (1_772_445_600_000, "ms"),
        (1_772_445_600_000_000, "us"),
        (1_772_445_600, "auto"),
        (1_772_445_600_000, "auto"),
        (1_772_445_600_000_000, "auto"),
    ],
)
def test_epoch_numbers_in_seconds_milliseconds_and_microseconds(number, unit):
    instants, bad = instants_from_epoch([number, None], unit)

    assert instants.to_pylist() == [TEN, None]
    assert bad.tolist() == [False, False]


def test_fractions_of_a_second_are_rounded_to_the_microsecond():
    instants, _ = instants_from_epoch([1_772_445_600.123457], "s")

    assert instants[0].as_py() == TEN.replace(microsecond=123_457)


@pytest.mark.parametrize(
    ("number", "unit"),
    [
        (0, "s"),
        (-1, "s"),
        (1_772_445_600, "ms"),
        (1_772_445_600_000, "s"),
        (float("inf"), "s"),
        (float("-inf"), "auto"),
        (1e300, "auto"),
    ],
)
def test_epoch_numbers_that_are_no_plausible_time_are_marked(number, unit):
    instants, bad = instants_from_epoch([number], unit)

    assert instants.to_pylist() == [None]
    assert bad.tolist() == [True]


@pytest.mark.parametrize("number", [2**60, 1_772_445_600_000_000_000, 10**400, -(10**400)])
def test_numbers_too_large_for_a_float_are_bad_not_an_error(number):
    instants, bad = instants_from_epoch([number, 1_772_445_600], "auto")

    assert instants.to_pylist() == [None, TEN]
    assert bad.tolist() == [True, False]


def test_nan_is_no_time():
    instants, bad = instants_from_epoch([float("nan")], "s")

    assert instants.to_pylist() == [None]
    assert bad.tolist() == [True]


@given(st.lists(st.one_of(st.none(), st.text(max_size=30)), max_size=5))
def test_no_text_raises_and_what_is_null_without_a_mark_was_null(texts):
    instants, bad = instants_from_text(texts)

    for text, instant, marked in zip(texts, instants.to_pylist(), bad):
        assert (instant is None) == (text is None or marked)
        assert instant is None or EARLIEST <= instant < LATEST


@given(st.datetimes(datetime(1990, 1, 2), datetime(2099, 12, 30)), st.integers(-14 * 60, 14 * 60))
def test_text_and_numbers_of_one_instant_agree(naive, offset):
    moment = naive.replace(tzinfo=timezone.utc)
    micros = int((moment - datetime(1970, 1, 1, tzinfo=timezone.utc)).total_seconds()) * 1_000_000
    micros += moment.microsecond
    sign, minutes = ("-" if offset < 0 else "+"), abs(offset)
    shifted = np.datetime64(naive, "us") + np.timedelta64(offset, "m")
    text = f"{shifted}{sign}{minutes // 60:02}:{minutes % 60:02}"

    assert instants_from_text([text])[0].to_pylist() == [moment]
    assert instants_from_epoch([micros], "us")[0].to_pylist() == [moment]
