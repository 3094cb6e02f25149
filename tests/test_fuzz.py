"""Seeded mutations of every fixture, one after the other for as long as there is time.

In the suite a few thousand records, always the same. MOMENT_FUZZ_SECONDS=600 goes on for ten
minutes; MOMENT_FUZZ_SEED starts elsewhere.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from datetime import datetime, timezone

import pyarrow as pa
import pytest

from schemas.channel import Channel
from schemas.channels import registered_channels
from schemas.event import EVENT, NATIVE_EVENT
from schemas.failure import FAILED_EVENT, Reason
from schemas.identity import label_key
from tests.checks import ARRIVED, decode_records
from tests.mutations import fixture_lines, mutate
from transforms.accumulate import Accumulate
from transforms.attend import Attend
from transforms.observe import label_batch, observe
from transforms.protect import PROTECTED_EVENT, PseudonymKeys, protect
from transforms.rules import AttendRules, PublishRules
from transforms.screen import screen
from transforms.shards import split_by_shard

CHANNELS = registered_channels()
KEYS = PseudonymKeys(b"actor" * 4, b"route" * 4, "tests")
PARIS = "Europe/Paris"
A_BATCH = 40
BATCHES = 10
"""Of each channel, where no time is given."""


def check_laws(
    records: list[bytes], channel: Channel, arrived: datetime = ARRIVED
) -> pa.RecordBatch:
    """Decode loses, invents and confuses nothing; its events."""
    result = decode_records(records, channel, arrived)
    events, failed = result.events, result.failed

    assert events.schema.equals(NATIVE_EVENT)
    assert failed.schema.equals(FAILED_EVENT)
    events.validate(full=True)
    failed.validate(full=True)
    for field in EVENT:
        assert field.nullable or events.column(field.name).null_count == 0, field.name
    assert result.received == result.decoded + failed.num_rows
    assert (result.decoded > 0) == (events.num_rows + result.ignored.total() > 0)
    assert Reason.DECODER_ERROR.value not in failed.column("reason").to_pylist()
    _check_one_by_one(records, channel, arrived, result)
    return events


def _check_one_by_one(records, channel, arrived, together) -> None:
    """Each record alone is events or failures, and all together are the same ones."""
    alone = [decode_records([record], channel, arrived) for record in records]
    for record, one in zip(records, alone):
        if one.received == 1:
            some = one.events.num_rows + one.ignored.total()
            assert (one.failed.num_rows == 0) == (some > 0), record
    merged = pa.Table.from_batches([one.events for one in alone])
    assert _rows(together.events) == _rows(merged)
    assert together.ignored == sum((one.ignored for one in alone), Counter())
    assert together.received == sum(one.received for one in alone)
    failures = [f for one in alone for f in one.failed.to_pylist()]
    assert _reasons(together.failed.to_pylist()) == _reasons(failures)


def _rows(events: pa.RecordBatch | pa.Table) -> list[str]:
    return sorted(map(repr, zip(*(column.to_pylist() for column in events.columns))))


def _reasons(failures: list[dict]) -> list[tuple]:
    return sorted((f["payload"], f["reason"], f["path"], f["detail"]) for f in failures)


def check_steps_after(events: pa.RecordBatch) -> None:
    """Screen, Protect, Observe, Attend and Accumulate take what Decode gives, and count it all."""
    events = events.replace_schema_metadata({"name": "native_event", "input": "fixture"})
    protected = protect(screen(events), KEYS)
    kept = protected.events
    kept.validate(full=True)
    assert kept.schema.equals(PROTECTED_EVENT)
    assert kept.num_rows + protected.withheld.num_rows == events.num_rows
    if not kept.num_rows:
        return
    observed, labels = observe(kept, PARIS, "fixture")
    observed.validate(full=True)
    accumulate = Accumulate(PublishRules(PARIS, tuple(CHANNELS)), totals_family=True)
    accumulate.name(label_batch(labels))
    outcomes: Counter = Counter()
    for _, part in split_by_shard(observed, kept.column("route").to_numpy(), 3):
        attend = Attend(AttendRules(PARIS))
        attend.add(part)
        attended = attend.emit()
        outcomes.update(attended.outcomes)
        accumulate.add(attended.partials)
    assert sum(outcomes.values()) == kept.num_rows
    assert {channel for _, _, channel, _ in outcomes} <= {label_key(name) for name in CHANNELS}
    metrics = accumulate.publish(datetime(2026, 3, 3, tzinfo=timezone.utc))
    metrics.validate(full=True)


@pytest.mark.parametrize("channel", CHANNELS)
def test_mutated_records_break_nothing_and_lose_nothing(channel):
    seconds = float(os.environ.get("MOMENT_FUZZ_SECONDS", "0")) / len(CHANNELS)
    seed = int(os.environ.get("MOMENT_FUZZ_SEED", "1"))
    chance = random.Random(f"{seed} {channel}")
    own = fixture_lines(channel)
    others = [line for name in CHANNELS for line in fixture_lines(name)]
    end = time.monotonic() + seconds
    batches = 0
    while batches < BATCHES or time.monotonic() < end:
        sources = chance.choices(own, k=A_BATCH)
        records = [mutate(line, chance.choice(others), chance) for line in sources]
        events = check_laws(records, CHANNELS[channel])
        if batches % 5 == 0:
            check_steps_after(events)
        batches += 1
