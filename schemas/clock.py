"""Which clock to believe: the best event time from what device, server and broker say."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from schemas.columns import Few, instants_of, numbers_of, validity_of
from schemas.times import EARLIEST

TRUSTED_LEAD_US = 5 * 60 * 1_000_000
"""A clock further ahead of collection than this is not believed."""

_EARLIEST_US = int(EARLIEST.timestamp()) * 1_000_000
_BASES = Few(pa.array(["true", "derived", "declared", "collector"]))
_COLLECTOR = 3


class Settled(NamedTuple):
    event_time: pa.Array
    time_basis: pa.Array
    collected_time: pa.Array


def settle(
    stated: pa.Array | None,
    created: pa.Array | None,
    sent: pa.Array | None,
    collected: pa.Array | None,
    arrived: pa.Array,
    server_clock: bool,
) -> Settled:
    """Event time, its basis and collection time of each row; all columns are µs UTC, none null.

    In order of trust: a server's own stated time (`true`); collection − (sent − created), which
    cancels a constant error of the device's clock (`derived`, Snowplow's derived_tstamp); what the
    device says (`declared`); collection (`collector`). Anything more than five minutes ahead of
    collection, or derived from before 1990, falls back. Collection is the vendor's receipt where
    given, else, for a server's clock, the stated time; never later than arrival here plus the same
    five minutes.
    """
    here = numbers_of(arrived)
    collection = _instants(collected)
    if server_clock:
        collection = collection.otherwise(_instants(stated))
    received = np.where(collection.until(here + TRUSTED_LEAD_US), collection.micros, here)

    device, sending = _instants(created), _instants(sent)
    derived = _Instants(
        received - (sending.micros - device.micros),
        _instants(collected).known & sending.known & device.known,
    )
    # Two wild clocks may lie decades apart: what no clock may say, their difference may not either.
    derived.known = derived.known & (derived.micros >= _EARLIEST_US)
    trusted = received + TRUSTED_LEAD_US
    basis = np.full(len(here), _COLLECTOR, dtype=np.int8)
    settled = received
    for code, candidate in ((2, device), (1, derived), (0, _instants(stated))):
        believed = candidate.until(trusted)
        if believed is not False:
            settled = np.where(believed, candidate.micros, settled)
            basis[believed] = code
    return Settled(instants_of(settled), _BASES.spread(basis), instants_of(received))


class _Instants:
    """Microseconds, and at which rows they are known: all, none, or a mask."""

    def __init__(self, micros: Any, known: Any) -> None:
        self.micros, self.known = micros, known

    def otherwise(self, other: _Instants) -> _Instants:
        """These, and the other's where these are not known."""
        if self.known is True or other.known is False:
            return self
        return _Instants(
            np.where(self.known, self.micros, other.micros), np.logical_or(self.known, other.known)
        )

    def until(self, limit: np.ndarray) -> Any:
        """Where they are known and no later than the limit; False where nothing is known."""
        return False if self.known is False else (self.micros <= limit) & self.known


def _instants(column: pa.Array | None) -> _Instants:
    if column is None or column.null_count == len(column):
        return _Instants(np.int64(0), False)
    known = validity_of(column)
    return _Instants(numbers_of(column), True if known is None else known)
