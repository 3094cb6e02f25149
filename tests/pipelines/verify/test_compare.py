"""Two sides of one figure: published and recomputed, equal or different, and in what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipelines.errors import OptionError
from pipelines.verify.compare import COMPARED, Compared, compare, latest_end
from pipelines.verify.dataset import add_view, open_published
from schemas.metric import METRIC
from tests.pipelines.verify.rows import (
    DAY,
    FAR,
    HOUR,
    MINUTE,
    MONDAY,
    NOON,
    TUESDAY,
    figure,
    withdrawn,
    write_rows,
)


@pytest.fixture
def sides(tmp_path: Path) -> Callable[..., Compared]:
    """Compares literal rows of `metrics`, published and recomputed."""

    def run(published: list[Any], recomputed: list[Any], **options: Any) -> Compared:
        write_rows(tmp_path / "dataset", "metrics", METRIC, published)
        write_rows(tmp_path / "again", "metrics", METRIC, recomputed)
        with open_published(tmp_path / "dataset") as connection:
            add_view(connection, "recomputed_metrics", tmp_path / "again" / "metrics", METRIC)
            return compare(connection, **({"through": FAR} | options))

    return run


def _unequal(compared: Compared) -> list[tuple[Any, Any]]:
    """What differs: the columns of both sides."""
    return [(each.published, each.recomputed) for each in compared.differences]


def test_equal_figures_are_identical_whenever_and_why_ever_they_were_published(sides):
    streamed = figure(epoch=3, revision=7, cause="late_data", published_time=NOON + DAY)
    compared = sides([streamed], [figure()])

    assert (compared.figures, compared.days) == (1, (MONDAY,))
    assert (dict(compared.differing), compared.differences) == ({}, [])


OTHER = dict.fromkeys(COMPARED, 0.5) | {"n": 39, "suppressed_reason": "complementary"}


@pytest.mark.parametrize("column", COMPARED)
def test_another_content_of_any_compared_column_is_a_difference(sides, column):
    compared = sides([figure(**{column: OTHER[column]})], [figure()])

    assert dict(compared.differing) == {"different": 1}
    assert _unequal(compared) == [({column: OTHER[column]}, {column: figure().get(column)})]


@pytest.mark.parametrize(
    ("published", "recomputed"),
    [(0.1 + 0.2, 0.3), (0.0, -0.0), (40.0, None), (None, 40.0)],
    ids=["last bit", "sign of zero", "against null", "null against"],
)
def test_values_are_compared_to_the_bit(sides, published, recomputed):
    compared = sides([figure(value=published)], [figure(value=recomputed)])

    assert repr(_unequal(compared)) == repr([({"value": published}, {"value": recomputed})])


def test_a_figure_on_one_side_only_is_a_difference_of_its_own_kind(sides):
    compared = sides(
        [figure(), figure(channel="web")], [figure(), figure(channel="sms"), figure(channel="tv")]
    )

    assert compared.figures == 4
    assert dict(compared.differing) == {
        "missing in the dataset": 2,
        "missing in the recomputation": 1,
    }
    assert [(each.kind, each.key["channel"]) for each in compared.differences] == [
        ("missing in the dataset", "sms"),
        ("missing in the dataset", "tv"),
        ("missing in the recomputation", "web"),
    ]


def test_of_revisions_only_the_newest_counts(sides):
    first, second = figure(value=39.0), figure(revision=1)

    assert not sides([second, first], [figure()]).differing
    assert sides([figure(revision=2, value=41.0)], []).differences[0].published == {"value": 41.0}


def test_of_a_revision_that_was_given_twice_the_one_published_later_counts(sides):
    # A job that was restored from a checkpoint counts on from there.
    lost = figure(value=39.0, revision=4)
    kept = figure(revision=3, published_time=NOON + 2 * HOUR)

    assert not sides([kept, lost], [figure()]).differing


def test_a_greater_epoch_counts_before_a_later_publication_and_a_greater_revision(sides):
    streamed = figure(value=39.0, revision=9, published_time=NOON + DAY)
    restated = figure(epoch=1)

    assert not sides([restated, streamed], [figure()]).differing


def test_a_greater_epoch_replaces_also_figures_that_it_has_none_of(sides):
    """Of a job that remembers nothing: what it had counted elsewhere, it cannot withdraw."""
    replayed = [figure(epoch=1), figure(epoch=1, window_start=NOON + 2 * MINUTE)]
    gone = [figure(channel="web"), figure(window_start=NOON + MINUTE)]

    compared = sides([*replayed, *gone], replayed)

    assert (compared.figures, dict(compared.differing)) == (2, {})


def test_a_greater_epoch_leaves_what_it_did_not_compute(sides):
    replayed = [figure(epoch=1), figure(epoch=1, window_start=NOON + MINUTE)]
    left = [
        figure(window_start=NOON - MINUTE),
        figure(window_start=NOON + 2 * MINUTE),
        figure(window_start=NOON + DAY),
        figure(window_kind="hour"),
    ]

    compared = sides([*replayed, *left], [*replayed, *left])

    assert (compared.figures, dict(compared.differing)) == (6, {})


def test_a_withdrawn_figure_is_as_good_as_none_on_either_side(sides):
    gone = withdrawn(channel="web", revision=1)
    compared = sides([figure(), figure(channel="web"), gone], [figure(), withdrawn(channel="tv")])

    assert (compared.figures, dict(compared.differing)) == (1, {})


def test_a_withdrawn_figure_that_the_recomputation_has_is_missing_in_the_dataset(sides):
    compared = sides([figure(), withdrawn(revision=1)], [figure()])

    assert dict(compared.differing) == {"missing in the dataset": 1}


SUNDAY, WEDNESDAY = date(2026, 3, 1), date(2026, 3, 4)
"""Noon of each day is a figure."""


def noons(*days: int) -> list[dict[str, Any]]:
    """A figure at noon of so many days after Monday."""
    return [figure(window_start=NOON + day * DAY) for day in days]


def test_without_a_day_those_of_both_sides_are_compared_and_the_others_named(sides):
    compared = sides(noons(0, 1), noons(-1, 0))

    assert (compared.figures, dict(compared.differing), compared.days) == (1, {}, (MONDAY,))
    assert compared.only_published == (TUESDAY,)
    assert compared.only_recomputed == (SUNDAY,)


#                Sunday   Monday   Tuesday  Wednesday
#   published              12:00             12:00
#   recomputed   12:00     12:00    12:00    12:00    a job passed Tuesday and published nothing of it


def test_a_day_after_the_first_published_one_that_was_never_published_is_missing(sides):
    compared = sides(noons(0, 2), noons(-1, 0, 1, 2), through=NOON + 2 * DAY + MINUTE)

    assert compared.days == (MONDAY, TUESDAY, WEDNESDAY)
    assert (compared.figures, dict(compared.differing)) == (3, {"missing in the dataset": 1})
    assert [each.key["window_start"] for each in compared.differences] == [NOON + DAY]
    assert compared.only_recomputed == (SUNDAY,)


def test_a_last_day_that_was_never_published_is_missing_where_it_is_compared_through(sides):
    published, recomputed = noons(0), noons(0, 1)
    reached = sides(published, recomputed, through=NOON + MINUTE)
    told = sides(published, recomputed, through=NOON + 2 * DAY)

    assert (reached.days, dict(reached.differing)) == ((MONDAY,), {})
    assert (told.days, dict(told.differing)) == (
        (MONDAY, TUESDAY),
        {"missing in the dataset": 1},
    )


def test_of_a_stream_that_says_since_when_it_published_every_day_from_then_on_is_compared(sides):
    compared = sides(noons(2), noons(-1, 0, 1, 2), since=NOON)

    assert compared.days == (MONDAY, TUESDAY, WEDNESDAY)
    assert dict(compared.differing) == {"missing in the dataset": 2}
    assert compared.only_recomputed == ()


def test_a_day_that_is_asked_for_is_compared_where_one_side_has_it(sides):
    monday, tuesday = figure(value=1.0), figure(window_start=NOON + DAY)
    compared = sides([monday, tuesday], [figure()], days=[TUESDAY])

    assert (compared.days, compared.only_published) == ((TUESDAY,), ())
    assert dict(compared.differing) == {"missing in the recomputation": 1}


def test_a_day_that_neither_side_has_is_refused(sides):
    with pytest.raises(OptionError, match="--day 2026-03-04: expected figures of that day by 2030"):
        sides([figure()], [figure()], days=[MONDAY, date(2026, 3, 4)])


def test_windows_that_end_after_through_are_left_out(sides):
    day = figure(window_kind="day", window_start=NOON - HOUR, window_end=NOON + DAY, value=9.0)
    compared = sides([figure()], [figure(), day], through=NOON + MINUTE)

    assert (compared.figures, dict(compared.differing)) == (1, {})
    assert sides([], [], through=NOON + DAY).differing == {"missing in the dataset": 1}


#   since 12:00        12:00 | 12:01
#     hour   [11:30 ─────────────────── 12:30)   began earlier: a stream has not published it
#     minute             [─────)


def test_windows_that_began_before_since_are_left_out_on_both_sides(sides):
    hour = figure(window_kind="hour", window_start=NOON - HOUR / 2, value=9.0)
    before = figure(window_start=NOON - MINUTE, value=8.0)
    compared = sides([figure(), before], [figure(), hour], since=NOON)

    assert (compared.figures, dict(compared.differing), compared.since) == (1, {}, NOON)
    assert sides([], [], since=NOON - HOUR).differing == {
        "missing in the dataset": 1,
        "missing in the recomputation": 1,
    }


def test_figures_are_published_up_to_the_end_of_the_latest_window(tmp_path):
    day = figure(window_kind="day", window_end=NOON + 12 * HOUR)
    for rows, end in (([figure()], NOON + MINUTE), ([day], NOON + 12 * HOUR)):
        write_rows(tmp_path, "metrics", METRIC, rows)
        with open_published(tmp_path) as connection:
            assert latest_end(connection) == end


def test_at_most_the_limit_of_differences_is_read_and_all_are_counted(sides):
    compared = sides(
        [figure(value=n, channel=f"c{n}") for n in range(5)], [], limit=2, days=[MONDAY]
    )

    assert [each.key["channel"] for each in compared.differences] == ["c0", "c1"]
    assert dict(compared.differing) == {"missing in the recomputation": 5}


def test_early_figures_are_never_compared(sides, tmp_path):
    write_rows(tmp_path / "dataset", "metrics_live", METRIC, [figure(value=12.0, revision=9)])

    assert not sides([figure()], [figure()]).differing
