"""Accumulate: what is published first, what again, and why; told as timelines of one family."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from schemas.metric import METRIC
from tests.transforms.observations import (
    PARIS,
    label_batch,
    numbered,
    observations,
    said,
    said_by,
    unsuppressed,
)
from transforms.accumulate import Accumulate
from transforms.attend import Attend
from transforms.rules import AttendRules, PublishRules

NOON = datetime(2026, 3, 3, 12, 0, tzinfo=timezone.utc)


class Desk:
    """A shard and the family of totals behind it: `hear` observations, `publish` figures."""

    def __init__(self, registered=("app",), epoch=0, named=True):
        rules = PublishRules(PARIS, registered, epoch)
        self.attend = Attend(AttendRules(PARIS))
        self.accumulate = Accumulate(rules, totals_family=True)
        if named:
            self.accumulate.name(label_batch())
        self.now = NOON

    def hear(self, *rows):
        self.attend.add(observations(rows))
        self.accumulate.add(self.attend.emit().partials)
        return self

    def publish(self, cause="late_data"):
        self.now += timedelta(minutes=5)
        with unsuppressed():
            return self.accumulate.publish(self.now, cause)


def _figure(metrics, metric, window="day", grouping="total", traffic="gross", channel=None):
    """(value, revision, cause) of the figure's row, or None if the batch has none."""
    rows = [
        (row["value"], row["revision"], row["cause"])
        for row in metrics.to_pylist()
        if (row["metric"], row["window_kind"], row["grouping_set"]) == (metric, window, grouping)
        and (row["traffic"], row["channel"]) == (traffic, channel)
    ]
    assert len(rows) <= 1
    return rows[0] if rows else None


def test_the_first_publication_has_revision_zero_and_the_cause_first():
    desk = Desk().hear(said("10:00", id=1))
    metrics = desk.publish()

    assert metrics.schema.equals(METRIC, check_metadata=True)
    assert _figure(metrics, "reach") == (1.0, 0, "first")
    assert set(metrics.column("revision").to_pylist()) == {0}
    assert set(metrics.column("cause").to_pylist()) == {"first"}
    assert set(metrics.column("published_time").to_pylist()) == {NOON + timedelta(minutes=5)}


#   12:05 publish   ana at 10:00                            reach of the day 1
#   12:10 publish   ben at 10:30, late                      reach of the day 2, revision 1
#   12:15 publish   nothing new                             no rows


def test_late_news_publishes_only_the_rows_that_changed_with_the_next_revision():
    desk = Desk().hear(said("10:00", id=1))
    desk.publish()
    metrics = desk.hear(said("10:30", "ben", id=2)).publish()

    assert _figure(metrics, "reach") == (2.0, 1, "late_data")
    assert _figure(metrics, "events", "hour") == (2.0, 1, "late_data")
    starts = {
        (row["window_start"].hour, row["window_start"].minute)
        for row in metrics.to_pylist()
        if row["window_kind"] == "minute" and row["metric"] == "reach"
    }
    assert starts == {(10, 30)}


def test_when_nothing_changed_nothing_is_published():
    desk = Desk().hear(said("10:00", id=1))
    desk.publish()

    assert desk.publish().num_rows == 0
    assert desk.hear(said("10:00", id=1)).publish().num_rows == 0


def test_a_change_that_is_undone_before_publication_is_not_published():
    desk = Desk().hear(said("10:00", id=1))
    desk.publish()
    desk.hear(said("10:01", "ben", "like", id=2, fact=7, revision=1))
    desk.hear(said("10:02", "ben", "like", id=3, fact=7, revision=2, retract=True))
    metrics = desk.publish()

    assert _figure(metrics, "reach") is None
    assert _figure(metrics, "events") == (3.0, 1, "late_data")


def test_the_cause_of_a_change_is_the_one_given():
    desk = Desk().hear(said("10:00", id=1))
    desk.publish()

    found = _figure(desk.hear(said("10:30", "ben", id=2)).publish("restatement"), "reach")
    assert found == (2.0, 1, "restatement")


def test_revisions_count_changes_and_not_publications():
    desk = Desk().hear(said("10:00", id=1))
    desk.publish()
    desk.publish()
    desk.hear(said("10:30", "ben", id=2)).publish()
    desk.publish()

    assert _figure(desk.hear(said("10:40", "dan", id=3)).publish(), "reach") == (
        3.0,
        2,
        "late_data",
    )


def test_a_figure_whose_events_are_all_taken_back_is_withdrawn_by_a_row():
    like = said("10:00", signal="like", id=1, fact=7, revision=1)
    unlike = said("10:01", signal="like", id=2, fact=7, revision=2, retract=True)
    desk = Desk().hear(like)
    assert _figure(desk.publish(), "engagement_rate_engagers") == (1.0, 0, "first")

    metrics = desk.hear(unlike).publish("retraction")
    assert _figure(metrics, "engagement_rate_engagers") == (None, 1, "retraction")
    row = next(r for r in metrics.to_pylist() if r["metric"] == "engagement_rate_engagers")
    assert row["suppressed_reason"] == "withdrawn"
    assert (row["numerator"], row["denominator"], row["n"]) == (None, None, 0)
    assert desk.publish().num_rows == 0


def test_a_withdrawn_figure_that_returns_goes_on_counting_its_revisions():
    like = said("10:00", signal="like", id=1, fact=7, revision=1)
    desk = Desk().hear(like)
    desk.publish()
    desk.hear(replace(like, id=2, revision=2, retract=True)).publish()
    metrics = desk.hear(replace(like, id=3, revision=3)).publish()

    assert _figure(metrics, "engagement_rate_engagers") == (1.0, 2, "late_data")


