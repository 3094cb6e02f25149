"""Laws of the core: neither cutting nor order nor shards change a figure, and figures are right."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.partial import GROUPING_NAMES, TRAFFIC
from tests.laws import examples
from tests.transforms.observations import (
    PARIS,
    TEXTS,
    Said,
    attend,
    comparable,
    measure,
    numbered,
    observations,
    readable,
    unsuppressed,
)
from tests.transforms.oracle import oracle
from transforms.attend import Attend, recall
from transforms.frame import rows_of
from transforms.rules import AttendRules
from transforms.shards import split_by_shard
from transforms.sketch import united
from transforms.statistics.theta import people_in

START = datetime(2026, 3, 28, 22, 20, tzinfo=timezone.utc)
"""Forty minutes before midnight in Paris, in the night that has no two o'clock."""

_SIGNALS = (
    *("view", "heartbeat", "heartbeat", "click", "like", "comment", "reply", "share", "purchase"),
    *("send", "moderate", "answer", "rate:csat", "rate:nps", "rate:boredom", "rate:ces"),
)
_PLACES = (("live", "maison"), ("film", "maison"), ("film", ""), ("", "atelier"), ("", ""))


@st.composite
def _rows(draw, copies_differ=False, facts_keep_their_actor=False):
    """Few people, places and minutes, so that they meet; facts restated; copies."""
    rows = []
    for _ in range(draw(st.integers(0, 14))):
        signal = draw(st.sampled_from(_SIGNALS))
        content, brand = draw(st.sampled_from(_PLACES))
        fact = draw(st.sampled_from((0, 0, 0, 7, 8)))
        beat = signal == "heartbeat"
        actor = draw(st.sampled_from(("ana", "ana", "ben", "cléo", "")))
        op = draw(st.sampled_from(("insert", "insert", "update", "retract"))) if fact else "insert"
        if fact and facts_keep_their_actor and op != "retract":
            actor = {7: "ana", 8: "dan"}[fact]
        rows.append(
            Said(
                at=START + timedelta(seconds=draw(st.integers(0, 220)) * 60 + 17),
                actor=actor,
                signal=signal,
                content=content,
                brand=brand,
                channel=draw(st.sampled_from(("app", "site"))),
                fact=fact,
                revision=draw(st.integers(1, 3)) if fact else 0,
                retract=op == "retract",
                update=op == "update",
                valid=draw(st.sampled_from((True, True, False))),
                value=draw(st.sampled_from((0, 250_000, 500_000, 750_000, 1_000_000))),
                period=draw(st.sampled_from((20_000, 60_000, 200_000))) if beat else 0,
            )
        )
    rows = numbered(rows)
    for row in list(rows):
        if draw(st.integers(0, 3)) == 0:
            moved = timedelta(minutes=draw(st.integers(-3, 3))) if copies_differ else timedelta(0)
            rows.append(replace(row, at=row.at + moved))
    return rows


def _cut(rows, seed):
    """The rows shuffled and cut at random places."""
    shuffled = list(rows)
    source = random.Random(seed)
    source.shuffle(shuffled)
    cuts = sorted(source.randint(0, len(shuffled)) for _ in range(source.randint(0, 3)))
    return [observations(shuffled[a:b]) for a, b in zip([0, *cuts], [*cuts, len(shuffled)])]


@examples(10)
@given(_rows(copies_differ=True), st.integers(0, 99))
def test_any_cutting_and_any_order_of_the_input_give_identical_metric_rows(rows, seed):
    with unsuppressed():
        whole = comparable(measure(observations(rows)))
        pieces = comparable(measure(*_cut(rows, seed)))

    assert pieces.equals(whole)


@examples(15)
@given(_rows(), st.integers(0, 99))
def test_statements_of_facts_one_after_the_other_sum_to_one_emission(rows, seed):
    machine = Attend(AttendRules(PARIS))
    deltas = []
    for batch in _cut(rows, seed):
        machine.add(batch)
        deltas += [attended.partials for attended in machine.emit_in_turns()]

    assert readable(deltas) == readable([attend(observations(rows))])


@examples(15)
@given(_rows(), st.integers(0, 99))
def test_deltas_of_an_emission_after_every_batch_sum_to_those_of_one_emission(rows, seed):
    machine = Attend(AttendRules(PARIS))
    deltas = []
    for batch in _cut(rows, seed):
        machine.add(batch)
        deltas.append(machine.emit().partials)

    assert readable(deltas) == readable([attend(observations(rows))])


def _sketches(*machines):
    return united([machine.sketches() for machine in machines])


@examples(20)
@given(_rows())
def test_a_days_sketch_counts_its_viewers_in_every_place_and_traffic(rows):
    machine = Attend(AttendRules(PARIS))
    machine.add(observations(rows))
    partials = machine.emit().partials

    found = {
        (
            GROUPING_NAMES[row["grouping"]],
            TEXTS.get(row["content"], ""),
            TEXTS.get(row["brand"], ""),
            TEXTS.get(row["channel"], ""),
            TRAFFIC[row["traffic"]],
            "day",
            row["start"],
            "",
        ): people_in(row["people"]).value
        for row in _sketches(machine).to_pylist()
    }
    assert found == {
        place: count
        for (place, name), count in readable([partials]).items()
        if name == "viewers" and place[5] == "day"
    }


