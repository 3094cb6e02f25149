"""Changed: what need not be counted before and after an emission, and that the rest is enough."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.partial import COLUMN_NAMES, WINDOWS
from tests.laws import examples
from tests.transforms.observations import PARIS, numbered, observations, readable, said
from transforms.frame import frame_of, rows_of
from transforms.measures.changed import changed, everybody
from transforms.measures.counting import count_people
from transforms.measures.people import merge, nobody, reduce_observations, sealed_people
from transforms.measures.sides import grown, side_by_side
from transforms.partials import partial_batch, sum_partials

NOON = 29_541_300
"""Minute of 2026-03-02T11:00 UTC, noon in Paris."""


def _people(*rows):
    frame = frame_of(observations(rows).drop_columns(["event_id"]))
    return reduce_observations(frame, PARIS) if rows else nobody()


def _counts(counted, sign=1):
    """(grouping, traffic, window, frame) of what is counted, or of what is taken away."""
    return [
        (
            grouping,
            0,
            window,
            {**frame, **{n: sign * v for n, v in frame.items() if n in COLUMN_NAMES}},
        )
        for grouping, window, frame in count_people(counted, PARIS)
    ]


def _sums(parts):
    return readable([sum_partials([partial_batch(parts)])])


rows = st.builds(
    said,
    st.sampled_from(
        [
            f"2026-03-0{day}T{hour:02}:{minute}"
            for day in (1, 2)
            for hour in (9, 22)
            for minute in (10, 59)
        ]
    ),
    st.sampled_from(("ana", "ben", "cléo", "")),
    st.sampled_from(("view", "heartbeat", "like", "comment", "rate:csat")),
    content=st.sampled_from(("", "live", "film")),
    brand=st.sampled_from(("", "maison")),
    channel=st.sampled_from(("app", "site")),
    period=st.sampled_from((0, 40_000)),
    value=st.sampled_from((0, 250_000, 1_000_000)),
)


@examples(50)
@given(st.lists(rows, max_size=8), st.lists(rows, max_size=8), st.booleans())
def test_counts_after_less_those_before_are_the_same_as_if_all_were_counted(old, new, sealed):
    old, new = numbered(old), numbered([*old, *new])[len(old) :]
    before = _people(*old)
    if sealed:
        before = sealed_people(before, NOON, -(2**31), PARIS)
    after = merge([before, _people(*new)])

    for one, other in ((after, before), (before, after)):
        expected = _sums([*_counts(everybody(one)), *_counts(everybody(other), -1)])
        both = side_by_side(one, other)

        assert _sums(_counts(everybody(both))) == expected
        assert _sums(_counts(changed(both))) == expected


def test_of_people_who_are_the_same_nothing_is_counted():
    people = _people(said("10:00"), said("11:00", "ben", "like"))

    counted = changed(side_by_side(people, people))

    assert [rows_of(rows) for rows in (counted.hours, counted.days, *counted.acts)] == [0] * 5


def test_of_a_thousand_people_of_whom_one_watches_on_only_that_ones_hour_is_counted():
    """Not the day, for it has them already; not the hour before; and hardly anybody else."""
    thousand = [said("10:00", f"p{n}", period=40_000) for n in range(1_000)]
    ago = [said("09:00", f"p{n}", period=40_000) for n in range(1_000)]
    before = _people(*numbered([*ago, *thousand]))
    again = _people(*numbered([said("10:01", "p7", period=40_000)]))
    counted = changed(grown(before, again))

    assert 1 <= rows_of(counted.hours) < 10
    assert rows_of(counted.days) == 0


def test_a_like_is_counted_in_its_minute_and_its_actors_hour_and_day():
    likes = [
        said("09:00", "ana", "like"),
        said("10:00", "ana", "like"),
        said("10:05", "ana", "like"),
    ]
    first, second, third = numbered(likes)
    before = _people(first, second)
    counted = changed(grown(before, _people(third)))

    assert dict(zip(WINDOWS, map(rows_of, counted.acts))) == {"minute": 1, "hour": 2, "day": 3}


def test_the_first_visit_of_a_day_counts_with_the_days_before_it():
    """Who was there before is one who returns: the earlier day is needed to say so."""
    yesterday, today = numbered([said("2026-03-01T10:00", "ana"), said("2026-03-02T10:00", "ana")])
    before = _people(yesterday)
    counted = changed(grown(before, _people(today)))

    assert rows_of(counted.days) == 2


def test_where_days_count_of_as_many_rows_as_hours_both_are_counted_of_the_same():
    ana, ben, again = numbered([said("10:00"), said("10:00", "ben"), said("11:00", "ben")])
    counted = changed(grown(_people(ana), _people(ben, again)))

    assert counted.days is counted.hours
    assert rows_of(counted.days) == 2


def test_two_hours_of_a_day_that_come_together_and_say_the_same_are_a_change():
    ben, *ana = numbered([said("10:00", "ben"), said("10:00", "ana"), said("11:00", "ana")])
    before = _people(ben)
    counted = changed(grown(before, _people(*ana)))

    assert rows_of(counted.days) == 2
