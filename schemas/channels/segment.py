"""Segment Spec, as sent by Segment and RudderStack: calls and the events of all its specs.

Event time is derived from the three clocks (`originalTimestamp`, `sentAt`, `receivedAt`), so a
device whose clock is wrong by a constant is put right. Without an `originalTimestamp`, `timestamp`
is the device's word, or what the server has put right already. `Video Content Playing` is the
heartbeat: the spec's default period is ten seconds.

What a sender or an application reports of somebody (delivered, bounced, crashed) does not say that
they were there. A track of any other name does: one that says nothing of its person's presence is
better not sent here.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.channel import Channel, Sheet
from schemas.channels.segment_calls import Calls, columns, parse, parse_lines
from schemas.channels.segment_kinds import KINDS, NAMES, PLAYING, VIDEOS
from schemas.columns import Few, constant, nulls, numbers_of, validity_of
from schemas.kinds import KindColumn
from schemas.links import bare_paths
from schemas.text import text_of

HEARTBEAT_MS = 10_000
_BASES = Few(pa.array(["none", "exempt_cookie", "login"]))
_THOUSAND = pa.scalar(1000.0)
_NOWHERE = pa.scalar(None, pa.float64())
_LONGEST_S = 1e9
"""Seconds of content: thirty years; the clock's seconds have been more since 2001."""


def fill(calls: Calls, sheet: Sheet) -> None:
    """Columns of Segment calls; see the table in docs/channels.md for what each kind becomes."""
    fields = calls.fields
    kinds = KindColumn(fields["kind"], NAMES)
    sheet.put("kind", kinds.column)
    sheet.put("source_event_id", fields["id"])
    sheet.put("raw_actor", fields["actor"])
    sheet.put("actor_basis", _bases(fields["actor"]))
    for name, field, path in (
        ("device_created_time", "created", "$.originalTimestamp"),
        ("device_sent_time", "sent", "$.sentAt"),
        ("collected_time", "received", "$.receivedAt"),
    ):
        if field in fields:
            sheet.put_instants(name, fields[field], path)
    if "only_time" in fields:
        _corrected_times(fields["only_time"], sheet)
    contexts = calls.contexts()
    shared = dict(contexts.columns)
    _put_first(sheet, "raw_session", fields.get("session"), shared.pop("raw_session", None))
    _objects(fields, shared.pop("page", None), kinds, sheet)
    if kinds.has(PLAYING) and "position" in fields:
        sheet.put("media_time_ms", _media_times(fields["position"], kinds, sheet))
    if kinds.has(PLAYING):
        # The ten seconds that each heartbeat vouches for.
        beat = kinds.only({PLAYING}, constant(HEARTBEAT_MS, pa.int64(), len(calls)))
        sheet.put("heartbeat_ms", beat)
        sheet.put("duration_ms", beat)
    if "order" in fields:
        _orders(fields, sheet)
    if "words" in fields:
        sheet.put("text", fields["words"])
    for name, column in shared.items():
        sheet.put(name, column)
    sheet.rejects += contexts.faults


def _media_times(positions: pa.Array | list[Any], kinds: KindColumn, sheet: Sheet) -> pa.Array:
    """Milliseconds from the start of the content, of heartbeats.

    Of a live the position may be an offset from its edge, below zero (so the page of Segment's
    Nielsen destination asks for), or the clock's seconds: that is no place in the content.
    """
    playing = kinds.mask({PLAYING})
    seconds = sheet.numbers(positions, "$.properties.position", -1e12, 1e12, playing)
    plain = seconds.to_numpy(zero_copy_only=False)
    elsewhere = (plain < 0) | (plain > _LONGEST_S)
    if elsewhere.any():
        seconds = pc.if_else(pa.array(elsewhere), _NOWHERE, seconds)
    return pc.multiply(seconds, _THOUSAND).cast(pa.int64(), safe=False)


def _corrected_times(only_time: np.ndarray, sheet: Sheet) -> None:
    """`timestamp` as the event's time where a server has corrected it already.

    It has where its distance to the receipt is a delay, and that to the sending is none or a longer
    one: what is queued on a device is sent after it was made, by the clock that made it.
    """
    clocks = [
        sheet.columns.get(f"{name}_time") for name in ("device_created", "device_sent", "collected")
    ]
    told_by = [clock for clock in clocks if clock is not None]
    if len(told_by) < len(clocks):
        return
    created, sent, received = map(numbers_of, told_by)
    known = [validity_of(clock) for clock in told_by]
    told = np.logical_and.reduce([only_time, *(mask for mask in known if mask is not None)])
    by_device, by_server = sent - created, received - created
    corrected = told & (by_server >= 0) & ((by_device < 0) | (by_server < by_device))
    if corrected.any():
        mask, time = pa.array(corrected), sheet.columns["device_created_time"]
        nothing = pa.scalar(None, time.type)
        sheet.put("event_time", pc.if_else(mask, time, nothing))
        sheet.put("device_created_time", pc.if_else(mask, nothing, time))


