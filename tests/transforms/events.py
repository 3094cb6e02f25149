"""Literal NATIVE_EVENT rows: what the tests of Screen, Protect and Observe share."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any

import pyarrow as pa

from schemas.event import ACTION_CLASS, NATIVE_EVENT

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)


def event(action: str = "view", **columns: Any) -> dict[str, Any]:
    """One event at noon with what is required and what the test says."""
    return {
        "event_id": b"an id of 16 byte",
        "source": "app",
        "source_event_id": "m-1",
        "event_type": f"app.{action}",
        "schema_ref": "moment:event/1-0-0",
        "op": "insert",
        "event_time": NOON,
        "time_basis": "true",
        "collected_time": NOON,
        "ingested_time": NOON,
        "actor_basis": "login",
        "actor_kind": "person",
        "action": action,
        "action_class": ACTION_CLASS[action],
        "channel": "app",
        "media_type": "owned",
        "modality": "passive",
        "ivt_class": "unknown",
        "consent_basis": "granted",
        "provenance": "first_party",
        "retention_until": date(2027, 3, 2),
        "pipeline_version": "0",
        "raw_actor": "email:ana@example.com",
    } | columns


def native(*rows: dict[str, Any]) -> pa.RecordBatch:
    schema = NATIVE_EVENT.with_metadata({"name": "native_event", "input": "file"})
    return pa.RecordBatch.from_pylist(list(rows), schema=schema)
