"""`moment replay`: failed events taken again after a fix.

A decoder refuses what thirteen people wrote on Monday; then it is mended.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import OptionError
from pipelines.lock import exclusively
from pipelines.place_folder import FolderPlace
from pipelines.sinks.parquet import append
from pipelines.sinks.tables import FAILED_EVENTS
from pipelines.sources.failures import failed_payloads
from schemas.channels import registered_channels
from schemas.failure import Reason
from tests.pipelines.dataset import contents, query, table
from tests.pipelines.refill import (
    ARRIVED,
    CHANNELS,
    Published,
    broken,
    make_stream,
    message,
    rows_of,
)
from transforms.failures import Failure, failed_batch

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sound(pristine: Path) -> Published:
    """The dataset as a decoder without a fault leaves it."""
    return Published(pristine / "dataset", [])


def ids(dataset: Path) -> list[bytes]:
    return sorted(row["event_id"] for row in rows_of(dataset, "events"))


def test_failed_events_that_decode_now_are_events_and_their_days_are_restated(
    moment_replay, failing, sound
):
    assert failing.standing() != sound.standing()
    said = moment_replay(failing.dataset)

    assert said.code == 0
    assert said.out.splitlines()[:2] == [
        "failed events to take again: 13",
        "13 are decoded, 0 fail again; new events: 13",
    ]
    assert re.match(r"2026-03-02: restated in epoch 1: of [\d,]+ figures", said.out.splitlines()[2])
    assert ids(failing.dataset) == ids(sound.dataset)
    assert failing.standing() == sound.standing()
    assert query(failing.dataset, "SELECT outcome, count(*) FROM replays GROUP BY 1") == [
        ("decoded", 13)
    ]


def test_days_whose_events_are_not_kept_are_given_none_and_stay_as_they_are(
    moment_replay, failing, monkeypatch
):
    """Their partitions have expired, as BigQuery's do: what is left of a day is not what it was."""
    before = failing.standing()
    monkeypatch.setattr(FolderPlace, "kept_from", lambda place, now: date(2026, 3, 2))
    said = moment_replay(failing.dataset)

    assert said.out.splitlines()[1:] == [
        "2026-03-02 to 2026-03-02: stay as they are, for events are kept from 2026-03-02 on",
        "13 are decoded, 0 fail again; new events: 0",
    ]
    assert failing.standing() == before
    assert moment_replay(failing.dataset).out == "failed events to take again: 0\n"


def test_a_second_replay_does_nothing(moment_replay, failing):
    moment_replay(failing.dataset)
    before = contents(failing.dataset)
    said = moment_replay(failing.dataset)

    assert said.out == "failed events to take again: 0\n"
    assert contents(failing.dataset) == before


def test_rows_that_a_table_did_not_take_are_told_apart_from_pieces_of_a_file(
    moment_replay, failing
):
    failed = [
        Failure(b"{", 1, ARRIVED, "read", Reason.CORRUPT_FILE, "", "expected a file"),
        Failure(b'{"n": 1}', 0, ARRIVED, "write", Reason.REFUSED, "", "expected a row"),
        Failure(b'{"n": 2}', 0, ARRIVED, "write", Reason.REFUSED, "", "expected a row"),
    ]
    rows = pa.Table.from_batches([failed_batch(failed, "table events", None, ARRIVED)])
    append(failing.dataset, FAILED_EVENTS, rows)

    assert moment_replay(failing.dataset, "--plan").out == (
        "failed events to take again: 13; 1 are no whole records: give their input to"
        " `moment backfill --source`; 2 are rows that a table did not take, decoded and counted"
        " already: their reason and path say why\n"
    )


def test_what_fails_again_stays_a_failed_event_and_is_taken_by_the_next_replay(
    moment_replay, failing
):
    with broken("youtube_chat", lambda payload: b'"id":"m1' in payload):
        said = moment_replay(failing.dataset)
        again = moment_replay(failing.dataset)
    failed = len(rows_of(failing.dataset, "failed_events"))
    last = moment_replay(failing.dataset)

    assert "8 are decoded, 5 fail again; new events: 8" in said.out
    assert "0 are decoded, 5 fail again; new events: 0" in again.out
    assert failed == 13
    assert "5 are decoded, 0 fail again; new events: 5" in last.out
    assert query(
        failing.dataset, "SELECT outcome, count(*) FROM replays GROUP BY 1 ORDER BY 1"
    ) == [
        ("decoded", 13),
        ("failed", 5),
    ]


