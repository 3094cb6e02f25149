"""Protect: obey the consent an event carries, replace identifiers by keyed pseudonyms.

After this step no raw identifier is left: the raw columns are gone, and what people wrote has its
addresses, handles and numbers redacted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.columns import constant, nulls
from schemas.event import EVENT, UUID
from schemas.identity import words
from schemas.memo import Memo

_ID = np.dtype("V16")
_DENIED, _EMPTY, _NOTHING = pa.scalar("denied"), pa.scalar(""), pa.scalar(None, pa.string())

REMEMBERED = 131_072
"""Pseudonyms kept of each kind: the people of a worker's busy minutes. Of an audience twice as
large most are hashed anew each time, a microsecond an event."""

PROTECTED_EVENT = pa.schema(
    [
        *EVENT,
        pa.field(
            "route", pa.int64(), False, {"meaning": "where the actor's state lives; not written"}
        ),
    ],
    metadata={"name": "protected_event"},
)

_GAP = r" .\-/\x{00A0}\x{2009}\x{202F}"
"""What people and typesetters put between the digits of a telephone number."""

_WORD_END = r"""\s@<>"'(),;:"""
_REDACTIONS = (
    (rf"[^{_WORD_END}]+@[^{_WORD_END}]+\.[^{_WORD_END}.]{{2,}}", "[address]"),
    (r"""@[^\s@.,;:!?"'()<>/\\\[\]]+""", "@[handle]"),
    (
        # After "00 " ten digits: eight are a date, as in "20:00 12/03/2026".
        rf"(?:\+|\b00)[1-9][\d(){_GAP}]{{7,24}}\d|\b00[{_GAP}][1-9](?:[(){_GAP}]*\d){{9,14}}",
        "[number]",
    ),
    (rf"\(?\b0[{_GAP}]?[1-9]\)?(?:[{_GAP}]?\d{{2}}){{4}}\b", "[number]"),
    (r"\b\d{1,3}(?:\.\d{1,3}){3}\b", "[number]"),
)
"""Mail addresses, @handles, telephone numbers (international and French), IPv4 addresses. Excluded
characters instead of Unicode letters: each call compiles its pattern, which took up to
137 ms with Unicode classes and takes 0.15 ms at most with these."""


@dataclass(frozen=True)
class PseudonymKeys:
    """Two secrets of at least 16 bytes: actor ids (rotates, by `key_id`) and routing (does not).

    The routing key stays within the horizon so that a duplicate lands where its original did, even
    across a rotation of the actor key. Neither is ever printed.
    """

    actor: bytes
    routing: bytes
    key_id: str

    def __post_init__(self) -> None:
        for name in ("actor", "routing"):
            if not 16 <= len(getattr(self, name)) <= 64:
                raise ValueError(f"pseudonym key {name!r}: expected 16 to 64 bytes")

    def __repr__(self) -> str:
        return f"PseudonymKeys(key_id={self.key_id!r})"


class Protected(NamedTuple):
    """Events that may be measured, and the rows withheld: only their counts may be kept."""

    events: pa.RecordBatch
    withheld: pa.RecordBatch


def protect(batch: pa.RecordBatch, keys: PseudonymKeys) -> Protected:
    """PROTECTED_EVENT batch of a NATIVE_EVENT batch, refused rows set apart.

    `withheld` has the columns ingested_time and channel of events whose consent is denied; nothing
    else of them goes on. Actors and sessions become keyed pseudonyms; `route` is a keyed hash of
    the actor, or, without an actor, of the fact or event. Ids made of identifiers (a fact's key, an
    id_key) are hashed again under the routing key: nobody can try addresses against them.
    """
    denied = pc.equal(batch.column("consent_basis"), _DENIED)
    withheld = batch.select(["ingested_time", "channel"])
    if denied.true_count:
        withheld, batch = withheld.filter(denied), batch.filter(pc.invert(denied))
    else:
        withheld = withheld.slice(0, 0)
    # "" is nobody: as an identifier it would make one person of all who have none.
    raw_actor, actor_basis = batch.column("raw_actor"), batch.column("actor_basis")
    nobody = pc.equal(raw_actor, _EMPTY)
    if raw_actor.null_count or nobody.true_count:
        nobody = pc.fill_null(nobody, True)
        raw_actor = pc.if_else(nobody, _NOTHING, raw_actor)
        actor_basis = pc.if_else(nobody, "none", actor_basis)
        actor_key_id = pc.if_else(nobody, _NOTHING, keys.key_id)
    else:
        actor_key_id = constant(keys.key_id, pa.string(), batch.num_rows)
    hashes = _pseudonymiser(keys)
    actor_id, routed = _pseudonyms(raw_actor, hashes.actor_and_route, 2)
    (session_id,) = _pseudonyms(batch.column("raw_session"), hashes.session, 1)
    event_id = _rekeyed(batch.column("event_id"), batch.column("id_key"), keys.routing)
    fact_id = batch.column("fact_id")
    fact_id = _rekeyed(fact_id, fact_id, keys.routing)
    replaced = {
        "event_id": event_id,
        "fact_id": fact_id,
        "actor_id": actor_id,
        "actor_key_id": actor_key_id,
        "actor_basis": actor_basis,
        "session_id": session_id,
        "text": redact(batch.column("text")),
        "route": route_of(routed, fact_id, event_id),
    }
    events = pa.RecordBatch.from_arrays(
        [
            replaced[name] if name in replaced else batch.column(place)
            for place, name in enumerate(PROTECTED_EVENT.names)
        ],
        schema=PROTECTED_EVENT.with_metadata(batch.schema.metadata),
    )
    return Protected(events, withheld)


