"""Steps that make events and that keep state make their worker look for garbage seldom."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.transforms.observations import PARIS
from transforms.attend_keyed import AttendKeyed
from transforms.event_steps import _DecodeBatches
from transforms.garbage import SELDOM
from transforms.rules import AttendRules


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.mark.parametrize(
    "step", [_DecodeBatches(), AttendKeyed(AttendRules(PARIS), 1, 0, 5.0)], ids=["decode", "attend"]
)
def test_a_worker_that_is_set_up_looks_seldom_and_not_through_what_was_there(step):
    gc.set_threshold(700, 10, 10)
    gc.unfreeze()
    step.setup()

    assert gc.get_threshold() == SELDOM
    frozen = gc.get_freeze_count()
    assert frozen > 10_000
    held = [[n] for n in range(100)]
    step.setup()
    assert gc.get_freeze_count() < frozen + len(held)