def test_a_registered_channel_that_is_silent_has_a_row_of_zero_with_coverage_zero():
    metrics = Desk(registered=("app", "site")).hear(said("10:00", id=1, channel="app")).publish()
    silent = [
        row for row in metrics.to_pylist() if row["channel"] == "site" and row["traffic"] == "gross"
    ]

    assert {row["metric"] for row in silent} == {"events"}
    assert sorted({(row["value"], row["coverage"]) for row in silent}) == [(0.0, 0.0)]
    windows = [row["window_kind"] for row in silent]
    assert {kind: windows.count(kind) for kind in set(windows)} == {
        "minute": 60,
        "hour": 1,
        "day": 1,
    }


# app   10:00  10 a minute, for an hour | 11:00  nothing, from anywhere | 11:05  10 a minute | 11:10
def test_an_outage_of_everything_is_minutes_of_zero_with_coverage_zero_and_lowers_that_of_the_hour():
    minutes = [*range(60), *range(65, 70)]
    sent = [said(f"{10 + m // 60}:{m % 60:02}", channel="app") for m in minutes for _ in range(10)]
    metrics = Desk().hear(*numbered(sent)).publish()
    total = {
        (row["window_kind"], row["window_start"].strftime("%H:%M")): (row["value"], row["coverage"])
        for row in metrics.to_pylist()
        if (row["metric"], row["grouping_set"], row["traffic"]) == ("events", "total", "gross")
    }

    assert [total["minute", f"11:0{minute}"] for minute in range(4, 7)] == [
        (0, 0),
        (10, 1),
        (10, 1),
    ]
    # Of 600, 590, 580 … expected those of the five silent minutes were missed, and of those after
    # 11:10, when nothing came again.
    assert total["hour", "10:00"] == (600, 1)
    assert 0 < total["hour", "11:00"][1] < 0.5


def test_a_channel_that_speaks_at_last_replaces_its_zero():
    desk = Desk(registered=("app", "site")).hear(said("10:00", id=1, channel="app"))
    desk.publish()
    metrics = desk.hear(said("10:10", id=2, channel="site")).publish()

    assert _figure(metrics, "events", grouping="channel", channel="site") == (1.0, 1, "late_data")
    assert _figure(metrics, "reach", grouping="channel", channel="site") == (1.0, 0, "first")


def test_before_anything_was_heard_nothing_is_published():
    assert Desk(registered=("app", "site")).publish().num_rows == 0


#   12:05 publish   ana on the site at 10:00, texts unknown      total only: the site waits
#   12:10 publish   the text of the site's key has come          the site's first row
#   12:15 publish   nothing new                                  no rows


def test_a_figure_waits_for_the_texts_of_its_dimensions():
    desk = Desk(named=False).hear(said("10:00", id=1, channel="site"))
    early = desk.publish()
    desk.accumulate.name(label_batch())
    metrics = desk.publish()

    assert _figure(early, "reach") == (1.0, 0, "first")
    assert {row["channel"] for row in early.to_pylist()} == {None, "app"}
    assert {row["grouping_set"] for row in early.to_pylist()} == {"total", "channel"}
    assert _figure(metrics, "reach", grouping="channel", channel="site") == (1.0, 0, "first")
    assert _figure(metrics, "reach") is None
    for row in [*early.to_pylist(), *metrics.to_pylist()]:
        assert (row["channel"] is None) == ("channel" not in row["grouping_set"])
        assert (row["content_id"] is None) == ("content" not in row["grouping_set"])
    assert desk.publish().num_rows == 0


def test_the_epoch_is_the_one_of_the_rules():
    metrics = Desk(epoch=3).hear(said("10:00", id=1)).publish()

    assert set(metrics.column("epoch").to_pylist()) == {3}


def test_figures_on_too_few_people_are_rows_without_numbers_and_do_not_change_in_secret():
    desk = Desk().hear(said("10:00", id=1))
    desk.now += timedelta(minutes=5)
    (first,) = [
        row
        for row in desk.accumulate.publish(desk.now).to_pylist()
        if (row["metric"], row["window_kind"]) == ("reach", "day")
        and (row["grouping_set"], row["traffic"]) == ("total", "gross")
    ]
    assert (first["value"], first["n"], first["suppressed_reason"]) == (None, 0, "fewer_than_10")

    metrics = desk.hear(said("10:30", "ben", id=2)).accumulate.publish(desk.now)
    assert _figure(metrics, "reach") is None


@pytest.mark.parametrize("cut", [1, 3, 5])
def test_publishing_often_ends_in_the_same_figures_as_publishing_once(cut):
    rows = numbered(
        [
            said("10:00", "ana", "like", fact=7, revision=1),
            said("10:01", "ben", "comment"),
            said("10:02", "ana", "like", fact=7, revision=2, retract=True),
            said("22:59", "ana", "heartbeat", period=90_000, value=30_000),
            said("23:10", "ben", "rate:csat", value=1_000_000),
            said("10:01", "dan", valid=False),
        ]
    )
    often, once = Desk(), Desk().hear(*rows)
    latest = {}
    for part in (rows[:cut], rows[cut:]):
        for row in often.hear(*part).publish().to_pylist():
            latest[_key(row)] = said_by(row)
    latest = {k: v for k, v in latest.items() if v[-1] != "withdrawn"}

    assert latest == {_key(row): said_by(row) for row in once.publish().to_pylist()}


def _key(row):
    names = ("metric", "grouping_set", "window_kind", "window_start", "channel", "item", "traffic")
    return tuple(row[name] for name in names)
