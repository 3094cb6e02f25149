"""Attend: what counts when, told as timelines of one shard with a clock in the test's hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from itertools import permutations

import pytest

from tests.transforms.observations import PARIS, numbered, observations, said, total
from transforms.attend import Attend, AttendRules
from transforms.calendar import day_of
from transforms.frame import rows_of


class Live:
    """One shard told step by step: `say` and emit, `close` at an instant, look at totals."""

    def __init__(self, time_zone=PARIS, hot_minutes=6 * 60):
        self.machine = Attend(AttendRules(time_zone, hot_minutes))
        self.time_zone = time_zone
        self.deltas, self.outcomes, self.late = [], [], []

    def say(self, *rows):
        self.machine.add(observations(rows, self.time_zone))
        emitted = self.machine.emit()
        self.deltas.append(emitted.partials)
        counted: dict[str, int] = {}
        for (_, _, _, outcome), rows_of_it in emitted.outcomes.items():
            counted[outcome] = counted.get(outcome, 0) + rows_of_it
        self.outcomes.append(counted)
        self.late.append(rows_of(emitted.late))
        return self

    def close(self, at):
        moment = datetime.fromisoformat(at).replace(tzinfo=timezone.utc)
        self.machine.close(int(moment.timestamp()) // 60)
        return self

    def total(self, column, **of):
        return total(self.deltas, column, **of)


# The horizon of a day in Paris (UTC+1) that corrects for six hours after its end:
#
#   2 March                        3 March
#   |------------ the day ---------|--- hot: corrects ---|- sealed →
#   23:00                          23:00                 05:00          (UTC)


def test_news_of_an_open_day_is_counted_at_once():
    live = Live().say(said("09:00", id=1))

    assert live.outcomes == [{"accepted": 1}]
    assert live.total("viewers") == 1


def test_news_within_the_horizon_corrects_the_day():
    live = Live().say(said("09:00", id=1)).close("2026-03-03T04:59")
    live.say(said("22:59", "ben", id=2))

    assert live.outcomes == [{"accepted": 1}, {"accepted": 1}]
    assert live.total("viewers") == 2


def test_news_after_sealing_goes_to_the_late_output_and_changes_no_figure():
    live = Live().say(said("09:00", id=1)).close("2026-03-03T05:00")
    live.say(said("22:59", "ben", id=2))

    assert live.outcomes[1] == {"late": 1}
    assert live.late == [0, 1]
    assert live.deltas[1].num_rows == 0
    assert live.total("viewers") == 1


def test_news_of_the_next_day_is_counted_though_the_day_before_is_sealed():
    live = Live().close("2026-03-03T05:00").say(said("23:00", id=1))

    assert live.outcomes == [{"accepted": 1}]


def test_late_and_timely_news_of_one_batch_are_told_apart():
    live = Live().close("2026-03-03T05:00")
    live.say(said("22:59", id=1), said("23:00", id=2), said("22:58", id=3))

    assert live.outcomes == [{"late": 2, "accepted": 1}]
    assert live.total("events") == 1


def test_closing_earlier_than_before_opens_nothing():
    live = Live().close("2026-03-03T05:00").close("2026-03-01T00:00").say(said("22:59", id=1))

    assert live.outcomes == [{"late": 1}]


@pytest.mark.parametrize(
    ("night", "last_open", "first_sealed"),
    [
        # 29 March in Paris ends at 22:00 UTC (a day of 23 hours), 25 October at 23:00 (of 25).
        ("2026-03-29T21:59", "2026-03-30T03:59", "2026-03-30T04:00"),
        ("2026-10-25T22:59", "2026-10-26T04:59", "2026-10-26T05:00"),
    ],
)
def test_days_in_which_the_clock_is_moved_are_sealed_six_hours_after_their_own_end(
    night, last_open, first_sealed
):
    assert Live().close(last_open).say(said(night, id=1)).outcomes == [{"accepted": 1}]
    assert Live().close(first_sealed).say(said(night, id=1)).outcomes == [{"late": 1}]


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


def test_a_late_copy_of_an_event_is_a_duplicate_and_changes_nothing():
    live = Live().say(said("10:00", signal="click", id=1)).close("2026-03-02T16:00")
    live.say(said("10:00", signal="click", id=1))

    assert live.outcomes == [{"accepted": 1}, {"duplicate": 1}]
    assert live.deltas[1].num_rows == 0


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


@pytest.mark.parametrize("change", ["update", "retract"])
def test_an_edit_of_a_sealed_fact_goes_to_the_late_ledger(change):
    live = Live().say(said("10:00", signal="comment", id=1, fact=7, revision=1))
    live.close("2026-03-03T05:00")
    edit = said("2026-03-03T12:00", signal="comment", id=2, fact=7, revision=2)
    live.say(replace(edit, update=change == "update", retract=change == "retract"))

    assert live.outcomes[1] == {"late": 1}
    assert live.late == [0, 1]
    assert live.total("count", item="comment") == 1


def test_the_echo_of_a_deletion_of_a_sealed_message_is_late():
    live = Live().say(said("10:00", "ben", "comment", id=1, fact=7, revision=1))
    live.close("2026-03-03T05:00")
    deletion = said("2026-03-03T12:00", "dan", "moderate", id=2, fact=7, revision=2, retract=True)
    live.say(replace(deletion, echo=True))

    assert live.late == [0, 1]
    assert live.outcomes[1] == {}


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
    live.close("2026-03-03T05:00").say(said("23:30", signal="view", id=9))

    assert [live.total(c) for c in ("viewers", "actions")] == figures[:2]
    assert rows_of(live.machine.state.remembered) == 3
    assert set(live.machine.state.people.actions["day"]) == {
        day_of(datetime(2026, 3, 3, 12, tzinfo=timezone.utc), PARIS)
    }


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
