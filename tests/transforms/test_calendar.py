"""The calendar: local days and hours, in the nights the clock is moved and where hours begin at half past."""

from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from transforms.calendar import day_bounds, day_of, local_windows

PARIS, KOLKATA, LORD_HOWE = "Europe/Paris", "Asia/Kolkata", "Australia/Lord_Howe"


def _minute(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()) // 60


def _utc(minute):
    return datetime.fromtimestamp(int(minute) * 60, timezone.utc).strftime("%d %H:%M")


def _day(number):
    return (datetime(1970, 1, 1) + timedelta(days=int(number))).strftime("%Y-%m-%d")


# zone, UTC minute, local day, UTC start of its local hour
CASES = [
    (PARIS, "2026-03-02T22:59", "2026-03-02", "02 22:00"),  # 23:59
    (PARIS, "2026-03-02T23:00", "2026-03-03", "02 23:00"),  # midnight
    (PARIS, "2026-03-29T00:59", "2026-03-29", "29 00:00"),  # 1:59, then 3:00
    (PARIS, "2026-03-29T01:00", "2026-03-29", "29 01:00"),
    (PARIS, "2026-03-29T21:59", "2026-03-29", "29 21:00"),
    (PARIS, "2026-03-29T22:00", "2026-03-30", "29 22:00"),
    (PARIS, "2026-10-25T00:30", "2026-10-25", "25 00:00"),  # 2:30, the first time
    (PARIS, "2026-10-25T01:30", "2026-10-25", "25 01:00"),  # 2:30, the second time
    (PARIS, "2026-10-25T22:59", "2026-10-25", "25 22:00"),
    (KOLKATA, "2026-03-02T18:29", "2026-03-02", "02 17:30"),
    (KOLKATA, "2026-03-02T18:30", "2026-03-03", "02 18:30"),  # midnight
    (KOLKATA, "2026-03-02T05:00", "2026-03-02", "02 04:30"),
    ("Asia/Kathmandu", "2026-03-02T18:14", "2026-03-02", "02 17:15"),
    ("Asia/Kathmandu", "2026-03-02T18:15", "2026-03-03", "02 18:15"),
    (LORD_HOWE, "2026-04-04T14:59", "2026-04-05", "04 14:00"),  # 1:59, then 1:30 again
    (LORD_HOWE, "2026-04-04T15:00", "2026-04-05", "04 14:30"),  # 1:30, the second time
    (LORD_HOWE, "2026-04-04T15:30", "2026-04-05", "04 15:30"),  # 2:00
    (LORD_HOWE, "2026-10-03T15:29", "2026-10-04", "03 14:30"),  # 1:59, then 2:30
    (LORD_HOWE, "2026-10-03T15:30", "2026-10-04", "03 15:00"),
]


@pytest.mark.parametrize(("zone", "minute", "day", "hour"), CASES)
def test_a_minute_belongs_to_the_day_and_hour_the_zone_s_clock_shows(zone, minute, day, hour):
    days, hours = local_windows(np.array([_minute(minute)]), zone)

    assert (_day(days[0]), _utc(hours[0])) == (day, hour)


@pytest.mark.parametrize("zone", [PARIS, KOLKATA, LORD_HOWE, "America/Sao_Paulo", "Africa/Cairo"])
def test_a_minute_is_one_of_the_sixty_of_its_hour_all_year_round(zone):
    minutes = np.arange(_minute("2026-01-01T00:00"), _minute("2027-01-01T00:00"), 7)
    day, hour = local_windows(minutes, zone)

    assert ((minutes - hour >= 0) & (minutes - hour < 60)).all()
    assert (np.diff(day) >= 0).all()


def test_minutes_in_any_order_keep_their_places():
    later, earlier = _minute("2026-03-02T23:30"), _minute("2026-03-02T22:30")
    days, hours = local_windows(np.array([later, earlier, later]), PARIS)

    assert [_day(d) for d in days] == ["2026-03-03", "2026-03-02", "2026-03-03"]
    assert [_utc(h) for h in hours] == ["02 23:00", "02 22:00", "02 23:00"]
    assert [len(c) for c in local_windows(np.array([], np.int64), PARIS)] == [0, 0]


@pytest.mark.parametrize(
    ("zone", "noon", "start", "end", "hours"),
    [
        (PARIS, "2026-03-02T12:00", "01 23:00", "02 23:00", 24),
        (PARIS, "2026-03-29T12:00", "28 23:00", "29 22:00", 23),
        (PARIS, "2026-10-25T12:00", "24 22:00", "25 23:00", 25),
        (KOLKATA, "2026-03-02T12:00", "01 18:30", "02 18:30", 24),
        (LORD_HOWE, "2026-04-05T02:00", "04 13:00", "05 13:30", 24.5),
        # The clock of Cairo skips its midnight: the day begins at 1:00.
        ("Africa/Cairo", "2026-04-24T12:00", "23 22:00", "24 21:00", 23),
    ],
)
def test_a_local_day_has_as_many_hours_as_the_zone_gives_it(zone, noon, start, end, hours):
    day = day_of(datetime.fromisoformat(noon).replace(tzinfo=timezone.utc), zone)
    first, last = day_bounds(day, zone)

    assert [m.strftime("%d %H:%M") for m in (first, last)] == [start, end]
    assert last - first == timedelta(hours=hours)


def test_the_day_of_an_instant_is_the_day_its_minute_is_counted_in():
    for zone, text, *_ in CASES:
        moment = datetime.fromisoformat(text).replace(tzinfo=timezone.utc)
        first, last = day_bounds(day_of(moment, zone), zone)

        assert day_of(moment, zone) == local_windows(np.array([_minute(text)]), zone)[0][0]
        assert first <= moment < last


@pytest.mark.parametrize("zone", [PARIS, KOLKATA, LORD_HOWE])
def test_minutes_far_apart_and_near_each_other_have_the_same_windows(zone):
    """Of a few days every minute is converted, of minutes years apart only those that there are."""
    near = np.arange(_minute("2026-03-27T00:00"), _minute("2026-04-06T00:00"), 7)
    far = np.array([0, *near, _minute("9999-12-30T00:00")])

    for alone, beside in zip(local_windows(near, zone), local_windows(far, zone)):
        assert alone.tolist() == beside[1:-1].tolist()
