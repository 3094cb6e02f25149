"""Sealed people: what is folded when minutes are sealed, and that no open window notices; drawn."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.identity import words
from schemas.partial import DIMENSION_NAMES
from tests.laws import examples
from tests.transforms.observations import PARIS, numbered, observations, said
from transforms.calendar import NEVER, local_windows
from transforms.frame import frame_of
from transforms.measures.changed import everybody
from transforms.measures.counting import count_people
from transforms.measures.people import merge, nobody, reduce_observations, sealed_people
from transforms.partials import partial_batch, sum_partials


def _minute(at):
    return said(at).micros // 60_000_000


def _people(rows, time_zone=PARIS):
    if not rows:
        return nobody()
    batch = observations(numbered(rows), time_zone)
    frame = frame_of(batch.drop_columns(["event_id"]))
    both = words(batch.column("event_id"))
    frame["id_high"], frame["id_low"] = both[:, 0], both[:, 1]
    return reduce_observations(frame, time_zone)


def _presence(people):
    """(hour, seen, alive) of each row, in order; hours as minute numbers."""
    names = ("hour", "seen", "alive")
    return sorted(zip(*(people.presence[name].tolist() for name in names)))


def _acted(people):
    """(hour, minute, count) of each row of actions, in order."""
    return sorted(zip(*(people.actions[name].tolist() for name in ("hour", "minute", "count"))))


# Ana is there at 10:00, 11:05 and 12:01; minute by minute more of that is sealed.
#
#               10:00      11:00   11:05     12:00  12:01
#   ana           *          |       *         |      *
#   sealed      ------------>|                                10 becomes a row that says "was there"
#   sealed      ------------------------------>|              10 and 11 become one row
#   sealed      --------------------- midnight ------------>  a mark: the next visit is a return


@pytest.mark.parametrize(
    ("closed", "rows"),
    [
        ("10:59", [("10:00", 1), ("11:00", 1 << 5), ("12:00", 1 << 1)]),
        ("11:00", [("10:00", 1), ("11:00", 1 << 5), ("12:00", 1 << 1)]),
        ("12:00", [("10:00", 1), ("12:00", 1 << 1)]),
        ("13:00", [("10:00", 1)]),
        ("23:00", [("10:00", 0)]),
    ],
)
def test_the_sealed_hours_of_a_day_are_one_row_and_a_sealed_day_is_a_mark(closed, rows):
    ana = _people([said("10:00"), said("11:05"), said("12:01")])
    sealed = sealed_people(ana, _minute(closed), NEVER, PARIS)

    assert _presence(sealed) == [(_minute(hour), seen, 0) for hour, seen in rows]


#               10:00  10:05  10:10 |  11:00  11:05
#   ana         click  click  click    |      click
#   sealed      ---------------->|                       two of 10:00, one open
#   sealed      ----------------------->|                three of the day


@pytest.mark.parametrize(
    ("closed", "rows"),
    [
        ("10:06", [("10:00", "10:00", 2), ("10:00", "10:10", 1), ("11:00", "11:05", 1)]),
        ("10:30", [("10:00", "10:00", 3), ("11:00", "11:05", 1)]),
        ("11:06", [("10:00", "10:00", 3), ("11:00", "11:00", 1)]),
        ("12:00", [("10:00", "10:00", 4)]),
        ("23:00", []),
    ],
)
def test_sealed_actions_are_one_row_of_their_hour_and_later_of_their_day(closed, rows):
    clicks = [said(at, signal="click") for at in ("10:00", "10:05", "10:10", "11:05")]
    sealed = sealed_people(_people(clicks), _minute(closed), NEVER, PARIS)

    assert _acted(sealed) == [(_minute(hour), _minute(at), count) for hour, at, count in rows]


def test_who_only_was_alive_in_a_sealed_hour_was_not_there():
    beat = said("10:59:50", signal="heartbeat", period=30_000)
    sealed = sealed_people(_people([beat]), _minute("12:00"), NEVER, PARIS)

    assert _presence(sealed) == [(_minute("10:00"), 1, 0)]


def test_signals_and_answers_are_folded_apart():
    rows = [said("10:00", signal="rate:csat", value=value) for value in (0, 0, 1_000_000)]
    sealed = sealed_people(
        _people([*rows, said("10:00", signal="like")]), _minute("10:30"), NEVER, PARIS
    )

    assert sorted(sealed.actions["count"].tolist()) == [1, 1, 2]


@pytest.mark.parametrize("hours", [2, 10])
def test_memory_grows_with_people_and_not_with_time(hours):
    first = said("10:00").at
    times = [first + timedelta(minutes=m) for m in range(hours * 60)]
    rows = [said(t.isoformat()[:19], actor, "click") for t in times for actor in ("ana", "ben")]
    people, before = nobody(), NEVER
    for hour in range(hours):
        closed = _minute("10:00") + hour * 60 + 60
        people = merge([people, _people(rows[hour * 120 : hour * 120 + 120])])
        people, before = sealed_people(people, closed, before, PARIS), closed

    assert [len(frame["actor"]) for frame in people] == [2, 2]


# The law: windows that are still open count what they would without folding, and windows that are
# sealed say the same before and after, so that no delta has anything of them.

_NIGHTS = {
    "midnight": ("2026-03-02T20:00", PARIS),
    "the night without two o'clock": ("2026-03-28T22:00", PARIS),
    "the night of two two o'clocks": ("2026-10-24T21:00", PARIS),
    "hours from half past, midnight at 18:30": ("2026-03-02T16:00", "Asia/Kolkata"),
    "a night shorter by half an hour": ("2026-10-03T12:00", "Australia/Lord_Howe"),
    "a night longer by half an hour": ("2026-04-04T12:00", "Australia/Lord_Howe"),
}
_SIGNALS = st.sampled_from(("view", "like", "heartbeat", "heartbeat", "rate:csat"))
_WORD = st.tuples(
    st.integers(0, 359),
    st.sampled_from(("ana", "ben")),
    _SIGNALS,
    st.sampled_from(("live", "film", "")),
    st.sampled_from((20, 200, 1_800)),
)


def _told(first, word):
    minute, actor, signal, content, seconds = word
    at = (said(first).at + timedelta(minutes=minute, seconds=50)).isoformat()[:19]
    period = seconds * 1_000 if signal == "heartbeat" else 0
    value = 1_000_000 if signal == "rate:csat" and seconds == 20 else 0
    return said(at, actor, signal, content=content, period=period, value=value)


def _figures(people, time_zone, closed, sealed):
    """Counted columns of the windows that are sealed, or of those that are not."""
    parts = [
        (g, 0, window, frame) for g, window, frame in count_people(everybody(people), time_zone)
    ]
    sums = sum_partials([partial_batch(parts)]).sort_by([(n, "ascending") for n in DIMENSION_NAMES])
    today = int(local_windows(np.array([closed]), time_zone)[0][0])
    last = np.array([closed - 1, closed - 60, today - 1])[sums.column("window").to_numpy()]
    wanted = sums.filter(pa.array((sums.column("start").to_numpy() <= last) == sealed))
    # Periods are known by the hour: a beat in an open hour says its minutes before one, too.
    return (wanted.drop_columns(["heartbeat_ms"]) if sealed else wanted).to_pydict()


@pytest.mark.parametrize(("first", "time_zone"), _NIGHTS.values(), ids=_NIGHTS)
@examples(12)
@given(
    heard=st.lists(_WORD, max_size=8),
    coming=st.lists(_WORD, max_size=4),
    closings=st.lists(st.integers(0, 420), min_size=1, max_size=2),
)
def test_folding_changes_no_figure_of_open_windows(first, time_zone, heard, coming, closings):
    whole = folded = _people([_told(first, word) for word in heard], time_zone)
    before = NEVER
    for minutes in sorted(closings):
        closed = _minute(first) + minutes
        folded, before = sealed_people(folded, closed, before, time_zone), closed
        news = _people([_told(first, word) for word in coming if word[0] >= minutes], time_zone)
        later = merge([folded, news])

        assert _figures(later, time_zone, closed, False) == _figures(
            merge([whole, news]), time_zone, closed, False
        )
        assert _figures(later, time_zone, closed, True) == _figures(folded, time_zone, closed, True)
