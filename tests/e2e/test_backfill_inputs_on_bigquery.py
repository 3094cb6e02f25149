"""`moment backfill bigquery://PROJECT/DATASET --source INPUT...` on BigQuery's emulator.

Runs where the emulator's packages can be had; with MOMENT_EVERYTHING set it must run.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipelines.errors import OptionError
from pipelines.sinks.tables import (
    BACKFILLS,
    BALANCES,
    DECODED_EVENTS,
    EVENTS,
    FAILED_EVENTS,
    METRICS,
)
from tests.e2e.in_bigquery import InBigQuery, copy_of, killed_when
from tests.e2e.test_backfill_on_bigquery import as_if_minutes_had_passed, outcomes, states
from tests.pipelines.refill import CHANNELS, message, rewrite, views

pytestmark = pytest.mark.timeout(900)

DAYS = ("--from", "2026-03-01", "--to", "2026-03-03")
DATES = ("2026-03-01", "2026-03-02", "2026-03-03")


def events(place: InBigQuery, where: str = "TRUE") -> list[tuple[object, ...]]:
    return sorted((tuple(row.values()) for row in place.rows(EVENTS, where)), key=repr)


def without(place: InBigQuery, condition: str) -> None:
    name = place.to.name(EVENTS)
    place.client.query_and_wait(f"DELETE FROM `{name}` WHERE day > '1970-01-01' AND {condition}")


def native(place: InBigQuery, name: str) -> Path:
    return Path(next(each for each in place.inputs if name in each).partition("=")[2])


def source(place: InBigQuery, name: str) -> str:
    return next(each for each in place.inputs if name in each)


def test_raw_input_that_gives_the_same_changes_nothing(moment_backfill, batch):
    before, rows = events(batch), batch.count(METRICS)
    said = moment_backfill(batch.to, *DAYS, "--source", *batch.inputs)

    assert said.code == 0
    assert "raw input: " in said.out
    assert "0 are new, 0 are gone" in said.out
    assert "is replaced" not in said.out
    assert outcomes(said.out) == [(day, "identical") for day in DATES]
    assert (events(batch), batch.count(METRICS)) == (before, rows)


def test_events_that_were_missing_are_put_in_their_partitions_and_count(moment_backfill, batch):
    whole, figures = events(batch), batch.standing()
    without(batch, "channel = 'access_log'")
    assert len(events(batch)) == len(whole) - 62
    said = moment_backfill(batch.to, *DAYS, "--source", *batch.inputs)

    assert "62 are new, 0 are gone" in said.out
    assert "2026-03-02: its part of the partition 2026-03-02 is replaced" in said.out
    assert events(batch) == whole
    assert batch.standing() == figures
    again = moment_backfill(batch.to, *DAYS, "--source", *batch.inputs)
    assert "is replaced" not in again.out


def test_an_archive_that_the_run_kept_elsewhere_is_decoded_anew(
    moment_backfill, measured, published, empty, bigquery, tmp_path
):
    kept = ("--channels", CHANNELS, "--brand", "b", f"--archive={tmp_path / 'archive'}")
    measured(published.inputs, tmp_path / "whole", *kept)
    copy_of(tmp_path / "whole", empty)
    place = InBigQuery(empty, published.inputs, bigquery.client())
    whole = events(place)
    without(place, "channel = 'access_log'")
    said = moment_backfill(empty, *DAYS, "--source", "archive")

    assert "62 are new, 0 are gone" in said.out
    assert outcomes(said.out) == [(day, "identical") for day in DATES]
    assert events(place) == whole


def test_other_days_and_channels_of_a_partition_stay_as_they_are(moment_backfill, batch):
    rewrite(native(batch, "web.log"), views(2, range(10, 44)))
    before = set(events(batch))
    said = moment_backfill(batch.to, *DAYS[:1], DATES[1], "--source", source(batch, "web.log"))
    new = [row for row in batch.rows(EVENTS) if tuple(row.values()) not in before]

    assert before < set(events(batch))
    assert [(str(row["day"]), row["channel"]) for row in new] == [("2026-03-02", "access_log")] * 4
    assert outcomes(said.out) == [("2026-03-02", "restated")]


def test_events_that_the_source_lacks_are_removed_only_where_that_was_said(moment_backfill, batch):
    rewrite(native(batch, "web.log"), views(2, range(10, 30)))
    before = events(batch)
    given = (batch.to, "--from", "2026-03-02", "--source", source(batch, "web.log"))

    with pytest.raises(OptionError, match=r"found 10 missing \(access_log\); give all input"):
        moment_backfill(*given)
    assert events(batch) == before
    assert states(batch) == []

    said = moment_backfill(*given, "--remove")
    assert "0 are new, 10 are gone" in said.out
    assert len(events(batch)) == len(before) - 10
    reach = batch.rows(
        METRICS,
        "epoch = 1 AND metric = 'reach' AND window_kind = 'day' AND grouping_set = 'channel'"
        " AND channel = 'access_log' AND traffic = 'valid'",
    )
    assert [row["value"] for row in reach] == [20.0]


def test_what_fails_now_is_a_failed_event_once_and_the_balance_says_so(moment_backfill, batch):
    chat = native(batch, "chat")
    rewrite(chat, chat.read_text() + "no chat at all\n" + message("new", 2, "author99"))
    given = (batch.to, *DAYS, "--source", *batch.inputs)
    said = moment_backfill(*given)
    counted = batch.count(BALANCES)
    again = moment_backfill(*given)

    assert "new failed events: 1" in said.out
    assert "new failed events: 0" in again.out
    assert batch.count(BALANCES) == counted
    assert [row["payload"] for row in batch.rows(FAILED_EVENTS)] == [b"no chat at all"]
    told = batch.rows(BALANCES, "channel = 'youtube_chat' AND failed > 0")
    assert [(row["received"], row["accepted"], row["balanced"]) for row in told] == [(29, 28, True)]


def test_rows_that_a_job_appends_meanwhile_stay(moment_backfill, batch, monkeypatch):
    """A partition is never written whole from what was read of it before."""
    name = batch.to.name(EVENTS)
    without(batch, "channel = 'access_log' AND day = DATE '2026-03-02'")

    def late_event_comes() -> None:
        batch.client.query_and_wait(
            f"INSERT INTO `{name}` SELECT * REPLACE (CAST('a-late-event-id.' AS BYTES) AS event_id)"
            f" FROM `{name}` WHERE day = DATE '2026-03-02' AND channel = 'youtube_chat' LIMIT 1"
        )

    from pipelines.backfill import replace

    change = replace.change

    def first_the_event(*given):
        late_event_comes()
        return change(*given)

    monkeypatch.setattr(replace, "change", first_the_event)
    moment_backfill(batch.to, "--from", "2026-03-02", "--source", source(batch, "web.log"))

    assert batch.count(EVENTS, "event_id = CAST('a-late-event-id.' AS BYTES)") == 1
    assert batch.count(EVENTS, "channel = 'access_log' AND day = DATE '2026-03-02'") == 30


def test_a_run_that_is_killed_leaves_each_partition_old_or_new_and_whole_and_a_rerun_completes(
    moment_backfill, batch
):
    figures, whole = batch.standing(), events(batch)
    new = {day: events(batch, f"day = DATE '{day}'") for day in DATES}
    without(batch, "channel = 'youtube_chat' AND event_type LIKE '%text%'")
    old = {day: events(batch, f"day = DATE '{day}'") for day in DATES}
    rows = batch.count(METRICS)
    killed_when(lambda: batch.count(DECODED_EVENTS) > 0, batch, *DAYS, "--source", *batch.inputs)
    left = {day: events(batch, f"day = DATE '{day}'") for day in DATES}

    assert all(left[day] in (old[day], new[day]) for day in DATES)
    assert left != new
    assert batch.count(METRICS) == rows
    as_if_minutes_had_passed(batch)
    said = moment_backfill(batch.to, *DAYS, "--source", *batch.inputs)
    assert said.code == 0
    assert events(batch) == whole
    assert batch.standing() == figures
    assert batch.rows(BACKFILLS, "state = 'finished'") != []


def test_a_day_that_the_source_has_nothing_of_is_refused(moment_backfill, batch):
    rewrite(native(batch, "web.log"), views(2, range(10, 40)))
    with pytest.raises(OptionError, match="expected events of 2026-03-01 in it, found none"):
        moment_backfill(batch.to, *DAYS, "--source", source(batch, "web.log"))
    assert re.fullmatch("(begun)?", "".join(states(batch)))