def test_events_that_the_dataset_has_already_are_not_added_again(
    moment_replay, moment_backfill, failing, sound
):
    days = ("--from", "2026-03-01", "--to", "2026-03-03")
    moment_backfill(failing.dataset, *days, "--source", *failing.inputs)
    said = moment_replay(failing.dataset)

    assert "13 are decoded, 0 fail again; new events: 0" in said.out
    assert "2026-03-02: identical" in said.out
    assert ids(failing.dataset) == ids(sound.dataset)


@pytest.mark.parametrize(
    ("arguments", "taken"),
    [
        (["--reason", "unknown_kind"], 13),
        (["--reason", "invalid_syntax"], 1),
        (["--reason", "invalid_syntax", "--reason", "unknown_kind"], 14),
        (["--channel", "youtube_chat"], 14),
        (["--channel", "survey"], 0),
        (["--channel", "youtube_chat", "--reason", "invalid_time"], 0),
    ],
    ids=["a reason", "another", "both", "a channel", "a channel without", "a channel and reason"],
)
def test_reasons_and_channels_say_which_are_taken(
    moment_replay, failing, measured, arguments, taken
):
    chat = Path(next(each for each in failing.inputs if "chat" in each).partition("=")[2])
    chat.write_text(chat.read_text() + '{"kind"\n')
    with broken("youtube_chat", lambda payload: b'"id":"m' in payload and b'"m7"' not in payload):
        measured(failing.inputs, failing.dataset, "--channels", CHANNELS, "--replace")
    before = contents(failing.dataset)
    said = moment_replay(failing.dataset, *arguments, "--plan")

    assert said.out == f"failed events to take again: {taken}\n"
    assert contents(failing.dataset) == before


def test_a_record_that_nobody_recognised_is_recognised_once_somebody_does(
    moment_replay, published, measured, tmp_path
):
    chat = tmp_path / "unknown.ndjson"
    chat.write_text("".join(message(f"x{n}", 2, f"author{n}") for n in range(12)))
    os.utime(chat, (ARRIVED.timestamp(), ARRIVED.timestamp()))
    registered = registered_channels()
    known = registered["youtube_chat"]
    registered["youtube_chat"] = replace(known, recognise=lambda payload: False)
    try:
        measured(
            [*published.inputs, str(chat)],
            published.dataset,
            *("--channels", CHANNELS, "--brand", "b", "--replace"),
        )
    finally:
        registered["youtube_chat"] = known
    said = moment_replay(published.dataset, "--reason", "unknown_channel")

    assert "12 are decoded, 0 fail again; new events: 12" in said.out


@pytest.mark.parametrize("channel", [None, "unregistered"])
def test_a_message_whose_channel_nobody_knew_is_of_the_one_that_recognises_it_now(
    tmp_path, channel
):
    said = message("x1", 2, "author").encode()
    what = (ARRIVED, "recognise", Reason.UNKNOWN_CHANNEL, "$", "expected another")
    records = enumerate([b"???", said, b"", b"{}"])
    failures = [Failure(record, position, *what) for position, record in records]
    failed = failed_batch(failures, "kafka:live/0", channel)
    pq.write_table(pa.Table.from_batches([failed]), tmp_path / "failed.parquet")

    found = {
        batch.schema.metadata.get(b"channel"): batch["position"].to_pylist()
        for batch in failed_payloads([str(tmp_path / "failed.parquet")])
    }

    assert found == {None: [0, 2, 3], b"youtube_chat": [1]}


