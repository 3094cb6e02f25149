"""`moment replay bigquery://PROJECT/DATASET` on BigQuery's emulator.

A decoder refuses what thirteen people wrote on Monday; then it is mended. Runs where the emulator's
packages can be had; with MOMENT_EVERYTHING set it must run.
"""

from __future__ import annotations

import re

import pytest

from deploy.local.bigquery import Emulator
from pipelines.backfill.lease import exclusively
from pipelines.errors import OptionError
from pipelines.sinks.bigquery.destination import Destination
from pipelines.sinks.tables import EVENTS, FAILED_EVENTS, METRICS, REPLAYS
from tests.e2e.in_bigquery import InBigQuery, copy_of
from tests.pipelines.refill import Published, broken

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def refused(
    pristine: object, empty: Destination, bigquery: Emulator, failing: Published
) -> InBigQuery:
    """The dataset as a broken decoder leaves it."""
    copy_of(failing.dataset, empty)
    return InBigQuery(empty, failing.inputs, bigquery.client())


@pytest.fixture
def sound(pristine) -> set[tuple[object, ...]]:
    """The figures that a decoder without a fault gives."""
    return set(Published(pristine / "dataset", []).standing())


def test_failed_events_that_decode_now_are_events_and_their_days_are_restated_once(
    moment_replay, refused, sound
):
    events = refused.count(EVENTS)
    assert refused.standing() != sound
    planned = moment_replay(refused.to, "--plan")
    assert planned.out == "failed events to take again: 13\n"
    assert refused.count(REPLAYS) == 0
    said = moment_replay(refused.to)

    assert said.code == 0
    assert said.out.splitlines()[:2] == [
        "failed events to take again: 13",
        "13 are decoded, 0 fail again; new events: 13",
    ]
    assert re.search(r"^2026-03-02: restated in epoch 1: of [\d,]+ figures", said.out, re.M)
    assert refused.count(EVENTS) == events + 13
    assert refused.standing() == sound
    assert [row["outcome"] for row in refused.rows(REPLAYS)] == ["decoded"] * 13
    assert refused.count(FAILED_EVENTS) == 13

    rows = refused.count(METRICS)
    again = moment_replay(refused.to)
    assert again.out == "failed events to take again: 0\n"
    assert (refused.count(METRICS), refused.count(EVENTS)) == (rows, events + 13)


def test_what_fails_again_stays_and_is_told_once_a_version(moment_replay, refused):
    with broken("youtube_chat", lambda payload: b'"id":"m' in payload):
        said = [moment_replay(refused.to).out for _ in range(2)]

    assert (
        said
        == ["failed events to take again: 13\n0 are decoded, 13 fail again; new events: 0\n"] * 2
    )
    assert [row["outcome"] for row in refused.rows(REPLAYS)] == ["failed"] * 13
    assert refused.count(FAILED_EVENTS) == 13


def test_a_replay_that_ended_before_its_days_were_restated_is_completed_by_the_next(
    moment_replay, refused, sound, monkeypatch
):
    """Its events are there already: their ids are the same each time."""
    with monkeypatch.context() as patch:
        patch.setattr("pipelines.replay.job.restate", _killed)
        with pytest.raises(KeyboardInterrupt):
            moment_replay(refused.to)
    assert refused.count(REPLAYS) == 0
    said = moment_replay(refused.to)

    assert "13 are decoded, 0 fail again; new events: 0" in said.out
    assert "2026-03-02: restated in epoch 1" in said.out
    assert refused.standing() == sound


def _killed(*given: object) -> None:
    raise KeyboardInterrupt


def test_only_what_was_asked_for_is_taken_and_no_two_at_once(moment_replay, refused):
    said = moment_replay(refused.to, "--reason", "invalid_syntax", "--plan")
    assert said.out == "failed events to take again: 0\n"
    with (
        exclusively(refused.to),
        pytest.raises(OptionError, match="expected no other backfill, replay or compaction"),
    ):
        moment_replay(refused.to)
    assert refused.count(REPLAYS) == 0
