"""Which clock to believe: the best event time from what device, server and broker say."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.event import INSTANT
from schemas.times import EARLIEST

TRUSTED_LEAD = pa.scalar(5 * 60 * 1_000_000, pa.duration("us"))
"""A clock further ahead of collection than this is not believed."""

_BASES = pa.array(["true", "derived", "declared", "collector"])


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
    nothing = pa.nulls(len(arrived), INSTANT)
    stated, created, sent = (c if c is not None else nothing for c in (stated, created, sent))
    received = collected if collected is not None else nothing
    if server_clock:
        received = pc.coalesce(received, stated)
    limit = pc.add(arrived, TRUSTED_LEAD)
    received = pc.if_else(pc.less_equal(received, limit), received, arrived)
    received = pc.coalesce(received, arrived)

    lag = pc.subtract(sent, created)
    derived = pc.if_else(
        pc.is_valid(collected) if collected is not None else False,
        pc.subtract(received, lag),
        nothing,
    )
    # Two wild clocks may lie decades apart: what no clock may say, their difference may not either.
    plausible = pc.greater_equal(derived, pa.scalar(EARLIEST, INSTANT))
    derived = pc.if_else(plausible, derived, nothing)
    choices = (stated, derived, created, received)
    trusted = pc.add(received, TRUSTED_LEAD)
    basis = np.full(len(arrived), 3, dtype=np.int8)
    settled = received
    for code in (2, 1, 0):
        candidate = choices[code]
        if candidate.null_count == len(candidate):
            continue
        believed = pc.less_equal(candidate, trusted).fill_null(False)
        settled = pc.if_else(believed, candidate, settled)
        basis[believed.to_numpy(zero_copy_only=False)] = code
    bases = _BASES.take(pa.array(basis))
    return Settled(settled, bases, received)
