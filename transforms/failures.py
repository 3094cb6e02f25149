"""The one constructor of FAILED_EVENT batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from hashlib import blake2b
from typing import NamedTuple

import pyarrow as pa

from schemas.failure import FAILED_EVENT, Reason

EXPIRY_DAYS = 30
"""Failed payloads may hold anything, so they live only as long as mending a decoder takes."""


class Failure(NamedTuple):
    payload: bytes
    position: int
    arrived: datetime
    stage: str
    reason: Reason
    path: str
    detail: str
    item: int = 0


def failed_batch(
    failures: Sequence[Failure], input: str, channel: str | None, now: datetime | None = None
) -> pa.RecordBatch:
    """FAILED_EVENT batch, a row a failure; `input` is the file or topic they came from."""
    if not failures:
        return _NONE
    moment = now or datetime.now(timezone.utc)
    return pa.RecordBatch.from_pylist(
        [
            {
                "failure_id": blake2b(
                    f"{input}\x1f{f.position}\x1f{f.item}\x1f".encode() + f.payload,
                    digest_size=16,
                ).digest(),
                "input": input,
                "position": f.position,
                "channel": channel,
                "stage": f.stage,
                "reason": f.reason.value,
                "path": f.path,
                "detail": f.detail,
                "arrived_time": f.arrived,
                "failed_time": moment,
                "payload": f.payload,
                "expires_on": (f.arrived + timedelta(days=EXPIRY_DAYS)).date(),
            }
            for f in failures
        ],
        schema=FAILED_EVENT,
    )


_NONE = pa.RecordBatch.from_pylist([], schema=FAILED_EVENT)
