"""AttendKeyed by hand: state, timers and the wall's clock of one shard in the test's hand."""

from __future__ import annotations

from types import SimpleNamespace

import pyarrow as pa
from apache_beam.pvalue import TaggedOutput
from apache_beam.utils.timestamp import Timestamp

from schemas.coder import Packed
from tests.transforms.keyed_state import Bag, Timer, Value
from tests.transforms.live import minute_of
from tests.transforms.observations import PARIS, observations
from transforms import attend_keyed, keyed_machine
from transforms.attend_keyed import AttendKeyed
from transforms.fragments import frames_of
from transforms.rules import AttendRules

FAMILIES, BEAT = 2, 2.5


class Key:
    """The state and timers of one shard, and what its callbacks give; `now` is the wall's clock."""

    def __init__(self, monkeypatch, every=BEAT):
        self.now, self.every = 1_000.0, every
        clock = SimpleNamespace(time=lambda: self.now)
        monkeypatch.setattr(attend_keyed, "time", clock)
        monkeypatch.setattr(keyed_machine, "time", clock)
        self.pending, self.fragments = Bag(), Bag()
        self.token, self.armed, self.postponed = Value(), Value(), Value()
        self.late, self.deltas = [], []
        self.begin()

    def begin(self):
        """A worker begins: of the shard it knows what state says, and no timer is due."""
        self.step = AttendKeyed(AttendRules(PARIS), FAMILIES, 0, self.every)
        self.step.setup()
        self.emitting, self.closing = Timer(), Timer()

    def checkpoint(self):
        """What state says now."""
        values = (self.token, self.armed, self.postponed)
        return [list(bag.held) for bag in (self.pending, self.fragments)], [v.held for v in values]

    def restore(self, checkpoint):
        """A worker begins with what state said then."""
        self.undo(checkpoint)
        self.begin()

    def undo(self, checkpoint):
        """State says what it said then, and the worker that knows more lives on."""
        bags, values = checkpoint
        self.pending.held, self.fragments.held = (list(held) for held in bags)
        self.token.held, self.armed.held, self.postponed.held = values

    def hear(self, *rows, arrived=None):
        """Observations come, by default at the time of the last."""
        packed = Packed.pack(observations(rows))
        latest = max(row.micros for row in rows)
        at = Timestamp(seconds=arrived * 60) if arrived else Timestamp(micros=latest)
        self.step.process((0, packed), at, self.pending, self.armed, self.emitting, self.closing)

    def reach(self, at):
        """The event-time timer of a minute fires. Minutes of which families are told."""
        moment = Timestamp(seconds=(at if isinstance(at, int) else minute_of(at)) * 60)
        return self._told(self.step.close(0, moment, *self._state(), self.emitting, self.closing))

    def beat(self):
        """The processing-time timer fires."""
        return self._told(self.step.emit(0, *self._state(), self.closing))

    def _state(self):
        return self.pending, self.fragments, self.token, self.armed, self.postponed

    def _told(self, found):
        found = list(found)
        for output in (each for each in found if isinstance(each, TaggedOutput)):
            if output.tag == "late":
                rows = output.value.to_pylist()
                self.late += [row["event_id"] for row in rows if row["effect"] != "reset"]
        batches = [each[1].unpack() for each in found if isinstance(each, tuple)]
        marks = [batch for batch in batches if isinstance(batch, pa.RecordBatch)]
        self.deltas += [batch for batch in marks if batch.schema.metadata[b"name"] == b"partial"]
        return sorted({int(f["reached"][0]) for f in frames_of("mark", _named(marks))})


def _named(batches):
    return [batch for batch in batches if (batch.schema.metadata or {}).get(b"name") == b"mark"]
