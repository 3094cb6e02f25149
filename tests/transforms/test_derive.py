"""Derive: totals brought together with their minutes, their items and the channels that were silent."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone

import numpy as np

from schemas.identity import label_key
from schemas.partial import GROUPING_NAMES, TRAFFIC, WINDOWS
from tests.transforms.observations import (
    PARIS,
    TEXTS,
    attend,
    measure,
    numbered,
    observations,
    said,
)
from transforms.derive import KEY, derive, lookup
from transforms.partials import by_traffic

APP, SITE = label_key("app"), label_key("site")


def _derive(*rows, registered=(APP, SITE), time_zone=PARIS, totals_family=True):
    totals = attend(observations(numbered(rows), time_zone), time_zone=time_zone)
    return derive(
        by_traffic(totals), time_zone, np.array(registered, dtype=np.int64), totals_family
    )


def _of(frame, column, window, grouping="total", traffic="gross", channel=""):
    """Values of a column by start, of one window and grouping."""
    chosen = (
        (frame["window"] == WINDOWS.index(window))
        & (frame["grouping"] == GROUPING_NAMES.index(grouping))
        & (frame["traffic"] == TRAFFIC.index(traffic))
    )
    if channel:
        chosen &= frame["channel"] == label_key(channel)
    order = np.argsort(frame["start"][chosen])
    return frame[column][chosen][order].tolist()


def test_a_silent_registered_channel_has_zeros_in_every_minute_of_the_hour_another_was_heard():
    people = _derive(said("10:00", channel="app")).people

    assert _of(people, "silent", "minute", "channel", channel="app") == [0] + [1] * 59
    assert _of(people, "silent", "minute", "channel", channel="site") == [1] * 60
    assert _of(people, "silent", "hour", "channel", channel="site") == [1]
    assert _of(people, "silent", "day", "channel", channel="site") == [1]
    assert _of(people, "silent", "day", "channel", "valid", "site") == [1]
    assert _of(people, "silent", "day", "channel", channel="app") == [0]


def test_the_total_has_zeros_in_minutes_of_the_hour_in_which_nothing_at_all_was_heard():
    people = _derive(said("10:00", channel="app"), said("10:02", channel="site")).people

    assert _of(people, "silent", "minute") == [0, 1, 0] + [1] * 57
    assert _of(people, "silent", "hour") == [0]
    assert _of(people, "events", "minute")[:4] == [1, 0, 1, 0]


def test_a_minute_in_which_only_an_earlier_heartbeat_vouches_is_silent_all_the_same():
    """Somebody watches until 10:03:20, and nothing comes."""
    beat = said("10:00:20", signal="heartbeat", value=180_000, period=180_000)
    people = _derive(beat).people

    assert _of(people, "watched_ms", "minute")[:4] == [40_000, 60_000, 60_000, 20_000]
    assert _of(people, "silent", "minute") == [0] + [1] * 59
    assert _of(people, "silent", "minute", "channel", channel="app") == [0] + [1] * 59
    assert _of(people, "silent", "hour") == [0]


# One content and one brand, and everything falls silent at 10:40; the total knows it by its rows of
# zeros, the others have no row there.
#
#         10:00                       10:40                11:00
#   app   | 12 a minute, 480 events   | ··· silent ···     |


def test_what_falls_silent_altogether_is_missed_by_a_content_and_a_brand_as_by_the_total():
    rows = [said(f"10:{n // 12:02}:{n % 12 * 5:02}") for n in range(480)]
    people = _derive(*rows).people
    total = _of(people, "missed", "hour")

    assert total == [20 * 480]
    for grouping in ("content", "brand"):
        for window in ("hour", "day"):
            assert _of(people, "missed", window, grouping) == total
            assert _of(people, "expected", window, grouping) == _of(people, "expected", window)
        assert len(_of(people, "missed", "minute", grouping)) == 40


def test_minutes_that_a_stream_has_not_reached_are_missed_by_nobody_yet():
    rows = numbered(said(f"10:{n // 12:02}:{n % 12 * 5:02}") for n in range(480))
    totals = by_traffic(attend(observations(rows)))
    reached = int(said("10:45").at.timestamp()) // 60
    people = derive(totals, PARIS, np.array([APP]), True, reached).people

    for grouping in ("total", "content", "brand"):
        assert _of(people, "missed", "hour", grouping) == [5 * 480]


def test_silence_is_told_in_the_family_of_totals_only():
    assert _derive(said("10:00"), totals_family=False).people["silent"].sum() == 0
    assert _derive(said("10:00"), registered=()).people["silent"].sum() == 0


def test_where_nothing_was_heard_there_is_nothing():
    assert [len(frame["start"]) for frame in _derive()] == [0, 0, 0]


def test_a_channel_heard_only_through_automata_is_silent_among_the_valid():
    people = _derive(
        said("10:00", valid=False, channel="app"), said("10:00", channel="site")
    ).people

    assert _of(people, "silent", "day", "channel", "gross", "app") == [0]
    assert _of(people, "silent", "day", "channel", "valid", "app") == [1]


def test_silent_rows_are_unique_in_a_night_of_half_an_hour():
    # Lord Howe, 5 April: local hours start at 14:00 and 14:30 UTC and overlap.
    zone = "Australia/Lord_Howe"
    people = _derive(
        said("2026-04-04T14:50"), said("2026-04-04T15:10"), registered=(SITE,), time_zone=zone
    ).people
    keys = Counter(zip(*(people[name].tolist() for name in KEY)))

    assert [key for key, times in keys.items() if times > 1] == []
    minutes = _of(people, "start", "minute", "channel", channel="site")
    first = int(datetime(2026, 4, 4, 14, 0, tzinfo=timezone.utc).timestamp()) // 60
    assert minutes == list(range(first, first + 90))


def test_minutes_on_air_of_an_hour_are_its_minutes_on_air():
    beats = [said(t, signal="heartbeat", period=20_000) for t in ("10:00", "10:01", "10:01:30")]
    people = _derive(*beats, said("10:05", signal="click"), said("11:00", signal="click")).people

    assert sum(_of(people, "on_air_minutes", "minute")) == 2
    assert _of(people, "on_air_minutes", "hour") == [2, 0]
    assert _of(people, "on_air_minutes", "day") == [2]


def test_a_heartbeat_puts_its_minute_on_air_even_if_it_vouches_for_no_time():
    people = _derive(said("10:00:50", signal="heartbeat", period=30_000, value=0)).people

    for window in WINDOWS:
        assert max(_of(people, "on_air_minutes", window)) == 1
        assert max(_of(people, "concurrent_peak", window)) == 1


# A panel that is heard each quarter of an hour watches in each of its minutes:
#
#              10:00          10:15          10:30          10:45          11:00
#   40 people    *──────────────*──────────────*──────────────*──────────────|


def test_a_heartbeat_of_a_long_period_is_watched_in_each_minute_that_it_vouches_for():
    beats = [_long_beat(t, "ana") for t in ("10:00", "10:15", "10:30", "10:45")]
    people = _derive(*beats).people

    # Who was heard at 10:45 may be there until 11:15, by a second period.
    assert _of(people, "watched_ms", "minute") == [60_000] * 60 + [0] * 14
    assert _of(people, "heartbeat_events", "minute")[:60] == ([1] + [0] * 14) * 4
    assert _of(people, "on_air_minutes", "hour") == [60]
    assert _of(people, "watched_ms", "hour") == [3_600_000]


def test_a_long_period_reaches_over_the_hour_and_over_midnight():
    people = _derive(_long_beat("22:50:30", "ana"), totals_family=False).people

    assert _of(people, "watched_ms", "minute")[:16] == [30_000, *[60_000] * 14, 30_000]
    assert _of(people, "watched_ms", "hour") == [570_000, 330_000]
    assert _of(people, "watched_ms", "day") == [570_000, 330_000]


def test_a_panel_asked_each_quarter_of_an_hour_has_its_viewers_on_average():
    panel = [f"person {number}" for number in range(40)]
    beats = [_long_beat(t, p) for t in ("10:00", "10:15", "10:30", "10:45") for p in panel]
    rows = measure(observations(numbered(beats))).to_pylist()
    audience = {
        (row["window_kind"], row["window_start"].minute): tuple(row[name] for name in _SAID)
        for row in rows
        if (row["metric"], row["grouping_set"], row["traffic"])
        == ("average_minute_audience", "total", "gross")
    }

    assert audience["hour", 0] == (40, 30, 40, 40)
    # Nobody was heard at 10:07: all of them may have left since 10:00.
    assert audience["minute", 7] == (40, 0, 40, 40)
    assert audience["minute", 0] == (40, 0, 40, 40)


_SAID = ("value", "interval_low", "interval_high", "n")


def _long_beat(at, actor):
    return said(at, actor, "heartbeat", period=900_000, value=900_000)


def test_the_peak_of_an_hour_and_a_day_is_their_greatest_minute():
    def beat(at, actor):
        return said(at, actor, "heartbeat", period=30_000)

    people = _derive(
        beat("10:00:50", "ana"),
        beat("10:30:50", "ana"),
        beat("10:30:50", "ben"),
        beat("11:10:50", "ana"),
    ).people

    assert _of(people, "concurrent_peak", "hour") == [2, 1]
    assert _of(people, "concurrent_peak", "day") == [2]
    assert _of(people, "concurrent_fresh_peak", "day") == [2]


def test_people_rows_know_their_likes_and_comments_and_who_is_at_least_behind_them():
    people = _derive(
        said("10:00", "ana", "like"),
        said("10:01", "ben", "like"),
        said("10:02", "ana", "comment"),
        said("10:03", "ana", "comment"),
        said("10:04", "ana", "reply"),
        said("10:05", "dan", "share"),
    ).people

    assert _of(people, "likes", "day") == [2]
    assert _of(people, "comments", "day") == [3]
    assert _of(people, "mix_authors", "day") == [2]
    assert _of(people, "mix_fewest_authors", "day") == [1]


def test_items_know_the_sum_of_all_engagement_actions_of_their_place():
    items = _derive(
        said("10:00", "ana", "like"),
        said("10:00", "ben", "like"),
        said("10:00", "ben", "share"),
        said("10:00", "ben", "answer"),
    ).items

    assert _of(items, "interactions", "day") == [3, 3, 3]


def test_a_place_with_items_only_has_a_row_about_people_too():
    people = _derive(said("10:00", "", "like")).people

    assert _of(people, "likes", "day") == [1]
    assert _of(people, "viewers", "day") == [0]


def test_rows_know_the_local_day_and_hour_they_lie_in():
    people = _derive(said("22:59"), said("23:01"), registered=()).people
    day = int(datetime(2026, 3, 2, tzinfo=timezone.utc).timestamp()) // 86_400

    assert _of(people, "day_of", "minute") == [day, day + 1]
    assert _of(people, "day_of", "hour") == [day, day + 1]
    assert _of(people, "day_of", "day") == [day, day + 1]
    assert TEXTS[APP] == "app"


def test_looking_up_gives_the_value_of_the_key_or_zero():
    left, right = np.array([5, 1, 9, 7]), np.array([7, 5])

    assert lookup(left, right, np.array([70, 50])).tolist() == [50, 0, 0, 70]
    assert lookup(left, right[:0], np.array([], np.int64)).tolist() == [0, 0, 0, 0]