def redact(text: pa.Array) -> pa.Array:
    """The text with addresses, handles, telephone and IP numbers replaced by a word in brackets."""
    if text.null_count == len(text):
        return text
    suspect = pc.fill_null(pc.match_substring_regex(text, "[@0-9]"), False)
    some = text.filter(suspect)
    if not len(some):
        return text
    for pattern, replacement in _REDACTIONS:
        some = pc.replace_substring_regex(some, pattern=pattern, replacement=replacement)
    return pc.replace_with_mask(text, suspect, some)


class _Pseudonymiser:
    """Pseudonyms of one pair of keys, the recent ones remembered: people act more than once.

    Bounded, in memory only, and never pickled: a worker makes its own.
    """

    def __init__(self, keys: PseudonymKeys) -> None:
        actor, route = _hasher(keys.actor, b"moment.actor"), _hasher(keys.routing, b"moment.route")
        self.actor_and_route: Memo[str, bytes] = Memo(
            lambda text: actor(text) + route(text), REMEMBERED
        )
        self.session: Memo[str, bytes] = Memo(_hasher(keys.actor, b"moment.session"), REMEMBERED)


def _hasher(key: bytes, purpose: bytes) -> Callable[[str], bytes]:
    # A copy of a hash that has its key already costs half of beginning one.
    begun = blake2b(digest_size=16, key=key, person=purpose)

    def pseudonym(text: str) -> bytes:
        state = begun.copy()
        state.update(text.encode())
        return state.digest()

    return pseudonym


@cache
def _pseudonymiser(keys: PseudonymKeys) -> _Pseudonymiser:
    return _Pseudonymiser(keys)


def _pseudonyms(texts: pa.Array, hashed: Memo[str, bytes], of: int) -> list[pa.Array]:
    """The `of` 16-byte pseudonyms that `hashed` gives of each text, as columns; null stays null."""
    if texts.null_count == len(texts):
        return [nulls(UUID, len(texts))] * of
    listed = texts.to_pylist()
    if texts.null_count:
        nothing = bytes(16 * of)
        joined = b"".join([nothing if text is None else hashed[text] for text in listed])
    else:
        joined = b"".join(map(hashed.__getitem__, listed))
    table = np.frombuffer(joined, _ID).reshape(-1, of)
    return [
        pa.Array.from_buffers(
            UUID,
            len(texts),
            [_validity(texts), pa.py_buffer(np.ascontiguousarray(table[:, place]))],
        )
        for place in range(of)
    ]


def _validity(column: pa.Array) -> pa.Buffer | None:
    """Which rows have a value, as a bitmap from the first row on."""
    return column.is_valid().buffers()[1] if column.null_count else None


def _rekeyed(ids: pa.Array, made_of_identifiers: pa.Array, key: bytes) -> pa.Array:
    """Ids hashed again under a key where the other column says that they were made of identifiers;
    stable for that key."""
    if made_of_identifiers.null_count == len(made_of_identifiers):
        return ids
    personal = made_of_identifiers.is_valid().to_pylist()
    hashed = [
        blake2b(value, digest_size=16, key=key, person=b"moment.id").digest() if made else value
        for value, made in zip(ids.to_pylist(), personal)
    ]
    return pa.array(hashed, UUID)


def route_of(routed: pa.Array, fact_id: pa.Array, event_id: pa.Array) -> pa.Array:
    """By the actor; without one by the fact, so that its statements meet; else by the event.

    int64, of binary(16) columns; `routed` is a hash of the actor, null where there is none.
    """
    by_actor = words(routed)[:, 0]
    if not routed.null_count:
        return pa.array(by_actor)
    otherwise = words(pc.coalesce(fact_id, event_id))[:, 0]
    return pa.array(np.where(np.asarray(routed.is_null()), otherwise, by_actor))