def test_an_item_of_a_container_that_fails_again_is_the_same_failed_event(
    moment_replay, published, measured, tmp_path
):
    calls = [
        {
            "type": "track",
            "event": "Liked",
            "userId": f"u{n}",
            "messageId": f"c{n}",
            "timestamp": "2026-03-02T10:00:00Z",
        }
        for n in range(12)
    ]
    calls[1]["properties"] = 7
    batch = tmp_path / "segment.ndjson"
    batch.write_text(json.dumps({"batch": calls}) + "\n")
    os.utime(batch, (ARRIVED.timestamp(), ARRIVED.timestamp()))
    measured([f"segment={batch}"], published.dataset, "--channels", "segment,survey", "--replace")
    failed = table(published.dataset, "failed_events").to_pylist()
    said = moment_replay(published.dataset)

    assert len(failed) == 1
    assert failed[0]["payload"].startswith(b'{"type": "track"')
    assert "0 are decoded, 1 fail again; new events: 0" in said.out
    assert table(published.dataset, "failed_events").to_pylist() == failed


def test_what_arrived_in_days_that_a_stream_may_change_waits_or_is_fenced(
    moment_replay, failing, sound
):
    make_stream(failing.dataset)
    waits = moment_replay(failing.dataset)
    fenced = moment_replay(failing.dataset, "--fence")

    # The source has read up to Tuesday midnight; the records arrived on Thursday.
    assert waits.out == (
        "failed events to take again: 0; 13 arrived in days that are not closed and wait\n"
    )
    assert "13 are decoded" in fenced.out
    assert failing.standing() == sound.standing()


def test_a_replay_that_is_killed_is_completed_by_the_next(moment_replay, failing, sound):
    command = [sys.executable, "-m", "pipelines", "replay", str(failing.dataset)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    monday = failing.dataset / "events" / "day=2026-03-02"
    files = len(list(monday.glob("*.parquet")))
    try:
        deadline = time.monotonic() + 120
        # Its events are there, their day is not restated yet.
        while len(list(monday.glob("*.parquet"))) == files:
            assert time.monotonic() < deadline, "expected its events in two minutes"
            time.sleep(0.001)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()

    assert process.returncode == -signal.SIGKILL
    assert rows_of(failing.dataset, "replays") == []
    assert failing.standing() != sound.standing()
    said = moment_replay(failing.dataset)
    assert "13 are decoded, 0 fail again; new events: 0" in said.out
    assert "2026-03-02: restated in epoch 1" in said.out
    assert ids(failing.dataset) == ids(sound.dataset)
    assert failing.standing() == sound.standing()


def test_no_failed_payload_is_left_in_a_folder_that_others_may_read(moment_replay, failing):
    moment_replay(failing.dataset)

    assert not (failing.dataset / ".backfill").exists()
    assert (failing.dataset / "failed_events").stat().st_mode & 0o777 == 0o700


BAD = {
    "a reason that is none": (
        ["--reason", "bad_luck"],
        "--reason bad_luck: expected one of empty_",
    ),
    "a channel that is none": (["--channel", "smoke"], "--channel smoke: expected one of access_"),
}


@pytest.mark.parametrize(("arguments", "told"), BAD.values(), ids=BAD)
def test_a_bad_option_is_refused_in_one_sentence(moment_replay, failing, arguments, told):
    with pytest.raises(OptionError, match=told) as refused:
        moment_replay(failing.dataset, *arguments)

    assert "\n" not in str(refused.value)


def test_a_dataset_that_cannot_be_replayed_is_refused(
    moment_replay, failing, tmp_path, monkeypatch
):
    with pytest.raises(OptionError, match="expected a dataset of `moment measure`"):
        moment_replay(tmp_path)
    with pytest.raises(OptionError, match=r"^bigquery://ours: expected bigquery://PROJECT/DATASET"):
        moment_replay("bigquery://ours")
    with (
        exclusively(failing.dataset),
        pytest.raises(OptionError, match="expected no other run that writes in it"),
    ):
        moment_replay(failing.dataset)
    manifest = failing.dataset / "backfill.json"
    manifest.write_text(
        '{"options": {}, "epoch": 1, "started": "yesterday", "days": {}, "finished": null}'
    )
    with pytest.raises(OptionError, match="found the one that began yesterday; finish it first"):
        moment_replay(failing.dataset)
    manifest.write_text("no manifest")
    with pytest.raises(OptionError, match=r"backfill.json: expected the manifest .* remove it"):
        moment_replay(failing.dataset)
    monkeypatch.setenv("MOMENT_PSEUDONYM_KEY", "another key that nobody uses")
    with pytest.raises(OptionError, match="its ids were made with the pseudonym key"):
        moment_replay(failing.dataset)
