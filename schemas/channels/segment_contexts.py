"""What the context of Segment calls says: columns of contexts, which the calls of many share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
from msgspec.structs import astuple

from schemas.channel import Sheet
from schemas.columns import Few, constant, nulls
from schemas.consent import NOT_STATED, put_consent
from schemas.event import NATIVE_EVENT
from schemas.failure import Reject
from schemas.links import bare_paths
from schemas.memo import Book, Texts
from schemas.text import COUNTRIES, text_column


class _Native(msgspec.Struct, gc=False):
    pass


class Page(_Native):
    path: str | None = None


class Campaign(_Native):
    name: str | None = None


class Device(_Native):
    type: str | None = None


class Context(_Native, rename="camel"):
    ip: str | None = None
    user_agent: str | None = None
    locale: str | None = None
    session_id: str | int | None = None
    page: Page | None = None
    campaign: Campaign | None = None
    device: Device | None = None
    consent: msgspec.Raw = NOT_STATED
    consent_management: msgspec.Raw = NOT_STATED


NO_CONTEXT = Context()
_CONTEXT = msgspec.json.Decoder(Context | None, strict=False)
_DEVICES = {
    **dict.fromkeys(("ios", "android", "mobile"), "mobile"),
    **dict.fromkeys(("tvos", "roku", "tv"), "tv"),
    "desktop": "desktop",
}


def read_context(text: bytes) -> Context:
    return (text and _CONTEXT.decode(text)) or NO_CONTEXT


class ContextColumns(NamedTuple):
    """Columns of contexts, those that say anything; and what is refused of which row."""

    length: int
    columns: dict[str, pa.Array]
    faults: list[Reject]

    def slice(self, first: int, last: int) -> ContextColumns:
        columns = {n: column.slice(first, last - first) for n, column in self.columns.items()}
        faults = [f._replace(row=f.row - first) for f in self.faults if first <= f.row < last]
        return ContextColumns(last - first, columns, faults)

    @classmethod
    def concat(cls, parts: Sequence[ContextColumns]) -> ContextColumns:
        if len(parts) == 1:
            return parts[0]
        types = {n: column.type for part in parts for n, column in part.columns.items()}
        columns = {
            name: pa.concat_arrays(
                [p.columns[name] if name in p.columns else nulls(type, p.length) for p in parts]
            )
            for name, type in types.items()
        }
        faults, before = [], 0
        for part in parts:
            faults += [fault._replace(row=fault.row + before) for fault in part.faults]
            before += part.length
        return cls(before, columns, faults)


def context_columns(contexts: Sequence[Context]) -> ContextColumns:
    """A row a context: columns of NATIVE_EVENT, and `page`, the path of the page."""
    sheet = Sheet(len(contexts))
    ips, agents, locales, sessions, pages, campaigns, devices, *consents = zip(
        *map(astuple, contexts)
    )
    sheet.columns["raw_user_agent"] = agents
    sheet.columns["raw_ip"] = ips
    sheet.columns["country"] = list(map(COUNTRIES.__getitem__, locales))
    if any(campaigns):
        sheet.columns["campaign_id"] = [c.name if c else None for c in campaigns]
    if any(devices):
        types = [device.type if device else None for device in devices]
        sheet.columns["device_class"] = [_DEVICES.get(t.lower()) if t else None for t in types]
    for name, column in sheet.columns.items():
        sheet.columns[name] = pa.array(column, pa.string())
    if sessions.count(None) < len(sessions):
        sheet.columns["raw_session"] = text_column(sessions)
    if any(pages):
        paths = text_column([page.path if page else None for page in pages])
        sheet.columns["page"] = bare_paths(paths)
    paths = ("$.context.consent", "$.context.consentManagement")
    put_consent(sheet, "segment", list(zip(paths, consents)))
    if "consent_basis" not in sheet.columns:
        sheet.columns["consent_basis"] = constant("unknown", pa.string(), len(contexts))
    return ContextColumns(len(contexts), sheet.columns, sheet.rejects)


class Contexts(Book[Context]):
    """Known contexts and their columns, which grow with them."""

    def __init__(self) -> None:
        super().__init__(read_context)
        self._parts: list[ContextColumns] = []
        self._few: dict[str, Few] = {}
        self._faulty: dict[int, list[Reject]] = {}

    def spread(self, numbers: np.ndarray) -> ContextColumns:
        """A row a number of a context."""
        with self.lock:
            self._grow()
            return self._spread(numbers)

    def _spread(self, numbers: np.ndarray) -> ContextColumns:
        faults: list[Reject] = []
        if self._faulty:
            for row in np.flatnonzero(np.isin(numbers, list(self._faulty))).tolist():
                faults += [f._replace(row=row) for f in self._faulty[int(numbers[row])]]
        if len(self._parts) == 1:
            columns = {name: few.spread(numbers) for name, few in self._few.items()}
            return ContextColumns(len(numbers), columns, faults)
        rows = pa.array(numbers)
        taken = {}
        for name in {name: None for part in self._parts for name in part.columns}:
            type = NATIVE_EVENT.field(name).type if name != "page" else pa.string()
            chunks = [p.columns.get(name, nulls(type, p.length)) for p in self._parts]
            taken[name] = pa.chunked_array(chunks).take(rows).combine_chunks()
        return ContextColumns(len(numbers), taken, faults)

    def _grow(self) -> None:
        """Columns for what was read since; of parts each is twice the next, so they are few."""
        known = sum(part.length for part in self._parts)
        if known == len(self.said):
            return
        new = context_columns(self.said[known:])
        for fault in new.faults:
            self._faulty.setdefault(known + fault.row, []).append(fault)
        self._parts.append(new._replace(faults=[]))
        while len(self._parts) > 1 and self._parts[-2].length < 2 * self._parts[-1].length:
            self._parts[-2:] = [ContextColumns.concat(self._parts[-2:])]
        if len(self._parts) == 1:
            self._few = {name: Few(column) for name, column in self._parts[0].columns.items()}


CONTEXTS = Texts(Contexts)
