"""Attend: the state machine that knows people, one shard at a time, and emits signed deltas.

Plain rules with the closing of windows as an argument; Beam is in `attend_shards`. State is bags of
reduced rows: ids remembered, facts standing, people. A delta is the partials of the people touched
after, less the partials of the same people before, so late news, edits and retractions are
additions like any other. In batch a shard is added whole and emitted once: before is nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from schemas.identity import words
from schemas.late import EFFECTS
from schemas.observation import CHANGE, ECHO, RETRACT, tick_of
from transforms.attend_state import AttendState, recall_state
from transforms.balance import HOUR_US, BalanceKey
from transforms.calendar import MINUTE_US, NEVER, day_bounds, local_windows
from transforms.deduplicate import ID, first_copies, standing
from transforms.deltas import added, deltas, with_facts, with_facts_of_both
from transforms.fragments import fragment
from transforms.fragments import number as one_number
from transforms.frame import Among, Frame, choose, frame_of, group, rows_of, stack
from transforms.measures.people import beside, parted, reduce_observations
from transforms.measures.sides import after_of, grown
from transforms.partials import partial_batch
from transforms.rules import AttendRules
from transforms.sketch import sketch_people, sketch_sealed

SILENT_FOR_GOOD = 400 * 24 * 60
"""Minutes of silence after which days are closed no more: the time of a bounded stream that ends is
the end of all time."""


MOST_TURNS = 16
"""Emissions in which a restored shard tells one statement of a fact after the other: somebody may
like and unlike a thing a thousand times."""

LATE, LATE_CHANGE, COPY = map(EFFECTS.index, ("event", "change", "copy"))


@dataclass
class Attended:
    """What an emission gives: deltas, outcomes by (input, arrival hour, channel), rows of the
    ledger, with their `effect`."""

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
        tick = tick_of(observations)
        if tick is not None:
            self._heard(tick)
        frame = frame_of(observations.drop_columns(["event_id"]))
        both = words(observations.column("event_id"))
        frame["id_high"], frame["id_low"] = both[:, 0], both[:, 1]
        self._pending.append(frame)

    def _heard(self, minute: int) -> None:
        """Note the latest minute of which anything is known, so that its windows are closed too."""
        if minute > self.state.last_minute:
            self.state.last_minute = minute
            self._learnt += one_number("last_minute", minute)

    def close(self, through: int) -> list[pa.RecordBatch]:
        """Minutes that ended the hot horizon or longer before minute `through` are sealed.

        SKETCH batches of the people of the local days that this seals come out, once a day: of a
        sealed day only marks are remembered. Mostly there are none.

        Only the timer calls this, after `emit`: what was added before belongs to open minutes. Ids
        and facts of sealed minutes are forgotten: what comes for them later, a change of a
        sealed fact too, is an ordinary output, the late ledger, and a restatement's work. People
        are folded (`sealed_people`), so that memory grows with people and not with time.
        """
        closed, before = through - self.rules.hot_minutes, self.state.closed_through
        if closed <= before:
            return []
        people = self.state.seal(closed, self.rules)
        self._learnt += one_number("closed_through", closed)
        return sketch_sealed(people, before, closed, self.rules.time_zone)

    def next_boundary(self, reached: int) -> int | None:
        """The next minute at which the stream's reaching it closes something; None: it has ended.

        Minutes in which nothing happened are passed over: a stream that catches up would stop at
        each of them. The end of the day never is: others may have been heard when this shard was
        not, and their windows wait for its word. Nor is its sealing: its rows wait for all shards.
        """
        hot, time_zone = self.rules.hot_minutes, self.rules.time_zone
        last = max(self.state.last_minute, 0)
        if reached > last + SILENT_FOR_GOOD:
            return None
        # What was heard may be hours ahead of the stream: the hour that it is in ends first.
        times = np.array([max(reached, 0), last, max(reached - hot, 0)])
        day, hour = local_windows(times, time_zone)
        day_ends = [int(day_bounds(d, time_zone)[1].timestamp()) // 60 for d in day.tolist()]
        ends = np.array([last + 1, int(hour[1]) + 60, *day_ends])
        if reached < last:
            ends = np.append(ends, int(hour[0]) + 60)
        if rows_of(self.state.remembered):
            ends = np.append(ends, np.unique(self.state.remembered["minute"]) + 1)
        boundaries = np.concatenate([ends, ends + hot])
        return int(boundaries[boundaries > reached].min())

    def emit_in_turns(self) -> list[Attended]:
        """`emit` once for each turn of the facts that were stated since: their first statements
        with everything else, their second ones, and so on. Together they are one emission of all.
        """
        whole = stack(self._pending, self._pending[0]) if self._pending else {}
        if not rows_of(whole):
            return [self.emit()]
        turn = _turns(whole)
        emissions = []
        for number in range(int(turn.max()) + 1):
            self._pending = [choose(whole, turn == number)]
            emissions.append(self.emit())
        return emissions

    def emit(self) -> Attended:
        """Deltas of everything added since the last emission."""
        state = self.state
        pending = stack(self._pending, self._pending[0]) if self._pending else {}
        self._pending = []
        if not rows_of(pending):
            return Attended(partial_batch([]), Counter(), {})
        minute = pending["minute"] = (pending["event_time"] // MINUTE_US).astype(np.int32)
        late_mask = minute < state.closed_through
        if self.rules.streamed:
            late_mask |= self._late_changes(pending)
        if state.sealed_facts:
            changes = (pending["fact"] != 0) & np.isin(pending["fact"], state.sealed_facts["fact"])
            late_mask |= changes
        echo = (pending["flags"] & ECHO) != 0
        # An echo is late where the fact is that it would have changed; elsewhere it is nothing.
        late = choose(pending, late_mask & (~echo | state.known_facts(pending["fact"])))
        # As an event an echo counts in its own shard; here a fact that it changes is sealed.
        late["effect"] = np.where(late["flags"] & ECHO, LATE_CHANGE, LATE)
        echoes = choose(pending, ~late_mask & echo)
        pending = choose(pending, ~late_mask & ~echo)
        outcomes = _outcomes(choose(late, (late["flags"] & ECHO) == 0), "late")
        new, duplicate, elsewhere = self._unseen(pending)
        outcomes.update(_outcomes(new, "accepted"))
        outcomes.update(_outcomes(duplicate, "duplicate"))
        elsewhere["effect"] = np.full(rows_of(elsewhere), COPY)
        late = stack([late, elsewhere], late)
        stated = new["fact"] != 0
        statements = stack([choose(new, stated), echoes], echoes)
        # A retraction that names no fact takes nothing back, but it is no action either.
        immutable = choose(new, ~stated & ((new["flags"] & RETRACT) == 0))
        arrived = reduce_observations(immutable, self.rules.time_zone)
        facts_before = state.facts or choose(statements, slice(0, 0))
        facts_after = standing(stack([facts_before, statements], statements))
        # Of whom a few more are counted, before and after: that makes no difference.
        touched = Among(np.concatenate([new["actor"], _moved(facts_before, statements)]))
        events = added(new, self.rules.time_zone)
        # The observations have done their part: what follows needs their memory.
        del pending, new, duplicate, elsewhere, immutable, echo, late_mask
        before, others = parted(state.people, touched)
        people = grown(before, arrived)
        state.people = beside(others, after_of(people))
        state.facts = facts_after
        stands = choose(facts_after, np.isin(facts_after["fact"], statements["fact"]))
        self._learnt += [
            *fragment("facts", stands),
            *fragment("presence", arrived.presence),
            *fragment("actions", arrived.actions),
        ]
        facts = [choose(side, touched(side["actor"])) for side in (facts_after, facts_before)]
        people = with_facts_of_both(people, before, (facts[0], facts[1]), self.rules.time_zone)
        partials = deltas(events, people, self.rules.time_zone)
        return Attended(partials, outcomes, late)

    def _late_changes(self, pending: Frame) -> np.ndarray:
        """Mask of changes of facts that arrived when their minute was to be closed.

        The shard of who acts may have closed it, and that of the fact not yet: both must agree, and
        of the arrival they know the same.
        """
        change = (pending["fact"] != 0) & ((pending["flags"] & CHANGE) != 0)
        horizon = pending["minute"].astype(np.int64) + self.rules.hot_minutes
        return change & (pending["arrived"] // MINUTE_US > horizon)

    def sketches(self) -> pa.RecordBatch:
        """SKETCH batch of the people of the days that are not sealed."""
        state, time_zone = self.state, self.rules.time_zone
        return sketch_people(with_facts(state.people, state.facts, time_zone), time_zone)

    def learnt(self) -> list[pa.RecordBatch]:
        """Fragments of what `emit` learnt since this was last asked, but for ids that `close` has
        forgotten since: of a stream that catches up these are most. Closing needs `memory`."""
        fragments, self._learnt = self._learnt, []
        return [kept for each in fragments if (kept := self.state.kept(each)).num_rows]

    def memory(self) -> list[pa.RecordBatch]:
        """Fragments of everything remembered."""
        return self.state.memory()

    def _unseen(self, pending: Frame) -> tuple[Frame, Frame, Frame]:
        """Rows whose event is new, further copies, and those of them that say another minute than
        the one that counted before; the new ids are remembered.

        Of copies of one emission the one that arrived first counts, as in a recomputation.
        """
        state = self.state
        first, elsewhere = first_copies(pending), np.zeros(rows_of(pending), dtype=bool)
        if rows_of(state.remembered):
            counted = _counted_in(pending, state.remembered)
            first &= counted == NEVER
            elsewhere = (counted != NEVER) & (counted != pending["minute"])
        new = choose(pending, first)
        ids = {name: new[name] for name in (*ID, "minute")}
        self._learnt += fragment("ids", ids)
        state.remembered = stack([state.remembered, ids], ids)
        self._heard(int(ids["minute"].max(initial=NEVER)))
        return new, choose(pending, ~first), choose(pending, elsewhere)


def recall(rules: AttendRules, fragments: list[pa.RecordBatch]) -> Attend:
    """The machine whose memory the fragments are, of one `memory` and any `learnt` after it."""
    return Attend(rules, recall_state(rules, fragments))


def _turns(frame: Frame) -> np.ndarray:
    """Which statement of its fact each row is, as they stand one after the other.

    0 for what states none; MOST_TURNS - 1 for all that come later. Copies come last, for the first
    of them counts.
    """
    turn = np.zeros(rows_of(frame), dtype=np.int64)
    counts = first_copies(frame)
    stated = np.flatnonzero(counts & (frame["fact"] != 0))
    facts = choose(frame, stated)
    retracts = facts["flags"] & RETRACT
    order = np.lexsort(
        (*(facts[name] for name in ID[::-1]), retracts, facts["revision"], facts["fact"])
    )
    starts = np.flatnonzero(np.diff(facts["fact"][order], prepend=0))
    place = np.arange(len(order))
    turn[stated[order]] = place - np.repeat(starts, np.diff(starts, append=len(order)))
    turn = np.minimum(turn, MOST_TURNS - 1)
    turn[~counts] = turn.max()
    return turn


def _moved(before: Frame, statements: Frame) -> np.ndarray:
    """Actors of facts that a new statement may change: the retraction may not name its actor."""
    if not rows_of(before):
        return np.zeros(0, dtype=np.int64)
    return before["actor"][np.isin(before["fact"], statements["fact"])]


def _counted_in(pending: Frame, remembered: Frame) -> np.ndarray:
    """The minutes in which the ids of pending rows are remembered; NEVER: they are not."""
    # Of a quarter of an hour of ids hardly any is among those of a beat: these few are compared.
    likely = Among(pending["id_low"])(remembered["id_low"])
    minutes = remembered["minute"][likely]
    old_ids = choose({name: remembered[name] for name in ID}, likely)
    new_ids = {name: pending[name] for name in ID}
    both, old = stack([old_ids, new_ids], new_ids), rows_of(old_ids)
    groups = group(both, ID)
    lowest = groups.minimum(np.arange(rows_of(both)))
    owner = np.empty(rows_of(both), dtype=np.int64)
    owner[groups.order] = np.repeat(lowest, groups.sizes())
    known, found = owner[old:] < old, np.full(rows_of(new_ids), NEVER)
    found[known] = minutes[owner[old:][known]]
    return found


def _outcomes(frame: Frame, outcome: str) -> Counter[BalanceKey]:
    """Rows by (input, arrival hour, channel, outcome)."""
    key = ("input", "arrival_hour", "channel")
    frame = {**frame, "arrival_hour": frame["arrived"] // HOUR_US}
    groups = group(frame, key)
    first = groups.first(frame, key)
    return Counter(
        {
            (int(i), int(h), int(c), outcome): int(n)
            for i, h, c, n in zip(*(first[name] for name in key), groups.sizes())
        }
    )
