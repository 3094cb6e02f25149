"""A channel's sheet to a NATIVE_EVENT batch: constants, defaults, ids and clocks filled in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.channel import Channel, Kind, Sheet
from schemas.clock import settle
from schemas.columns import constant, nulls, spread
from schemas.event import ACTION_CLASS, NATIVE_EVENT, SCHEMA_REF
from schemas.identity import event_ids, payload_ids
from schemas.version import VERSION

RETENTION_DAYS = 365
"""« données conservées 1 an » (article 000), below the 25 months CNIL allows."""

_MICROS_A_DAY = 86_400_000_000


class Kinds(NamedTuple):
    """The kind of each row: a code, and the kinds by code."""

    codes: np.ndarray
    declared: Sequence[Kind]


def conform(
    sheet: Sheet,
    channel: Channel,
    kinds: Kinds,
    payloads: Callable[[], list[bytes]],
    arrived: pa.Array,
) -> pa.RecordBatch:
    """NATIVE_EVENT batch of a sheet; `kinds`, `payloads()`, `arrived` have a value a sheet row."""
    columns = dict(sheet.columns)
    columns.pop("kind", None)
    length = sheet.length
    settled = settle(
        columns.pop("event_time", None),
        columns.get("device_created_time"),
        columns.get("device_sent_time"),
        columns.get("collected_time"),
        arrived,
        channel.clock == "server",
    )
    columns |= settled._asdict()
    columns["ingested_time"] = arrived
    day = pc.divide(settled.collected_time.cast(pa.int64()), _MICROS_A_DAY)
    columns["retention_until"] = pc.add(day, RETENTION_DAYS).cast(pa.int32()).cast(pa.date32())
    columns |= _from_kinds(kinds, channel)
    source = columns.setdefault("source", channel.name)
    columns["event_id"] = _ids(columns, source, payloads, sheet)
    if "fact_key" in columns:
        columns |= _facts(columns, source, channel.name, kinds, settled.event_time, length)
    defaults: dict[str, Any] = {
        "schema_ref": SCHEMA_REF,
        "actor_basis": "none",
        "actor_kind": "person",
        "channel": channel.name,
        "media_type": channel.media_type,
        "ivt_class": "unknown",
        "consent_basis": "unknown",
        "provenance": channel.provenance,
        "pipeline_version": VERSION,
    }
    return pa.record_batch(
        [
            _column(columns.get(field.name, defaults.get(field.name)), field, length)
            for field in NATIVE_EVENT
        ],
        schema=NATIVE_EVENT,
    )


def _from_kinds(kinds: Kinds, channel: Channel) -> dict[str, pa.Array]:
    """The columns that a kind declares, looked up once per distinct kind."""
    distinct = kinds.declared
    indices = pa.array(kinds.codes)

    declared: dict[str, list[str | None]] = {
        "event_type": [f"{channel.name}.{k.name}" for k in distinct],
        "action": [k.action for k in distinct],
        "action_class": [ACTION_CLASS[k.action] if k.action else None for k in distinct],
        "op": [k.op for k in distinct],
        "modality": [k.modality for k in distinct],
    }
    return {name: spread(pa.array(of, pa.string()), indices) for name, of in declared.items()}


def _ids(
    columns: dict[str, Any], source: Any, payloads: Callable[[], list[bytes]], sheet: Sheet
) -> pa.Array:
    """Hash of source and native id; rows without a native id hash their record's bytes."""
    native = _listed(columns.get("id_key")) or _listed(columns.get("source_event_id"))
    if native is None:
        return payload_ids(payloads(), _part(sheet))
    if isinstance(source, str):
        ids = event_ids(source, native)
    else:
        keys = (f"{s}\x1f{key}" if key else None for s, key in zip(_listed(source) or (), native))
        ids = event_ids("", keys)
    if not ids.null_count:
        return ids
    return pc.coalesce(ids, payload_ids(payloads(), _part(sheet)))


def _listed(values: Any) -> list[Any] | None:
    return values.to_pylist() if isinstance(values, (pa.Array, pa.ChunkedArray)) else values


def _part(sheet: Sheet) -> list[int]:
    """Index of each event within its record."""
    if sheet.origin is None:
        return [0] * sheet.length
    starts = np.searchsorted(sheet.origin, sheet.origin, side="left")
    return (np.arange(sheet.length) - starts).tolist()


def _facts(
    columns: dict[str, Any],
    source: Any,
    channel: str,
    kinds: Kinds,
    event_time: pa.Array,
    length: int,
) -> dict[str, Any]:
    """Fact ids of mutable kinds; the revision is the native one or the time of the statement."""
    keys = _listed(columns.pop("fact_key")) or []
    # Where each row names its source (CloudEvents) a fact belongs to the channel: what was said on
    # the web may be taken back on television.
    scope = source if isinstance(source, str) else channel
    mutable = [kind.mutable for kind in kinds.declared]
    named = (key if mutable[code] else None for key, code in zip(keys, kinds.codes.tolist()))
    ids = event_ids(f"fact\x1f{scope}", named)
    stated = ids.is_valid()
    revision = columns.get("revision")
    times = event_time.cast(pa.int64())
    revisions = times if revision is None else pc.coalesce(_array(revision, pa.int64()), times)
    return {
        "fact_id": ids,
        "revision": pc.if_else(stated, revisions, pa.nulls(length, pa.int64())),
        "fact_key": None,
    }


def _column(values: Any, field: pa.Field, length: int) -> pa.Array:
    if values is None:
        return nulls(field.type, length)
    if isinstance(values, (list, np.ndarray, pa.Array, pa.ChunkedArray)):
        return _array(values, field.type)
    return constant(values, field.type, length)


def _array(values: Any, type: pa.DataType) -> pa.Array:
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values if values.type == type else values.cast(type)
    if pa.types.is_decimal(type):
        return pa.array(values, pa.float64()).cast(type)
    return pa.array(values, type)