@examples(20)
@given(_rows(), st.integers(0, 99))
def test_sketches_after_many_emissions_and_in_many_shards_have_the_same_bytes(rows, seed):
    """As a stream makes them, and as a batch does in one go."""
    whole, streamed = Attend(AttendRules(PARIS)), Attend(AttendRules(PARIS))
    whole.add(observations(rows))
    whole.emit()
    for batch in _cut(rows, seed):
        streamed.add(batch)
        streamed.emit()

    assert _sketches(streamed).equals(_sketches(whole))

    batch = observations([row for row in rows if not row.fact])
    shards = [Attend(AttendRules(PARIS)) for _ in range(3)]
    for shard, part in split_by_shard(batch, batch.column("actor").to_numpy(), 3):
        shards[shard].add(part)
    one = Attend(AttendRules(PARIS))
    one.add(batch)
    for machine in (*shards, one):
        machine.emit()

    assert _sketches(*shards).equals(_sketches(one))


@examples(40)
@given(_rows())
def test_partials_are_what_dictionaries_and_sets_in_plain_loops_say(rows):
    found = readable([attend(observations(rows))])

    assert {k: v for k, v in found.items() if k[1] != "heartbeat_ms"} == oracle(rows, PARIS)


@examples(10)
@given(_rows(facts_keep_their_actor=True))
def test_one_shard_and_seven_shards_give_identical_metric_rows(rows):
    with unsuppressed():
        one = comparable(measure(observations(rows)))
        seven = comparable(measure(observations(rows), shards=7, families=5))

    assert seven.equals(one)


@pytest.mark.parametrize("time_zone", ["Asia/Kolkata", "Australia/Lord_Howe", "America/New_York"])
@examples(8)
@given(rows=_rows())
def test_plain_loops_agree_where_hours_begin_at_half_past(time_zone, rows):
    found = readable([attend(observations(rows, time_zone), time_zone=time_zone)])

    assert {k: v for k, v in found.items() if k[1] != "heartbeat_ms"} == oracle(rows, time_zone)


@st.composite
def _days(draw):
    """Rows of three days in the order of their times; a fact is stated and changed within a day."""
    rows = []
    for _ in range(draw(st.integers(0, 8))):
        day, minute = draw(st.integers(0, 2)), draw(st.sampled_from((0, 1, 600, 1438, 1439)))
        fact = draw(st.sampled_from((0, 0, 7, 8)))
        op = draw(st.sampled_from(("insert", "insert", "update", "retract"))) if fact else "insert"
        beat = draw(st.booleans()) and not fact
        rows.append(
            Said(
                at=datetime(2026, 3, 28 + day, minute // 60, minute % 60, 17, tzinfo=timezone.utc),
                actor=draw(st.sampled_from(("ana", "ben", ""))),
                signal="heartbeat"
                if beat
                else draw(st.sampled_from(("view", "like", "rate:csat"))),
                channel=draw(st.sampled_from(("app", "site"))),
                fact=fact and fact + 10 * day,
                revision=minute if fact else 0,
                retract=op == "retract",
                update=op == "update",
                valid=draw(st.booleans()),
                period=draw(st.sampled_from((20_000, 200_000))) if beat else 0,
            )
        )
    return numbered(sorted(rows, key=lambda row: row.at))


def _timely(rows, hot_minutes, time_zone, recalled):
    """Deltas of rows told one by one, each minute closed when a row of it has come; rows in time.

    `recalled`: after each row another machine goes on, which knows only the fragments.
    """
    rules = AttendRules(time_zone, hot_minutes)
    machine, fragments, deltas, timely = Attend(rules), [], [], []
    latest = 0
    for row in rows:
        machine.add(observations([row], time_zone))
        emitted = machine.emit()
        deltas.append(emitted.partials)
        timely += [] if rows_of(emitted.late) else [row]
        latest = max(latest, row.micros // 60_000_000)
        machine.close(latest)
        if recalled:
            fragments += machine.learnt()
            machine = recall(rules, fragments)
    return deltas, timely


@pytest.mark.parametrize("recalled", [False, True])
@examples(15)
@given(rows=_days(), hot_minutes=st.sampled_from((0, 60, 360)))
def test_closing_as_days_go_by_changes_no_figure_of_what_is_in_time(rows, hot_minutes, recalled):
    deltas, timely = _timely(rows, hot_minutes, "UTC", recalled)

    assert readable(deltas) == readable([attend(observations(timely, "UTC"), time_zone="UTC")])
    assert {row.id for row in rows if not row.fact} <= {row.id for row in timely}


@pytest.mark.parametrize("recalled", [False, True])
@examples(25)
@given(rows=_rows(copies_differ=True), seed=st.integers(0, 99), hot_minutes=st.integers(0, 120))
def test_closing_at_any_time_leaves_the_figures_of_what_was_not_late(
    rows, seed, hot_minutes, recalled
):
    source = random.Random(seed)
    arriving = sorted(rows, key=lambda row: row.micros + source.randint(0, 3_600_000_000))
    deltas, timely = _timely(arriving, hot_minutes, PARIS, recalled)

    expected = Attend(AttendRules(PARIS))
    alone = []
    for row in timely:
        expected.add(observations([row]))
        alone.append(expected.emit().partials)
    assert readable(deltas) == readable(alone)
