"""Attend: what counts when, told as timelines of one shard with a clock in the test's hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from itertools import permutations

import pyarrow as pa
import pytest

from tests.transforms.observations import PARIS, numbered, observations, said, total
from transforms.attend import Attend, AttendRules
from transforms.calendar import day_of
from transforms.frame import rows_of


def minute_of(at):
    """Minute number of `HH:MM` of 2 March 2026, or of a whole ISO time, UTC."""
    return said(at).micros // 60_000_000


class Live:
    """One shard told step by step: `say` and emit, `close` at an instant, look at totals."""

    def __init__(self, time_zone=PARIS, **rules):
        self.machine = Attend(AttendRules(time_zone, **rules))
        self.time_zone = time_zone
        self.deltas, self.outcomes, self.late = [], [], []

    def say(self, *rows):
        return self.hear(observations(rows, self.time_zone))

    def hear(self, batch):
        self.machine.add(batch)
        emitted = self.machine.emit()
        self.deltas.append(emitted.partials)
        counted: dict[str, int] = {}
        for (_, _, _, outcome), rows_of_it in emitted.outcomes.items():
            counted[outcome] = counted.get(outcome, 0) + rows_of_it
        self.outcomes.append(counted)
        self.late.append(rows_of(emitted.late))
        return self

    def close(self, at):
        self.machine.close(minute_of(at))
        return self

    def total(self, column, **of):
        return total(self.deltas, column, **of)


# A minute corrects for a quarter of an hour after its end, however long its hour and day go on:
#
#            10:00   10:01                        10:16
#   said     |  *    |
#   the minute is    |---- hot: corrects ---------|- sealed →
#   the stream has reached         10:15: counted | 10:16: late


def test_news_of_an_open_minute_is_counted_at_once():
    live = Live().say(said("10:00", id=1))

    assert live.outcomes == [{"accepted": 1}]
    assert live.total("viewers") == 1


def test_news_within_the_horizon_corrects_the_minute_the_hour_and_the_day():
    live = Live().say(said("10:00", id=1)).close("10:15")
    live.say(said("10:00:59", "ben", id=2))

    assert live.outcomes == [{"accepted": 1}, {"accepted": 1}]
    assert [live.total("viewers", window=w) for w in ("minute", "hour", "day")] == [2, 2, 2]


def test_news_after_sealing_goes_to_the_late_output_and_changes_no_figure():
    live = Live().say(said("10:00", id=1)).close("10:16")
    live.say(said("10:00:59", "ben", id=2))

    assert live.outcomes[1] == {"late": 1}
    assert live.late == [0, 1]
    assert live.deltas[1].num_rows == 0
    assert live.total("viewers") == 1


def test_news_of_a_sealed_minute_is_late_though_its_hour_and_its_day_go_on():
    live = Live().say(said("10:20", id=1)).close("10:30").say(said("10:10", "ben", id=2))

    assert live.outcomes == [{"accepted": 1}, {"late": 1}]
    assert [live.total("viewers", window=w) for w in ("hour", "day")] == [1, 1]


def test_news_of_the_next_minute_is_counted_though_the_minute_before_is_sealed():
    live = Live().close("10:16").say(said("10:01", id=1))

    assert live.outcomes == [{"accepted": 1}]


def test_news_of_the_next_day_is_counted_though_the_day_before_is_sealed():
    live = Live().close("23:15").say(said("22:59", id=1), said("23:00", id=2))

    assert live.outcomes == [{"late": 1, "accepted": 1}]


def test_late_and_timely_news_of_one_batch_are_told_apart():
    live = Live().close("10:16")
    live.say(said("10:00", id=1), said("10:01", id=2), said("09:59", id=3))

    assert live.outcomes == [{"late": 2, "accepted": 1}]
    assert live.total("events") == 1


def test_closing_earlier_than_before_opens_nothing():
    live = Live().close("10:16").close("2026-03-01T00:00").say(said("10:00", id=1))

    assert live.outcomes == [{"late": 1}]


def test_what_was_added_before_closing_belongs_to_open_minutes_if_it_is_emitted_before():
    live = Live()
    live.machine.add(observations([said("10:00", id=1)]))
    emitted = live.machine.emit()
    live.close("10:16")

    assert [outcome for *_, outcome in emitted.outcomes] == ["accepted"]


def test_how_long_a_minute_corrects_is_a_rule():
    for hot_minutes, last, first_sealed in ((0, "10:00", "10:01"), (60, "11:00", "11:01")):
        for reached, outcome in ((last, "accepted"), (first_sealed, "late")):
            live = Live(hot_minutes=hot_minutes).close(reached).say(said("10:00", id=1))
            assert live.outcomes == [{outcome: 1}]


def test_the_two_hours_called_two_o_clock_are_two_hours():
    live = Live().say(said("2026-10-25T00:30", id=1), said("2026-10-25T01:30", id=2))

    assert live.total("viewers", window="hour") == [1, 1]
    assert live.total("viewers", window="day") == 1


def test_midnight_parts_the_days():
    #              23:59 Paris   0:00 Paris
    #   ana             *            *
    live = Live().say(said("22:59:59", id=1), said("23:00:00", id=2))

    assert live.total("viewers", window="day") == [1, 1]
    assert live.total("new_people") == 1
    assert live.total("returning_people") == 1


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


# Somebody comes back after the hour is sealed, and is the same person in the day:
#
#            10:00      11:00   11:15                12:00
#   ana        *          |       | the hour sealed    *      hours 1 and 1, day 1


def test_somebody_of_a_sealed_hour_counts_once_in_the_day():
    live = Live().say(said("10:00", signal="click", id=1)).close("11:15")
    live.say(said("12:00", signal="click", id=2), said("12:01", signal="click", id=3))

    assert live.total("viewers", window="hour") == [1, 1]
    assert [live.total(c) for c in ("viewers", "engagers", "actions")] == [1, 1, 3]
    assert live.total("action_squares") == 9
    assert live.total("action_squares", window="hour") == [1, 4]


def test_somebody_of_a_sealed_minute_counts_once_in_its_hour():
    live = Live().say(said("10:00", signal="click", id=1)).close("10:16")
    live.say(said("10:20", signal="click", id=2))

    assert [live.total("viewers", window=w) for w in ("minute", "hour", "day")] == [[1, 1], 1, 1]
    assert [live.total("action_squares", window=w) for w in ("minute", "hour")] == [[1, 1], 4]


def test_a_fact_of_a_sealed_minute_stays_in_the_open_hour_and_day():
    live = Live().say(said("10:00", signal="like", id=1, fact=7, revision=1)).close("10:16")
    live.say(said("10:20", signal="click", id=2))

    assert [live.total("actions", window=w) for w in ("minute", "hour", "day")] == [[1, 1], 2, 2]
    assert live.total("count", item="like") == 1


def test_somebody_of_a_sealed_day_is_still_returning():
    live = Live().say(said("10:00", id=1)).close("2026-03-03T05:00")
    live.say(said("2026-03-03T12:00", id=2)).close("2026-03-04T05:00")
    live.say(said("2026-03-04T12:00", id=3), said("2026-03-04T12:00", "ben", id=4))

    assert live.total("new_people") == [1, 1]
    assert live.total("returning_people") == [1, 1]
    assert live.total("viewers") == [1, 1, 2]


def test_somebody_whose_only_trace_of_a_sealed_day_is_a_fact_is_still_returning():
    live = Live().say(said("10:00", signal="like", id=1, fact=7, revision=1))
    live.close("2026-03-03T05:00").say(said("2026-03-03T12:00", id=2))

    assert live.total("new_people") == 1
    assert live.total("returning_people") == 1


#   Paris      23:59:50      0:10          0:20         0:35
#   said       ana: beat     ana: click    ben: like    | closing: minutes before 0:20 are sealed
#   id is      forgotten     forgotten     kept         | ids of 0:15 and later are kept


def test_sealing_forgets_and_changes_no_figure_of_the_open_day():
    live = Live().say(
        *numbered(
            [
                said("22:59:50", signal="heartbeat", period=30_000),
                said("23:10", signal="click"),
                said("23:20", "ben", "like", fact=7, revision=1),
            ]
        )
    )
    figures = [live.total(c) for c in ("viewers", "actions", "events")]
    live.close("23:35").say(said("23:35", signal="view", id=9))

    assert [live.total(c) for c in ("viewers", "actions")] == figures[:2]
    assert live.machine.state.remembered["minute"].tolist() == [
        minute_of("23:20"),
        minute_of("23:35"),
    ]
    assert set(live.machine.state.people.actions["day"]) == {
        day_of(datetime(2026, 3, 3, 12, tzinfo=timezone.utc), PARIS)
    }


#   Paris       23:59:50                 0:00:10       1:00  1:15
#   ana         a beat each 200 seconds  a view          | the hour of 0:00 is sealed
#
# What the beat says of its period it says in its own hour, and so on its own day.


def test_a_period_of_the_day_before_is_not_one_of_the_next_day_folded_or_not():
    rows = [
        said("22:59:50", signal="heartbeat", content="film", period=200_000),
        said("23:00:10"),
        said("2026-03-03T00:30", signal="heartbeat", period=20_000),
    ]
    once, sealed = Live().say(*numbered(rows)), Live().say(*numbered(rows)[:2])
    sealed.close("2026-03-03T00:15").say(numbered(rows)[2])

    assert once.total("heartbeat_ms") == sealed.total("heartbeat_ms") == [200_000, 20_000]


# Concurrent at t, the minute's end: a heartbeat in (t − 2h, t), here h = 30 s.
#
#            10:00         10:01         10:02
#   ana        |.........*...|.............|       fresh and alive at 10:01, gone at 10:02
#   ben        |..*..........|.............|       alive at 10:01 by the second period only
#   cléo       *.............|.............|       60 s before 10:01: no longer


@pytest.mark.parametrize(
    ("beat", "alive", "fresh"),
    [
        ("10:00:45", [1], [1]),
        ("10:00:30.000001", [1], [1]),
        ("10:00:30", [1], 0),
        ("10:00:10", [1], 0),
        ("10:00:00.000001", [1], 0),
        ("10:00:00", 0, 0),
    ],
)
def test_a_viewer_is_concurrent_for_two_periods_and_surely_there_for_one(beat, alive, fresh):
    live = Live().say(said(beat, signal="heartbeat", id=1, period=30_000))

    assert live.total("concurrent", window="minute") == (alive and alive[0])
    assert live.total("concurrent_fresh", window="minute") == (fresh and fresh[0])


def test_a_long_period_keeps_a_viewer_over_the_hour_and_over_midnight():
    live = Live().say(said("22:58:30", signal="heartbeat", id=1, period=90_000))

    assert live.total("concurrent", window="minute") == [1, 1, 1]
    assert live.total("concurrent_fresh", window="minute") == 1
    assert live.total("viewers", window="minute") == 1
    assert live.total("viewers", window="day") == 1


def test_two_heartbeats_of_one_viewer_are_one_concurrent_viewer():
    beats = [said(f"10:00:{s}", signal="heartbeat", period=30_000) for s in (20, 50)]
    live = Live().say(*numbered([*beats, said("10:00:50", "ben", "heartbeat", period=30_000)]))

    assert live.total("concurrent", window="minute") == 2
    assert live.total("heartbeat_events", window="minute") == 3


def test_a_person_with_valid_and_automatic_events_counts_once_gross_and_once_valid():
    live = Live().say(
        *numbered(
            [
                said("10:00", "ana", "click"),
                said("10:01", "ana", "click", valid=False),
                said("10:01", "ben", "click", valid=False),
            ]
        )
    )

    assert [live.total("viewers", traffic=t) for t in ("gross", "valid")] == [2, 1]
    assert [live.total("actions", traffic=t) for t in ("gross", "valid")] == [3, 1]
    assert [live.total("action_squares", traffic=t) for t in ("gross", "valid")] == [5, 1]
    assert [live.total("events", traffic=t) for t in ("gross", "valid")] == [3, 1]


def test_without_an_actor_events_and_actions_count_and_people_do_not():
    live = Live().say(said("10:00", "", "like", id=1))

    assert (live.total("events"), live.total("count", item="like")) == (1, 1)
    assert (live.total("viewers"), live.total("engagers"), live.total("authors", item="like")) == (
        0,
        0,
        0,
    )


def test_being_written_to_or_managed_is_no_presence():
    live = Live().say(*numbered([said("10:00", signal=s) for s in ("send", "deliver", "moderate")]))

    assert (live.total("viewers"), live.total("events")) == (0, 3)


def test_an_event_without_content_or_brand_belongs_to_no_such_group():
    live = Live().say(said("10:00", id=1, content="", brand=""))

    assert live.total("viewers", grouping="total") == 1
    assert live.total("viewers", grouping="channel") == 1
    assert [live.total("viewers", grouping=g) for g in ("content", "brand_channel")] == [0, 0]


def test_nothing_added_emits_nothing():
    live = Live().say()

    assert (live.deltas[0].num_rows, live.outcomes, live.late) == (0, [{}], [0])


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
