"""Attend: the state machine that knows people, one shard at a time, and emits signed deltas.

Plain rules with the closing of windows as an argument; Beam is in `attend_shards`. State is bags of
reduced rows: ids remembered, facts standing, people. A delta is the partials of the people touched
after, less the partials of the same people before, so late news, edits and retractions are
additions like any other. In batch a shard is added whole and emitted once: before is nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timezone

import numpy as np
import pyarrow as pa

from schemas.identity import words
from schemas.observation import ECHO, RETRACT
from schemas.partial import BOTH, GROUPINGS, TRAFFIC
from transforms.balance import BalanceKey
from transforms.calendar import day_of
from transforms.deduplicate import ID, first_copies, standing
from transforms.fragments import fragment, frames_of
from transforms.fragments import number as one_number
from transforms.frame import Frame, choose, frame_of, group, rows_of, stack
from transforms.measures.additive import additive
from transforms.measures.counting import count_people
from transforms.measures.people import (
    People,
    merge,
    nobody,
    of_actors,
    reduce_observations,
    sealed_people,
    without_actors,
)
from transforms.partials import concatenated, partial_batch, sum_partials

NEVER = -(2**31)
GROSS, VALID_ONLY = range(len(TRAFFIC))


@dataclass(frozen=True)
class AttendRules:
    """The property's time zone, and for how many minutes after its end a day still corrects."""

    time_zone: str
    hot_minutes: int = 6 * 60


@dataclass
class AttendState:
    """One shard's memory."""

    remembered: Frame = field(default_factory=dict)
    facts: Frame = field(default_factory=dict)
    people: People = field(default_factory=nobody)
    sealed_day: int = NEVER
    sealed_facts: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


@dataclass
class Attended:
    """What an emission gives: deltas, outcomes by (input, arrival hour, channel), late rows."""

    partials: pa.RecordBatch
    outcomes: Counter[BalanceKey]
    late: Frame


class Attend:
    """add(batch) … emit() → deltas; close(through) seals windows. One instance a shard."""

    def __init__(self, rules: AttendRules, state: AttendState | None = None) -> None:
        self.rules = rules
        self.state = state or AttendState()
        self._pending: list[Frame] = []
        self._learnt: list[pa.RecordBatch] = []

    def add(self, observations: pa.RecordBatch) -> None:
        """Take an OBSERVATION batch; nothing is decided before `emit`."""
        frame = frame_of(observations.drop_columns(["event_id"]))
        both = words(observations.column("event_id"))
        frame["id_high"], frame["id_low"] = both[:, 0], both[:, 1]
        self._pending.append(frame)

    def close(self, through: int) -> None:
        """Local days that ended the hot horizon or longer before minute `through` are sealed.

        Only the timer calls this, after `emit`: what was added before belongs to open days. Ids,
        facts and minutes of sealed days are forgotten: what comes for them later, a change of a
        sealed fact too, is an ordinary output, the late ledger, and a restatement's work. Of people
        a mark stays, so that they return as returning. Minutes and hours of an open day go on
        correcting, for the day needs its people anyway.
        """
        state, time_zone = self.state, self.rules.time_zone
        moment = datetime.fromtimestamp((through - self.rules.hot_minutes) * 60, timezone.utc)
        last = day_of(moment, time_zone) - 1
        if last <= state.sealed_day:
            return
        state.sealed_day = last
        self._learnt = []
        if state.facts:
            said = choose(state.facts, (state.facts["flags"] & (RETRACT | ECHO)) == 0)
            said = choose(said, said["day"] <= last)
            state.people = merge([state.people, reduce_observations(said, time_zone)])
        state.people = sealed_people(state.people, last, time_zone)
        if state.remembered:
            state.remembered = choose(state.remembered, state.remembered["day"] > last)
        if state.facts:
            gone = state.facts["day"] <= last
            state.sealed_facts = np.union1d(state.sealed_facts, state.facts["fact"][gone])
            state.facts = choose(state.facts, ~gone)

    def emit(self) -> Attended:
        """Deltas of everything added since the last emission."""
        state = self.state
        pending = stack(self._pending, self._pending[0]) if self._pending else {}
        self._pending = []
        if not rows_of(pending):
            return Attended(partial_batch([]), Counter(), {})
        late_mask = (pending["day"] <= state.sealed_day) | (
            (pending["fact"] != 0) & np.isin(pending["fact"], state.sealed_facts)
        )
        echo = (pending["flags"] & ECHO) != 0
        # A change of a sealed fact is late where the fact was: only an echo meets it there.
        late = choose(pending, late_mask & (~echo | (pending["day"] > state.sealed_day)))
        echoes = choose(pending, ~late_mask & echo)
        pending = choose(pending, ~late_mask & ~echo)
        outcomes = _outcomes(choose(late, (late["flags"] & ECHO) == 0), "late")
        new, duplicate = self._unseen(pending)
        outcomes.update(_outcomes(new, "accepted"))
        outcomes.update(_outcomes(duplicate, "duplicate"))
        partials = [*additive(new)]

        stated = new["fact"] != 0
        statements = stack([choose(new, stated), echoes], echoes)
        # A retraction that names no fact takes nothing back, but it is no action either.
        immutable = choose(new, ~stated & ((new["flags"] & RETRACT) == 0))
        arrived = reduce_observations(immutable, self.rules.time_zone)
        facts_before = state.facts or choose(statements, slice(0, 0))
        facts_after = standing(stack([facts_before, statements], statements))
        touched = np.unique(np.concatenate([new["actor"], _moved(facts_before, statements)]))
        # The observations have done their part: what follows needs their memory.
        del pending, new, duplicate, immutable, echo, late_mask
        before = of_actors(state.people, touched)
        after = merge([before, arrived])
        state.people = merge([without_actors(state.people, touched), after])
        state.facts = facts_after
        stands = choose(facts_after, np.isin(facts_after["fact"], statements["fact"]))
        self._learnt += [
            *fragment("facts", stands),
            *fragment("presence", arrived.presence),
            *fragment("actions", arrived.actions),
        ]
        partials += self._counted(after, _of(facts_after, touched), +1)
        if rows_of(before.presence) or rows_of(before.actions) or rows_of(facts_before):
            partials += self._counted(before, _of(facts_before, touched), -1)
        return Attended(_sum_by_grouping(partials), outcomes, late)

    def learnt(self) -> list[pa.RecordBatch]:
        """Fragments of what `emit` learnt since this was last asked; closing needs `memory`."""
        fragments, self._learnt = self._learnt, []
        return fragments

    def memory(self) -> list[pa.RecordBatch]:
        """Fragments of everything remembered."""
        state = self.state
        return [
            *one_number("sealed_day", state.sealed_day),
            *fragment("sealed_facts", {"fact": state.sealed_facts}),
            *fragment("ids", state.remembered),
            *fragment("facts", state.facts),
            *fragment("presence", state.people.presence),
            *fragment("actions", state.people.actions),
        ]

    def _unseen(self, pending: Frame) -> tuple[Frame, Frame]:
        """Rows whose event is new, and further copies; the new ids are remembered."""
        state = self.state
        first = first_copies(pending)
        if rows_of(state.remembered):
            first &= ~_known(pending, state.remembered)
        new = choose(pending, first)
        ids = {name: new[name] for name in (*ID, "day")}
        self._learnt += fragment("ids", ids)
        state.remembered = stack([state.remembered, ids], ids)
        return new, choose(pending, ~first)

    def _counted(
        self, people: People, facts: Frame, sign: int
    ) -> list[tuple[int, int, int, Frame]]:
        """Partials of people with their standing facts, for both traffics."""
        standing_facts = choose(facts, (facts["flags"] & (RETRACT | ECHO)) == 0)
        whole = merge([people, reduce_observations(standing_facts, self.rules.time_zone)])
        flagged = np.unique(
            np.concatenate([f["actor"][f["valid"] == 0] for f in (whole.presence, whole.actions)])
        )
        clean, mixed = without_actors(whole, flagged), of_actors(whole, flagged)
        valid = People(*(choose(f, f["valid"] == 1) for f in mixed))
        parts = []
        for traffic, some in ((BOTH, clean), (GROSS, mixed), (VALID_ONLY, valid)):
            for grouping, window, frame in count_people(some, self.rules.time_zone):
                signed = frame if sign > 0 else _negated(frame, GROUPINGS[grouping])
                parts.append((grouping, traffic, window, signed))
        return parts


