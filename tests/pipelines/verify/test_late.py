"""What came late is left out of the recomputation, as it was of the figures."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta

import pytest

from schemas.late import LATE_EVENT
from tests.pipelines.dataset import table
from tests.pipelines.verify.published import arrived
from tests.pipelines.verify.rows import NOON, late, write_rows
from transforms.balance import outcome_batch


def test_events_of_the_ledger_are_excluded_by_id_and_listed(moment_verify, streamed):
    without = moment_verify(streamed.dataset, *streamed.inputs)
    write_rows(streamed.dataset, "late_events", LATE_EVENT, streamed.ledger)
    said = moment_verify(streamed.dataset, *streamed.inputs)

    assert without.code == 4
    assert said.code == 0
    assert ", 1 late event excluded, 1 copy passed over\n" in said.out
    assert [re.split(" {2,}", line) for line in said.out.splitlines()[-2:]] == [
        ["late event", "effect", "happened", "arrived", "windows closed through"],
        [
            streamed.unheard,
            "event",
            "2026-03-02 13:00+01:00",
            "2026-03-05 13:00+01:00",
            "2026-03-02 19:00+01:00",
        ],
    ]


def _chat(deleted: bytes) -> str:
    """A page of a live chat: twelve people write, half an hour later a moderator deletes."""
    record = (
        b'{"kind":"youtube#liveChatMessage","id":"%s","snippet":{"type":"%s","liveChatId":"live",'
        b'"authorChannelId":"%s","publishedAt":"2026-03-02T10:%02d:00Z",%s}}\n'
    )
    words = b'"textMessageDetails":{"messageText":"hello"}'
    page = [record % (b"m%d" % n, b"textMessageEvent", b"a%d" % n, 0, words) for n in range(12)]
    gone = b'"messageDeletedDetails":{"deletedMessageId":"%s"}' % deleted
    page.append(record % (b"d", b"messageDeletedEvent", b"moderator", 30, gone))
    return b"".join(page).decode()


@pytest.mark.parametrize(("effect", "code"), [("change", 0), ("event", 4), (None, 4)])
def test_of_a_late_change_the_event_counts_and_what_was_sealed_stands(
    moment_verify, measured, tmp_path, effect, code
):
    # What was sealed when the deletion came, as if it named a message that nobody wrote.
    chat, dataset = tmp_path / "chat.ndjson", tmp_path / "figures"
    chat.write_text(_chat(deleted=b"m99"))
    arrived(chat, NOON)
    measured([f"youtube_chat={chat}"], dataset, "--channels", "youtube_chat")
    chat.write_text(_chat(deleted=b"m0"))
    arrived(chat, NOON)
    (deletion,) = (
        row["event_id"]
        for row in table(dataset, "events").to_pylist()
        if row["action"] == "moderate"
    )
    if effect:
        row = late(deletion, NOON, effect=effect)
        write_rows(dataset, "late_events", LATE_EVENT, [row, row])
    said = moment_verify(dataset, f"youtube_chat={chat}")

    assert said.code == code
    if effect == "change":
        assert ", 0 late events and 1 late change excluded\n" in said.out
        assert said.out.splitlines()[-1].startswith(f"{deletion.hex()}  change  2026-03-02 13:00")


@pytest.mark.parametrize(("named", "code"), [(True, 0), (False, 4)])
def test_of_a_copy_in_time_that_a_stream_read_second_nothing_counts(
    moment_verify, measured, tmp_path, named, code
):
    """It had arrived before the one that counted, and says the minute before."""
    first, second, dataset = tmp_path / "a.ndjson", tmp_path / "b.ndjson", tmp_path / "figures"
    second.write_text(_chat(deleted=b"m99"))
    first.write_text(second.read_text().replace("T10:00:00Z", "T09:59:59Z"))
    before = NOON - timedelta(seconds=1)
    arrived(first, before)
    arrived(second, NOON)
    measured([f"youtube_chat={second}"], dataset, "--channels", "youtube_chat")
    if named:
        rows = [
            late(row["event_id"], before, effect="copy")
            | {"event_time": row["event_time"] - timedelta(seconds=1)}
            for row in table(dataset, "events").to_pylist()
        ]
        write_rows(dataset, "late_events", LATE_EVENT, rows)
    said = moment_verify(dataset, f"youtube_chat={first}", f"youtube_chat={second}")

    assert said.code == code
    if named:
        assert ", 0 late events excluded, 13 copies passed over\n" in said.out


def test_a_recomputation_out_of_balance_proves_nothing(moment_verify, streamed, monkeypatch):
    # An Exclude that forgets to count what it leaves out.
    monkeypatch.setattr(
        "transforms.exclude.count_events",
        lambda excluded, input, outcome: outcome_batch(Counter()),
    )
    write_rows(streamed.dataset, "late_events", LATE_EVENT, streamed.ledger)
    said = moment_verify(streamed.dataset, *streamed.inputs)

    assert said.code == 3
    assert said.err == "moment: the balance of the recomputation does not close\n"
