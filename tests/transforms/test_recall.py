"""What a machine learnt is enough to wake another that goes on alike; grouped and keyed agree."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import ClassVar

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from schemas.coder import Packed
from schemas.metric import KEY
from schemas.observation import tick_batch
from tests.laws import examples
from tests.transforms.events import NOON
from tests.transforms.keyed_state import Bag, Value
from tests.transforms.observations import (
    NOW,
    PARIS,
    TEXTS,
    comparable,
    numbered,
    observations,
    readable,
    said,
    unsuppressed,
)
from tests.transforms.test_laws import _cut, _rows
from transforms import accumulate, attend, keyed_machine
from transforms.accumulate import Accumulate
from transforms.accumulate_families import AccumulateFamilies, RouteLabels
from transforms.attend import Attend
from transforms.attend_shards import AttendShards
from transforms.keyed_machine import MOST_FRAGMENTS, KeyedMachine, new_step
from transforms.observe import label_batch
from transforms.rules import AttendRules, PublishRules
from transforms.shards import split_by_shard
from transforms.stamps import STEP

RULES = AttendRules(PARIS)
PUBLISH = PublishRules(PARIS, ("app",))
FAMILIES = 2


@examples(15)
@given(_rows(), st.integers(0, 99))
def test_a_machine_recalled_after_every_emission_emits_what_one_that_lived_on_emits(rows, seed):
    alive, fragments = Attend(RULES), []
    for batch in _cut(rows, seed):
        woken = attend.recall(RULES, fragments)
        for machine in (alive, woken):
            machine.add(batch)
        assert readable([woken.emit().partials]) == readable([alive.emit().partials])
        fragments += woken.learnt()


@examples(10)
@given(_rows(), st.integers(0, 99))
def test_one_merged_memory_recalls_what_all_fragments_recall(rows, seed):
    machine, fragments = Attend(RULES), []
    first, *rest = [*_cut(rows, seed), observations(rows[:1])]
    machine.add(first)
    machine.emit()
    fragments += machine.learnt()
    merged = attend.recall(RULES, machine.memory())
    learnt = attend.recall(RULES, fragments)
    for batch in rest:
        merged.add(batch)
        learnt.add(batch)

    assert readable([merged.emit().partials]) == readable([learnt.emit().partials])


def test_what_is_late_for_a_machine_is_late_for_the_one_recalled_from_its_memory():
    machine = Attend(AttendRules(PARIS, hot_minutes=0))
    machine.add(observations(numbered([said("2026-03-02T10:00", "ana")])))
    machine.emit()
    machine.close(int(NOW.timestamp()) // 60)
    woken = attend.recall(machine.rules, machine.memory())
    woken.add(observations([said("2026-03-02T10:01", "ben", id=9)]))

    assert [outcome for *_, outcome in woken.emit().outcomes] == ["late"]


@examples(10)
@given(_rows(), st.integers(0, 99))
def test_a_recalled_accumulate_publishes_what_changed_and_repeats_what_it_knows(rows, seed):
    """What was published after the fragments were written may be false: the newest row stands."""
    source, alive, fragments = Attend(RULES), Accumulate(PUBLISH, True), []
    standing = {}
    alive.name(label_batch(TEXTS))
    fragments += alive.learnt()
    for batch in _cut(rows, seed):
        source.add(batch)
        deltas = source.emit().partials
        woken = accumulate.recall(PUBLISH, True, fragments)
        for machine in (alive, woken):
            machine.add(deltas)
        with unsuppressed():
            found, expected = woken.publish(NOW), alive.publish(NOW)
        repeats = pc.equal(found["cause"], "recovery")
        tables = [
            pa.Table.from_batches([batch]) for batch in (found.filter(pc.invert(repeats)), expected)
        ]
        assert comparable(tables[0]).equals(comparable(tables[1]))
        changed = {_figure(row) for row in expected.to_pylist()}
        repeated = {_figure(row): row["value"] for row in found.filter(repeats).to_pylist()}
        assert repeated == {key: value for key, value in standing.items() if key not in changed}
        standing |= {_figure(row): row["value"] for row in expected.to_pylist()}
        fragments += woken.learnt()


def _figure(row):
    return tuple(row[name] for name in KEY)


def _keyed():
    recalled = []

    def recall(key, memory, lost_before):
        recalled.append(len(memory))
        return attend.recall(RULES, memory)

    return KeyedMachine(new_step(), recall), recalled, Bag(), Value()


def _beat(machines, bag, token, number):
    machine = machines.wake(0, bag, token)
    machine.add(observations([said("10:00", "ana", id=number)]))
    machine.emit()
    machines.remember(0, machine, bag, token)
    return machine


def test_a_machine_is_recalled_once_and_then_lives_on():
    machines, recalled, bag, token = _keyed()
    for number in range(1, 6):
        _beat(machines, bag, token, number)

    assert recalled == [0]


def test_a_bundle_that_was_not_committed_is_forgotten():
    machines, recalled, bag, token = _keyed()
    _beat(machines, bag, token, 1)
    committed, left = list(bag.held), token.held
    _beat(machines, bag, token, 2)
    bag.held, token.held = committed, left
    machine = machines.wake(0, bag, token)

    assert recalled == [0, len(committed)]
    assert len(machine.state.remembered["minute"]) == 1


def test_a_machine_whose_bundle_failed_before_it_was_remembered_is_recalled():
    machines, recalled, bag, token = _keyed()
    _beat(machines, bag, token, 1)
    failed = machines.wake(0, bag, token)
    failed.add(observations([said("10:00", "ana", id=2)]))
    failed.emit()
    machine = machines.wake(0, bag, token)

    assert recalled == [0, len(bag.held)]
    assert len(machine.state.remembered["minute"]) == 1


def test_a_machine_that_learnt_nothing_lives_on():
    machines, recalled, bag, token = _keyed()
    _beat(machines, bag, token, 1)
    machines.wake(0, bag, token)
    machines.put_back(0, token)
    _beat(machines, bag, token, 2)

    assert recalled == [0]


def test_a_long_bag_is_replaced_by_one_memory():
    machines, _, bag, token = _keyed()
    for number in range(1, MOST_FRAGMENTS + 2):
        machine = _beat(machines, bag, token, number)

    assert len(bag.held) < MOST_FRAGMENTS
    woken = attend.recall(RULES, [packed.unpack() for packed in bag.held])
    assert len(woken.state.remembered["minute"]) == len(machine.state.remembered["minute"])


def test_a_bag_is_at_most_a_quarter_more_than_what_is_remembered(monkeypatch):
    monkeypatch.setattr(keyed_machine, "FEWEST_BYTES", 2_000)
    machines, _, bag, token = _keyed()
    for number in range(1, 200):
        machine = _beat(machines, bag, token, number)
        held = sum(len(packed.encoded) for packed in bag.held)
        remembered = sum(len(Packed.pack(batch).encoded) for batch in machine.memory())
        assert held <= max(1.25 * remembered, remembered + 2_000)

    woken = attend.recall(RULES, [packed.unpack() for packed in bag.held])
    assert len(woken.state.remembered["minute"]) == 199


def test_what_a_key_tells_on_a_machine_whose_clock_is_behind_is_newer_all_the_same(monkeypatch):
    """A family moves to another worker: its rows would lose to those that it told before."""
    clock = iter([NOON, NOON - timedelta(hours=1), NOON + timedelta(hours=1)])
    monkeypatch.setattr(keyed_machine, "datetime", SimpleNamespace(now=lambda zone: next(clock)))
    machines, _, bag, token = _keyed()
    stamps = []
    for another in range(3):
        stamps.append(_stamped_beat(machines, bag, token, another))
        machines = KeyedMachine(new_step(), lambda key, memory, _: attend.recall(RULES, memory))

    assert stamps == [NOON, NOON + timedelta(microseconds=STEP), NOON + timedelta(hours=1)]


def _stamped_beat(machines, bag, token, number):
    machine = machines.wake(0, bag, token)
    machine.add(observations([said("10:00", "ana", id=number)]))
    stamp = machines.stamp(0)
    machines.remember(0, machine, bag, token)
    return stamp


def _given(bounded, output="metrics", publish=PUBLISH):
    """Rows of an output of the two machines on the in-process runner."""
    rows = numbered(
        said(f"10:{minute:02}", actor, signal, fact=fact, revision=minute, retract=gone)
        for minute, actor, signal, fact, gone in (
            (1, "ana", "view", 0, False),
            (2, "ben", "like", 7, False),
            (3, "ben", "like", 7, True),
            (4, "cléo", "comment", 0, False),
            (5, "ana", "heartbeat", 0, False),
        )
    )
    found = []
    keyed = [
        (shard, Packed.pack(part))
        for row in rows
        for shard, part in split_by_shard(
            observations([row]), observations([row])["actor"].to_numpy(), 3
        )
    ]
    if not bounded:
        # As Observe does: the shard of nobody knows the time too.
        keyed += [
            (shard, Packed.pack(tick_batch(rows[-1].micros // 60_000_000))) for shard in range(3)
        ]
    runner = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
    with beam.Pipeline(runner=runner) as root:
        shards = (
            root
            | "Observations" >> beam.Create(keyed)
            # As a source does. Without a time a stream would come to them from 1970, by months.
            | beam.Map(_at_ten).with_output_types(tuple[int, Packed])
        )
        named = root | "Labels" >> beam.Create([label_batch(TEXTS)]).with_output_types(
            pa.RecordBatch
        )
        labels = named | RouteLabels(FAMILIES)
        shards.is_bounded = labels.is_bounded = bounded
        attended = shards | AttendShards(RULES, FAMILIES, shards=3, every_seconds=0)
        published = (
            (attended["partials"], labels)
            | beam.Flatten()
            | AccumulateFamilies(publish, every_seconds=0)
        )
        path = _Collected()
        published[output] | beam.Map(path.keep)
    found = _Collected.rows
    _Collected.rows = []
    return found


def _at_ten(element):
    return TimestampedValue(element, Timestamp.from_rfc3339("2026-03-02T10:00:00Z"))


class _Collected:
    """The in-process runner runs in this process: a class attribute is enough to collect."""

    rows: ClassVar[list] = []

    def keep(self, batch):
        _Collected.rows += batch.to_pylist()


def _newest(rows):
    newest = {}
    for row in sorted(rows, key=lambda row: row["revision"]):
        newest[tuple(row[name] for name in KEY)] = {
            name: row[name] for name in row if name not in ("revision", "cause", "published_time")
        }
    return newest


def test_grouped_shards_and_keyed_state_end_in_the_same_figures(monkeypatch):
    # The in-process runner goes to the end of all time at once, and stops there.
    monkeypatch.setattr(attend, "SILENT_FOR_GOOD", 2 * 24 * 60)
    grouped, keyed = _newest(_given(bounded=True)), _newest(_given(bounded=False))
    withdrawn = {key for key, row in keyed.items() if row["suppressed_reason"] == "withdrawn"}

    assert grouped
    assert {key: row for key, row in keyed.items() if key not in withdrawn} == grouped


def test_grouped_shards_and_keyed_state_tell_the_same_rows_that_roll_up(monkeypatch):
    monkeypatch.setattr(attend, "SILENT_FOR_GOOD", 2 * 24 * 60)
    grouped = _given(True, "partials")
    keyed = _given(False, "partials", replace(PUBLISH, shards=3))

    assert grouped
    assert _untimed(keyed) == _untimed(grouped)


def _untimed(rows):
    return sorted(repr({**row, "published_time": None}) for row in rows)
