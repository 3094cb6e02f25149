"""AttendKeyed: how often a shard of a stream that catches up closes; its clock in the test's hand."""

from __future__ import annotations

from types import SimpleNamespace

import pyarrow as pa
import pytest
from apache_beam.utils.timestamp import Timestamp

from schemas.coder import Packed
from tests.transforms.keyed_state import Bag, Value
from tests.transforms.live import minute_of
from tests.transforms.observations import PARIS, numbered, observations, said
from transforms import attend_keyed, keyed_machine
from transforms.attend import AttendRules
from transforms.attend_keyed import AttendKeyed
from transforms.fragments import frames_of

FAMILIES, BEAT = 2, 2.5


class Timer:
    def __init__(self):
        self.set_for = {}

    def set(self, at, dynamic_timer_tag=""):
        self.set_for[dynamic_timer_tag] = at


class Key:
    """The state and timers of one shard, and what its callbacks give; `now` is the wall's clock."""

    def __init__(self, monkeypatch, every=BEAT):
        self.now = 1_000.0
        clock = SimpleNamespace(time=lambda: self.now)
        monkeypatch.setattr(attend_keyed, "time", clock)
        monkeypatch.setattr(keyed_machine, "time", clock)
        self.step = AttendKeyed(AttendRules(PARIS), FAMILIES, 0, every)
        self.step.setup()
        self.pending, self.fragments = Bag(), Bag()
        self.token, self.armed, self.postponed = Value(), Value(), Value()
        self.emitting, self.closing = Timer(), Timer()

    def hear(self, *rows):
        packed = Packed.pack(observations(numbered(rows)))
        at = Timestamp(micros=max(row.micros for row in rows))
        self.step.process((0, packed), at, self.pending, self.armed, self.emitting, self.closing)

    def reach(self, at):
        """The event-time timer of a minute fires. Minutes of which families are told."""
        state = (self.pending, self.fragments, self.token, self.armed, self.postponed)
        moment = Timestamp(seconds=minute_of(at) * 60)
        return _reached(self.step.close(0, moment, *state, self.emitting, self.closing))

    def beat(self):
        """The processing-time timer fires."""
        state = (self.pending, self.fragments, self.token, self.armed, self.postponed)
        return _reached(self.step.emit(0, *state, self.closing))


def _reached(found):
    batches = [each[1].unpack() for each in found if isinstance(each, tuple)]
    marks = [batch for batch in batches if isinstance(batch, pa.RecordBatch)]
    return sorted({int(f["reached"][0]) for f in frames_of("mark", _named(marks))})


def _named(batches):
    return [batch for batch in batches if (batch.schema.metadata or {}).get(b"name") == b"mark"]


@pytest.fixture
def key(monkeypatch):
    return Key(monkeypatch)


def test_a_shard_closes_when_the_stream_has_reached_a_minute(key):
    key.hear(said("10:00", id=1))

    assert key.reach("10:01") == [minute_of("10:01")]


def test_a_shard_that_closed_just_now_closes_again_with_the_next_beat_and_only_once(key):
    key.hear(said("10:00", id=1))
    key.reach("10:01")
    key.now += 0.1

    assert key.reach("10:02") == []
    assert key.reach("10:07") == []
    assert key.emitting.set_for
    key.now += BEAT
    assert key.beat() == [minute_of("10:07")]
    assert key.beat() == []


def test_after_a_beat_the_next_minute_closes_at_once(key):
    key.hear(said("10:00", id=1))
    key.reach("10:01")
    key.now += BEAT

    assert key.reach("10:16") == [minute_of("10:16")]


def test_a_shard_that_closed_with_a_beat_is_armed_for_what_follows(key):
    key.hear(said("10:00", id=1), said("10:20", id=2))
    key.reach("10:01")
    key.now += 0.1
    key.reach("10:02")
    key.beat()

    assert key.closing.set_for["next"] == Timestamp(seconds=minute_of("10:16") * 60)


def test_what_was_postponed_before_a_crash_is_closed_after_it(key):
    key.hear(said("10:00", id=1))
    key.reach("10:01")
    key.reach("10:05")
    key.step = AttendKeyed(AttendRules(PARIS), FAMILIES, 0, BEAT)
    key.step.setup()

    assert key.beat() == [minute_of("10:05")]


def test_a_shard_that_catches_up_emits_each_fourth_beat_and_one_that_has_each_beat(key):
    key.hear(said("10:00", id=1))
    assert key.emitting.set_for[""] == Timestamp(seconds=1_002.5)
    key.reach("10:01")
    key.now += BEAT
    key.reach("10:03")
    key.hear(said("10:03", id=2))
    assert key.emitting.set_for[""] == Timestamp(seconds=1_010)

    key.now = 1_130.0
    key.reach("10:04")
    key.hear(said("10:04", id=3))
    assert key.emitting.set_for[""] == Timestamp(seconds=1_132.5)


def test_a_stream_that_ends_waits_for_no_beat(key):
    key.hear(said("10:00", id=1))
    key.reach("10:01")
    key.reach("10:02")

    assert key.reach("18:02") == [minute_of("18:02")]
    assert key.postponed.read() is None


def test_without_a_beat_each_minute_closes_at_once(monkeypatch):
    key = Key(monkeypatch, every=0)
    key.hear(said("10:00", id=1))

    assert [key.reach(at) for at in ("10:01", "10:02")] == [
        [minute_of("10:01")],
        [minute_of("10:02")],
    ]
