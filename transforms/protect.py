"""Protect: obey the consent an event carries, replace identifiers by keyed pseudonyms.

After this step no raw identifier is left: the raw columns are gone, what people wrote has its
addresses, handles and numbers redacted, and labels their addresses and numbers.
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
from transforms.redact import redact, redact_labels

_ID = np.dtype("V16")
_DENIED, _GRANTED = pa.scalar("denied"), pa.scalar("granted")
_EXEMPT, _CONSENTED = pa.scalar("exempt_cookie"), pa.scalar("consented_cookie")
_EMPTY, _NOTHING = pa.scalar(""), pa.scalar(None, pa.string())

REMEMBERED = 131_072
"""Pseudonyms kept of each kind: the people of a worker's busy minutes. Of an audience twice as
large most are hashed anew each time, a microsecond an event."""

LABELS = (
    "source",
    "source_event_id",
    "object_id",
    "parent_id",
    "thread_id",
    "content_id",
    "campaign_id",
    "brand_id",
    "product_id",
    "reaction_code",
    "region",
    "currency",
)
"""Columns that a vendor or a site fills with names of its own, in which anything may be."""

PROTECTED_EVENT = pa.schema(
    [
        *EVENT,
        pa.field(
            "route", pa.int64(), False, {"meaning": "where the actor's state lives; not written"}
        ),
    ],
    metadata={"name": "protected_event"},
)


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
    id_key, a native id or source that holds one, the bytes of a record) are hashed again under the
    routing key: nobody can try addresses against them. A cookie that consented is said to have.
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
    labels = {name: redact_labels(batch.column(name)) for name in LABELS}
    native_id, personal = _native_ids(batch, labels["source_event_id"])
    if labels["source"] is not batch.column("source"):
        personal |= np.asarray(pc.not_equal(labels["source"], batch.column("source")))
    event_id = _rekeyed(batch.column("event_id"), personal, keys.routing)
    fact_id = batch.column("fact_id")
    fact_id = _rekeyed(fact_id, np.asarray(fact_id.is_valid()), keys.routing)
    replaced = {
        **labels,
        "source_event_id": native_id,
        "event_id": event_id,
        "fact_id": fact_id,
        "actor_id": actor_id,
        "actor_key_id": actor_key_id,
        "actor_basis": _cookies(actor_basis, batch.column("consent_basis")),
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


class _Pseudonymiser:
    """Pseudonyms of one pair of keys, the recent ones remembered: people act more than once.

    Bounded, in memory only, and never pickled: a worker makes its own.
    """

    def __init__(self, keys: PseudonymKeys) -> None:
        actor, route = _hasher(keys.actor, b"moment.actor"), _hasher(keys.routing, b"moment.route")
        self.actor_and_route: Memo[str, bytes] = Memo(
            lambda text: actor(text.encode()) + route(text.encode()), REMEMBERED
        )
        session = _hasher(keys.actor, b"moment.session")
        self.session: Memo[str, bytes] = Memo(lambda text: session(text.encode()), REMEMBERED)


def _hasher(key: bytes, purpose: bytes) -> Callable[[bytes], bytes]:
    # A copy of a hash that has its key already costs half of beginning one.
    begun = blake2b(digest_size=16, key=key, person=purpose)

    def pseudonym(content: bytes) -> bytes:
        state = begun.copy()
        state.update(content)
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


def _native_ids(batch: pa.RecordBatch, redacted: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Native ids, null where one holds an identifier; the rows whose event id is made of such a
    thing, or, for want of a native id, of the record's bytes: an address and a time to the second
    are soon tried."""
    given = batch.column("source_event_id")
    if redacted is not given:
        told = pc.fill_null(pc.not_equal(redacted, given), False)
        given = pc.if_else(told, _NOTHING, given)
    known = pc.fill_null(pc.not_equal(given, _EMPTY), False)
    hashed = pc.or_(pc.invert(known), batch.column("id_key").is_valid())
    return given, np.asarray(hashed)


def _rekeyed(ids: pa.Array, personal: np.ndarray, key: bytes) -> pa.Array:
    """Ids hashed again under a key where they were made of identifiers; stable for that key."""
    if not personal.any():
        return ids
    hashed = _hasher(key, b"moment.id")
    return pa.array(
        [
            hashed(value) if made else value
            for value, made in zip(ids.to_pylist(), personal.tolist())
        ],
        UUID,
    )


def _cookies(bases: pa.Array, consents: pa.Array) -> pa.Array:
    """Cookies that need no consent, told apart from those that were given it."""
    consented = pc.and_(pc.equal(bases, _EXEMPT), pc.equal(consents, _GRANTED))
    return pc.if_else(consented, _CONSENTED, bases) if consented.true_count else bases


def route_of(routed: pa.Array, fact_id: pa.Array, event_id: pa.Array) -> pa.Array:
    """By the actor; without one by the fact, so that its statements meet; else by the event.

    int64, of binary(16) columns; `routed` is a hash of the actor, null where there is none.
    """
    by_actor = words(routed)[:, 0]
    if not routed.null_count:
        return pa.array(by_actor)
    otherwise = words(pc.coalesce(fact_id, event_id))[:, 0]
    return pa.array(np.where(np.asarray(routed.is_null()), otherwise, by_actor))
