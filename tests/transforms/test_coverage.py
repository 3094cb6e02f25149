"""Coverage: how much of what should be heard was heard, minute by minute, drawn."""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.identity import label_key
from schemas.partial import GROUPING_NAMES, WINDOWS
from tests.laws import examples
from tests.transforms.observations import PARIS
from transforms.calendar import local_windows
from transforms.coverage import (
    LOOK_BACK_MINUTES,
    SILENCE_RATE,
    STEADY_MINUTES,
    coverage_of,
    expected_and_missed,
)
from transforms.frame import choose

MINUTE, HOUR, DAY = range(len(WINDOWS))
TEN = "2026-03-02T10:00"
TOTAL = {"parent": "total", "child": "channel"}
BRAND = {"parent": "brand", "child": "brand_channel", "brand": 7}
CONTENT = {"parent": "content", "child": "content_channel", "content": 7}

# A channel is told as runs: "60×7 1×0" is sixty minutes of seven events, then a silent one. Beside
# it the mail says one event a minute: never steady, so never expected, but without anybody heard
# there would be no row to look at.
#
#        10:00                                                        11:00
#   app  | 7 | 7 | 7 |  …  sixty minutes, 420 events  …  | 7 | 7 | 7 | ? |
#        |<--------------------- looked at --------------------------|
#
# What the minute after these runs expects of the app and misses of it, in events:
CASES = {
    "a steady channel is expected to send what it sent in the hour before": ("60×7 1×7", 420, 0),
    "and is missed in the very minute in which it breaks off": ("60×7 1×0", 420, 420),
    "one event is enough to be heard": ("60×7 1×1", 420, 0),
    "a channel so rare that its silence may be chance misses nothing": ("54×7 6×6 1×0", 0, 0),
    "one event more an hour, and its silence is no chance": ("55×7 5×6 1×0", 415, 415),
    "a burst of nineteen minutes is no promise": ("41×0 19×60 1×0", 0, 0),
    "one of twenty minutes is": ("40×0 20×60 1×0", 1_200, 1_200),
    "minutes with gaps between them are as good": ("10×30 20×0 10×30 20×0 1×0", 600, 600),
    "the sixtieth minute before is looked at": ("1×400 19×2 40×0 1×0", 438, 438),
    "the sixty-first is not": ("1×400 19×2 41×0 1×0", 0, 0),
    "what the channel sends in the minute itself is no promise": ("60×6 1×900", 0, 0),
    "a channel is not missed before it begins": ("60×0 1×0", 0, 0),
}


def _events(runs):
    """Events minute by minute of `60×7 1×0`."""
    pairs = [[int(number) for number in run.split("×")] for run in runs.split()]
    return [events for minutes, events in pairs for _ in range(minutes)]


def _minute(at):
    return int(datetime.fromisoformat(at).replace(tzinfo=timezone.utc).timestamp()) // 60


def _people(
    channels, parent, child, content=0, brand=0, traffic=0, first=TEN, time_zone=PARIS, mail=1
):
    """Rows about people of a place and its channels, as `derive` makes them of what was heard."""
    told = {name: _events(runs) for name, runs in channels.items()}
    length = max(len(events) for events in told.values())
    silence = [0] * length
    series = [(child, label_key(n), (told[n] + silence)[:length]) for n in told]
    series.append((child, label_key("mail"), [mail] * length))
    minutes = np.arange(length) + _minute(first)
    days, hours = local_windows(minutes, time_zone)
    sums = {}
    for grouping, channel, events in series:
        for minute, hour, day, count in zip(minutes.tolist(), hours, days, events):
            windows = ((MINUTE, minute, hour), (HOUR, hour, hour), (DAY, day, 0))
            for window, start, hour_of in windows:
                for place in ((parent, 0), (grouping, channel)):
                    key = (*place, window, int(start), int(hour_of), int(day))
                    sums[key] = sums.get(key, 0) + count
    names = ("grouping", "channel", "window", "start", "hour_of", "day_of", "events")
    heard = [(*key, count) for key, count in sums.items() if count]
    rows = [(GROUPING_NAMES.index(grouping), *rest) for grouping, *rest in heard]
    frame = {n: np.array(v, dtype=np.int64) for n, v in zip(names, zip(*rows))}
    given_place = {"content": content, "brand": brand, "traffic": traffic}
    return frame | {n: np.full(len(rows), value) for n, value in given_place.items()}


