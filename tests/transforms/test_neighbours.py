"""Neighbours: a record is the same events or failures alone, among others, and wherever it stands.

Decode reads some hundred lines at a call, and the items of containers behind the lines around them.
What one record says may not depend on which others are read with it, nor on their order.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from functools import cache
from itertools import chain
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from schemas.channels import registered_channels
from tests.checks import decode_records
from tests.laws import examples
from tests.mutations import fixture_lines, mutate
from transforms import records
from transforms.decode import Decoded
from transforms.records import PAYLOADS_A_CALL

CHANNELS = registered_channels()
FEW = examples(20, suppress_health_check=[HealthCheck.too_slow], database=None)


def _outcomes(decoded: Decoded) -> Counter[str]:
    """Every event, failure and ignored event of a batch, as a multiset."""
    rows = zip(*(column.to_pylist() for column in decoded.events.columns))
    failures = [
        (f["payload"], f["reason"], f["path"], f["detail"]) for f in decoded.failed.to_pylist()
    ]
    return Counter(map(repr, chain(rows, failures))) + decoded.ignored


@cache
def _alone(channel: str, record: bytes) -> Counter[str]:
    return _outcomes(decode_records([record], CHANNELS[channel]))


def _check_as_alone(channel: str, lines: list[bytes]) -> None:
    together = _outcomes(decode_records(lines, CHANNELS[channel]))
    alone: Counter[str] = Counter()
    for line in lines:
        alone.update(_alone(channel, line))

    assert together == alone


def _variants(channel: str, chance: random.Random, count: int) -> list[bytes]:
    """Fixture lines, most with faults, some without one of their fields."""
    lines = fixture_lines(channel)
    chosen = chance.choices(lines, k=count)
    return [
        chance.choice((line, _without_a_field(line, chance), mutate(line, lines[0], chance)))
        for line in chosen
    ]


def _without_a_field(line: bytes, chance: random.Random) -> bytes:
    if line[:1] != b"{":
        return line
    record = json.loads(line)
    record.pop(chance.choice(list(record)))
    return json.dumps(record).encode()


@pytest.mark.parametrize("channel", CHANNELS)
@given(data=st.data())
@FEW
def test_records_are_the_same_alone_and_together_however_they_are_cut_and_ordered(channel, data):
    chance = random.Random(data.draw(st.integers(0, 2**32)))
    lines = _variants(channel, chance, data.draw(st.integers(2, 24)))

    with patch.object(records, "PAYLOADS_A_CALL", data.draw(st.integers(1, 8))):
        _check_as_alone(channel, lines)
        _check_as_alone(channel, data.draw(st.permutations(lines)))


@pytest.mark.parametrize("channel", CHANNELS)
def test_records_are_the_same_alone_and_in_groups_as_large_as_they_are_read(channel):
    chance = random.Random(channel)
    good, varied = list(fixture_lines(channel)), _variants(channel, chance, 120)
    # A group of good lines alone, then groups of any.
    lines = chance.choices(good, k=PAYLOADS_A_CALL) + chance.choices(varied, k=PAYLOADS_A_CALL)

    _check_as_alone(channel, lines)
    _check_as_alone(channel, lines[::-1] + good)
