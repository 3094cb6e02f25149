"""A worker makes events of several bundles at once: threads that share a process make the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pyarrow as pa
import pytest

from pipelines.keys import pseudonym_keys
from pipelines.simulator import Options, simulate
from pipelines.simulator.scenario import SHOW_START
from schemas.channels import registered_channels, segment_calls
from schemas.channels.segment_contexts import Contexts
from schemas.event import INSTANT
from schemas.memo import Texts
from schemas.payload import payload_batch
from transforms.decode import decode
from transforms.protect import protect
from transforms.screen import screen

RECORDS_A_BATCH = 40


@pytest.fixture(scope="module")
def records() -> dict[str, list[bytes]]:
    return simulate(Options(seed=11, people=60, minutes=10)).records


def _batches(records: list[bytes], channel: str) -> list[pa.RecordBatch]:
    arrived = pa.scalar(SHOW_START + timedelta(days=7), INSTANT)
    batches = []
    for first in range(0, len(records), RECORDS_A_BATCH):
        payloads = pa.array(records[first : first + RECORDS_A_BATCH], pa.large_binary())
        positions = pa.array(range(first + 1, first + 1 + len(payloads)))
        times = pa.repeat(arrived, len(payloads))
        batches.append(payload_batch(payloads, positions, times, channel, channel))
    return batches


@pytest.mark.parametrize("channel", sorted(registered_channels()))
def test_threads_that_decode_at_once_make_what_one_makes(channel, records, hasty, monkeypatch):
    keys = pseudonym_keys()

    def events(batch: pa.RecordBatch) -> tuple[list, list]:
        decoded = decode(batch, registered_channels()[channel])
        protected = protect(screen(decoded.events), keys)
        failed = decoded.failed.select(["position", "reason", "path", "detail"])
        return protected.events.to_pylist(), failed.to_pylist()

    batches = _batches(records[channel], channel)
    alone = [*map(events, batches)]
    for most in (32_768, 50):
        # Nothing is known yet, as when a worker begins; of the few, books are full all the time.
        monkeypatch.setattr(segment_calls, "CONTEXTS", Texts(Contexts, most))
        with ThreadPoolExecutor(4) as threads:
            assert [*threads.map(events, batches)] == alone