def _bases(actors: pa.Array) -> pa.Array:
    """Actors are `user:` where somebody is logged in, else `anonymous:`, the cookie or device."""
    login = numbers_of(pc.starts_with(actors, "u").cast(pa.int64()))
    known = validity_of(actors)
    return _BASES.spread(login + 1 if known is None else np.where(known, login + 1, 0))


def _put_first(sheet: Sheet, name: str, *columns: pa.Array | None) -> None:
    """Put what the first of some columns says, or the next where it says nothing."""
    found = [column for column in columns if column is not None]
    if found:
        sheet.put(name, found[0] if len(found) == 1 else pc.coalesce(*found))


def _objects(
    fields: dict[str, Any], pages: pa.Array | None, kinds: KindColumn, sheet: Sheet
) -> None:
    """What was acted on, and the content whose audience it joins.

    Playback events name the content `content_asset_id`, or `content_asset_ids` before the first
    frame; content events name it `asset_id`, which in an advertisement's events is the
    advertisement, with the content under `content`.
    """
    paths = pages if pages is not None else nulls(pa.string(), sheet.length)
    if paths.null_count and "path" in fields:
        paths = pc.coalesce(paths, bare_paths(fields["path"]))
    if kinds.has("screen") and "name" in fields:
        paths = pc.coalesce(kinds.only({"screen"}, fields["name"]), paths)
    asset = fields.get("asset")
    acted_on = asset if asset is None else kinds.only(VIDEOS, asset)
    content = kinds.only(VIDEOS, fields["content"]) if "content" in fields else acted_on
    _put_first(sheet, "object_id", fields.get("product"), acted_on, paths)
    _put_first(sheet, "content_id", content, paths)


def _orders(fields: dict[str, Any], sheet: Sheet) -> None:
    orders = fields["order"]
    ids = [text_of(o.order_id) if o else None for o in orders]
    sheet.require([i if o else "-" for i, o in zip(ids, orders)], "$.properties.order_id")
    sheet.put("fact_key", [f"order:{i}" if i else None for i in ids])
    revenue = [o.revenue if o else None for o in orders]
    sheet.put_number("amount", revenue, "$.properties.revenue", -1e11, 1e11)
    sheet.put("currency", [text_of(o.currency) if o else None for o in orders])


class Batch(msgspec.Struct, gc=False, rename="camel"):
    batch: list[msgspec.Raw] | None = None
    type: str | None = None
    context: dict[str, msgspec.Raw] | None = None
    sent_at: str | None = None


_BATCH = msgspec.json.Decoder(Batch)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NULL = b"null"


def unwrap(payload: bytes) -> list[bytes] | None:
    """The calls of `{"batch": [...]}`; None for a single call.

    `context` and `sentAt` beside the batch hold for every call that does not say otherwise: a
    refusal of consent may be written there. A null says nothing, nor does an empty object.
    """
    if b'"batch"' not in payload:
        return None
    container = _BATCH.decode(payload)
    if container.batch is None or container.type is not None:
        return None
    if container.context is None and container.sent_at is None:
        return [bytes(call) for call in container.batch]
    return [_inherit(bytes(call), container) for call in container.batch]


def _inherit(call: bytes, batch: Batch) -> bytes:
    if call[:1] != b"{":
        return call
    fields: dict[str, Any] = dict(_FIELDS.decode(call))
    context = bytes(fields.get("context", _NULL))
    if batch.context and (context == _NULL or context[:1] == b"{"):
        own = _FIELDS.decode(context) if context != _NULL else {}
        said = {name: value for name, value in own.items() if not _silent(bytes(value))}
        fields["context"] = batch.context | said
    if batch.sent_at and bytes(fields.get("sentAt", _NULL)) == _NULL:
        fields["sentAt"] = batch.sent_at
    return msgspec.json.encode(fields)


def _silent(value: bytes) -> bool:
    """Is a member of a context null or an empty object? Such a one cancels no refusal."""
    return value == _NULL or (value[:1] == b"{" and not _FIELDS.decode(value))


_TYPE = re.compile(rb'"type"\s*:\s*"(?:track|page|screen|identify|group|alias|merge)"')


def recognise(payload: bytes) -> bool:
    named = b'"messageId"' in payload or b'"anonymousId"' in payload or b'"userId"' in payload
    return named and _TYPE.search(payload) is not None


CHANNEL = Channel(
    name="segment",
    title="Web and app (Segment, RudderStack)",
    document="Segment Spec: calls, and events of video, e-commerce, e-mail, mobile, desktop, "
    "live chat, A/B testing, B2B SaaS and AI copilots; consent in Unify; RudderStack event spec",
    media_type="owned",
    provenance="first_party",
    kinds=KINDS,
    parse=parse,
    parse_lines=parse_lines,
    columns=columns,
    fill=fill,
    unwrap=unwrap,
    recognise=recognise,
    kind_path="$.type",
    clock="device",
    heartbeat_ms=HEARTBEAT_MS,
)
