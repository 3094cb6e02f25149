"""Sealed hours: a family that forgets them publishes what one that forgets nothing publishes."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.metric import KEY
from tests.laws import examples
from tests.transforms.observations import (
    PARIS,
    Said,
    label_batch,
    numbered,
    observations,
    said_by,
    unsuppressed,
)
from transforms.accumulate import TOTALS_FAMILY, Accumulate, recall
from transforms.attend import Attend
from transforms.calendar import NEVER, local_windows
from transforms.frame import rows_of
from transforms.partials import split_by_family
from transforms.progress import Mark, mark_batch, sent_by
from transforms.rules import AttendRules, PublishRules
from transforms.sealed_hours import hour_before

HOT = 5
LORD_HOWE = "Australia/Lord_Howe"
STARTS = {
    PARIS: datetime(2026, 3, 28, 20, 40, tzinfo=timezone.utc),
    LORD_HOWE: datetime(2026, 4, 4, 12, 10, tzinfo=timezone.utc),
}
"""Hours before midnight in Paris, in the night without two o'clock; and before the clock of Lord
Howe goes back by half an hour."""


class Stream:
    """A shard and one family, by default of totals; `reach` tells both how far the stream has come."""

    def __init__(
        self, time_zone=PARIS, registered=("app", "site"), named=True, family=TOTALS_FAMILY
    ):
        self.number = family
        self.rules = PublishRules(time_zone, registered, shards=1)
        self.shard = Attend(AttendRules(time_zone, hot_minutes=HOT))
        self.family = Accumulate(self.rules, family == TOTALS_FAMILY)
        if named:
            self.family.name(label_batch())
        self.standing = {}
        self._sent = 0
        self._now = datetime(2026, 4, 6, tzinfo=timezone.utc)

    def hear(self, rows):
        self.shard.add(observations(rows, self.rules.time_zone))
        self._sent += 1
        self.family.add(sent_by(_deltas(self.shard, self.number), 0, self._sent))

    def reach(self, minute):
        """The stream has come to a minute; what is due is published."""
        self.shard.close(minute)
        self.family.mark(mark_batch(Mark(0, self._sent, minute, minute - HOT)))
        self._now += timedelta(minutes=6)
        with unsuppressed():
            batch = self.family.publish(self._now)
        for row in batch.to_pylist():
            self.standing[tuple(row[name] for name in KEY)] = said_by(row)

    def wake_again(self):
        """The family is recalled from its memory, as after a crash."""
        self.family = recall(self.rules, self.family.totals_family, self.family.memory())

    @property
    def bytes(self):
        return sum(batch.nbytes for batch in self.family.memory())


def _deltas(shard, family):
    """The deltas that a family gets: that of totals and channels, or that of places."""
    return dict(split_by_family(shard.emit().partials, 1))[family]


def _at_once(rows, time_zone, number):
    """Figures of the same rows, all of them derived from everything at the end."""
    shard = Attend(AttendRules(time_zone, hot_minutes=HOT))
    shard.add(observations(rows, time_zone))
    rules = PublishRules(time_zone, ("app", "site"))
    family = Accumulate(rules, number == TOTALS_FAMILY)
    family.name(label_batch())
    family.add(_deltas(shard, number))
    with unsuppressed():
        published = family.publish(datetime(2026, 4, 6, tzinfo=timezone.utc)).to_pylist()
    return {tuple(row[name] for name in KEY): said_by(row) for row in published}


def _live(start, minutes, every=1, channel="app", actor="ana"):
    """A heartbeat and a like in every minute of a live, and what is told of it hardly varies."""
    return [
        Said(
            start + timedelta(minutes=n, seconds=30), actor, signal, channel=channel, period=period
        )
        for n in range(0, minutes, every)
        for signal, period in (("heartbeat", 20_000), ("like", 0))
    ]


@st.composite
def _evenings(draw):
    """Time zone, gaps as (first minute, minutes), and words as (minute, signal)."""
    minutes = st.integers(0, 299)
    gaps = draw(st.lists(st.tuples(minutes, st.integers(1, 90)), max_size=2))
    signals = st.sampled_from(("comment", "heartbeat", "like"))
    words = draw(st.lists(st.tuples(minutes, signals), max_size=6))
    return draw(st.sampled_from(tuple(STARTS))), gaps, words


def _told(time_zone, gaps, words):
    """Five hours of a steady channel with gaps, and some words of another."""
    start = STARTS[time_zone]
    silent = {minute for first, length in gaps for minute in range(first, first + length)}
    beats = [
        Said(start + timedelta(minutes=n, seconds=s), "ana", "heartbeat", period=20_000)
        for n in range(300)
        if n not in silent
        for s in range(0, 60, 7)
    ]
    return numbered(
        beats
        + [Said(start + timedelta(minutes=n), "ben", signal, channel="site") for n, signal in words]
    )


@pytest.mark.parametrize("family", [TOTALS_FAMILY, 1], ids=["totals", "places"])
@examples(5)
@example((LORD_HOWE, [(111, 73)], []), [1, 1, 1, 1], 0)
@given(_evenings(), st.lists(st.integers(1, 40), min_size=4, max_size=12), st.integers(0, 9))
def test_figures_are_those_of_everything_derived_at_the_end(family, evening, steps, woken):
    """However far the stream comes between two publications, and whenever the family is recalled."""
    time_zone = evening[0]
    rows = _told(*evening)
    stream, minute = Stream(time_zone, family=family), _minute(STARTS[time_zone])
    end = minute + 2 * 1440
    for turn, step in enumerate([*steps, *[30] * 12, end - minute]):
        until = min(minute + step, end)
        coming = [row for row in rows if minute <= row.micros // 60_000_000 < until]
        if coming:
            stream.hear(coming)
        stream.reach(until)
        if turn == woken:
            stream.wake_again()
        minute = until

    expected = _at_once(rows, time_zone, family)
    assert {
        key: stream.standing.get(key)
        for key in expected
        if stream.standing.get(key) != expected[key]
    } == {}
    assert stream.standing.keys() == expected.keys()


def _minute(moment):
    return int(moment.timestamp()) // 60


TEN = datetime(2026, 3, 2, 9, tzinfo=timezone.utc)
"""Ten o'clock in Paris."""


