"""`moment backfill bigquery://PROJECT/DATASET` on BigQuery's emulator, from its own events.

Runs where the emulator's packages can be had; with MOMENT_EVERYTHING set it must run.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

import pytest

from pipelines.backfill.lease import exclusively
from pipelines.backfill.rows import add_row
from pipelines.errors import OptionError
from pipelines.sinks.bigquery.whole import append_whole
from pipelines.sinks.tables import BACKFILLS, EVENTS, METRICS
from tests.e2e.in_bigquery import InBigQuery, killed_when

pytestmark = pytest.mark.timeout(900)

DAYS = ("--from", "2026-03-01", "--to", "2026-03-03")
LATE = ("--from", "2026-03-02", "--to", "2026-03-03")


def outcomes(out: str) -> list[tuple[str, str]]:
    return re.findall(r"^(\S+): (identical|restated|done before)", out, re.M)


def states(place: InBigQuery, of_backfills: bool = True) -> list[str]:
    told = sorted(place.rows(BACKFILLS), key=lambda row: row["recorded_time"])
    return [row["state"] for row in told if (row["backfill_id"] is not None) == of_backfills]


# What was published already


def test_days_that_a_batch_published_are_identical_and_nothing_is_appended(moment_backfill, batch):
    before = batch.count(METRICS)
    said = moment_backfill(batch.to, *DAYS)

    assert said.code == 0
    assert outcomes(said.out) == [
        ("2026-03-01", "identical"),
        ("2026-03-02", "identical"),
        ("2026-03-03", "identical"),
    ]
    assert batch.count(METRICS) == before > 4000
    assert states(batch) == ["begun", "done", "done", "done", "finished"]
    assert states(batch, of_backfills=False) == ["claimed", "held", "released"]


# News


def test_days_that_a_stream_published_become_what_a_batch_of_everything_gives_and_stay_so(
    moment_backfill, moment_verify, stream, batch_of_everything
):
    assert stream.standing() != batch_of_everything
    said = moment_backfill(stream.to, *LATE, "--cause", "definition")

    assert "2026-03-02: 44 events, bytes unknown here, in partitions 2026-03-01, 2026-03-02;" in (
        said.out
    )
    assert "figures of epoch 0, 12 late ledger rows" in said.out
    assert re.findall(r"^(\S+): restated in epoch 1: of", said.out, re.M) == [
        "2026-03-02",
        "2026-03-03",
    ]
    assert stream.standing() == batch_of_everything
    revisions = f"`{stream.to.project}.{stream.to.views_dataset}.metric_revisions`"
    changes = stream.client.query_and_wait(
        f"SELECT previous_value, value, epoch, cause FROM {revisions} WHERE metric = 'reach'"
        " AND window_kind = 'day' AND grouping_set = 'channel' AND channel = 'access_log'"
        " AND traffic = 'valid' AND day = DATE '2026-03-02'"
    )
    assert [tuple(row.values()) for row in changes] == [(18.0, 30.0, 1, "definition")]

    verified = moment_verify(stream.to, *stream.inputs, "--day", "2026-03-02")
    assert re.match(
        r"identical: [\d,]+ figures of 2026-03-02, 0 late events excluded", verified.out
    )

    rows = stream.count(METRICS)
    again = moment_backfill(stream.to, *LATE)
    assert "epoch 2" in again.out.splitlines()[0]
    assert [outcome for _, outcome in outcomes(again.out)] == ["identical"] * 2
    assert stream.count(METRICS) == rows
    assert stream.standing() == batch_of_everything


def test_a_figure_whose_events_are_gone_is_withdrawn(moment_backfill, batch):
    batch.client.query_and_wait(
        f"DELETE FROM `{batch.to.name(EVENTS)}` WHERE channel = 'youtube_chat' AND day > '1970-01-01'"
    )
    said = moment_backfill(batch.to, "--from", "2026-03-02")

    assert re.search(r"[1-9]\d* of these withdrawn", said.out)
    gone = batch.rows(METRICS, "epoch = 1 AND suppressed_reason = 'withdrawn'")
    assert {(row["value"], row["n"], row["cause"]) for row in gone} == {(None, 0, "restatement")}
    assert outcomes(moment_backfill(batch.to, "--from", "2026-03-02").out) == [
        ("2026-03-02", "identical")
    ]


# Once begun


def test_a_backfill_that_is_killed_leaves_whole_days_and_goes_on_where_it_was(
    moment_backfill, stream, batch_of_everything
):
    monday = stream.count(METRICS, "day = DATE '2026-03-02'")
    killed_when(lambda: "done" in states(stream), stream, *DAYS)

    assert states(stream) == ["begun", "done"]
    assert stream.count(METRICS, "day = DATE '2026-03-02'") == monday
    with pytest.raises(OptionError) as refused:
        moment_backfill(stream.to, *DAYS)
    assert re.search(
        r"found that of .+ on .+ \(process \d+\), since 20\d\d-.+; wait until it has ended, or,"
        r" where it was killed, [12]\d\d s until its lease has$",
        str(refused.value),
    )

    as_if_minutes_had_passed(stream)
    said = moment_backfill(stream.to, *DAYS)
    assert outcomes(said.out) == [
        ("2026-03-01", "done before"),
        ("2026-03-02", "restated"),
        ("2026-03-03", "restated"),
    ]
    assert stream.standing() == batch_of_everything
    assert states(stream)[-1] == "finished"


def test_a_day_that_is_killed_while_it_is_committed_is_there_whole_or_not_at_all(
    stream, monkeypatch
):
    """All is written and acknowledged, the commit is not asked for: nobody sees a row."""
    before = stream.count(METRICS)

    def killed() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        append_whole(stream.to, METRICS, rows_again(stream), killed)
    assert stream.count(METRICS) == before

    assert append_whole(stream.to, METRICS, rows_again(stream)) == before
    assert stream.count(METRICS) == 2 * before


def rows_again(place: InBigQuery) -> Any:
    from pipelines.sources.bigquery import ALL_DAYS, fetch_batches

    sql = f"SELECT * FROM `{place.to.name(METRICS)}` WHERE {ALL_DAYS}"
    return list(fetch_batches(place.to, sql, METRICS.schema))


def as_if_minutes_had_passed(place: InBigQuery) -> None:
    place.client.query_and_wait(
        f"UPDATE `{place.to.name(BACKFILLS)}`"
        " SET recorded_time = TIMESTAMP_SUB(recorded_time, INTERVAL 10 MINUTE)"
        " WHERE day > DATE '1970-01-01'"
    )


def unfinished(place: InBigQuery, **options: str) -> None:
    asked = {"from": "2026-03-01", "to": "2026-03-03", "source": "events", "cause": "restatement"}
    row: dict[str, Any] = {"backfill_id": "one", "started": "2026-03-06T10:00:00+00:00"}
    row |= {"epoch": 7, "options": json.dumps(asked | options)}
    add_row(place.to, "somebody", "begun", **row)
    done = {"outcome": json.dumps({"done": "2026-03-06T10:01:00+00:00", "outcome": "identical"})}
    add_row(place.to, "somebody", "done", local_day=datetime(2026, 3, 1).date(), **row, **done)


def test_an_unfinished_backfill_keeps_its_epoch_and_its_options_or_is_given_up(
    moment_backfill, stream
):
    unfinished(stream, to="2026-03-02")
    with pytest.raises(
        OptionError,
        match=rf"^{stream.to.name(BACKFILLS)}: expected --to 2026-03-02 .* found 2026-03-03;",
    ):
        moment_backfill(stream.to, *DAYS)
    assert "epoch 1," in moment_backfill(stream.to, *DAYS, "--restart", "--plan").out

    said = moment_backfill(stream.to, "--from", "2026-03-01", "--to", "2026-03-02")
    assert "epoch 7, cause restatement" in said.out
    assert "2026-03-01: done before, 2026-03-06T10:01:00+00:00" in said.out
    assert "2026-03-02: restated in epoch 7" in said.out


def test_two_at_once_are_refused_with_owner_and_time(moment_backfill, batch):
    with exclusively(batch.to), pytest.raises(OptionError) as refused:
        moment_backfill(batch.to, "--from", "2026-03-02")

    assert re.search(
        rf"expected no other backfill, replay or compaction of it, found that of .+ on .+ \(process {os.getpid()}\), since",
        str(refused.value),
    )
    assert states(batch) == []
    assert moment_backfill(batch.to, "--from", "2026-03-02").code == 0


def test_of_several_who_begin_at_once_never_two_have_it(batch):
    inside, most, had = 0, 0, 0
    lock = threading.Lock()

    def begin() -> None:
        nonlocal inside, most, had
        with suppress(OptionError), exclusively(batch.to):
            with lock:
                inside, had = inside + 1, had + 1
                most = max(most, inside)
            time.sleep(0.5)
            with lock:
                inside -= 1

    threads = [threading.Thread(target=begin) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == 1
    assert had >= 1
    assert states(batch, of_backfills=False).count("claimed") >= 6


# The plan, and what is refused


def test_a_plan_says_what_would_be_done_and_does_nothing(moment_backfill, batch):
    said = moment_backfill(batch.to, "--from", "2026-03-02", "--plan")

    assert said.out.splitlines() == [
        f"backfill of {batch.to} from its events: epoch 1, cause restatement",
        "  2026-03-02: 44 events, bytes unknown here, in partitions 2026-03-01, 2026-03-02;"
        " figures of epoch 0",
        "  for each day a part of other days too, bytes unknown here: who was there before, and what"
        " changed later",
    ]
    assert batch.count(BACKFILLS) == 0


BAD = {
    "a day without events": (
        ["--from", "2026-03-01", "--to", "2026-03-04"],
        "expected events of 2026-03-04, found none",
    ),
    "a budget where nobody tells bytes": (
        ["--from", "2026-03-02", "--price-per-tib", "6.25", "--budget", "1"],
        r"--price-per-tib 6.25: expected bigquery://\S+ to tell the bytes that are read, found",
    ),
    "an archive": (
        ["--from", "2026-03-02", "--source", "archive"],
        r"--source archive: expected one that bigquery://\S+ knows of, found none: its last run kept",
    ),
}


@pytest.mark.parametrize(("arguments", "told"), BAD.values(), ids=BAD)
def test_what_cannot_be_done_is_refused_in_one_sentence_before_anything_is_written(
    moment_backfill, batch, arguments, told
):
    before = (batch.count(METRICS), batch.count(EVENTS))
    with pytest.raises(OptionError, match=told) as refused:
        moment_backfill(batch.to, *arguments)

    assert "\n" not in str(refused.value)
    assert (batch.count(METRICS), batch.count(EVENTS)) == before
    assert states(batch) == []


def test_a_dataset_made_by_an_older_version_is_told_to_make_the_table(moment_backfill, batch):
    batch.client.delete_table(batch.to.name(BACKFILLS))

    with pytest.raises(OptionError) as refused:
        moment_backfill(batch.to, "--from", "2026-03-02")

    assert str(refused.value) == (
        f"{batch.to}: expected the table {batch.to.name(BACKFILLS)}, found none: create it with"
        " `moment tables apply`"
    )


def test_a_day_that_a_stream_may_still_change_is_refused_or_fenced(moment_backfill, stream):
    for table, change in (
        ("source_status", "UPDATE `{}` SET watermark = TIMESTAMP '2026-03-02 21:59:00+00:00'"),
        ("metrics", "DELETE FROM `{}`"),
    ):
        name = f"{stream.to.project}.{stream.to.dataset}.{table}"
        days = "day > '2026-03-04'" if table == "source_status" else "day > '2026-03-01'"
        stream.client.query_and_wait(f"{change.format(name)} WHERE {days}")

    assert moment_backfill(stream.to, "--from", "2026-03-01").code == 0
    with pytest.raises(OptionError, match=r"found 2026-03-02 open: .* after 2026-03-02T21:44\+00"):
        moment_backfill(stream.to, "--from", "2026-03-01", "--to", "2026-03-02")
    said = moment_backfill(stream.to, "--from", "2026-03-02", "--fence")
    assert "; no figures, 12 late ledger rows, open: fenced" in said.out


def test_today_is_not_over(moment_backfill, batch):
    evening = datetime(2026, 3, 3, 20, 0, tzinfo=timezone.utc)
    with pytest.raises(OptionError, match="found 2026-03-03 open"):
        moment_backfill(batch.to, "--from", "2026-03-03", now=evening)


def test_a_day_of_two_pseudonym_keys_is_refused(moment_backfill, batch):
    batch.client.query_and_wait(
        f"UPDATE `{batch.to.name(EVENTS)}` SET actor_key_id = '0123abcd'"
        " WHERE day = DATE '2026-03-02' AND channel = 'youtube_chat'"
    )
    with pytest.raises(OptionError, match=r"under one pseudonym key, found 0123abcd and \w{8}:"):
        moment_backfill(batch.to, "--from", "2026-03-02")
