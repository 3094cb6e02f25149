"""What Attend remembers of one shard: written as fragments, recalled from them, sealed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from schemas.observation import ECHO, HOME, RETRACT
from transforms.calendar import NEVER
from transforms.deduplicate import standing
from transforms.fragments import arranged, fragment, frames_of, greatest, kind_of
from transforms.fragments import number as one_number
from transforms.frame import Frame, choose, stack
from transforms.measures.people import People, merge, nobody, reduce_observations, sealed_people
from transforms.rules import AttendRules


@dataclass
class AttendState:
    """One shard's memory."""

    remembered: Frame = field(default_factory=dict)
    facts: Frame = field(default_factory=dict)
    people: People = field(default_factory=nobody)
    closed_through: int = NEVER
    """Minutes before this one are sealed."""
    forgotten: int = NEVER
    """Ids of minutes before this one are remembered no more."""
    last_minute: int = NEVER
    """The latest minute in which anything that counts happened, or a tick came."""
    sealed_facts: Frame = field(default_factory=dict)
    """Keys of facts that were sealed, the minute in which they stood, and their flags."""

    def seal(self, closed: int, rules: AttendRules) -> People:
        """Seal minutes before `closed`; people as they were, with facts that can change no more."""
        before, self.closed_through = self.closed_through, closed
        self.forgotten = closed - rules.copy_minutes
        if self.remembered:
            self.remembered = choose(self.remembered, self.remembered["minute"] >= self.forgotten)
        if self.facts:
            gone = choose(self.facts, self.facts["minute"] < closed)
            said = choose(gone, (gone["flags"] & (RETRACT | ECHO)) == 0)
            self.people = merge([self.people, reduce_observations(said, rules.time_zone)])
            keys = {name: gone[name] for name in ("fact", "minute", "flags")}
            self.sealed_facts = stack([self.sealed_facts, keys], keys)
            self.facts = choose(self.facts, self.facts["minute"] >= closed)
        people = self.people
        self.people = sealed_people(people, closed, before, rules.time_zone)
        if self.sealed_facts:
            known = self.sealed_facts["minute"] >= closed - rules.fact_minutes
            self.sealed_facts = choose(self.sealed_facts, known)
        return people

    def kept(self, learnt: pa.RecordBatch) -> pa.RecordBatch:
        """A fragment without ids that are remembered no more: recalled, they would be forgotten."""
        if kind_of(learnt) != "ids":
            return learnt
        known = learnt.column("minute").to_numpy() >= self.forgotten
        return learnt if known.all() else learnt.filter(pa.array(known))

    def known_facts(self, facts: np.ndarray) -> np.ndarray:
        """Mask of the facts that live here, or lived here when they were sealed."""
        frames = [f for f in (self.facts, self.sealed_facts) if f]
        live = [f["fact"][(f["flags"] & HOME) != 0] for f in frames]
        return np.isin(facts, np.concatenate(live)) if live else np.zeros(len(facts), bool)

    def memory(self) -> list[pa.RecordBatch]:
        """Fragments of everything remembered."""
        return [
            *one_number("closed_through", self.closed_through),
            *one_number("last_minute", self.last_minute),
            *fragment("sealed_facts", self.sealed_facts),
            *fragment("ids", self.remembered),
            *fragment("facts", self.facts),
            *arranged("presence", self.people.presence, "actor", "content", "hour"),
            *arranged("actions", self.people.actions, "actor", "content", "hour"),
        ]


def recall_state(rules: AttendRules, fragments: list[pa.RecordBatch]) -> AttendState:
    """The memory whose fragments these are, of one `memory` and any that were learnt after it."""
    state = AttendState()
    if sealed := frames_of("sealed_facts", fragments):
        state.sealed_facts = stack(sealed, sealed[0])
    if ids := frames_of("ids", fragments):
        state.remembered = stack(ids, ids[0])
        state.last_minute = int(state.remembered["minute"].max())
    if facts := frames_of("facts", fragments):
        state.facts = standing(stack(facts, facts[0]))
    none = nobody()
    state.people = merge(
        [People(presence, none.actions) for presence in frames_of("presence", fragments)]
        + [People(none.presence, actions) for actions in frames_of("actions", fragments)]
    )
    state.last_minute = max(greatest("last_minute", fragments, NEVER), state.last_minute)
    closed = greatest("closed_through", fragments, NEVER)
    if closed > NEVER:
        state.seal(closed, rules)
    return state