def _after(minutes):
    """The memory of a family when a live that goes on has come so far."""
    stream = Stream(registered=("app",))
    rows = numbered(_live(TEN, minutes))
    for first in range(0, minutes, 5):
        stream.hear(rows[2 * first : 2 * (first + 5)])
        stream.reach(_minute(TEN) + first + 5)
    return stream


@pytest.mark.parametrize("later", [100, 160, 280])
def test_memory_an_hour_later_is_that_of_now_and_the_hour_that_is_looked_back_at(later):
    """Bytes at minute 40 of an hour; of the hour before, sixty rows of events by channel."""
    now, then = _after(40), _after(later)

    looked_back_at = sum(
        row["start"] < then.family.state.sealed.through
        for row in then.family.state.totals.to_pylist()
        if row["window"] == 0
    )
    assert looked_back_at == 60
    assert rows_of(then.family.state.published) == rows_of(now.family.state.published)
    row = now.family.state.totals.nbytes / now.family.state.totals.num_rows
    assert then.bytes - looked_back_at * row < 1.1 * now.bytes


def test_of_sealed_hours_a_day_keeps_its_peak_its_minutes_on_air_and_what_was_expected():
    stream = Stream(registered=("app",))
    crowd = [*_live(TEN, 30), *_live(TEN + timedelta(minutes=10), 1, actor="ben")]
    alone = _live(TEN + timedelta(minutes=90), 30)
    rows = numbered([*crowd, *alone])
    stream.hear(rows[: len(crowd)])
    stream.reach(_minute(TEN) + 75)
    stream.hear(rows[len(crowd) :])
    stream.reach(_minute(TEN) + 180)

    assert stream.family.state.sealed.through == _minute(TEN) + 120
    days = stream.family.state.sealed.days
    total = (days["grouping"] == 0) & (days["traffic"] == 0)
    told = {n: days[n][total].tolist() for n in ("on_air_minutes", "concurrent_peak")}
    assert told == {"on_air_minutes": [60], "concurrent_peak": [2]}


def test_an_hour_whose_figures_wait_for_their_texts_is_not_forgotten():
    stream = Stream(named=False, registered=())
    stream.hear(numbered(_live(TEN, 10)))
    stream.reach(_minute(TEN) + 120)
    assert stream.family.state.sealed.through == NEVER

    stream.family.name(label_batch())
    stream.reach(_minute(TEN) + 135)
    assert stream.family.state.sealed.through == _minute(TEN) + 120


@pytest.mark.parametrize(
    ("closed", "time_zone", "through"),
    [
        ("2026-03-02T10:59", PARIS, "2026-03-02T10:00"),
        ("2026-03-02T11:00", PARIS, "2026-03-02T11:00"),
        ("2026-03-02T11:00", "Asia/Kolkata", "2026-03-02T10:30"),
        # At 15:00 two o'clock became half past one: the hours of 14:00 and of 14:30 overlap.
        ("2026-04-04T15:10", LORD_HOWE, "2026-04-04T14:00"),
        ("2026-04-04T15:30", LORD_HOWE, "2026-04-04T15:30"),
    ],
)
def test_whole_local_hours_are_sealed(closed, time_zone, through):
    minutes = [
        _minute(datetime.fromisoformat(text).replace(tzinfo=timezone.utc))
        for text in (closed, through)
    ]

    assert hour_before(minutes[0], time_zone) == minutes[1]
    assert local_windows(np.array([minutes[1]]), time_zone)[1].tolist() == [minutes[1]]