def _sum_by_grouping(parts: list[tuple[int, int, int, Frame]]) -> pa.RecordBatch:
    """Parts summed one grouping set at a time: the whole is several times as large before."""
    sums = []
    for grouping in range(len(GROUPINGS)):
        own = [part for part in parts if part[0] == grouping]
        parts = [part for part in parts if part[0] != grouping]
        sums.append(sum_partials([partial_batch(own)]))
    return concatenated(sums)


def recall(rules: AttendRules, fragments: list[pa.RecordBatch]) -> Attend:
    """The machine whose memory the fragments are, of one `memory` and any `learnt` after it."""
    state = AttendState()
    for frame in frames_of("sealed_day", fragments):
        state.sealed_day = max(state.sealed_day, int(frame["value"].max()))
    for frame in frames_of("sealed_facts", fragments):
        state.sealed_facts = np.union1d(state.sealed_facts, frame["fact"])
    if ids := frames_of("ids", fragments):
        state.remembered = stack(ids, ids[0])
    if facts := frames_of("facts", fragments):
        state.facts = standing(stack(facts, facts[0]))
    none = nobody()
    state.people = merge(
        [People(presence, none.actions) for presence in frames_of("presence", fragments)]
        + [People(none.presence, actions) for actions in frames_of("actions", fragments)]
    )
    return Attend(rules, state)


def _moved(before: Frame, statements: Frame) -> np.ndarray:
    """Actors of facts that a new statement may change: the retraction may not name its actor."""
    if not rows_of(before):
        return np.zeros(0, dtype=np.int64)
    return before["actor"][np.isin(before["fact"], statements["fact"])]


def _of(facts: Frame, actors: np.ndarray) -> Frame:
    return choose(facts, np.isin(facts["actor"], actors))


def _known(pending: Frame, remembered: Frame) -> np.ndarray:
    """Mask of pending rows whose id is remembered."""
    both = stack(
        [{name: remembered[name] for name in ID}, {name: pending[name] for name in ID}],
        {name: pending[name] for name in ID},
    )
    old = rows_of(remembered)
    groups = group(both, ID)
    lowest = groups.minimum(np.arange(rows_of(both)))
    owner = np.empty(rows_of(both), dtype=np.int64)
    owner[groups.order] = np.repeat(lowest, groups.sizes())
    return owner[old:] < old


def _outcomes(frame: Frame, outcome: str) -> Counter[BalanceKey]:
    """Rows by (input, arrival hour, channel, outcome)."""
    key = ("input", "arrival_hour", "channel")
    groups = group(frame, key)
    first = groups.first(frame, key)
    return Counter(
        {
            (int(i), int(h), int(c), outcome): int(n)
            for i, h, c, n in zip(*(first[name] for name in key), groups.sizes())
        }
    )


def _negated(frame: Frame, dimensions: tuple[str, ...]) -> Frame:
    kept = {*dimensions, "start", "item"}
    return {name: v if name in kept else -v for name, v in frame.items()}
