"""Attend: copies, edits, deletions and echoes, in any order, of open facts and sealed ones."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pyarrow as pa
import pytest

from tests.transforms.live import Live, minute_of
from tests.transforms.observations import observations, said

LIKE = said("10:00", signal="like", id=1, fact=7, revision=1)
UNLIKE = said("10:01", signal="like", id=2, fact=7, revision=2, retract=True)
AGAIN = said("10:02", signal="like", id=3, fact=7, revision=3)


@pytest.mark.parametrize("order", [*permutations((LIKE, UNLIKE, AGAIN))])
def test_like_unlike_like_is_one_like_in_any_order_of_arrival(order):
    one_by_one, at_once = Live(), Live().say(*order)
    for row in order:
        one_by_one.say(row)

    for live in (one_by_one, at_once):
        assert live.total("count", item="like") == 1
        assert live.total("engagers") == 1
        assert live.total("viewers", window="minute") == 1
        assert live.total("events") == 3


@pytest.mark.parametrize("order", [*permutations((LIKE, UNLIKE))])
def test_like_unlike_is_no_like_in_any_order_of_arrival(order):
    live = Live()
    for row in order:
        live.say(row)

    assert live.total("count", item="like") == 0
    assert live.total("engagers") == 0
    assert live.total("events") == 2


# Copies of an event may say times that are five minutes apart: its id is known that much longer.
#
#                     10:00   10:05                     10:16          10:21
#   first copy          *       .                         |              |
#   second copy         .       *                         |              |
#   of 10:00            |------- hot: a duplicate --------|- late →      |
#   of 10:05                    |------- hot: a duplicate ---------------|- late →


@pytest.mark.parametrize(
    ("copy", "reached", "outcome"),
    [
        ("10:00", "10:15", "duplicate"),
        ("10:00", "10:16", "late"),
        ("10:05", "10:16", "duplicate"),
        ("10:05", "10:20", "duplicate"),
        ("10:05", "10:21", "late"),
    ],
)
def test_a_later_copy_of_an_event_is_a_duplicate_or_late_and_changes_nothing(
    copy, reached, outcome
):
    live = Live().say(said("10:00", signal="click", id=1)).close(reached)
    live.say(said(copy, signal="click", id=1))

    assert live.outcomes == [{"accepted": 1}, {outcome: 1}]
    assert live.deltas[1].num_rows == 0


def test_a_copy_that_says_a_time_further_away_than_the_rule_is_another_event():
    live = Live().say(said("10:00", id=1)).close("10:21").say(said("10:06", id=1))

    assert live.outcomes == [{"accepted": 1}, {"accepted": 1}]


#                arrived   says
#   first copy    10:08    10:05
#   a resend      10:09    10:02    its clock went wrong: the event stays in the minute of 10:05


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_copies_that_are_emitted_together_the_one_that_arrived_first_counts(order):
    rows = [said("10:05", signal="click", id=1), said("10:02", signal="click", id=1)]
    batch = observations([rows[n] for n in order])
    arrived = pa.array([(said("10:08"), said("10:09"))[n].micros for n in order])
    place = batch.schema.get_field_index("arrived")
    live = Live().hear(batch.set_column(place, batch.schema.field(place), arrived))

    assert live.outcomes == [{"accepted": 1, "duplicate": 1}]
    (minute,) = {row["start"] for row in live.deltas[0].to_pylist() if row["window"] == 0}
    assert minute == minute_of("10:05")


def test_copies_within_a_batch_count_once():
    live = Live().say(*[said("10:00", signal="click", id=1)] * 3)

    assert live.outcomes == [{"accepted": 1, "duplicate": 2}]
    assert live.total("actions") == 1


def test_an_edit_moves_nothing_but_what_it_changes():
    live = Live().say(said("10:00", signal="rate:csat", id=1, fact=7, revision=1, value=0))
    live.say(
        said("10:00", signal="rate:csat", id=2, fact=7, revision=2, value=1_000_000, update=True)
    )

    assert live.total("count", item="rate:csat") == 1
    assert live.total("positive", item="rate:csat") == 1
    assert live.total("negative", item="rate:csat") == 0
    assert (live.total("satisfied"), live.total("dissatisfied")) == (1, 0)


def test_a_deletion_that_arrives_before_its_message_deletes_it_too():
    message = said("10:00", "ben", "comment", id=1, fact=7, revision=1)
    deletion = said("10:05", "", "moderate", id=2, fact=7, revision=2, retract=True)

    for order in ((message, deletion), (deletion, message)):
        live = Live()
        for row in order:
            live.say(row)

        assert live.total("count", item="comment") == 0
        assert live.total("viewers") == 0


def test_a_deletion_by_somebody_else_touches_the_author():
    live = Live().say(said("10:00", "ben", "comment", id=1, fact=7, revision=1))
    live.say(said("10:05", "dan", "moderate", id=2, fact=7, revision=2, retract=True))

    assert live.total("count", item="comment") == 0
    assert live.total("engagers") == 0


def test_a_retraction_that_names_no_fact_counts_nothing():
    live = Live().say(said("10:00", signal="like", id=1))
    live.say(said("10:01", signal="like", id=2, retract=True))

    assert live.total("count", item="like") == 1
    assert live.total("viewers", window="minute") == 1


def test_an_echo_deletes_and_is_counted_nowhere():
    deletion = said("10:05", "dan", "moderate", id=2, fact=7, revision=2, retract=True)
    live = Live().say(said("10:00", "ben", "comment", id=1, fact=7, revision=1))
    live.say(replace(deletion, echo=True))

    assert live.outcomes == [{"accepted": 1}, {}]
    assert live.total("count", item="comment") == 0
    assert live.total("events") == 1


def test_an_echo_of_an_edit_takes_the_old_statement_back_and_says_nothing_itself():
    live = Live().say(said("10:00", "ben", "comment", id=1, fact=7, revision=1))
    live.say(said("10:05", "dan", "comment", id=2, fact=7, revision=2, update=True, echo=True))

    assert live.total("count", item="comment") == 0


# A fact is sealed with the minute of the statement that stands; its key is known thirty hours more.
#
#                    10:00         10:16                    16:16 of the next day
#   comment            *             |                        |
#   a change of it     |-- counted --|--------- late ---------|- a statement of its own →


@pytest.mark.parametrize("change", ["update", "retract"])
def test_an_edit_of_an_open_fact_is_counted_and_changes_it(change):
    live = Live().say(said("10:00", signal="comment", id=1, fact=7, revision=1)).close("10:15")
    edit = said("10:14", "ana", "comment", id=2, fact=7, revision=2)
    live.say(replace(edit, update=change == "update", retract=change == "retract"))

    assert live.outcomes[1] == {"accepted": 1}
    assert live.total("count", item="comment") == (1 if change == "update" else 0)


@pytest.mark.parametrize("change", ["update", "retract"])
@pytest.mark.parametrize("at", ["10:16", "23:00", "2026-03-03T16:15"])
def test_an_edit_of_a_sealed_fact_goes_to_the_late_ledger(change, at):
    live = Live().say(said("10:00", signal="comment", id=1, fact=7, revision=1)).close(at)
    edit = said(at, signal="comment", id=2, fact=7, revision=2)
    live.say(replace(edit, update=change == "update", retract=change == "retract"))

    assert live.outcomes[1] == {"late": 1}
    assert live.late == [0, 1]
    assert live.total("count", item="comment") == 1


def test_an_edit_of_a_fact_sealed_too_long_ago_to_be_known_is_a_statement_of_its_own():
    live = Live().say(said("10:00", signal="comment", id=1, fact=7, revision=1))
    live.close("2026-03-03T16:16")
    live.say(said("2026-03-03T16:16", signal="comment", id=2, fact=7, revision=2, update=True))

    assert live.outcomes[1] == {"accepted": 1}
    assert live.total("count", item="comment") == [1, 1]


def test_how_long_sealed_facts_are_known_is_a_rule():
    live = Live(fact_minutes=60).say(said("10:00", signal="like", id=1, fact=7, revision=1))
    live.close("11:15").say(said("11:15", signal="like", id=2, fact=7, revision=2, retract=True))
    live.close("11:16").say(said("11:16", signal="like", id=3, fact=7, revision=3, retract=True))

    assert live.outcomes == [{"accepted": 1}, {"late": 1}, {"accepted": 1}]


def test_the_echo_of_a_deletion_of_a_sealed_message_is_late():
    live = Live().say(said("10:00", "ben", "comment", id=1, fact=7, revision=1)).close("10:16")
    deletion = said("10:16", "dan", "moderate", id=2, fact=7, revision=2, retract=True)
    live.say(replace(deletion, echo=True))

    assert live.late == [0, 1]
    assert live.outcomes[1] == {}


def test_an_echo_that_is_itself_too_late_is_named_where_the_fact_stands_and_nowhere_else():
    """In the shard in which it is no echo it may be in time: shards close at different moments."""
    live = Live().say(said("10:00", "ben", "comment", id=1, fact=7, revision=1)).close("10:30")
    deletion = said("10:05", "dan", "moderate", id=2, fact=7, revision=2, retract=True)
    live.say(replace(deletion, echo=True))

    assert (live.late, live.outcomes[1]) == ([0, 1], {})
    assert live.total("count", item="comment") == 1

    elsewhere = Live().say(said("10:20", "ben", id=1)).close("10:30")
    elsewhere.say(replace(deletion, echo=True))

    assert (elsewhere.late, elsewhere.outcomes[1]) == ([0, 0], {})


#   dan likes, unlikes, likes and unlikes; his shard is not this one and has closed less far
#
#   here     echo 10:01                   10:17: sealed         echo 10:20: of no fact of this shard
#   his      like 10:00  unlike 10:01      like 10:16           unlike 10:20: in time, and counts


def test_an_echo_is_named_late_only_where_the_fact_lives():
    """Else the ledger would say that a change did not count which counted in its own shard."""
    undone = said("10:01", "dan", "like", id=2, fact=7, revision=2, retract=True, echo=True)
    again = said("10:20", "dan", "like", id=4, fact=7, revision=4, retract=True, echo=True)
    live = Live().say(undone).close("10:17").say(again)

    assert live.late == [0, 0]
    assert live.outcomes == [{}, {}]


def test_a_fact_that_an_echo_took_back_still_lives_where_it_was_stated():
    live = Live().say(said("10:00", "dan", "comment", id=1, fact=7, revision=1))
    live.say(said("10:01", "eve", "moderate", id=2, fact=7, revision=2, retract=True, echo=True))
    live.close("10:17")
    live.say(said("10:20", "eve", "moderate", id=3, fact=7, revision=3, retract=True, echo=True))

    assert live.late == [0, 0, 1]
    assert live.total("count", item="comment") == 0
