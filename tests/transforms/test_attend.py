"""Attend: what counts at all, and until when: a minute is hot, then sealed."""

from __future__ import annotations

from tests.transforms.live import Live
from tests.transforms.observations import numbered, observations, said

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
    assert live.total("anonymous", item="like") == 1
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
