"""A channel's sheet to a NATIVE_EVENT batch: constants, defaults, ids and clocks filled in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.channel import Channel, Kind, Sheet
from schemas.clock import settle
from schemas.columns import KEPT_ROWS, Few, constant, nulls, numbers_of
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
    day = numbers_of(settled.collected_time) // _MICROS_A_DAY + RETENTION_DAYS
    columns["retention_until"] = pa.Array.from_buffers(
        pa.date32(), length, [None, pa.py_buffer(day.astype(np.int32))]
    )
    columns |= _from_kinds(kinds, channel)
    source = columns.setdefault("source", channel.name)
    columns["event_id"] = _ids(columns, source, payloads, sheet)
    if "fact_key" in columns:
        columns |= _facts(columns, source, channel.name, kinds, settled.event_time, length)
    kept = _defaults(channel.name, channel.media_type, channel.provenance)
    if length > KEPT_ROWS:
        kept = {name: pa.repeat(column[0], length) for name, column in kept.items()}
    given = {name: values for name, values in columns.items() if values is not None}
    return pa.RecordBatch.from_arrays(
        [
            _column(given[name], type, length) if name in given else kept[name].slice(0, length)
            for name, type in _TYPES
        ],
        schema=NATIVE_EVENT,
    )


_TYPES = tuple((field.name, field.type) for field in NATIVE_EVENT)


@lru_cache(maxsize=64)
def _defaults(channel: str, media_type: str, provenance: str) -> dict[str, pa.Array]:
    """What stands in each column where the channel says nothing, for as many rows as are kept."""
    defaults = {
        "schema_ref": SCHEMA_REF,
        "actor_basis": "none",
        "actor_kind": "person",
        "channel": channel,
        "media_type": media_type,
        "ivt_class": "unknown",
        "consent_basis": "unknown",
        "provenance": provenance,
        "pipeline_version": VERSION,
    }
    return {
        name: constant(defaults[name], type, KEPT_ROWS)
        if name in defaults
        else nulls(type, KEPT_ROWS)
        for name, type in _TYPES
    }


def _from_kinds(kinds: Kinds, channel: Channel) -> dict[str, pa.Array]:
    """The columns that a kind declares, looked up once per distinct kind."""
    declared = _declared(channel.name, tuple(kinds.declared))
    return {name: few.spread(kinds.codes) for name, few in declared.items()}


@lru_cache(maxsize=256)
def _declared(channel: str, kinds: tuple[Kind, ...]) -> dict[str, Few]:
    declared: dict[str, list[str | None]] = {
        "event_type": [f"{channel}.{k.name}" for k in kinds],
        "action": [k.action for k in kinds],
        "action_class": [ACTION_CLASS[k.action] if k.action else None for k in kinds],
        "op": [k.op for k in kinds],
        "modality": [k.modality for k in kinds],
    }
    return {name: Few(pa.array(of, pa.string())) for name, of in declared.items()}


def _ids(
    columns: dict[str, Any], source: Any, payloads: Callable[[], list[bytes]], sheet: Sheet
) -> pa.Array:
    """Hash of source and native id; rows without a native id hash their record's bytes."""
    key = columns.get("id_key")
    native = columns.get("source_event_id") if key is None else key
    if native is None:
        return payload_ids(payloads(), _part(sheet))
    if isinstance(source, str):
        ids = event_ids(source, native)
    else:
        native = _listed(native) or ()
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


def _column(values: Any, type: pa.DataType, length: int) -> pa.Array:
    if isinstance(values, (list, np.ndarray, pa.Array, pa.ChunkedArray)):
        return _array(values, type)
    return constant(values, type, length)


def _array(values: Any, type: pa.DataType) -> pa.Array:
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values if values.type == type else values.cast(type)
    if pa.types.is_decimal(type):
        return pa.array(values, pa.float64()).cast(type)
    return pa.array(values, type)
