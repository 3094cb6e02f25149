"""A stream of a few shards and families told step by step, with its beats and its crashes."""

from __future__ import annotations

from datetime import datetime, timezone

from schemas.day_partial import DAY_PARTIAL
from tests.transforms.live import minute_of
from tests.transforms.observations import PARIS, TEXTS, observations
from transforms.accumulate import Accumulate, recall
from transforms.attend import Attend
from transforms.fragments import kind_of
from transforms.frame import rows_of
from transforms.keyed_shard import recall_shard
from transforms.observe import label_batch
from transforms.partials import split_by_family
from transforms.rules import FACT_MINUTES, AttendRules, PublishRules
from transforms.shards import split_by_shard

FAMILIES, HOT = 2, 15
NOW = datetime(2026, 4, 6, tzinfo=timezone.utc)


class Stream:
    """Shards and families told step by step; `told` are the rows of days, as they were told."""

    def __init__(
        self, shards=2, time_zone=PARIS, hot=HOT, named=True, fact_minutes=FACT_MINUTES, **rules
    ):
        self.rules = PublishRules(time_zone, ("app",), shards=shards, **rules)
        self.attend = AttendRules(time_zone, hot, fact_minutes=fact_minutes)
        self.shards = [recall_shard(n, FAMILIES, self.attend, [], 0.0) for n in range(shards)]
        self.families = [Accumulate(self.rules, n == 0) for n in range(FAMILIES + 1)]
        self.coming = [[] for _ in self.families]
        self.in_time, self.told = [], []
        self._known = [[] for _ in (*self.shards, *self.families)]
        self._named = named
        self.now = NOW

    def name(self):
        for family in self.families:
            family.name(label_batch(TEXTS))

    def hear(self, *rows):
        """Rows one by one. Texts are told with what they name, each time."""
        if self._named:
            self.name()
        for row in rows:
            batch = observations([row], self.rules.time_zone)
            route = batch.column("actor").to_numpy()
            late = 0
            # A change of a fact is echoed to all shards.
            for number, part in split_by_shard(batch, route, len(self.shards)):
                self.shards[number].machine.add(part)
                emissions, deltas = self.shards[number].emit(0.0)
                late += sum(rows_of(attended.late) for attended in emissions)
                self._send(deltas)
            self.in_time += [] if late else [row]
        return self

    def reach(self, at, *shards):
        """The stream has come to a minute: all shards, or those of some numbers, know it."""
        reached = at if isinstance(at, int) else minute_of(at)
        for number in shards or range(len(self.shards)):
            if reached > self.shards[number].reached:
                self._send(self.shards[number].close(reached))
        return self

    def _send(self, elements):
        for family, packed in elements:
            self.coming[family].append(packed.unpack())

    def beat(self, order=None):
        """Families take what has come, or a drawn part of it in a drawn order, and publish."""
        found = []
        for number, family in enumerate(self.families):
            coming, left = self.coming[number], []
            if order is not None:
                order.shuffle(coming)
                cut = order.randint(0, len(coming))
                coming, left = coming[:cut], coming[cut:]
            self.coming[number] = left
            for batch in coming:
                take = {"mark": family.mark, "sketch": family.sketch}
                take.get(kind_of(batch), family.add)(batch)
            sealed = family.sealed_partials(self.now)
            family.publish(self.now)
            if sealed is not None:
                assert sealed.schema.equals(DAY_PARTIAL, check_metadata=True)
                found += sealed.to_pylist()
        self.told += found
        return found

    def crash(self, merged=False):
        """Every machine is recalled from what it learnt, or from its whole memory."""
        alive = [*self.shards, *self.families]
        for known, machine in zip(self._known, alive):
            learnt = machine.learnt()
            known[:] = machine.memory() if merged else [*known, *learnt]
        of_shards, of_families = self._known[: len(self.shards)], self._known[len(self.shards) :]
        self.shards = [
            recall_shard(n, FAMILIES, self.attend, known, 0.0) for n, known in enumerate(of_shards)
        ]
        self.families = [recall(self.rules, n == 0, known) for n, known in enumerate(of_families)]

    def bounded(self):
        """Rows of days of a bounded run of what came in time."""
        machine = Attend(self.attend)
        machine.add(observations(self.in_time, self.rules.time_zone))
        partials, sketches = machine.emit().partials, machine.sketches()
        rows = []
        for number in range(FAMILIES + 1):
            family = Accumulate(PublishRules(self.rules.time_zone, ("app",)), number == 0)
            family.name(label_batch(TEXTS))
            family.add(dict(split_by_family(partials, FAMILIES)).get(number, partials.slice(0, 0)))
            for each, part in split_by_family(sketches, FAMILIES):
                if each == number:
                    family.sketch(part)
            rows += family.day_partials(NOW).to_pylist()
        return rows
