"""Segment calls as columns, taken out of the parsed calls some hundred at a time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from msgspec.structs import asdict, astuple

from schemas.channels.segment_contexts import (
    CONTEXTS,
    NO_CONTEXT,
    Context,
    ContextColumns,
    Contexts,
    context_columns,
    read_context,
)
from schemas.channels.segment_kinds import ADVERTS, ORDERS, PLACE, STARTED, WORDS, places
from schemas.text import text_column, text_of


class Properties(msgspec.Struct, gc=False):
    """Free-form in the spec, so nothing here may refuse a value: kinds check what they use."""

    content_asset_id: Any = None
    content_asset_ids: Any = None
    asset_id: Any = None
    content: Any = None
    session_id: Any = None
    position: Any = None
    order_id: Any = None
    product_id: Any = None
    revenue: Any = None
    currency: Any = None
    path: Any = None
    query: Any = None
    review_body: Any = None


class _Call(msgspec.Struct, gc=False, rename="camel"):
    """A call. Fields are in the order in which Segment's libraries send them, where they are looked
    for first.
    """

    type: str
    context: Any = None
    anonymous_id: str | int | None = None
    user_id: str | int | None = None
    message_id: str | None = None
    original_timestamp: str | None = None
    sent_at: str | None = None
    received_at: str | None = None
    timestamp: str | None = None
    event: str | None = None
    name: str | None = None
    properties: Properties | None = None


class Call(_Call):
    context: Context | None = None


class Skimmed(_Call):
    """A call whose context is still to be read."""

    context: msgspec.Raw = msgspec.Raw()


_CALL = msgspec.json.Decoder(Call, strict=False)
_SKIMMED = msgspec.json.Decoder(Skimmed, strict=False)
_NO_PROPERTIES = Properties()


class Calls:
    """Columns of calls. What no call has is absent; what no Arrow type can hold is a list.

    Contexts are columns of their own, or numbers of a book that the calls share.
    """

    def __init__(
        self,
        length: int,
        fields: dict[str, Any],
        contexts: ContextColumns | None,
        book: Contexts | None = None,
        numbers: np.ndarray | None = None,
    ) -> None:
        self.length, self.fields = length, fields
        self._contexts, self._book, self._numbers = contexts, book, numbers

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, rows: slice) -> Calls:
        first, last, _ = rows.indices(self.length)
        fields = {name: column[first:last] for name, column in self.fields.items()}
        contexts = None if self._contexts is None else self._contexts.slice(first, last)
        numbers = None if self._numbers is None else self._numbers[first:last]
        return Calls(max(last - first, 0), fields, contexts, self._book, numbers)

    def concat(self, others: Sequence[Calls]) -> Calls:
        parts = [self, *others]
        length = sum(part.length for part in parts)
        names = {name: None for part in parts for name in part.fields}
        if "content" in names:
            for part in parts:
                if "asset" in part.fields:
                    part.fields.setdefault("content", part.fields["asset"])
        fields = {name: _joined(name, parts) for name in names}
        if self._book and all(part._book is self._book for part in parts):
            return Calls(length, fields, None, self._book, _numbers(parts))
        runs = [list(run) for _, run in groupby(parts, lambda part: id(part._book))]
        contexts = [piece for run in runs for piece in _contexts_of(run)]
        return Calls(length, fields, ContextColumns.concat(contexts))

    def contexts(self) -> ContextColumns:
        (contexts,) = _contexts_of([self])
        return contexts


def _numbers(parts: Sequence[Calls]) -> np.ndarray:
    return np.concatenate([part._numbers for part in parts if part._numbers is not None])


def _contexts_of(parts: Sequence[Calls]) -> list[ContextColumns]:
    """Columns of the contexts of parts that share a book, or share none."""
    book = parts[0]._book
    if book is not None:
        return [book.spread(_numbers(parts))]
    return [part._contexts for part in parts if part._contexts is not None]


def _joined(name: str, parts: Sequence[Calls]) -> Any:
    """One column of all parts; null, or zero of a plain column, where a part has none."""
    columns = [part.fields.get(name) for part in parts]
    some = [column for column in columns if column is not None]
    if isinstance(some[0], np.ndarray):
        zero = some[0].dtype
        return np.concatenate(
            [np.zeros(len(p), zero) if c is None else c for p, c in zip(parts, columns)]
        )
    if all(isinstance(column, pa.Array) for column in some):
        nothing = some[0].type
        return pa.concat_arrays(
            [pa.nulls(len(p), nothing) if c is None else c for p, c in zip(parts, columns)]
        )
    listed: list[Any] = []
    for part, column in zip(parts, columns):
        if column is None:
            listed += [None] * len(part)
        else:
            listed += column.to_pylist() if isinstance(column, pa.Array) else column
    return listed


def parse(payload: bytes) -> Call:
    try:
        skimmed = _SKIMMED.decode(payload)
        context = read_context(bytes(skimmed.context))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        # Read whole, the call says which of its faults comes first, and where.
        _CALL.decode(payload)
        raise
    return Call(**asdict(skimmed) | {"context": context})


def parse_lines(lines: memoryview) -> Calls:
    """The calls of some lines; each distinct context, which a session repeats, is read once."""
    if not CONTEXTS.worthwhile():
        return columns(_CALL.decode_lines(lines))
    calls = _SKIMMED.decode_lines(lines)
    fields, raws = _fields(calls)
    book, numbers = CONTEXTS.numbers(raws)
    return Calls(len(calls), fields, None, book, numbers)


def columns(calls: Sequence[Call]) -> Calls:
    fields, contexts = _fields(calls)
    read = contexts if all(contexts) else [context or NO_CONTEXT for context in contexts]
    return Calls(len(calls), fields, context_columns(read))


def _fields(calls: Sequence[_Call]) -> tuple[dict[str, Any], Sequence[Any]]:
    """The columns that calls themselves have, and their contexts, read or not."""
    (
        types,
        contexts,
        cookies,
        users,
        ids,
        originals,
        sent,
        received,
        times,
        events,
        names,
        properties,
    ) = zip(*map(astuple, calls))
    kinds = places(types, events)
    created = originals
    if not all(originals):
        created = tuple(original or time for original, time in zip(originals, times))
    actors = [
        f"user:{user}" if user else f"anonymous:{cookie}" if cookie else None
        for user, cookie in zip(users, cookies)
    ]
    fields: dict[str, Any] = {
        "kind": np.frombuffer(kinds, np.uint8),
        "id": pa.array(ids, pa.string()),
        "actor": pa.array(actors, pa.string()),
    }
    if created is not originals:
        fields["only_time"] = np.array([not original for original in originals])
    for name, texts in (("created", created), ("sent", sent), ("received", received)):
        if texts.count(None) < len(texts):
            fields[name] = pa.array(texts, pa.string())
    if names.count(None) < len(names):
        fields["name"] = text_column(names)
    # An order is asked for its id, properties or none: no call may depend on its neighbours.
    if any(properties) or not ORDERS.isdisjoint(kinds):
        _properties([p or _NO_PROPERTIES for p in properties], kinds, fields)
    return fields, contexts


def _properties(properties: Sequence[Properties], kinds: bytes, fields: dict[str, Any]) -> None:
    content, several, assets, inner, sessions, positions, _, products, _, _, paths, asked, said = (
        zip(*map(astuple, properties))
    )
    acted_on = [one or other for one, other in zip(content, assets)]
    seen = set(kinds)
    if PLACE[STARTED] in seen:
        for row in _rows(kinds, {PLACE[STARTED]}):
            if not acted_on[row]:
                first = several[row]
                acted_on[row] = first[0] if isinstance(first, list) and first else None
    for name, values in (
        ("session", sessions),
        ("path", paths),
        ("product", products),
        ("asset", acted_on),
    ):
        if values.count(None) < len(values):
            fields[name] = text_column(values)
    if not seen.isdisjoint(ADVERTS):
        for row in _rows(kinds, ADVERTS):
            within = inner[row].get("asset_id") if isinstance(inner[row], dict) else None
            acted_on[row] = content[row] or within
        fields["content"] = text_column(acted_on)
    if positions.count(None) < len(positions):
        fields["position"] = _numbers_or_list(positions)
    if not seen.isdisjoint(WORDS):
        words: list[str | None] = [None] * len(kinds)
        for row in _rows(kinds, WORDS):
            words[row] = text_of(asked[row]) or text_of(said[row])
        fields["words"] = pa.array(words, pa.large_string())
    if not seen.isdisjoint(ORDERS):
        fields["order"] = [p if kind in ORDERS else None for kind, p in zip(kinds, properties)]


def _rows(kinds: bytes, some: frozenset[int] | set[int]) -> list[int]:
    return [row for row, kind in enumerate(kinds) if kind in some]


def _numbers_or_list(values: Sequence[Any]) -> pa.Array | list[Any]:
    try:
        return pa.array(values, pa.float64())
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return list(values)