def _asked(people, window, start):
    """(expected, missed, coverage) of the row without a channel of one window."""
    people = people | dict(zip(("expected", "missed"), expected_and_missed(people)))
    (row,) = np.flatnonzero(
        (people["channel"] == 0) & (people["window"] == window) & (people["start"] == start)
    )
    return (
        int(people["expected"][row]),
        int(people["missed"][row]),
        round(float(coverage_of(people)[row]), 4),
    )


def _last(people):
    """(expected, missed, coverage) of the last minute."""
    return _asked(people, MINUTE, people["start"][people["window"] == MINUTE].max())


@pytest.mark.parametrize(("app", "expected", "missed"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("place", [TOTAL, BRAND, CONTENT], ids=["total", "brand", "content"])
def test_a_minute_expects_what_steady_channels_sent_in_the_hour_before(
    app, expected, missed, place
):
    assert _last(_people({"app": app}, **place))[:2] == (expected, missed)


# Two channels, and the share of what both are expected to send:
#
#   app   30 a minute, 1,800 an hour    ████████████████ heard
#   site  10 a minute,   600 an hour    ················ silent      coverage 1,800 of 2,400


@pytest.mark.parametrize(
    ("channels", "covered"),
    [
        ({"app": "60×30 1×30", "site": "60×10 1×10"}, 1),
        ({"app": "60×30 1×30", "site": "60×10 1×0"}, 0.75),
        ({"app": "60×30 1×0", "site": "60×10 1×10"}, 0.25),
        ({"app": "60×30 1×0", "site": "60×10 1×0"}, 0),
        ({"app": "60×30 1×30", "site": "60×6 1×0"}, 1),
        ({"app": "61×6", "site": "61×6"}, 1),
    ],
    ids=[
        "all were heard",
        "a channel of a quarter of the hour was silent for a minute",
        "the greater channel was silent",
        "both were silent",
        "the rare one is not missed",
        "where nothing was expected nothing is missed",
    ],
)
def test_a_silent_channel_takes_its_share_of_the_hour_before_from_the_minute(channels, covered):
    assert _last(_people(channels, **TOTAL))[2] == covered


# A channel that breaks off is missed as long as the hour before it was steady, then it has ended:
#
#   app      | 10 | 10 | … | 10 |  0 |  0 |  0 | … |  0 |  0 |
#   minute   10:00               11:00 11:01 11:02   11:18 11:19
#   missed                        600  590  580      420   0


@pytest.mark.parametrize(
    ("silent", "missed"), [(1, 600), (2, 590), (3, 580), (19, 420), (20, 0), (90, 0)]
)
def test_a_channel_that_breaks_off_is_missed_until_the_hour_before_is_no_longer_steady(
    silent, missed
):
    assert _last(_people({"app": f"60×10 {silent}×0"}, **TOTAL))[1] == missed


#   app    10:00 | 60 minutes of 10 | 10 of 10 | 5 silent | 45 of 10 | 12:00
#
#   the hour of 10:00 expects from 10:42 on, when 420 are behind it: 420 + 430 + … + 590 = 9,090
#   the hour of 11:00 expects 11 × 600, then 590, 580, 570, 560, then 45 × 550 = 33,650
#                     misses in the silent minutes 600 + 590 + 580 + 570 + 560 = 2,900


def test_an_hour_and_a_day_are_the_sums_of_their_minutes():
    people = _people({"app": "60×10 10×10 5×0 45×10"}, **TOTAL)
    day = int(people["day_of"][0])

    assert _asked(people, HOUR, _minute(TEN)) == (9_090, 0, 1)
    assert _asked(people, HOUR, _minute("2026-03-02T11:00")) == (33_650, 2_900, 0.9138)
    assert _asked(people, DAY, day) == (42_740, 2_900, 0.9321)


# The look-back ends at midnight: figures of a day are made of that day alone.
#
#   Paris    22:59   23:00 … 23:59 | 0:00   0:41  0:42        0:59
#   app      |  10  |  10  …  10   |  10  …  10 |  0 |   or   | 0 |
#   missed                                        420           0


@pytest.mark.parametrize(
    ("app", "expected", "missed"),
    [
        ("60×10 1×0", 0, 0),
        ("60×10 41×10 1×0", 0, 0),
        ("60×10 42×10 1×0", 420, 420),
        ("60×10 60×10 1×0", 600, 600),
    ],
)
def test_what_was_heard_before_midnight_promises_nothing_after_it(app, expected, missed):
    people = _people({"app": app}, **TOTAL, first="2026-03-02T22:00")

    assert _last(people)[:2] == (expected, missed)


# The hour in which the clock is moved ends nothing: sixty minutes before are sixty minutes.
#
#   29 March     1:00 … 1:59 | 3:00           25 October     2:00 … 2:59 | 2:00
#   app           10  …  10  |  0  missed     app             10  …  10  |  0  missed


@pytest.mark.parametrize("first", ["2026-03-29T00:00", "2026-10-25T00:00"])
def test_in_the_nights_in_which_the_clock_is_moved_the_sixty_minutes_before_are_looked_at(first):
    assert _last(_people({"app": "60×10 1×0"}, **TOTAL, first=first))[:2] == (600, 600)


# In Kolkata hours begin at half past (UTC): 10:30 to 11:29 is one.


def test_an_hour_that_begins_at_half_past_is_the_sum_of_its_own_minutes():
    people = _people({"app": "90×10 5×0 25×10"}, **TOTAL, time_zone="Asia/Kolkata")

    assert _asked(people, HOUR, _minute("2026-03-02T10:30"))[1] == 0
    assert _asked(people, HOUR, _minute("2026-03-02T11:30"))[1] == 600 + 590 + 580 + 570 + 560


def test_a_channel_s_own_coverage_is_one_where_it_was_heard_and_zero_where_not():
    rows = {
        "channel": np.array([1, 1, 0, 0, 0]),
        "events": np.array([20, 0, 0, 5, 5]),
        "expected": np.array([0, 0, 0, 400, 400]),
        "missed": np.array([0, 0, 0, 100, 400]),
    }

    assert coverage_of(rows).tolist() == [1, 0, 1, 0.75, 0]


def test_rows_of_a_channel_expect_nothing_themselves():
    people = _people({"app": "60×10 1×0"}, **TOTAL)
    expected, missed = expected_and_missed(people)
    of_channel = people["channel"] != 0

    assert (expected[of_channel].sum(), missed[of_channel].sum()) == (0, 0)


@pytest.mark.parametrize(
    "other",
    [
        CONTENT | {"content": 8},
        BRAND | {"brand": 7},
        CONTENT | {"traffic": 1},
        TOTAL,
    ],
    ids=["another content", "a brand", "the valid traffic of the same content", "the total"],
)
def test_coverage_of_one_place_does_not_look_at_another(other):
    quiet = _people({"app": "60×10 1×0"}, **CONTENT)
    loud = _people({"app": "61×10"}, **other)
    expected, missed = expected_and_missed({n: np.concatenate([quiet[n], loud[n]]) for n in quiet})
    half = len(quiet["events"])

    for part, found in ((quiet, slice(None, half)), (loud, slice(half, None))):
        alone = expected_and_missed(part)
        assert expected[found].tolist() == alone[0].tolist()
        assert missed[found].tolist() == alone[1].tolist()
    assert (missed[:half].sum() > 0, missed[half:].sum()) == (True, 0)


def test_the_rate_above_which_silence_is_no_chance_is_one_in_a_thousand():
    assert np.exp(-SILENCE_RATE) == pytest.approx(0.001, rel=0.01)


def test_no_rows_have_no_coverage():
    nothing = choose(_people({"app": "1×1"}, **TOTAL), slice(0, 0))
    expected, missed = expected_and_missed(nothing)

    assert [len(values) for values in (expected, missed)] == [0, 0]
    assert coverage_of(nothing | {"expected": expected, "missed": missed}).tolist() == []


# The obvious, slow version: every row with every row of its channels, minute after minute.


def _slowly(people):
    rows = [dict(zip(people, row)) for row in zip(*(v.tolist() for v in people.values()))]
    children = {"total": "channel", "brand": "brand_channel", "content": "content_channel"}
    codes = {GROUPING_NAMES.index(p): GROUPING_NAMES.index(c) for p, c in children.items()}

    def same(one, other, *names):
        return all(one[name] == other[name] for name in names)

    for row in rows:
        row["expected"] = row["missed"] = 0
        if row["grouping"] not in codes or row["window"] != MINUTE:
            continue
        heard = {}
        for other in rows:
            if (other["grouping"], other["window"]) == (codes[row["grouping"]], MINUTE) and same(
                row, other, "content", "brand", "traffic", "day_of"
            ):
                heard.setdefault(other["channel"], {})[other["start"]] = other["events"]
        for events in heard.values():
            before = range(row["start"] - LOOK_BACK_MINUTES, row["start"])
            sent = [events[minute] for minute in before if events.get(minute)]
            if len(sent) >= STEADY_MINUTES and sum(sent) > SILENCE_RATE * LOOK_BACK_MINUTES:
                row["expected"] += sum(sent)
                row["missed"] += 0 if events.get(row["start"]) else sum(sent)
    for row, minute in product(rows, rows):
        start = {MINUTE: "", HOUR: "hour_of", DAY: "day_of"}[row["window"]]
        within = start and minute["window"] == MINUTE and minute[start] == row["start"]
        if within and same(row, minute, "grouping", "content", "brand", "traffic"):
            row["expected"] += minute["expected"]
            row["missed"] += minute["missed"]
    return [row["expected"] for row in rows], [row["missed"] for row in rows]


_SOME = st.tuples(st.integers(1, 35), st.sampled_from((0, 0, 6, 7, 25, 60)))
_RUN = _SOME.map("{0[0]}×{0[1]}".format)
_RUNS = st.lists(_RUN, min_size=1, max_size=5).map(" ".join)
_NIGHTS = st.sampled_from(
    [
        ("2026-03-02T21:50", PARIS),
        ("2026-03-29T00:10", PARIS),
        ("2026-10-25T00:10", PARIS),
        ("2026-03-02T17:40", "Asia/Kolkata"),
        ("2026-04-04T14:20", "Australia/Lord_Howe"),
    ]
)


@st.composite
def _places(draw):
    """Rows of one or two places of a night, some of it silent, in any order."""
    (first, time_zone), mail = draw(_NIGHTS), draw(st.sampled_from((0, 1, 8)))
    others = [TOTAL, BRAND, CONTENT, CONTENT | {"content": 8}, TOTAL | {"traffic": 1}]
    parts = []
    for place in draw(st.lists(st.sampled_from(others), min_size=1, max_size=2, unique_by=str)):
        channels = {"app": draw(_RUNS) + " 1×1", "site": draw(_RUNS)}
        parts.append(_people(channels, **place, first=first, time_zone=time_zone, mail=mail))
    people = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return choose(people, np.array(draw(st.permutations(range(len(people["events"]))))))


@examples(40)
@given(_places())
def test_coverage_is_what_a_look_at_every_minute_before_says_in_any_order_of_rows(people):
    expected, missed = expected_and_missed(people)

    assert (expected.tolist(), missed.tolist()) == _slowly(people)


@examples(15)
@given(_places(), st.integers(0, 60))
def test_what_comes_later_changes_nothing_of_a_minute(people, minutes):
    minute = people["window"] == MINUTE
    published = minute & (people["start"] <= people["start"][minute].min() + minutes)
    then = expected_and_missed(choose(people, published))
    now = expected_and_missed(people)

    assert [values.tolist() for values in then] == [values[published].tolist() for values in now]
