"""What a killed life told as final, and its successor knows nothing of, does not stay."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.metric import KEY
from tests.laws import examples
from tests.transforms.observations import (
    PARIS,
    label_batch,
    observations,
    said,
    said_by,
    unsuppressed,
)
from transforms import attend
from transforms.accumulate import TOTALS_FAMILY, Accumulate, recall
from transforms.attend import MOST_TURNS, Attend
from transforms.partials import split_by_family
from transforms.progress import Mark, mark_batch, sent_by
from transforms.rules import AttendRules, PublishRules

RULES = PublishRules(PARIS, ("app",), shards=1)
TEN = int(datetime(2026, 3, 2, 10, tzinfo=timezone.utc).timestamp()) // 60
HOT = 5
NOW = datetime(2026, 3, 5, tzinfo=timezone.utc)


class Lives:
    """A family of one shard that lives, is killed, and lives again from its last checkpoint.

    `final` is the table of final rows, which nobody can unsay: of each figure the newest row.
    """

    def __init__(self):
        self.shard = Attend(AttendRules(PARIS, hot_minutes=HOT))
        self.family = Accumulate(RULES, totals_family=True)
        self.family.name(label_batch())
        self.final = {}
        self.causes = {}
        self._sent, self._restored = 0, False
        self._now = datetime(2026, 3, 3, tzinfo=timezone.utc)

    def hear(self, *rows):
        """Rows that come between two publications, and one."""
        self.shard.add(observations(rows))
        emissions = self.shard.emit_in_turns() if self._restored else [self.shard.emit()]
        for attended in emissions:
            deltas = dict(split_by_family(attended.partials, 1)).get(TOTALS_FAMILY)
            if deltas is not None:
                self._sent += 1
                self.family.add(sent_by(deltas, 0, self._sent))
        self._publish()

    def reach(self, minute):
        self.family.mark(mark_batch(Mark(0, self._sent, TEN + minute, TEN + minute - HOT)))
        self._publish()

    def checkpoint(self):
        return self.family.memory()

    def restore(self, checkpoint):
        self.family = recall(RULES, True, checkpoint)

    def whole_checkpoint(self):
        return self.shard.memory(), self._sent, self.family.memory()

    def restore_whole(self, checkpoint):
        """Shard and family go on from a checkpoint; what they heard since comes again."""
        shard, self._sent, family = checkpoint
        self.shard = attend.recall(self.shard.rules, shard)
        self.family, self._restored = recall(RULES, True, family), True

    @property
    def standing(self):
        return {key: row for key, row in self.final.items() if row[-1] != "withdrawn"}

    def _publish(self):
        self._now += timedelta(minutes=6)
        with unsuppressed():
            for rows in self.family.rows(self._now):
                if rows.final:
                    self._keep(rows.batch)

    def _keep(self, batch: pa.RecordBatch):
        for row in batch.to_pylist():
            self.final[_key(row)] = said_by(row)
            self.causes[_key(row)] = (row["cause"], row["revision"])


def _key(row):
    return tuple(row[name] for name in KEY)


def _at_once(rows):
    """The figures of the same rows, derived from everything once."""
    shard = Attend(AttendRules(PARIS))
    shard.add(observations(rows))
    family = Accumulate(PublishRules(PARIS, ("app",)), totals_family=True)
    family.name(label_batch())
    family.add(dict(split_by_family(shard.emit().partials, 1))[TOTALS_FAMILY])
    with unsuppressed():
        batch = family.publish(datetime(2026, 3, 4, tzinfo=timezone.utc))
    return {_key(row): said_by(row) for row in batch.to_pylist()}


VIEW = said("10:00", "ana", id=1)
LIKE = said("10:00", "ben", "like", id=2, fact=7, revision=1)
UNLIKE = said("10:00", "ben", "like", id=3, fact=7, revision=2, retract=True)

#   life 1   view and like of 10:00, told early | checkpoint | 10:01 reached: told as final | killed
#   life 2   (checkpoint) the like is taken back, in time | 10:01 reached


def _killed_after_it_told():
    """Lives of which the first told the like as final, and what it told of it."""
    lives = Lives()
    lives.hear(VIEW, LIKE)
    checkpoint = lives.checkpoint()
    lives.reach(1)
    lives.restore(checkpoint)
    told = [key for key in lives.final if "like" in key]
    assert told
    return lives, told


def test_a_figure_told_as_final_and_taken_back_in_time_by_the_next_life_is_withdrawn_as_final():
    lives, told = _killed_after_it_told()
    lives.hear(UNLIKE)
    assert lives.final[told[0]][-1] != "withdrawn"
    lives.reach(1)

    assert {lives.final[key][-1] for key in told} == {"withdrawn"}
    assert {lives.causes[key] for key in told} == {("recovery", 1)}


def test_it_is_withdrawn_too_where_the_early_row_had_been_taken_back_before_the_checkpoint():
    """A life before that one may have told it: who knows how many there were."""
    lives, told = _killed_after_it_told()
    lives.hear(UNLIKE)

    lives.restore(lives.checkpoint())
    lives.reach(1)

    assert {lives.final[key][-1] for key in told} == {"withdrawn"}


def test_it_is_withdrawn_once():
    lives = Lives()
    lives.hear(VIEW, LIKE)
    lives.restore(lives.checkpoint())
    lives.hear(UNLIKE)
    lives.reach(1)
    lives.causes.clear()

    lives.hear(said("10:00", "cléo", id=9))
    lives.reach(2)

    assert not [key for key in lives.causes if "like" in key and "minute" in key]


def test_a_life_that_was_never_killed_tells_as_final_only_what_stands():
    lives = Lives()
    lives.hear(VIEW, LIKE)
    lives.hear(UNLIKE)
    lives.reach(1)

    assert not [key for key in lives.final if "like" in key]


def test_a_figure_that_returns_after_its_withdrawal_stands_again():
    lives = Lives()
    lives.hear(VIEW, LIKE)
    lives.restore(lives.checkpoint())
    lives.hear(UNLIKE)
    lives.reach(1)
    told = [key for key in lives.final if "like" in key and "minute" in key]

    lives.hear(said("10:00", "ben", "like", id=4, fact=7, revision=3))

    assert {lives.causes[key] for key in told} == {("late_data", 2)}
    assert "withdrawn" not in {lives.final[key][-1] for key in told}


_LIKES = st.lists(st.integers(0, 9), min_size=1, max_size=8)
"""The minute in which each of some people liked something."""


@examples(30)
@given(_LIKES, st.data())
def test_wherever_lives_end_what_stands_is_what_is_derived_at_once(minutes, data):
    """Whoever is gone had been told as early, for lives begin from checkpoints of that."""
    people = [f"p{number}" for number in range(len(minutes))]
    likes = [
        said(f"10:{minute:02}", actor, "like", id=10 + number, fact=100 + number, revision=1)
        for number, (minute, actor) in enumerate(zip(minutes, people))
    ]
    gone = data.draw(st.lists(st.sampled_from(range(len(likes))), unique=True))
    unlikes = [
        said(
            f"10:{minutes[number]:02}", people[number], "like",
            id=50 + number, fact=100 + number, revision=2, retract=True,
        )
        for number in gone
    ]  # fmt: skip
    lives = Lives()
    lives.hear(VIEW, *likes)
    for _ in range(data.draw(st.integers(1, 2))):
        checkpoint = lives.checkpoint()
        lives.reach(data.draw(st.integers(0, 12)))
        lives.restore(checkpoint)
    for unlike in unlikes:
        lives.hear(unlike)
        if data.draw(st.booleans()):
            lives.restore(lives.checkpoint())
    lives.reach(24 * 60)

    assert lives.standing == _at_once([VIEW, *likes, *unlikes])


#   life 1   view | checkpoint | like of 10:00, told early, and as final when 10:01 is reached | killed
#   life 2   (checkpoint) like and its withdrawal, both in time, come between two publications


def test_what_comes_and_goes_between_two_publications_of_the_next_life_is_withdrawn_as_final():
    lives = Lives()
    lives.hear(VIEW)
    checkpoint = lives.whole_checkpoint()
    lives.hear(LIKE)
    lives.reach(1)
    told = [key for key in lives.final if "like" in key]
    assert told

    lives.restore_whole(checkpoint)
    lives.hear(LIKE, UNLIKE)
    lives.reach(1)

    assert {lives.final[key][-1] for key in told if "minute" in key} == {"withdrawn"}
    lives.reach(24 * 60)
    assert lives.standing == _at_once([VIEW, LIKE, UNLIKE])


#   life 1   view | checkpoint | like of 10:00, moved to 10:01, told as final | killed
#   life 2   (checkpoint) like, its move, and one to 10:02 come between two publications


@pytest.mark.parametrize("update", [True, False])
def test_a_statement_between_the_first_and_the_last_of_a_fact_is_withdrawn_as_final_too(update):
    moved, again = (
        replace(LIKE, at=said(at).at, id=id, revision=id, update=update)
        for id, at in ((3, "10:01"), (4, "10:02"))
    )
    lives = Lives()
    lives.hear(VIEW)
    checkpoint = lives.whole_checkpoint()
    lives.hear(LIKE, moved)
    lives.reach(2)
    told = [key for key in lives.final if "like" in key and "minute" in key]
    assert told

    lives.restore_whole(checkpoint)
    lives.hear(LIKE, moved, again)
    lives.reach(24 * 60)

    assert {lives.final[key][-1] for key in told} == {"withdrawn"}
    assert lives.standing == _at_once([VIEW, LIKE, moved, again])


def test_of_a_fact_stated_a_thousand_times_the_later_statements_come_together():
    shard = Attend(AttendRules(PARIS))
    likes = [replace(LIKE, id=n, revision=n, retract=n % 2 == 0) for n in range(2, 1002)]
    shard.add(observations([VIEW, *likes, likes[0]]))
    emissions = shard.emit_in_turns()

    assert len(emissions) == MOST_TURNS
    assert [sum(each.outcomes.values()) for each in emissions] == [2] + [1] * 14 + [986]
    assert (
        sum(n for each in emissions for key, n in each.outcomes.items() if "duplicate" in key) == 1
    )


def test_a_life_that_is_as_far_as_the_one_before_no_longer_looks_for_what_it_had_told():
    lives = Lives()
    lives.hear(VIEW)
    lives.family = recall(RULES, True, lives.checkpoint(), lost_before=(TEN + 1) * 60)
    lives._restored = True
    lives.reach(2)

    lives.hear(LIKE, UNLIKE)
    lives.reach(3)

    assert not [key for key in lives.final if "like" in key]


@examples(30)
@given(_LIKES, st.data())
def test_however_much_comes_at_once_after_a_kill_what_stands_is_what_is_derived_at_once(
    minutes, data
):
    likes = [
        said(f"10:{minute:02}", f"p{n}", "like", id=10 + n, fact=100 + n, revision=1)
        for n, minute in enumerate(minutes)
    ]
    gone = data.draw(st.lists(st.sampled_from(likes), unique=True))
    unlikes = [replace(like, id=like.id + 40, revision=2, retract=True) for like in gone]
    stream = data.draw(st.permutations([*likes, *unlikes]))
    place = data.draw(st.integers(0, len(stream)))
    lives = Lives()
    lives.hear(VIEW, *stream[:place])
    checkpoint = lives.whole_checkpoint()
    heard = data.draw(st.integers(place, len(stream)))
    for row in stream[place:heard]:
        lives.hear(row)
    lives.reach(data.draw(st.integers(0, 4)))

    lives.restore_whole(checkpoint)
    cut = data.draw(st.integers(place, len(stream)))
    for rows in (stream[place:cut], stream[cut:]):
        lives.hear(*rows)
    lives.reach(24 * 60)

    assert lives.standing == _at_once([VIEW, *likes, *unlikes])


def test_what_was_told_and_is_sealed_is_not_withdrawn_for_what_was_taken_back_before():
    lives = Lives()
    lives.hear(VIEW, said("10:00", "cl\u00e9o", "like", id=9))
    lives.restore_whole(lives.whole_checkpoint())
    lives.hear(LIKE, UNLIKE)
    lives.reach(24 * 60)
    standing = dict(lives.standing)
    assert [key for key in standing if "day" in key]

    # The hours are folded; then the day is told and forgotten.
    for minutes in (24 * 60 + HOT, 26 * 60, 30 * 60):
        lives.shard.close(TEN + minutes)
        lives.family.sealed_partials(NOW)
        lives.reach(minutes)

    assert lives.standing == standing


def test_a_stream_far_behind_is_looked_at_for_an_hour_of_its_own():
    lives = Lives()
    lives.hear(VIEW)
    lives.reach(1)
    lives.restore_whole(lives.whole_checkpoint())
    lives.reach(1 + 60)

    lives.hear(
        said("11:01", "ben", "like", id=2, fact=7, revision=1),
        said("11:01", "ben", "like", id=3, fact=7, revision=2, retract=True),
    )
    lives.reach(62)

    assert not [key for key in lives.final if "like" in key]
